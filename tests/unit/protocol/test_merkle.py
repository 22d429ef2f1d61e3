"""Merkle trees against published roots, and against RFC 6962's recursive definitions written out naively."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.crypto import merkle
from protocol.errors import Refused

LARGEST = 130

# The inputs and roots by which implementations of Certificate Transparency have been compared since RFC 6962.
PUBLISHED_LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
PUBLISHED_ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def naive_split(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


@cache
def naive_root(leaves: tuple[bytes, ...]) -> bytes:
    """MTH of RFC 6962 section 2.1."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return sha(b"\x00" + leaves[0])
    k = naive_split(len(leaves))
    return sha(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:]))


def naive_path(index: int, leaves: tuple[bytes, ...]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = naive_split(len(leaves))
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(old: int, leaves: tuple[bytes, ...], whole: bool = True) -> list[bytes]:
    """SUBPROOF of section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = naive_split(len(leaves))
    if old <= k:
        return [*naive_proof(old, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_proof(old - k, leaves[k:], False), naive_root(leaves[:k])]


class Tree:
    """A tree grown leaf by leaf, with its stored hashes in a list."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.stored: list[bytes] = []
        for size, leaf in enumerate(leaves):
            assert merkle.stored_number(0, size) == len(self.stored)
            self.stored += merkle.hashes_to_store(size, merkle.leaf_hash(leaf), self.read)

    def read(self, numbers: Sequence[int]) -> Mapping[int, bytes]:
        return {number: self.stored[number] for number in numbers}


LEAVES = tuple(f"leaf {number}".encode() for number in range(LARGEST))
TREE = Tree(LEAVES)
ROOTS = tuple(naive_root(LEAVES[:size]) for size in range(LARGEST + 1))


@pytest.mark.parametrize("size", range(len(PUBLISHED_LEAVES) + 1))
def test_roots_are_the_published_ones(size: int) -> None:
    leaves = [bytes.fromhex(leaf) for leaf in PUBLISHED_LEAVES[:size]]

    assert merkle.root(size, Tree(leaves).read).hex() == PUBLISHED_ROOTS[size]


def test_roots_of_all_sizes_are_those_of_the_definition() -> None:
    frontier = merkle.Frontier()
    for size in range(LARGEST + 1):
        assert merkle.root(size, TREE.read) == ROOTS[size] == frontier.root()
        frontier.add(merkle.leaf_hash(f"leaf {size}".encode()))


def test_stored_hashes_are_fewer_than_two_for_each_leaf() -> None:
    assert len(TREE.stored) < 2 * LARGEST


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_inclusion_proofs_are_those_of_the_definition_and_verify(size: int) -> None:
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, TREE.read)
        assert list(proof) == naive_path(index, LEAVES[:size])
        merkle.verify_inclusion(merkle.leaf_hash(LEAVES[index]), index, size, proof, ROOTS[size])


@pytest.mark.parametrize("new", range(LARGEST + 1))
def test_consistency_proofs_are_those_of_the_definition_and_verify(new: int) -> None:
    for old in range(new + 1):
        proof = merkle.consistency_proof(old, new, TREE.read)
        assert list(proof) == (naive_proof(old, LEAVES[:new]) if 0 < old < new else [])
        merkle.verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)


def refused_inclusion(index: int, size: int, proof: Sequence[bytes], leaf: bytes, root: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        merkle.verify_inclusion(leaf, index, size, proof, root)
    assert refusal.value.code == "log-inclusion"


def refused_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    with pytest.raises(Refused) as refusal:
        merkle.verify_consistency(old, new, old_root, new_root, proof)
    assert refusal.value.code == "log-consistency"


sizes = st.integers(min_value=1, max_value=LARGEST)


@given(size=sizes, data=st.data())
def test_inclusion_of_anything_else_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaf, proof, root = merkle.leaf_hash(LEAVES[index]), merkle.inclusion_proof(index, size, TREE.read), ROOTS[size]

    refused_inclusion(index, size, proof, merkle.leaf_hash(b"other"), root)
    refused_inclusion(index, size, proof, leaf, sha(b"other root"))
    refused_inclusion(index, size, (*proof, sha(b"more")), leaf, root)
    refused_inclusion(size, size, proof, leaf, root)
    refused_inclusion(-1, size, proof, leaf, root)
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        refused_inclusion(index, size, (*proof[:place], *proof[place + 1 :]), leaf, root)
        refused_inclusion(index, size, (*proof[:place], sha(proof[place]), *proof[place + 1 :]), leaf, root)
        refused_inclusion(index, size, (*proof[:place], b"short", *proof[place + 1 :]), leaf, root)


@given(new=st.integers(2, LARGEST), data=st.data())
def test_consistency_with_another_history_is_refused(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    fork = Tree((*LEAVES[:changed], b"rewritten", *LEAVES[changed + 1 : new]))
    proof, forged = merkle.consistency_proof(old, new, TREE.read), merkle.consistency_proof(old, new, fork.read)
    fork_root = merkle.root(new, fork.read)

    refused_consistency(old, new, ROOTS[old], fork_root, proof)
    refused_consistency(old, new, ROOTS[old], fork_root, forged)
    refused_consistency(old, new, ROOTS[old], ROOTS[new], proof[:-1])
    refused_consistency(old, new, ROOTS[old], ROOTS[new], (*proof, sha(b"more")))
    refused_consistency(old, new, ROOTS[old], ROOTS[new], (b"short", *proof[1:]))
    refused_consistency(new, old, ROOTS[new], ROOTS[old], proof)
    refused_consistency(new, old, ROOTS[new], ROOTS[old], ())


@pytest.mark.parametrize(("old", "new"), [(3, 3), (0, 5)])
def test_trees_that_need_no_proof_take_none(old: int, new: int) -> None:
    refused_consistency(old, new, ROOTS[old], ROOTS[new], (sha(b"unasked"),))


def test_a_tree_of_the_same_size_is_the_same_tree() -> None:
    refused_consistency(5, 5, ROOTS[5], ROOTS[6], ())
    refused_consistency(0, 5, sha(b"not empty"), ROOTS[5], ())


def test_proofs_of_what_is_not_there_are_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="not in it"):
        merkle.inclusion_proof(5, 5, TREE.read)
    with pytest.raises(ValueError, match="smaller"):
        merkle.consistency_proof(6, 5, TREE.read)
