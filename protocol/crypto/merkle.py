"""Merkle trees of a transparency log: hashing, proofs and their verification, as RFC 6962 section 2.1 defines them.

A log keeps the hash of every perfect subtree, so that appending, roots and proofs cost a logarithm of the tree's size
and read no leaf. Those hashes are numbered in the order in which they come into being: the leaf's own hash, then that
of every subtree which the leaf completes. ``Read`` looks them up, many at once.

Verification follows RFC 9162 sections 2.1.3.2 and 2.1.4.2 and shares no code with generation, so that a mistake in
one is caught by the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from protocol.errors import Refused

HASH_BYTES = 32
#: The root of a tree without leaves.
EMPTY_ROOT = hashlib.sha256().digest()

Read = Callable[[Sequence[int]], Mapping[int, bytes]]
_Range = tuple[int, int]


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf. The first byte keeps a leaf from passing for an inner node."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def stored_number(level: int, position: int) -> int:
    """The number of the stored hash of the perfect subtree over ``2**level`` leaves, ``position`` such before it."""
    last_leaf = ((position + 1) << level) - 1
    before = 0
    while last_leaf:
        before += last_leaf
        last_leaf >>= 1
    return before + level


def hashes_to_store(size: int, leaf: bytes, read: Read) -> tuple[bytes, ...]:
    """What appending the leaf with hash ``leaf`` to a tree of ``size`` adds, numbered from ``stored_number(0, size)``.

    One hash for the leaf and one for each subtree that it completes: two on average.
    """
    completed = (~size & (size + 1)).bit_length() - 1  # how many low bits of size are set
    left = [stored_number(level, (size >> level) - 1) for level in range(completed)]
    known = read(left) if left else {}
    hashes = [leaf]
    for number in left:
        hashes.append(node_hash(known[number], hashes[-1]))
    return tuple(hashes)


def root(size: int, read: Read) -> bytes:
    """The root of the tree's first ``size`` leaves."""
    return _range_hashes([(0, size)], read)[0] if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: Read) -> tuple[bytes, ...]:
    """The hashes that lead from leaf ``index`` to the root at ``size``, the leaf's sibling first."""
    if not 0 <= index < size:
        raise ValueError("a tree has no proof for a leaf that is not in it")
    return _range_hashes(list(_siblings(index, 0, size)), read)


def consistency_proof(old: int, new: int, read: Read) -> tuple[bytes, ...]:
    """The hashes that show that the tree of ``new`` leaves begins with the tree of ``old`` leaves."""
    if not 0 <= old <= new:
        raise ValueError("a tree is consistent with smaller ones only")
    return _range_hashes(list(_joints(old, 0, new, whole=True)), read) if 0 < old < new else ()


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> None:
    """Refuse (``log-inclusion``) unless ``proof`` leads from the leaf hash at ``index`` to the root at ``size``."""
    inner, last, hashed = index, size - 1, leaf
    if not 0 <= index < size:
        raise _not_included()
    for step in proof:
        if last == 0 or len(step) != HASH_BYTES:
            raise _not_included()
        if inner & 1 or inner == last:
            hashed = node_hash(step, hashed)
            while not inner & 1 and inner:
                inner, last = inner >> 1, last >> 1
        else:
            hashed = node_hash(hashed, step)
        inner, last = inner >> 1, last >> 1
    if last != 0 or hashed != expected_root:
        raise _not_included()


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Refuse (``log-consistency``) unless ``proof`` shows that the new tree only adds leaves to the old one.

    Every tree continues the empty one; a tree of the same size must be the same; neither takes a proof.
    """
    if old in (0, new):
        if proof or old > new or old_root != (EMPTY_ROOT if old == 0 else new_root):
            raise _not_consistent()
        return
    if not 0 < old < new or not proof or any(len(step) != HASH_BYTES for step in proof):
        raise _not_consistent()
    if _rebuilt(old, new, old_root, proof) != (old_root, new_root):
        raise _not_consistent()


class Frontier:
    """The root of a tree whose leaves pass by once: what is kept is one hash per level."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append the leaf with this hash."""
        size, hashed = self.size, leaf
        while size & 1:
            hashed, size = node_hash(self._peaks.pop(), hashed), size >> 1
        self._peaks.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return _fold(self._peaks) if self._peaks else EMPTY_ROOT


def _rebuilt(old: int, new: int, old_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Both roots as ``proof`` gives them, or None if it has the wrong length (RFC 9162 section 2.1.4.2)."""
    inner, last = old - 1, new - 1
    while inner & 1:
        inner, last = inner >> 1, last >> 1
    # A whole old tree is a subtree of the new one: its root is known and therefore not in the proof.
    first, rest = (proof[0], proof[1:]) if inner else (old_root, proof)
    old_hash = new_hash = first
    for step in rest:
        if last == 0:
            return None
        if inner & 1 or inner == last:
            old_hash, new_hash = node_hash(step, old_hash), node_hash(step, new_hash)
            while not inner & 1 and inner:
                inner, last = inner >> 1, last >> 1
        else:
            new_hash = node_hash(new_hash, step)
        inner, last = inner >> 1, last >> 1
    return (old_hash, new_hash) if last == 0 else None


def _siblings(index: int, low: int, high: int) -> Iterator[_Range]:
    """PATH of RFC 6962 section 2.1.1, as ranges of leaves."""
    if high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            yield from _siblings(index, low, middle)
            yield middle, high
        else:
            yield from _siblings(index, middle, high)
            yield low, middle


def _joints(old: int, low: int, high: int, *, whole: bool) -> Iterator[_Range]:
    """SUBPROOF of RFC 6962 section 2.1.2, as ranges of leaves."""
    if old == high:
        if not whole:
            yield low, high
        return
    middle = low + _split(high - low)
    if old <= middle:
        yield from _joints(old, low, middle, whole=whole)
        yield middle, high
    else:
        yield from _joints(old, middle, high, whole=False)
        yield low, middle


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_hashes(ranges: Iterable[_Range], read: Read) -> tuple[bytes, ...]:
    """The hash over each range of leaves, from the stored hashes of the perfect subtrees that tile it."""
    tiles = [[stored_number(level, position) for level, position in _tiles(*each)] for each in ranges]
    known = read([number for each in tiles for number in each])
    return tuple(_fold([known[number] for number in each]) for each in tiles)


def _tiles(low: int, high: int) -> Iterator[tuple[int, int]]:
    while low < high:
        level = (high - low).bit_length() - 1
        yield level, low >> level
        low += 1 << level


def _fold(peaks: Sequence[bytes]) -> bytes:
    hashed = peaks[-1]
    for peak in reversed(peaks[:-1]):
        hashed = node_hash(peak, hashed)
    return hashed


def _not_included() -> Refused:
    return Refused("log-inclusion", "The proof does not show that the log holds this entry; distrust the registry.")


def _not_consistent() -> Refused:
    sentence = "The proof does not show that the log only grew; distrust the registry and tell the other nodes."
    return Refused("log-consistency", sentence)
