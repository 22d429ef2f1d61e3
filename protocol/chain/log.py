"""What receipts and an export say about the transparency log, laid side by side.

1. An export is believed if its entries hash to the root of the checkpoint at its end, which the pinned key signed.
2. A receipt's checkpoint must be signed by the pinned key, and prove every approval that the receipt names; an
   approval that is among the files must be the very one that was logged.
3. All checkpoints together must tell one history: of one size one root; and, with an export, each of them must be the
   beginning of that export. Whoever shows two nodes two logs is found out here.

Where the trust root pins no log's key, no signature of a log can be checked; histories are compared all the same, for
the nodes signed what they saw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from protocol.crypto.keys import PublicKey
from protocol.crypto.merkle import Frontier, leaf_hash
from protocol.documents.approval import Approval
from protocol.documents.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from protocol.documents.envelope import Claim
from protocol.documents.leaf import LEAF_BYTES, check_opens, read_leaf
from protocol.documents.log_proof import LogProof, read_log_proof
from protocol.documents.receipt import Receipt
from protocol.documents.strict import parse_object
from protocol.errors import Refused
from protocol.trust.log import HISTORIES, check_one_history, check_path

_CHECKPOINT_PREFIX = b'{"checkpoint":'


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedLog:
    """A whole log that hashes to its own checkpoint: entries by kind, and the roots that its beginnings had."""

    checkpoint: Checkpoint
    kinds: Mapping[str, int]
    roots: Mapping[int, bytes]


def read_export(lines: Iterable[bytes], key: PublicKey | None, sizes: Collection[int] = ()) -> ExportedLog:
    """The log in an export's ``lines``, recomputed; with ``key`` the checkpoint's signature is checked, too.

    ``sizes`` are those whose roots are wanted. Refuses ``log-export``, ``log-leaf`` and what ``open_checkpoint`` does.
    """
    tree, kinds, roots = Frontier(), Counter[str](), dict[int, bytes]()
    wanted, last = set(sizes), None
    for line in lines:
        entry = line.removesuffix(b"\n")
        if last is not None or len(entry) > 4 * LEAF_BYTES:
            raise _broken("there is something after its checkpoint, or a line is too long")
        if tree.size in wanted:
            roots[tree.size] = tree.root()
        if entry.startswith(_CHECKPOINT_PREFIX):
            last = _checkpoint(entry, key)
        else:
            kinds[read_leaf(entry).kind] += 1
            tree.add(leaf_hash(entry))
    if last is None:
        raise _broken("its checkpoint is missing; it was cut off")
    if (last.size, last.root) != (tree.size, tree.root()):
        raise _broken(f"its {tree.size} entries are not those that its checkpoint vouches for")
    return ExportedLog(checkpoint=last, kinds=dict(kinds), roots=roots)


def check_receipt_log(receipt: Receipt, approvals: Sequence[Claim[Approval]], key: PublicKey | None) -> str:
    """Whether a verified receipt proves its approvals by the log that its node saw."""
    if receipt.checkpoint is None:
        return f"{receipt.node} says nothing of a log: its trust root pins none, or it had seen none yet."
    checkpoint = _open(receipt.checkpoint, key)
    proofs = [_read_proof(text, receipt, checkpoint) for text in receipt.proofs]
    proved = len({proof.index for proof in proofs})
    if proved != len(proofs) or (receipt.decision == "released" and proved != len(receipt.approvals)):
        sentence = f"The receipt of {receipt.node} does not prove each of its approvals by the log; ask its holder why."
        raise Refused("log-inclusion", sentence)
    named = [claim for claim in approvals if claim.digest in receipt.approvals] if proofs else []
    for claim in named:
        _check_among(claim, proofs)
    signed = "" if key else " Its signature cannot be checked: the trust root pins no log."
    return (
        f"{receipt.node} saw a log of {checkpoint.size} entries; {len(proofs)} approval(s) are in it, "
        f"{len(named)} of them read here.{signed}"
    )


def check_histories(receipts: Iterable[Receipt], export: ExportedLog | None, key: PublicKey | None) -> str:
    """Whether all that the nodes saw, and the export, is one log. Refuses ``log-fork``; call it loud."""
    seen = [(receipt.node, _open(receipt.checkpoint, key)) for receipt in receipts if receipt.checkpoint]
    check_one_history([checkpoint for _, checkpoint in seen])
    if export is not None:
        check_one_history([export.checkpoint, *(checkpoint for _, checkpoint in seen)])
        for node, checkpoint in seen:
            _check_beginning(node, checkpoint, export)
        return (
            f"What {len(seen)} receipt(s) saw are beginnings of the exported log of {export.checkpoint.size} entries."
        )
    sizes = {(checkpoint.origin, checkpoint.size) for _, checkpoint in seen}
    if len(sizes) > 1:
        return "The checkpoints are of different sizes; an export (--log-export) shows whether one continues the other."
    return f"{len(seen)} receipt(s) saw the same log."


def sizes_seen(receipts: Iterable[Receipt]) -> frozenset[int]:
    """The sizes of the checkpoints in receipts, as they claim."""
    return frozenset(_open(receipt.checkpoint, None).size for receipt in receipts if receipt.checkpoint)


def _check_beginning(node: str, checkpoint: Checkpoint, export: ExportedLog) -> None:
    if checkpoint.origin != export.checkpoint.origin:
        raise Refused("log-other", f"{node} saw another log than the exported one; export that of its registry.")
    if checkpoint.size > export.checkpoint.size:
        sentence = f"{node} saw a log of {checkpoint.size} entries, more than were exported; export it anew."
        raise Refused("log-rollback", sentence)
    if export.roots[checkpoint.size] != checkpoint.root:
        sentence = f"The log of {checkpoint.size} entries that {node} saw is no beginning of the exported one: "
        raise Refused("log-fork", sentence + HISTORIES)


def _read_proof(untrusted: str, receipt: Receipt, checkpoint: Checkpoint) -> LogProof:
    proof = read_log_proof(untrusted)
    check_path(proof, checkpoint)
    if proof.leaf.kind != Approval.KIND or proof.leaf.public["algorithm"] != receipt.algorithm:
        raise Refused("log-inclusion", f"A proof in the receipt of {receipt.node} is of something else; ask why.")
    return proof


def _check_among(claim: Claim[Approval], proofs: Iterable[LogProof]) -> None:
    refusals = []
    for proof in proofs:
        try:
            check_opens(proof.leaf, claim.envelope, proof.salt or b"")
        except Refused as refused:
            refusals.append(refused)
        else:
            return
    raise refusals[0]


def _open(untrusted: str, key: PublicKey | None) -> Checkpoint:
    return open_checkpoint(untrusted, key) if key else read_checkpoint(untrusted)


def _checkpoint(line: bytes, key: PublicKey | None) -> Checkpoint:
    untrusted = parse_object(line).get("checkpoint")
    if not isinstance(untrusted, str):
        raise _broken("its checkpoint cannot be read")
    return _open(untrusted, key)


def _broken(why: str) -> Refused:
    return Refused("log-export", f"The export of the log is not to be believed: {why}. Export it again.")
