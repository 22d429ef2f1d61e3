"""When to believe a transparency log: its key is pinned, it only grows, and it tells everybody the same.

1. A checkpoint counts only with the signature of the pinned key.
2. It must continue the last one that was seen: never smaller (``log-rollback``), at the same size the same root, at a
   larger size with a consistency proof (``log-fork``).
3. An approval counts only with a proof that leads from its own leaf to the root of that checkpoint.
4. Checkpoints that several nodes saw are laid side by side; of one size there can be one root only (``log-fork``).
"""

from collections.abc import Iterable, Sequence

from protocol.crypto import merkle
from protocol.crypto.keys import PublicKey
from protocol.documents.checkpoint import Checkpoint, open_checkpoint
from protocol.documents.envelope import Envelope
from protocol.documents.leaf import check_opens
from protocol.documents.log_proof import LogProof, read_log_proof
from protocol.errors import Refused


def check_continues(seen: Checkpoint | None, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Refuse a verified checkpoint that does not continue the one seen before; any log may be the first."""
    if seen is None:
        return
    if new.size < seen.size:
        sentence = f"The registry shows a log of {new.size} entries after one of {seen.size}; distrust it."
        raise Refused("log-rollback", sentence)
    try:
        merkle.verify_consistency(seen.size, new.size, seen.root, new.root, proof)
    except Refused as error:
        sentence = f"The log of {new.size} entries does not continue the one of {seen.size} seen before: {HISTORIES}"
        raise Refused("log-fork", sentence) from error


def check_logged(untrusted_proof: str, envelope: Envelope, checkpoint: Checkpoint) -> LogProof:
    """The proof that the log of ``checkpoint``, which was verified, holds exactly this document.

    Refuses ``log-proof-malformed``, ``log-inclusion`` or ``log-commitment``.
    """
    proof = read_log_proof(untrusted_proof)
    if proof.salt is None:
        raise Refused("log-commitment", "The log no longer opens its entry of this document; it was erased.")
    check_opens(proof.leaf, envelope, proof.salt)
    check_path(proof, checkpoint)
    return proof


def check_path(proof: LogProof, checkpoint: Checkpoint) -> None:
    """Refuse (``log-inclusion``) unless the proof's leaf is in the tree of this checkpoint."""
    merkle.verify_inclusion(proof.leaf.hash, proof.index, checkpoint.size, proof.path, checkpoint.root)


def open_proof(untrusted_proof: str, key: PublicKey) -> tuple[LogProof, Checkpoint]:
    """A proof checked by its own checkpoint, which the log with this key signed. What it is of remains to be asked."""
    proof = read_log_proof(untrusted_proof)
    checkpoint = open_checkpoint(proof.checkpoint, key)
    check_path(proof, checkpoint)
    return proof, checkpoint


def check_one_history(checkpoints: Iterable[Checkpoint]) -> None:
    """Refuse (``log-fork``) two checkpoints of one log and one size with different roots."""
    known: dict[tuple[str, int], Checkpoint] = {}
    for checkpoint in checkpoints:
        other = known.setdefault((checkpoint.origin, checkpoint.size), checkpoint)
        if other.root != checkpoint.root:
            raise Refused("log-fork", f"There are two different logs of {checkpoint.size} entries: {HISTORIES}")


HISTORIES = "the registry tells different histories. Distrust it, keep both checkpoints, and tell every node."
