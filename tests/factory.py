"""A small world of signed documents for tests: an office, a committee, a researcher, an author, a node, a data holder.

Every key follows from a name, so that a world is the same in every run. Every maker takes the fields to change:

    world = World()
    bundle = world.bundle()                                   # an order that is to be believed
    bundle = world.bundle(order={"node": "node-es"})          # one that is not
    late = world.order(not_after=NOW)                         # one document, unsigned
    raw = world.sign(late, "rita")                            # and signed by a key of that name
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from protocol.chain import OrderBundle
from protocol.crypto.encoding import encode_base64
from protocol.crypto.hpke import RecipientKey
from protocol.crypto.keys import PrivateKey
from protocol.documents.accreditation import Accreditation
from protocol.documents.algorithm import Algorithm, ImageIdentity
from protocol.documents.approval import Approval
from protocol.documents.envelope import read_envelope, sign_statement
from protocol.documents.fields import Document
from protocol.documents.job_order import JobOrder
from protocol.documents.key import Key
from protocol.documents.key_proof import prove
from protocol.documents.policy import Policy
from protocol.documents.receipt import Receipt
from protocol.documents.release import Release
from protocol.documents.roster import Roster
from protocol.documents.status import Status
from protocol.documents.strict import build
from protocol.documents.trust_root import TrustRoot
from protocol.trust.root import open_trust_root

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
DAY = timedelta(days=1)
OFFICE, HOLDER, NODE, DATASET = "office-eu", "holder-fi", "node-fi", "cohort-fi"
COMMITTEE, PROJECT, RESEARCHER, AUTHOR = "ethics-fi", "t2d", "rita", "ada"
PURPOSE = "DUO:0000006"

_HANDED_OUT: dict[str, PrivateKey] = {}
DocumentT = TypeVar("DocumentT", bound=Document)
Changes = Mapping[str, Any]


def private_key(name: str) -> PrivateKey:
    """The Ed25519 key that belongs to ``name`` in every test: anybody can compute it."""
    key = PrivateKey.from_seed(hashlib.sha256(f"insecure test key of {name}".encode()).digest())
    return _HANDED_OUT.setdefault(key.public.keyid, key)


def proofs_of(keys: Sequence[Any], subject: str, office: str) -> list[dict[str, Any]]:
    """The proofs of those keys that were made here."""
    ids = [entry["keyid"] for entry in keys if entry["keyid"] in _HANDED_OUT]
    return [prove(_HANDED_OUT[keyid], subject, office).model_dump() for keyid in ids]


def key_entry(name: str) -> dict[str, Any]:
    """The public key of ``name`` as a document carries it."""
    return Key.of(private_key(name).public).model_dump()


def recipient_key(name: str = RESEARCHER) -> RecipientKey:
    """The key that results for ``name`` are sealed to, in every test."""
    return RecipientKey.from_bytes(hashlib.shake_256(f"insecure recipient key of {name}".encode()).digest(96))


def fake_digest(what: str) -> str:
    """A digest of nothing that exists."""
    return hashlib.sha256(what.encode()).hexdigest()


def image_identity() -> ImageIdentity:
    """The identity of an image that nobody has."""
    return ImageIdentity(
        config_digest=f"sha256:{fake_digest('config')}",
        layers=(f"sha256:{fake_digest('layer')}",),
        archive_digest=fake_digest("archive"),
        uncompressed_bytes=1024,
        manifest_digest=None,
    )


def digest_of(raw: bytes) -> str:
    """The digest of an envelope's payload."""
    return read_envelope(raw).digest


def _proved(member: dict[str, Any], office: str) -> dict[str, Any]:
    """A roster's entry with the proof of its key, if that was made here and no other is given."""
    return {"proof": next(iter(proofs_of([member["key"]], member["person"], office)), None)} | member


@dataclass(kw_only=True)
class World:
    """What is the same in all documents of one test."""

    now: datetime = NOW
    node: str = NODE
    dataset: str = DATASET
    members: Sequence[str] = ("meri", "mikko", "maria")
    minimum_approvals: int = 2
    minimum_institutions: int = 2
    image: ImageIdentity = field(default_factory=image_identity)

    def sign(self, document: Document, *signers: str) -> bytes:
        """The envelope of ``document``, signed by the keys of these names."""
        return sign_statement(document, [private_key(name) for name in signers])

    # The makers: one per document.

    def trust_root(self, **changes: Any) -> TrustRoot:
        committee = {
            "committee": COMMITTEE,
            "office": OFFICE,
            "minimum_approvals": self.minimum_approvals,
            "minimum_institutions": self.minimum_institutions,
            "seats": ["ethics"],
            "exclude_author_institution": True,
        }
        fields: dict[str, Any] = {
            "holder": HOLDER,
            "version": 1,
            "expires": self.now + YEAR,
            "root_keys": [key_entry(HOLDER)],
            "root_threshold": 1,
            "offices": [{"office": OFFICE, "keys": [key_entry(OFFICE)]}],
            "datasets": [{"dataset": self.dataset, "committees": [committee]}],
            "passkey_origins": [],
            "log_key": None,
            "roster_delay_hours": 0,
        }
        return build(TrustRoot, fields | changes)

    def accreditation(self, subject: str = RESEARCHER, **changes: Any) -> Accreditation:
        kind = "node" if subject.startswith("node-") else "person"
        fields: dict[str, Any] = {
            "subject": subject,
            "kind": kind,
            "name": subject.capitalize(),
            "institution": f"university-of-{subject}",
            "country": "FI",
            "roles": ["node"] if kind == "node" else ["researcher"],
            "keys": [key_entry(subject)],
            "office": OFFICE,
            "valid_from": self.now - DAY,
            "valid_until": self.now + YEAR,
        }
        fields |= changes
        return build(Accreditation, {"proofs": proofs_of(fields["keys"], fields["subject"], fields["office"])} | fields)

    def roster(self, **changes: Any) -> Roster:
        fields: dict[str, Any] = {
            "committee": COMMITTEE,
            "office": OFFICE,
            "version": 1,
            "members": [self.member(person) for person in self.members],
            "minimum_approvals": self.minimum_approvals,
            "minimum_institutions": self.minimum_institutions,
            "seats": [],
            "expires": self.now + YEAR,
            "exclude_author_institution": True,
        }
        fields |= changes
        fields["members"] = [_proved(member, fields["office"]) for member in fields["members"]]
        return build(Roster, fields)

    def member(self, person: str, **changes: Any) -> dict[str, Any]:
        """A roster's entry: everybody sits on the ethics seat, each from an institution of their own."""
        entry = {
            "person": person,
            "institution": f"hospital-of-{person}",
            "seats": ["ethics"],
            "key": key_entry(person),
        }
        return entry | changes

    def status(self, *, revoked: Changes | None = None, **changes: Any) -> Status:
        fields: dict[str, Any] = {
            "office": OFFICE,
            "version": 1,
            "issued": self.now - DAY,
            "expires": self.now + 5 * DAY,
            "revoked": dict(revoked or {}),
        }
        return build(Status, fields | changes)

    def algorithm(self, **changes: Any) -> Algorithm:
        fields: dict[str, Any] = {
            "name": "association",
            "version": "1.0.0",
            "author": AUTHOR,
            "summary": "The log odds ratio of a disease per allele, adjusted for age and sex.",
            "purpose": [PURPOSE],
            "source_commit": "0" * 40,
            "image": self.image.model_dump(),
            "entrypoint": ["/app/run"],
            "inputs": {"variants": True, "columns": ["age", "sex"]},
            "parameters": {
                "type": "object",
                "properties": {"variant": {"type": "string", "maxLength": 100, "pattern": "^rs[0-9]+$"}},
                "required": ["variant"],
                "additionalProperties": False,
            },
            "unit": "family",
            "mode": "block",
            "outputs": [
                {
                    "name": "log_odds_ratio",
                    "kind": "number",
                    "range": ["-2", "2"],
                    "default": "0",
                    "spread": "0.5",
                    "aggregator": "median",
                }
            ],
            "slot_milliseconds": 20_000,
            "memory_bytes": 256 * 2**20,
            "output_bytes": 4096,
            "model_parameters": 4,
        }
        return build(Algorithm, fields | changes)

    def approval(self, member: str, algorithm: str, roster: str, **changes: Any) -> Approval:
        fields: dict[str, Any] = {
            "algorithm": algorithm,
            "roster": roster,
            "committee": COMMITTEE,
            "member": member,
            "project": PROJECT,
            "persons": [RESEARCHER],
            "decision": "approve",
            "conditions": self.conditions(),
            "conflict_of_interest": False,
            "rationale": "The released value is a median over blocks.",
            "signed_at": self.now - timedelta(hours=1),
        }
        return build(Approval, fields | changes)

    def conditions(self, **changes: Any) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "nodes": [self.node],
            "datasets": [self.dataset],
            "purposes": [PURPOSE],
            "rho_per_job_nano": 31_250_000,
            "rho_total_per_node_nano": 125_000_000,
            "runs_per_node": 4,
            "expires": self.now + 30 * DAY,
        }
        return fields | changes

    def order(self, algorithm: str = "", approvals: Sequence[str] = (), **changes: Any) -> JobOrder:
        fields: dict[str, Any] = {
            "algorithm": algorithm or fake_digest("algorithm"),
            "approvals": list(approvals) or [fake_digest("approval")],
            "researcher": RESEARCHER,
            "project": PROJECT,
            "purpose": PURPOSE,
            "node": self.node,
            "dataset": self.dataset,
            "parameters": {"variant": "rs7903146"},
            "blocks": 128,
            "rho": [{"output": "log_odds_ratio", "nano": 31_250_000}],
            "recipient": encode_base64(recipient_key().public_bytes),
            "nonce": "0" * 32,
            "not_before": self.now - timedelta(hours=1),
            "not_after": self.now + DAY,
        }
        return build(JobOrder, fields | changes)

    def policy(self, **changes: Any) -> Policy:
        fields: dict[str, Any] = {
            "holder": HOLDER,
            "node": self.node,
            "version": 1,
            "policy_set_digest": fake_digest("policy set"),
            "delta": "0.000001",
            "candidates": 2001,
            "blocks_minimum": 32,
            "block_people_minimum": 50,
            "job_cap_nano": 31_250_000,
            "project_cap_nano": 125_000_000,
            "dataset_cap_nano": 500_000_000,
            "pool_cap_nano": 500_000_000,
            "algorithm_cap_nano": 125_000_000,
            "maximum_family_size": 4,
            "timing": "immediate",
            "lanes": 2,
            "epoch_seconds": 60,
            "project_failures": 3,
            "profile": "standard",
        }
        return build(Policy, fields | changes)

    def receipt(self, order: JobOrder, order_id: str, **changes: Any) -> Receipt:
        """A refusal of ``order``; give ``decision``, ``release_digest`` and the rest for a release."""
        fields: dict[str, Any] = {
            "node": order.node,
            "order": order_id,
            "researcher": order.researcher,
            "project": order.project,
            "dataset": order.dataset,
            "algorithm": order.algorithm,
            "approvals": list(order.approvals),
            "rosters": [],
            "statuses": [],
            "trust_root": fake_digest("trust root"),
            "policy": fake_digest("policy"),
            "snapshot": None,
            "decision": "refused",
            "code": "approval-quorum",
            "reason": "Too few members approved.",
            "rho_charged_nano": 0,
            "rho_left_nano": 500_000_000,
            "measurement": None,
            "ledger_head": fake_digest("ledger"),
            "release_digest": None,
            "timing": "immediate",
            "profile": "standard",
            "software": "safeconduct 0.1.0",
            "opendp": "0.16.0",
            "issued": self.now,
            "checkpoint": None,
            "proofs": [],
        }
        return build(Receipt, fields | changes)

    def release(self, order: JobOrder, order_id: str, **changes: Any) -> Release:
        interval = {"low": "0.20", "high": "0.40", "level": "0.999", "covers": "The median without noise."}
        output = {
            "name": "log_odds_ratio",
            "value": "0.31",
            "mechanism": "exponential mechanism, median",
            "scale": "0.01",
            "noise_interval": interval,
            "total_interval": None,
            "standard_error": None,
            "rho_nano": order.rho_nano,
        }
        fields: dict[str, Any] = {
            "order": order_id,
            "node": order.node,
            "dataset": order.dataset,
            "snapshot": "snapshot-1",
            "people": 12_000,
            "blocks": order.blocks,
            "mode": "block",
            "outputs": [output],
            "rho_nano": order.rho_nano,
            "delta": "0.000001",
            "epsilon": "1.34",
            "timing": "immediate",
            "profile": "standard",
            "assumptions": ["No timing channel."],
        }
        return build(Release, fields | changes)

    # The whole.

    def open_root(self, **changes: Any) -> TrustRoot:
        """The trust root, signed, and opened as a node opens it."""
        raw = self.sign(self.trust_root(**changes), HOLDER)
        return open_trust_root(raw, digest_of(raw))

    def bundle(
        self,
        *,
        order: Changes | None = None,
        algorithm: Changes | None = None,
        approvals: Sequence[str] | Mapping[str, Changes] | None = None,
        roster: Changes | None = None,
        status: Changes | None = None,
    ) -> OrderBundle:
        """An order with all that makes it believable; each argument changes one document before it is signed.

        ``approvals`` names the members who approve (two of them unless said), with changes to each if it is a mapping.
        """
        algorithm_raw = self.sign(self.algorithm(**(algorithm or {})), AUTHOR)
        roster_raw = self.sign(self.roster(**(roster or {})), OFFICE)
        votes = (
            approvals if isinstance(approvals, Mapping) else {member: {} for member in approvals or self.members[:2]}
        )
        approvals_raw = tuple(
            self.sign(self.approval(member, digest_of(algorithm_raw), digest_of(roster_raw), **changes), member)
            for member, changes in votes.items()
        )
        made = self.order(digest_of(algorithm_raw), [digest_of(raw) for raw in approvals_raw], **(order or {}))
        return OrderBundle(
            order=self.sign(made, RESEARCHER),
            algorithm=algorithm_raw,
            approvals=approvals_raw,
            accreditations=tuple(self.sign(self.accreditation(name), OFFICE) for name in (RESEARCHER, AUTHOR)),
            rosters=(roster_raw,),
            statuses=(self.sign(self.status(**(status or {})), OFFICE),),
        )
