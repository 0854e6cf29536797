"""The tree cut into tiles: static files that any reader of the format checks. Pure; reads by a function.

A hash tile holds up to 256 hashes of one level, an entry bundle up to 256 leaves with their lengths. A full
file never changes; a partial one, at the right edge, is replaced by a wider one.
Source: C2SP tlog-tiles v0.1.0.
"""

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from caveat.ledger.errors import TileParseError
from caveat.signing.merkle import HASH_BYTES, CompactRange, Nodes, root_of

WIDTH = 256
WIDTH_BITS = 8
MAX_LEAF_BYTES = 65_535
ENTRIES = -1  # the "level" of entry bundles

_LENGTH = struct.Struct(">H")
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?\Z")

# The tile at (level, index) with at least `width` hashes or leaves, as bytes; the reader finds the file.
ReadTile: TypeAlias = Callable[[int, int, int], bytes]


@dataclass(frozen=True, slots=True, order=True)
class TilePath:
    """Where a tile lies. `level` is `ENTRIES` for an entry bundle; `width` is 256 for a full tile."""

    level: int
    index: int
    width: int = WIDTH

    def render(self) -> str:
        """The path relative to the log's folder."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        groups = f"{self.index % 1000:03d}"
        rest = self.index // 1000
        while rest:
            groups = f"x{rest % 1000:03d}/{groups}"
            rest //= 1000
        return f"tile/{level}/{groups}" + ("" if self.width == WIDTH else f".p/{self.width}")


def parse_tile_path(text: str) -> TilePath:
    """The place that a relative path names; raises `TileParseError` unless it is spelt the one right way."""
    match = _PATH.match(text)
    if match is None:
        raise TileParseError("the path names no tile")
    level = ENTRIES if match[1] == "entries" else int(match[1])
    path = TilePath(level, int(match[2].replace("x", "").replace("/", "")), int(match[3] or WIDTH))
    if path.render() != text:
        raise TileParseError("the path is not in its canonical form")
    return path


def render_entries(leaves: Sequence[bytes]) -> bytes:
    """An entry bundle: each leaf after its length in two bytes."""
    return b"".join(_LENGTH.pack(len(leaf)) + leaf for leaf in leaves)


def parse_entries(data: bytes, width: int) -> tuple[bytes, ...]:
    """Exactly `width` leaves and nothing after them; raises `TileParseError`."""
    leaves: list[bytes] = []
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise TileParseError("an entry's length is cut short")
        (length,) = _LENGTH.unpack_from(data, at)
        at += 2 + length
        if at > len(data):
            raise TileParseError("an entry is cut short")
        leaves.append(data[at - length : at])
    if len(leaves) != width:
        raise TileParseError(f"an entry bundle of {width} holds {len(leaves)} entries")
    return tuple(leaves)


def parse_hashes(data: bytes, width: int) -> list[bytes]:
    """The first `width` hashes of a tile; raises `TileParseError` if it does not hold as many whole ones."""
    if len(data) % HASH_BYTES or len(data) < width * HASH_BYTES:
        raise TileParseError("a hash tile holds too few or broken hashes")
    return [data[i : i + HASH_BYTES] for i in range(0, width * HASH_BYTES, HASH_BYTES)]


def _no_rows() -> list[list[bytes]]:
    return []


def _no_leaves() -> list[bytes]:
    return []


def _no_files() -> dict[TilePath, bytes]:
    return {}


@dataclass(slots=True)
class Edge:
    """The right edge of the tiles at a size: what is needed to write the next ones."""

    size: int = 0
    rows: list[list[bytes]] = field(default_factory=_no_rows)
    leaves: list[bytes] = field(default_factory=_no_leaves)
    _completed: dict[TilePath, bytes] = field(default_factory=_no_files)

    def append(self, leaf: bytes, leaf_hash: bytes) -> None:
        """Adds one leaf; tiles that it completes wait for `take_completed`."""
        self.size += 1
        self.leaves.append(leaf)
        if len(self.leaves) == WIDTH:
            self._completed[TilePath(ENTRIES, self.size // WIDTH - 1)] = render_entries(self.leaves)
            self.leaves.clear()
        node, level = leaf_hash, 0
        while True:
            if level == len(self.rows):
                self.rows.append([])
            row = self.rows[level]
            row.append(node)
            if len(row) < WIDTH:
                return
            index = (self.size >> WIDTH_BITS * (level + 1)) - 1
            self._completed[TilePath(level, index)] = b"".join(row)
            node = root_of(row)
            row.clear()
            level += 1

    def take_completed(self) -> Mapping[TilePath, bytes]:
        """The full tiles since the last call; the edge forgets them."""
        completed, self._completed = self._completed, {}
        return completed

    def partials(self) -> Mapping[TilePath, bytes]:
        """The partial tiles of this size."""
        files = {
            TilePath(level, self.size >> WIDTH_BITS * (level + 1), len(row)): b"".join(row)
            for level, row in enumerate(self.rows)
            if row
        }
        if self.leaves:
            files[TilePath(ENTRIES, self.size // WIDTH, len(self.leaves))] = render_entries(self.leaves)
        return files

    def compact(self) -> CompactRange:
        """The compact range of this size."""
        nodes: list[bytes] = []
        for row in reversed(self.rows):
            at = 0
            for bit in range(WIDTH_BITS - 1, -1, -1):
                if len(row) >> bit & 1:
                    nodes.append(root_of(row[at : at + (1 << bit)]))
                    at += 1 << bit
        return CompactRange(self.size, nodes)

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return self.compact().root()

    def copy(self) -> "Edge":
        """An independent edge over the same leaves."""
        return Edge(self.size, [list(row) for row in self.rows], list(self.leaves), dict(self._completed))


def edge_at(size: int, read: ReadTile) -> Edge:
    """The edge of a tree of `size` leaves, from its tiles: a few files, however long the log.

    The tiles are believed as they are: whoever relies on the edge compares its root with a signed one.
    Raises `TileParseError`, and whatever `read` raises for a missing tile.
    """
    edge = Edge(size)
    level = 0
    while size >> WIDTH_BITS * level:
        count = size >> WIDTH_BITS * level
        width = count % WIDTH
        row = parse_hashes(read(level, count // WIDTH, width), width) if width else []
        edge.rows.append(row)
        level += 1
    width = size % WIDTH
    if width:
        edge.leaves = list(leading_entries(read(ENTRIES, size // WIDTH, width), width))
    return edge


def leading_entries(data: bytes, width: int) -> tuple[bytes, ...]:
    """The first `width` leaves of a bundle that may hold more; raises `TileParseError`."""
    at = 0
    for _ in range(width):
        if at + 2 > len(data):
            raise TileParseError("an entry bundle holds too few entries")
        at += 2 + _LENGTH.unpack_from(data, at)[0]
    return parse_entries(data[:at], width)


def nodes_of(size: int, read: ReadTile) -> Nodes:
    """Hashes of complete subtrees of a tree of `size` leaves, from its tiles, for making proofs."""

    def node(level: int, index: int) -> bytes:
        tile_level, inner = divmod(level, WIDTH_BITS)
        first = index << inner
        count = (size >> WIDTH_BITS * tile_level) - first // WIDTH * WIDTH
        width = min(count, WIDTH)
        hashes = parse_hashes(read(tile_level, first // WIDTH, width), width)
        start = first % WIDTH
        if start + (1 << inner) > width:
            raise TileParseError("the tree has no such complete subtree")
        return root_of(hashes[start : start + (1 << inner)])

    return node
