"""Merkle trees of logs and manifests: roots, proofs, their verification. Pure; knows no file, no record.

Laws, each a property test: a root depends on every leaf and on their order; an append never changes what
an older root says of the leaves before it; a proof verifies for its own index and sizes alone.
Source: RFC 6962 section 2.1, RFC 9162 sections 2.1.3 and 2.1.4.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

# The hash of the complete subtree over leaves [index * 2**level, (index + 1) * 2**level).
Nodes: TypeAlias = Callable[[int, int], bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf: never that of an inner node, since the prefixes differ."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The roots of the complete subtrees of a tree of `size` leaves: all that an append needs."""

    __slots__ = ("_nodes", "size")

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        """`nodes`: largest subtree first, one for each bit set in `size`; raises `ValueError` otherwise."""
        self.size = size
        self._nodes = list(nodes)
        if len(self._nodes) != size.bit_count():
            raise ValueError("a compact range has one node for each bit of its size")

    def append(self, leaf: bytes) -> None:
        """Adds one leaf hash at the right edge."""
        size, node = self.size, leaf
        while size & 1:
            node = node_hash(self._nodes.pop(), node)
            size >>= 1
        self._nodes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._nodes:
            return EMPTY_ROOT
        node = self._nodes[-1]
        for left in reversed(self._nodes[:-1]):
            node = node_hash(left, node)
        return node

    def nodes(self) -> tuple[bytes, ...]:
        """The subtree roots, largest first."""
        return tuple(self._nodes)

    def copy(self) -> "CompactRange":
        """An independent range over the same leaves."""
        return CompactRange(self.size, self._nodes)


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes, or over these roots of complete subtrees of one size."""
    row = list(hashes)
    if not row:
        return EMPTY_ROOT
    while len(row) > 1:
        paired = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        if len(row) % 2:
            paired.append(row[-1])
        row = paired
    return row[0]


def inclusion_proof(index: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size`; raises `ValueError` if it has no such leaf."""
    if not 0 <= index < size:
        raise ValueError("the index lies outside the tree")
    start, end = 0, size
    path: list[bytes] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_hash(middle, end, nodes))
            end = middle
        else:
            path.append(_range_hash(start, middle, nodes))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, nodes: Nodes) -> tuple[bytes, ...]:
    """The proof that the tree of `old` leaves starts that of `new`; raises `ValueError` if old > new."""
    if not 0 <= old <= new:
        raise ValueError("a tree is consistent with larger ones only")
    if old in (0, new):
        return ()
    start, end = 0, new
    path: list[bytes] = []
    whole = True  # while the old tree is still all of [start, old), its root is known to the verifier
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_hash(middle, end, nodes))
            end = middle
        else:
            path.append(_range_hash(start, middle, nodes))
            start = middle
            whole = False
    if not whole:
        path.append(_range_hash(start, end, nodes))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """True only if `proof` shows the leaf hash at `index` in the tree of `size` leaves with that root."""
    if not 0 <= index < size:
        return False
    first, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            node = node_hash(sibling, node)
            while first and not first & 1:
                first >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        first >>= 1
        last >>= 1
    return last == 0 and node == root


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """True only if `proof` shows the tree of `old` leaves to be a prefix of the tree of `new` leaves."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first >>= 1
        last >>= 1
    older = newer = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            older, newer = node_hash(node, older), node_hash(node, newer)
            while first and not first & 1:
                first >>= 1
                last >>= 1
        else:
            newer = node_hash(newer, node)
        first >>= 1
        last >>= 1
    return last == 0 and older == old_root and newer == new_root


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def _range_hash(start: int, end: int, nodes: Nodes) -> bytes:
    """The root over leaves [start, end), where `start` is aligned as the tree's own splits are."""
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(width)
    return node_hash(_range_hash(start, middle, nodes), _range_hash(middle, end, nodes))
