"""Tiles: paths, widths, and an edge that is found again from the files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caveat.ledger.errors import TileParseError
from caveat.ledger.tiles import (
    ENTRIES,
    WIDTH,
    Edge,
    TilePath,
    edge_at,
    leading_entries,
    nodes_of,
    parse_entries,
    parse_hashes,
    parse_tile_path,
    render_entries,
)
from caveat.signing.merkle import (
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)


class Files:
    """The tiles of a growing tree, wider ones beside narrower ones."""

    def __init__(self, size: int, stops: set[int]) -> None:
        self.files: dict[TilePath, bytes] = {}
        self.roots: dict[int, bytes] = {0: CompactRange().root()}
        edge, tree = Edge(), CompactRange()
        for number in range(size):
            leaf = b"%d" % number
            edge.append(leaf, leaf_hash(leaf))
            tree.append(leaf_hash(leaf))
            self.roots[tree.size] = tree.root()
            if edge.size in stops or edge.size == size:
                self.files.update(edge.take_completed())
                self.files.update(edge.partials())
        self.edge = edge

    def read(self, level: int, index: int, width: int) -> bytes:
        for candidate in range(width, WIDTH + 1):
            data = self.files.get(TilePath(level, index, candidate))
            if data is not None:
                return data
        raise FileNotFoundError


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (TilePath(0, 0), "tile/0/000"),
        (TilePath(3, 1_234_067), "tile/3/x001/x234/067"),
        (TilePath(1, 273, 7), "tile/1/273.p/7"),
        (TilePath(ENTRIES, 1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_a_path_is_spelt_as_the_format_says(path: TilePath, text: str) -> None:
    assert path.render() == text
    assert parse_tile_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/07",
        "tile/0/000/",
        "tile/0/../0/000",
        "tile/entries/000\n",
        "tile/0/1000",
    ],
)
def test_any_other_spelling_names_no_tile(text: str) -> None:
    with pytest.raises(TileParseError):
        parse_tile_path(text)


@given(st.lists(st.binary(max_size=70), max_size=WIDTH))
def test_an_entry_bundle_reads_back(leaves: list[bytes]) -> None:
    assert parse_entries(render_entries(leaves), len(leaves)) == tuple(leaves)


@given(st.binary(max_size=200), st.integers(0, 5))
def test_bytes_that_are_no_bundle_raise_only_the_parse_error(data: bytes, width: int) -> None:
    for parse in (parse_entries, leading_entries, parse_hashes):
        try:
            result = parse(data, width)
        except TileParseError:
            continue
        assert len(result) == width


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.integers(1, 70_000), st.data())
def test_the_edge_is_found_again_from_the_tiles_of_a_larger_tree(size: int, data: st.DataObject) -> None:
    small = data.draw(st.integers(0, size))
    files = Files(size, {small})
    assert edge_at(size, files.read).compact().root() == files.roots[size]
    edge = edge_at(small, files.read)
    assert edge.compact().root() == files.roots[small]
    for number in range(small, min(size, small + 300)):
        edge.append(b"%d" % number, leaf_hash(b"%d" % number))
    assert edge.compact().root() == files.roots[edge.size]


@pytest.mark.slow
def test_proofs_made_from_tiles_hold() -> None:
    size = 66_000
    files = Files(size, set())
    nodes = nodes_of(size, files.read)
    for index in (0, 255, 256, 65_535, 65_536, size - 1):
        proof = inclusion_proof(index, size, nodes)
        assert verify_inclusion(leaf_hash(b"%d" % index), index, size, proof, files.roots[size])
    for old in (1, 256, 40_000, 65_536, size - 1):
        proof = consistency_proof(old, size, nodes)
        assert verify_consistency(old, size, proof, files.roots[old], files.roots[size])


def test_a_missing_subtree_is_no_silent_zero() -> None:
    files = Files(300, set())
    with pytest.raises(TileParseError):
        nodes_of(300, files.read)(8, 1)


def test_a_copied_edge_grows_by_itself() -> None:
    files = Files(300, set())
    copy = files.edge.copy()
    copy.append(b"300", leaf_hash(b"300"))
    assert files.edge.compact().root() == files.roots[300]
    assert copy.size == 301
