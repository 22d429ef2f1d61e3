"""Why a heap of files is, or is not, to be believed: step by step, offline, from the trust root alone.

1. Every file is read and sorted by what it claims to be.
2. The moment of judgement is now, or, where a true receipt of the order is among the files, the moment it was issued:
   what was right then stays right.
3. Every order goes through the node's own six steps.
4. Every receipt is checked, its node's standing by the newest status here, and compared with its order; every sealed
   release is checked against its receipt.
5. What the receipts saw of the transparency log is checked and compared, with an export if there is one: two nodes
   that were shown two logs come out here.
6. Without an order, each document is checked by itself: did the right one sign it?

A node also remembers when it first saw a roster, and the versions it has seen; files alone cannot show that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from protocol.chain.files import Heap
from protocol.chain.log import ExportedLog, check_histories, check_receipt_log, read_export, sizes_seen
from protocol.chain.lone import check_lone
from protocol.chain.order import STEPS, OrderCase
from protocol.chain.receipt import open_release, verify_receipt
from protocol.crypto.digest import sha256_hex
from protocol.crypto.hpke import RecipientKey
from protocol.documents.accreditation import Accreditation
from protocol.documents.approval import Approval
from protocol.documents.envelope import Claim
from protocol.documents.job_order import JobOrder
from protocol.documents.receipt import Receipt
from protocol.documents.roster import Roster
from protocol.documents.status import Status
from protocol.documents.trust_root import TrustRoot
from protocol.errors import Refused
from protocol.trust.memory import Memory

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_ORDER_STEPS = tuple(zip(("intake", "trust root", "researcher", "algorithm", "approvals", "order"), STEPS, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question; whether the answer is good (``None``: not reached); a sentence for people, a code for programs."""

    name: str
    ok: bool | None
    sentence: str
    code: str | None = None


def explain(
    files: Mapping[str, bytes],
    trust_root: TrustRoot,
    now: datetime,
    recipient: RecipientKey | None = None,
    log_export: Iterable[bytes] | None = None,
) -> list[Step]:
    """Judge ``files`` (name to untrusted bytes): envelopes and bundles of any kind, in any order, and sealed releases.

    With the ``recipient`` key, releases are opened as well; the lines of a ``log_export`` are checked, and what the
    receipts saw is compared with them. Nothing is raised about the files: all is said in steps, and they are to be
    believed if no step has ``ok`` other than True.
    """
    heap = Heap()
    steps = [_step(f"file {name}", heap.add, name, raw) for name, raw in files.items()]
    return [*steps, *_judge(heap, trust_root, now, recipient, log_export)]


def _judge(
    heap: Heap, root: TrustRoot, now: datetime, recipient: RecipientKey | None, log_export: Iterable[bytes] | None
) -> Iterator[Step]:
    orders, receipts = heap.of(JobOrder), heap.of(Receipt)
    verdicts = [
        _step(f"receipt of {claim.untrusted.node}", _check_receipt, heap, claim, root, now) for claim in receipts
    ]
    true = [claim.untrusted for claim, verdict in zip(receipts, verdicts, strict=True) if verdict.ok]
    issued = {receipt.order: receipt.issued for receipt in true}
    for order in orders:
        yield from _judge_order(heap, order, root, issued.get(order.digest, now))
    yield from verdicts
    if root.log_key or log_export is not None or any(receipt.checkpoint for receipt in true):
        yield from _judge_log(heap, true, root, log_export)
    for name, sealed in heap.sealed.items():
        yield _step(f"release {name}", _check_release, true, sealed, recipient)
    if not orders:
        for claim in heap.claims.values():
            if not isinstance(claim.untrusted, Receipt):
                yield _step(claim.untrusted.KIND, check_lone, heap, claim, root, now)


def _judge_order(heap: Heap, order: Claim[JobOrder], root: TrustRoot, moment: datetime) -> Iterator[Step]:
    case = OrderCase(
        heap.bundle(order),
        trust_root=root,
        node=order.untrusted.node,
        datasets=frozenset({order.untrusted.dataset}),
        now=moment,
        memory=Memory(rosters={claim.digest: _LONG_AGO for claim in heap.of(Roster)}),
    )
    reached = True
    for name, check in _ORDER_STEPS:
        step = _step(name, check, case) if reached else Step(name=name, ok=None, sentence="Not reached.")
        reached = step.ok is True
        yield step


def _judge_log(
    heap: Heap, receipts: list[Receipt], root: TrustRoot, log_export: Iterable[bytes] | None
) -> Iterator[Step]:
    key = root.log_key.to_public() if root.log_key else None
    for receipt in receipts:
        yield _step(f"log seen by {receipt.node}", check_receipt_log, receipt, heap.of(Approval), key)
    exported: list[ExportedLog] = []

    def read(lines: Iterable[bytes]) -> str:
        exported.append(read_export(lines, key, sizes_seen(receipts)))
        return f"The export's {exported[0].checkpoint.size} entries hash to the root of its checkpoint."

    if log_export is not None:
        yield _step("log export", read, log_export)
    if exported or sum(receipt.checkpoint is not None for receipt in receipts) > 1:
        yield _step("logs compared", check_histories, receipts, exported[0] if exported else None, key)


def _check_receipt(heap: Heap, claim: Claim[Receipt], root: TrustRoot, now: datetime) -> str:
    receipt = verify_receipt(
        claim.envelope.raw,
        accreditations=heap.raw(Accreditation),
        statuses=heap.raw(Status),
        trust_root=root,
        now=now,
    )
    order = next((order for order in heap.of(JobOrder) if order.digest == receipt.order), None)
    if order is not None:
        _check_answers(receipt, order.untrusted)
    return (
        f"{receipt.node}, which no status here revokes, signed on {receipt.issued:%Y-%m-%d %H:%M} UTC: "
        f"{receipt.decision} ({receipt.code})."
    )


def _check_answers(receipt: Receipt, order: JobOrder) -> None:
    said = (receipt.node, receipt.researcher, receipt.project, receipt.dataset, receipt.algorithm, receipt.approvals)
    if said != (order.node, order.researcher, order.project, order.dataset, order.algorithm, order.approvals):
        raise Refused("receipt-other-order", "The receipt repeats its order wrongly; ask the node's holder why.")
    if receipt.rho_charged_nano > order.rho_nano:
        raise Refused("receipt-overcharged", "The receipt charges more than was ordered; ask the node's holder why.")


def _check_release(receipts: list[Receipt], sealed: bytes, recipient: RecipientKey | None) -> str:
    digest = sha256_hex(sealed)
    receipt = next((receipt for receipt in receipts if receipt.release_digest == digest), None)
    if receipt is None:
        raise Refused("release-digest", "No receipt here binds these bytes; they are no release that a node made.")
    if recipient is None:
        return f"The receipt of {receipt.node} binds exactly these bytes; give the recipient key to read them."
    release = open_release(sealed, receipt, recipient)
    return f"The receipt of {receipt.node} binds these bytes, and they open: {len(release.outputs)} output(s)."


def _step(name: str, question: Callable[..., str], *about: object) -> Step:
    try:
        return Step(name=name, ok=True, sentence=question(*about))
    except Refused as refusal:
        return Step(name=name, ok=False, sentence=refusal.sentence, code=refusal.code)
