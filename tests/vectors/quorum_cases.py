"""Faults of approvals, of how they are counted, and of rosters."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from factory import (
    AUTHOR,
    COMMITTEE,
    DAY,
    NOW,
    OFFICE,
    RESEARCHER,
    digest_of,
    fake_digest,
    key_entry,
)
from vectors.bundles import TRUE, WORLD, Case, case, moment_text, rule, two_rules, vote_of, voted
from vectors.forge import signed, statement_of, to_bytes

from protocol.chain import OrderBundle


def vectors() -> Iterator[Case]:
    yield from _approvals()
    yield from _counting()
    yield from _rosters()


def _approvals() -> Iterator[Case]:
    second = TRUE.approvals[1]
    yield case("approval-dropped", "One of two was left out.", "approval-missing", replace(TRUE, approvals=(second,)))
    third = vote_of("maria")
    extra = replace(TRUE, approvals=(*TRUE.approvals, third))
    yield case("approval-unnamed", "One was added that the order does not name.", "approval-unnamed", extra)
    twice = replace(TRUE, approvals=(*TRUE.approvals, second))
    yield case("approval-twice", "One was brought twice.", "approval-unnamed", twice)
    for name, says, code, changes in (
        (
            "approval-other-algorithm",
            "It is for another version.",
            "approval-other-algorithm",
            {"algorithm": fake_digest("another version")},
        ),
        ("approval-other-project", "It is for another project.", "approval-other-project", {"project": "alzheimer"}),
        ("approval-other-person", "It lets another person order.", "approval-other-person", {"persons": ["olga"]}),
        ("approval-rejects", "It is a rejection.", "approval-rejects", {"decision": "reject"}),
        ("approval-expired", "It has expired.", "approval-expired", {"conditions": WORLD.conditions(expires=NOW)}),
        ("approval-from-tomorrow", "It is signed tomorrow.", "approval-expired", {"signed_at": NOW + DAY}),
    ):
        raw = WORLD.approval("meri", digest_of(TRUE.algorithm), digest_of(TRUE.rosters[0])).model_dump() | changes
        vote = WORLD.sign(WORLD.approval("meri", **{key: raw[key] for key in raw if key != "member"}), "meri")
        yield case(name, says, code, voted(TRUE, vote, second))
    forged = WORLD.approval("meri", digest_of(TRUE.algorithm), digest_of(TRUE.rosters[0]))
    for name, says, signer in (
        ("approval-by-stranger", "A stranger signed it.", "mallory"),
        ("approval-by-other-member", "Another member signed it.", "maria"),
        ("approval-by-researcher", "The researcher signed it.", RESEARCHER),
    ):
        yield case(name, says, "approval-signature", voted(TRUE, WORLD.sign(forged, signer), second))


def _counting() -> Iterator[Case]:
    quorum = "approval-quorum"

    def members(*entries: dict[str, Any], votes: Sequence[str] = ("meri", "mikko")) -> OrderBundle:
        return WORLD.bundle(roster={"members": list(entries)}, approvals=votes)

    meri, mikko, maria = (WORLD.member(person) for person in WORLD.members)
    yield case("one-approval", "One approval where two are needed.", quorum, WORLD.bundle(approvals=["meri"]))
    other = {"mikko": {"conditions": WORLD.conditions(runs_per_node=5)}, "meri": {}}
    yield case(
        "conditions-differ", "The two approve under different conditions.", quorum, WORLD.bundle(approvals=other)
    )
    wider = {"mikko": {"persons": [RESEARCHER, "olga"]}, "meri": {}}
    yield case("persons-differ", "The two let different persons order.", quorum, WORLD.bundle(approvals=wider))
    yield case(
        "conflict-of-interest",
        "One of the two has a conflict of interest.",
        quorum,
        WORLD.bundle(approvals={"meri": {}, "mikko": {"conflict_of_interest": True}}),
    )
    one_house = mikko | {"institution": meri["institution"]}
    yield case("one-institution", "Both are from one institution.", quorum, members(meri, one_house, maria))
    lawyers = [member | {"seats": ["legal"]} for member in (meri, mikko)]
    yield case("seat-missing", "Nobody holds the ethics seat.", quorum, members(*lawyers, maria))
    author = WORLD.member(AUTHOR)
    yield case("author-votes", "The author is one of the two.", quorum, members(meri, author, votes=("meri", AUTHOR)))
    mask = WORLD.member("anna", key=key_entry(AUTHOR))
    yield case("author-under-another-name", "The author's key votes under another name.", quorum, _masked(mask, AUTHOR))
    house = mikko | {"institution": f"university-of-{AUTHOR}"}
    yield case("authors-institution", "One is from the author's institution.", quorum, members(meri, house, maria))
    orderer = WORLD.member(RESEARCHER)
    yield case(
        "orderer-votes",
        "The one who orders is one of the two.",
        quorum,
        members(meri, orderer, votes=("meri", RESEARCHER)),
    )
    mask = WORLD.member("anna", key=key_entry(RESEARCHER))
    yield case(
        "orderer-under-another-name",
        "The researcher's key votes under another name.",
        quorum,
        _masked(mask, RESEARCHER),
    )
    yield case(
        "roster-asks-for-more", "The roster asks for three.", quorum, WORLD.bundle(roster={"minimum_approvals": 3})
    )
    loose = {"minimum_approvals": 1, "minimum_institutions": 1}
    yield case(
        "roster-cannot-loosen",
        "The roster asks for one; the trust root for two.",
        quorum,
        WORLD.bundle(roster=loose, approvals=["meri"]),
    )
    yield case("root-asks-for-more", "The trust root asks for three.", quorum, TRUE, root=rule(minimum_approvals=3))
    yield case(
        "root-asks-for-seat", "The trust root asks for a patient.", quorum, TRUE, root=rule(seats=["ethics", "patient"])
    )
    yield case("veto-missing", "The country's committee has not approved.", quorum, TRUE, root=two_rules())
    later = WORLD.sign(WORLD.roster(version=2), OFFICE)
    split = replace(TRUE, rosters=(*TRUE.rosters, later))
    vote = WORLD.sign(WORLD.approval("mikko", digest_of(TRUE.algorithm), digest_of(later)), "mikko")
    yield case("two-rosters", "The two signed under different rosters.", quorum, voted(split, TRUE.approvals[0], vote))
    other_committee = WORLD.bundle(
        roster={"committee": "ethics-new"},
        approvals={member: {"committee": "ethics-new"} for member in ("meri", "mikko")},
    )
    yield case("committee-minted", "A committee that no trust root names approves.", quorum, other_committee)
    changed = WORLD.bundle(approvals={"meri": {}, "mikko": {}})
    again = vote_of("meri", rationale="Once more.")
    yield case("member-votes-twice", "One member approves twice.", quorum, voted(changed, changed.approvals[0], again))


def _masked(mask: dict[str, Any], behind: str) -> OrderBundle:
    """A bundle in which ``anna`` votes with the key of somebody else."""
    bundle = WORLD.bundle(roster={"members": [WORLD.member("meri"), mask]}, approvals=["meri"])
    vote = WORLD.approval("anna", digest_of(bundle.algorithm), digest_of(bundle.rosters[0]))
    return voted(bundle, *bundle.approvals, WORLD.sign(vote, behind))


def _rosters() -> Iterator[Case]:
    yield case("roster-missing", "The roster was left out.", "roster-missing", replace(TRUE, rosters=()))
    yield case("roster-expired", "The roster has expired.", "roster-expired", WORLD.bundle(roster={"expires": NOW}))
    retired = WORLD.bundle(roster={"members": [WORLD.member("meri"), WORLD.member("maria")]})
    yield case("member-retired", "A member is no longer on the roster.", "approval-not-member", retired)
    stranger = WORLD.bundle()
    forged = WORLD.sign(WORLD.roster(), "mallory")
    yield case(
        "roster-by-stranger", "A stranger signed the roster.", "key-unknown", replace(stranger, rosters=(forged,))
    )
    yield case(
        "roster-of-another-office",
        "Another office than the rule's made it.",
        "roster-other-office",
        WORLD.bundle(roster={"office": "office-es"}),
    )
    members = [WORLD.member("meri"), WORLD.member("meri", key=key_entry("meri-2"))]
    double = WORLD.roster().model_dump(mode="json") | {"members": members}
    yield case(
        "person-with-two-keys",
        "One person has two keys on the roster.",
        "roster-duplicate",
        replace(TRUE, rosters=(_unchecked_roster(double),)),
    )
    rollback = {"roster_versions": {COMMITTEE: 2}}
    yield case("roster-rollback", "A later roster was seen before.", "roster-rollback", TRUE, memory=rollback)
    delay = {"roster_delay_hours": 48}
    yield case("roster-never-seen", "The roster is new to this node.", "roster-delayed", TRUE, root=delay)
    seen = {"rosters": {digest_of(TRUE.rosters[0]): moment_text(NOW - DAY)}}
    yield case(
        "roster-delayed", "The roster was first seen yesterday.", "roster-delayed", TRUE, root=delay, memory=seen
    )
    rejected = {"rejected_rosters": [digest_of(TRUE.rosters[0])]}
    yield case("roster-rejected", "The node's admin rejected the roster.", "roster-rejected", TRUE, memory=rejected)
    accepted = {"accepted_rosters": [digest_of(TRUE.rosters[0])]}
    yield case("roster-accepted", "The node's admin accepted the roster.", None, TRUE, root=delay, memory=accepted)
    other = WORLD.bundle(approvals={"meri": {}, "mikko": {"committee": "ethics-es"}})
    yield case("approval-names-other-committee", "An approval speaks for another committee.", "approval-quorum", other)
    crossed = replace(TRUE, rosters=(WORLD.sign(WORLD.roster(committee="ethics-es"), OFFICE),))
    votes = [vote_of(member, crossed) for member in ("meri", "mikko")]
    yield case(
        "roster-of-another-committee",
        "The roster is another committee's.",
        "approval-not-member",
        voted(crossed, *votes),
    )


def _unchecked_roster(predicate: dict[str, Any]) -> bytes:
    statement = statement_of(WORLD.roster()) | {"predicate": predicate}
    return signed(to_bytes(statement), OFFICE)
