"""The documents that people sign, made from what they wrote.

Every function returns the signed envelope as bytes; nothing is sent. What is missing or wrong is refused by the
document's own model before anything is signed, so nobody signs what a node could not read.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from client.errors import UsageProblem
from protocol.crypto.encoding import encode_base64
from protocol.crypto.keys import PrivateKey
from protocol.documents.accreditation import Accreditation
from protocol.documents.algorithm import Algorithm
from protocol.documents.amount import read_nano
from protocol.documents.approval import Approval
from protocol.documents.envelope import Envelope, read_envelope, sign_statement, write_envelope
from protocol.documents.expansion import priced_names
from protocol.documents.fields import Document
from protocol.documents.job_order import JobOrder, share_equally
from protocol.documents.parameters import check_parameters
from protocol.documents.policy import Policy
from protocol.documents.receipt import Receipt
from protocol.documents.rehearsal import Rehearsal
from protocol.documents.roster import Roster
from protocol.documents.signature import Signature
from protocol.documents.status import Status
from protocol.documents.strict import build
from protocol.documents.trust_root import TrustRoot

KINDS: dict[str, type[Document]] = {
    model.KIND: model
    for model in (TrustRoot, Accreditation, Roster, Status, Algorithm, Approval, JobOrder, Policy, Receipt, Rehearsal)
}
DocumentT = TypeVar("DocumentT", bound=Document)


def sign(model: type[Document], fields: Mapping[str, Any], keys: Sequence[PrivateKey]) -> bytes:
    """Check the fields against the model and sign them with every key."""
    return sign_statement(build(model, dict(fields)), keys)


def add_signature(envelope: bytes, keys: Sequence[PrivateKey]) -> bytes:
    """Add signatures to a document that others signed already; its payload stays as it is, byte for byte."""
    found = read_envelope(envelope)
    claimed = {one.keyid for one in found.signatures}
    for key in keys:
        if key.public.keyid in claimed:
            raise UsageProblem("already-signed", f"The key {key.public.keyid[:16]}… has signed this already.")
    added = [Signature(keyid=key.public.keyid, sig=key.sign(found.signed_bytes)) for key in keys]
    raw = write_envelope(found.payload, [*found.signatures, *added])
    read_envelope(raw)
    return raw


def untrusted_fields(envelope: bytes) -> tuple[str, Envelope, Document]:
    """Return a document's kind and claims, for showing. Whether anybody signed them is not checked here."""
    found = read_envelope(envelope)
    model = KINDS.get(found.untrusted_kind)
    if model is None:
        raise UsageProblem("document-kind", f"A {found.untrusted_kind} is no document that this version knows.")
    return found.untrusted_kind, found, found.untrusted(model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a researcher wants from one node: everything in an order that is a choice."""

    algorithm: Algorithm
    algorithm_digest: str
    approvals: tuple[str, ...]
    project: str
    purpose: str
    node: str
    dataset: str
    parameters: Mapping[str, Any]
    blocks: int
    rho: Mapping[str, int] | int
    intervals: Mapping[str, int] = field(default_factory=dict)
    nonce: str | None = None


def order(
    wish: Wish, *, researcher: str, recipient: bytes, key: PrivateKey, now: datetime, lifetime: timedelta
) -> bytes:
    """Sign one order; see `unsigned_order`."""
    made = unsigned_order(wish, researcher=researcher, recipient=recipient, now=now, lifetime=lifetime)
    return sign_statement(made, [key])


def unsigned_order(
    wish: Wish, *, researcher: str, recipient: bytes, now: datetime, lifetime: timedelta = timedelta(days=1)
) -> JobOrder:
    """Make one order. A total ρ is split into equal shares; what does not divide is left unspent, never rounded up.

    Each output named in `intervals` buys its total interval for that much more. Refused: parameters outside the schema,
    a share or an interval for an output that is not asked for, less than a nano each.
    """
    check_parameters(wish.algorithm.parameters, dict(wish.parameters))
    names = priced_names(wish.algorithm, dict(wish.parameters))
    odd = sorted(wish.intervals.keys() - set(names))
    if odd:
        raise UsageProblem("rho-shares", f"There is no output {odd[0]} to buy an interval for; name one of the spec.")
    choices = {
        "algorithm": wish.algorithm_digest,
        "approvals": list(wish.approvals),
        "researcher": researcher,
        "project": wish.project,
        "purpose": wish.purpose,
        "node": wish.node,
        "dataset": wish.dataset,
        "parameters": dict(wish.parameters),
        "blocks": wish.blocks,
        "rho": [
            {"output": name, "nano": share, "interval_nano": wish.intervals.get(name, 0)}
            for name, share in split(wish.rho, names).items()
        ],
    }
    return complete_order(choices, recipient=recipient, now=now, lifetime=lifetime, nonce=wish.nonce)


def complete_order(
    choices: Mapping[str, Any], *, recipient: bytes, now: datetime, lifetime: timedelta, nonce: str | None = None
) -> JobOrder:
    """Make an order of choices: whom its result is sealed to, its nonce, and the time in which its node must begin."""
    fields = {
        **choices,
        "recipient": encode_base64(recipient),
        "nonce": nonce or secrets.token_hex(16),
        "not_before": now,
        "not_after": now + lifetime,
    }
    return build(JobOrder, fields)


def split(rho: Mapping[str, int] | int, names: Sequence[str]) -> dict[str, int]:
    """Return each output's share of ρ in nano-units, in the order of the names."""
    if isinstance(rho, int):
        if rho < len(names):
            sentence = f"{rho} nano-rho cannot be split over {len(names)} outputs; ask for more."
            raise UsageProblem("rho-too-small", sentence)
        return {share.output: share.nano for share in share_equally(names, rho)}
    if rho.keys() != set(names):
        odd = sorted(rho.keys() ^ set(names))[0]
        raise UsageProblem("rho-shares", f"The shares of rho and the outputs differ at {odd}; give one share to each.")
    return {name: rho[name] for name in names}


def nano(text: str) -> int:
    """Read an amount of ρ that a person wrote, as nano-units. Refused: what is finer than a nano."""
    try:
        return read_nano(text)
    except ValueError as problem:
        raise UsageProblem("rho-malformed", str(problem)) from problem
