"""Do the committees of a dataset agree?

1. Every approval that the order names is one of this algorithm, for this project and this person, alive, not revoked,
   and signed by the member whose key the roster holds; with a passkey, on a page that the trust root allows. One that
   is not refuses the order.
2. Approvals add up only within one roster and under identical conditions, project and persons.
3. Persons are counted, then their institutions and seats; never keys. The author, whoever may order, members with a
   conflict of interest and, where the rule says so, the author's institution do not count.
4. Unless the rule says so, members who all signed on the registry's own page are no quorum: what that page showed
   them is known to the registry alone.
5. A rule is the stricter of the trust root's and the roster's. Every committee of the dataset must agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol.documents.accreditation import Accreditation
from protocol.documents.approval import Approval, Conditions
from protocol.documents.envelope import Claim
from protocol.documents.limits import CLOCK_SKEW
from protocol.documents.passkey import ON_REGISTRY_PAGE, PasskeyOrigin
from protocol.documents.roster import Member, Roster
from protocol.documents.trust_root import CommitteeRule, TrustRoot
from protocol.errors import Refused
from protocol.trust.memory import Memory
from protocol.trust.offices import Standing
from protocol.trust.root import office_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """An approval that passed rule 1, with the roster entry of its member."""

    approval: Approval
    digest: str
    member: Member
    #: The page on which a passkey signed it; none for a key in a file.
    page: PasskeyOrigin | None = None

    @property
    def on_registry_page(self) -> bool:
        """Whether the registry served the page on which it was signed."""
        return self.page is not None and self.page.registry_page


def check_roster(
    claim: Claim[Roster], root: TrustRoot, rule: CommitteeRule, standing: Standing, now: datetime, memory: Memory
) -> Roster:
    """The roster, if the rule's office signed it and it is in force at ``now`` on this node."""
    roster = claim.untrusted
    if roster.office != rule.office:
        sentence = f"The roster of {rule.committee} is not by {rule.office}; ask that office for one."
        raise Refused("roster-other-office", sentence)
    claim.checked(office_keys(root, rule.office))
    standing.check_roster(claim.digest)
    if now >= roster.expires:
        raise Refused("roster-expired", f"The roster of {rule.committee} has expired; ask {rule.office} for a new one.")
    if roster.version < memory.roster_versions.get(rule.committee, 0):
        sentence = f"The roster of {rule.committee} is older than one seen before; have today's members approve."
        raise Refused("roster-rollback", sentence)
    _check_delay(claim.digest, root, now, memory)
    return roster


def _check_delay(digest: str, root: TrustRoot, now: datetime, memory: Memory) -> None:
    if digest in memory.rejected_rosters:
        raise Refused("roster-rejected", "The node's admin rejected the roster; ask the office for another one.")
    if root.roster_delay_hours == 0 or digest in memory.accepted_rosters:
        return
    seen = memory.rosters.get(digest)
    if seen is None or now < seen + timedelta(hours=root.roster_delay_hours):
        sentence = "The roster is new to this node; wait for its delay to pass or ask the node's admin to accept it."
        raise Refused("roster-delayed", sentence)


def check_vote(claim: Claim[Approval], roster: Roster, root: TrustRoot, standing: Standing, now: datetime) -> Vote:
    """The approval as a vote, if its roster's member signed it and nothing has ended it."""
    approval = claim.untrusted
    member = roster.member(approval.member)
    if member is None or approval.committee != roster.committee:
        raise Refused("approval-not-member", f"{approval.member} is not on the roster of {approval.committee}.")
    page = check_signed_by_member(claim, member, root)
    standing.check_person(approval.member)
    standing.check_key(member.key.keyid)
    standing.check_approval(claim.digest)
    if approval.decision != "approve":
        raise Refused("approval-rejects", f"The decision of {approval.member} is a rejection; it cannot be ordered on.")
    if not approval.signed_at - CLOCK_SKEW <= now < approval.conditions.expires:
        raise Refused("approval-expired", f"The approval of {approval.member} is not valid now; ask for a new one.")
    return Vote(approval=approval, digest=claim.digest, member=member, page=page)


def check_signed_by_member(claim: Claim[Approval], member: Member, root: TrustRoot) -> PasskeyOrigin | None:
    """The page on which the member's key of the roster signed the approval; none for a key in a file.

    Refuses ``approval-signature``, ``key-scheme`` or one of ``passkey-…``.
    """
    try:
        return claim.checked_by(member.key.to_public(), root.passkey_origins)
    except Refused as error:
        if error.code not in ("key-unknown", "signature-invalid"):
            raise
        sentence = f"The approval is not signed by {member.person}'s key of the roster; ask them to sign it."
        raise Refused("approval-signature", sentence) from error


def signed_on(page: PasskeyOrigin | None) -> str:
    """How to label an approval that a passkey signed, for people: where, and whether the registry serves that page."""
    if page is None:
        return ""
    return f", {ON_REGISTRY_PAGE} {page.origin}" if page.registry_page else f", with a passkey on {page.origin}"


def agreed_conditions(
    rule: CommitteeRule,
    rosters: Sequence[Roster],
    votes: Sequence[Vote],
    author: Accreditation,
    researcher: Accreditation,
) -> list[Conditions]:
    """Each set of conditions under which ``rule`` and its roster have a quorum; refuses ``approval-quorum``.

    ``rosters[i]`` is the roster under which ``votes[i]`` was given.
    """
    groups: dict[object, list[Vote]] = {}
    for roster, vote in zip(rosters, votes, strict=True):
        if _counts(rule, roster, vote, author, researcher):
            groups.setdefault(_identity(vote.approval), []).append(vote)
    rules = {vote.approval.roster: roster for roster, vote in zip(rosters, votes, strict=True)}
    agreed = [group for group in groups.values() if _is_quorum(rule, rules[group[0].approval.roster], group)]
    if not agreed:
        raise Refused("approval-quorum", _shortfall(rule, groups))
    return [group[0].approval.conditions for group in agreed]


def _identity(approval: Approval) -> object:
    return approval.roster, approval.project, approval.persons, approval.conditions


def _counts(rule: CommitteeRule, roster: Roster, vote: Vote, author: Accreditation, researcher: Accreditation) -> bool:
    """Rule 3. Author and researcher are known by name and by key."""
    excluded = rule.exclude_author_institution or roster.exclude_author_institution
    return not (
        vote.approval.conflict_of_interest
        or vote.member.person in {author.subject, researcher.subject, *vote.approval.persons}
        or vote.member.key.keyid in {key.keyid for key in (*author.keys, *researcher.keys)}
        or (excluded and vote.member.institution == author.institution)
    )


def _is_quorum(rule: CommitteeRule, roster: Roster, group: Sequence[Vote]) -> bool:
    members = {vote.member.person: vote.member for vote in group}.values()
    seats = {seat for member in members for seat in member.seats}
    return (
        len(members) >= max(rule.minimum_approvals, roster.minimum_approvals)
        and len({member.institution for member in members})
        >= max(rule.minimum_institutions, roster.minimum_institutions)
        and seats >= {*rule.seats, *roster.seats}
        and (rule.registry_page_suffices or not all(vote.on_registry_page for vote in group))
    )


def _shortfall(rule: CommitteeRule, groups: dict[object, list[Vote]]) -> str:
    best = max((len({vote.member.person for vote in group}) for group in groups.values()), default=0)
    return (
        f"{rule.committee} has {best} counted approval(s) under identical conditions; it takes {rule.minimum_approvals}"
        f" from {rule.minimum_institutions} institution(s), with every required seat, not all signed on the registry's"
        " page. Ask more members to approve."
    )
