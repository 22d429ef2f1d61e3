"""Sorting a heap of files by what they claim to be, before anything in them is believed."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol.chain.bundle import OrderBundle
from protocol.documents import limits
from protocol.documents.accreditation import Accreditation
from protocol.documents.algorithm import Algorithm
from protocol.documents.approval import Approval
from protocol.documents.envelope import Claim, DocumentT, read_envelope
from protocol.documents.fields import Document
from protocol.documents.job_order import JobOrder
from protocol.documents.ledger_restore import LedgerRestore
from protocol.documents.policy import Policy
from protocol.documents.receipt import Receipt
from protocol.documents.rehearsal import Rehearsal
from protocol.documents.roster import Roster
from protocol.documents.status import Status
from protocol.documents.strict import parse_object
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused

_MODELS: tuple[type[Document], ...] = (
    TrustRoot,
    Accreditation,
    Roster,
    Status,
    Algorithm,
    Approval,
    JobOrder,
    Policy,
    Receipt,
    LedgerRestore,
    Rehearsal,
)
MODELS = {model.KIND: model for model in _MODELS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """What came, in the order in which it came: documents by digest, and bytes that may be sealed releases."""

    claims: dict[str, Claim[Document]] = field(default_factory=dict)
    sealed: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, untrusted: bytes) -> str:
        """Put one file where it claims to belong, and say what it claims; refuses JSON that is none of ours."""
        if not untrusted.lstrip().startswith(b"{"):
            self.sealed[name] = untrusted
            return f"{len(untrusted)} sealed bytes"
        if "payloadType" in parse_object(untrusted, limits.BUNDLE_BYTES):
            claim = _read(untrusted)
            self.claims[claim.digest] = claim
            return f"claims to be: {claim.untrusted.KIND}"
        self.claims.update(_read_bundle(OrderBundle.from_json(untrusted)))
        return "an order with what belongs to it"

    def of(self, model: type[DocumentT]) -> list[Claim[DocumentT]]:
        """All documents of one kind."""
        found = ((claim.envelope, claim.untrusted) for claim in self.claims.values())
        return [Claim(envelope=envelope, untrusted=one) for envelope, one in found if isinstance(one, model)]

    def raw(self, model: type[Document]) -> tuple[bytes, ...]:
        """The bytes of all documents of one kind."""
        return tuple(claim.envelope.raw for claim in self.of(model))

    def bundle(self, order: Claim[JobOrder]) -> OrderBundle:
        """``order`` with what it names and all that might belong to it; an empty algorithm if it did not come."""
        named = set(order.untrusted.approvals)
        algorithm = self.claims.get(order.untrusted.algorithm)
        return OrderBundle(
            order=order.envelope.raw,
            algorithm=algorithm.envelope.raw if algorithm else b"",
            approvals=tuple(claim.envelope.raw for claim in self.of(Approval) if claim.digest in named),
            accreditations=self.raw(Accreditation),
            rosters=self.raw(Roster),
            statuses=self.raw(Status),
        )


def _read(untrusted: bytes) -> Claim[Document]:
    envelope = read_envelope(untrusted)
    model = MODELS.get(envelope.untrusted_kind)
    if model is None:
        raise Refused("document-kind", "The file holds no document of ours; leave it out.")
    return Claim(envelope=envelope, untrusted=envelope.untrusted(model))


def _read_bundle(bundle: OrderBundle) -> dict[str, Claim[Document]]:
    documents = (bundle.order, bundle.algorithm, *bundle.approvals, *bundle.accreditations)
    claims = [_read(raw) for raw in (*documents, *bundle.rosters, *bundle.statuses)]
    return {claim.digest: claim for claim in claims}
