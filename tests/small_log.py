"""A transparency log in memory, as the registry keeps it in tables."""

from collections.abc import Sequence

from factory import private_key

from protocol.crypto import merkle
from protocol.crypto.keys import PrivateKey
from protocol.documents.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from protocol.documents.envelope import read_envelope
from protocol.documents.leaf import Leaf, make_leaf
from protocol.documents.log_proof import write_log_proof
from protocol.documents.strict import canonical

LOG = private_key("the log")
SALT = bytes(range(32))


class Log:
    """The log of these documents, all under one salt."""

    def __init__(self, documents: Sequence[bytes], key: PrivateKey = LOG) -> None:
        self.key, self.stored = key, list[bytes]()
        self.leaves: list[Leaf] = [make_leaf(read_envelope(raw), SALT) for raw in documents]
        for size, leaf in enumerate(self.leaves):
            self.stored += merkle.hashes_to_store(size, leaf.hash, self.read)

    def read(self, numbers: Sequence[int]) -> dict[int, bytes]:
        return {number: self.stored[number] for number in numbers}

    def at(self, size: int) -> Checkpoint:
        return open_checkpoint(sign_checkpoint(self.key, size, merkle.root(size, self.read)), self.key.public)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        return merkle.consistency_proof(old, new, self.read)

    def proof(self, index: int, size: int, salt: bytes | None = SALT) -> str:
        path = merkle.inclusion_proof(index, size, self.read)
        return write_log_proof(self.leaves[index].to_bytes(), salt, index, path, self.at(size).raw)

    def export(self, size: int) -> list[bytes]:
        """The lines of an export."""
        return [*(leaf.to_bytes() for leaf in self.leaves[:size]), canonical({"checkpoint": self.at(size).raw})]
