"""The tree against a naive reading of RFC 6962, and the laws of its proofs."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.signing.merkle import (
    EMPTY_ROOT,
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [b"leaf %d" % n for n in range(70)]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
SIZES = st.integers(0, len(LEAVES))


def oracle(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + oracle(leaves[:k]) + oracle(leaves[k:])).digest()


def nodes(level: int, index: int) -> bytes:
    return oracle(LEAVES[index << level : (index + 1) << level])


def compact(size: int) -> CompactRange:
    tree = CompactRange()
    for node in HASHES[:size]:
        tree.append(node)
    return tree


def test_every_root_is_the_one_of_rfc_6962() -> None:
    for size in range(len(LEAVES) + 1):
        assert compact(size).root() == root_of(HASHES[:size]) == oracle(LEAVES[:size])


# The reference tree of the Certificate Transparency implementations.
REFERENCE_LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")
REFERENCE_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
)


def test_the_roots_are_those_of_other_implementations() -> None:
    tree = CompactRange()
    for leaf, root in zip(REFERENCE_LEAVES, REFERENCE_ROOTS, strict=True):
        tree.append(leaf_hash(bytes.fromhex(leaf)))
        assert tree.root().hex() == root


def test_the_empty_root_is_the_hash_of_nothing() -> None:
    assert compact(0).root() == EMPTY_ROOT


@given(SIZES, st.data())
def test_an_inclusion_proof_holds_for_its_leaf_and_place_alone(size: int, data: st.DataObject) -> None:
    if size == 0:
        return
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion_proof(index, size, nodes), oracle(LEAVES[:size])
    assert verify_inclusion(HASHES[index], index, size, proof, root)
    assert not verify_inclusion(leaf_hash(b"another"), index, size, proof, root)
    for other in {(index + 1) % size, index ^ 1} - {index}:
        assert not verify_inclusion(HASHES[index], other, size, proof, root)
    assert not verify_inclusion(HASHES[index], index, size, (*proof, HASHES[0]), root)
    assert not verify_inclusion(HASHES[index], size, size, proof, root)
    if proof:
        assert not verify_inclusion(HASHES[index], index, size, proof[:-1], root)


@given(SIZES, SIZES)
def test_a_consistency_proof_holds_for_its_two_trees_alone(one: int, two: int) -> None:
    old, new = sorted((one, two))
    proof = consistency_proof(old, new, nodes)
    old_root, new_root = oracle(LEAVES[:old]), oracle(LEAVES[:new])
    assert verify_consistency(old, new, proof, old_root, new_root)
    wrong = leaf_hash(b"wrong")
    assert not verify_consistency(old, new, proof, wrong, new_root)
    if old:
        assert not verify_consistency(old, new, proof, old_root, wrong)
    assert not verify_consistency(old, new, (*proof, wrong), old_root, new_root)
    if old != new:
        assert not verify_consistency(new, old, proof, new_root, old_root)


@given(SIZES, SIZES, SIZES)
def test_appends_keep_old_proofs_valid(one: int, two: int, three: int) -> None:
    small, middle, large = sorted((one, two, three))
    tree = compact(middle)
    proof = consistency_proof(small, middle, nodes)
    roots = compact(small).root(), tree.root()
    for node in HASHES[middle:large]:
        tree.append(node)
    assert verify_consistency(small, middle, proof, *roots)
    assert verify_consistency(middle, large, consistency_proof(middle, large, nodes), roots[1], tree.root())


def test_a_proof_is_refused_where_there_is_no_such_leaf_or_order() -> None:
    with pytest.raises(ValueError, match="outside"):
        inclusion_proof(3, 3, nodes)
    with pytest.raises(ValueError, match="larger"):
        consistency_proof(4, 3, nodes)


def test_a_compact_range_needs_a_node_for_each_bit() -> None:
    with pytest.raises(ValueError, match="one node"):
        CompactRange(3, [HASHES[0]])


def test_a_copy_grows_by_itself() -> None:
    tree = compact(5)
    copy = tree.copy()
    copy.append(HASHES[5])
    assert (tree.root(), copy.root()) == (oracle(LEAVES[:5]), oracle(LEAVES[:6]))
