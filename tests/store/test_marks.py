"""What is told of hashes in memory never hides a manifest that a query would find."""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from caveat.evidence.manifest import Manifest
from caveat.evidence.recognition import Holder
from caveat.evidence.sentences import sentence_leaf
from caveat.signing.digest import Digest, sha256
from caveat.store.manifests import SqliteManifestStore
from caveat.store.marks import SEVERAL, Bits, Owners

Held = Mapping[str, Sequence[int]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteManifestStore]:
    opened = SqliteManifestStore(tmp_path / "manifests.db")
    yield opened
    opened.close()


def anchor(cheap: int, rest: int) -> int:
    return cheap << 32 | rest


def put(store: SqliteManifestStore, held: Held) -> dict[Digest, frozenset[int]]:
    """Documents by their names, each with these anchors; what is to be found of each."""
    for name, anchors in held.items():
        leaf = sentence_leaf(name)
        listed = tuple(sorted(set(anchors)))
        store.put(Manifest(sha256(name.encode()), "sentences", leaf, (leaf,), anchors=listed), "issuer", name)
    return {sha256(name.encode()): frozenset(anchors) for name, anchors in held.items()}


def holder_sets(found: Mapping[int, tuple[Holder, ...]]) -> set[frozenset[Digest]]:
    return {frozenset(one.manifest.digest for one in holders) for holders in found.values()}


def expected(held: Mapping[Digest, frozenset[int]], wanted: Sequence[int]) -> set[frozenset[Digest]]:
    sets = {frozenset(name for name, anchors in held.items() if one in anchors) for one in wanted}
    return sets - {frozenset()}


def test_every_set_of_holders_is_found_however_anchors_collide(store: SqliteManifestStore) -> None:
    rng = random.Random(7)
    # Few cheap hashes, alike in their lowest bits, so that anchors of several documents share what is marked.
    drawn = [anchor(rng.randrange(4) << 22 | rng.randrange(64), rng.randrange(6)) for _ in range(400)]
    held = put(store, {f"document {n}": rng.sample(drawn, 20) for n in range(8)})
    for _ in range(200):
        wanted = rng.sample(drawn, rng.randrange(1, 60)) + [anchor(rng.randrange(256), 9) for _ in range(20)]
        found = store.anchor_holders(wanted)
        assert holder_sets(found) == expected(held, wanted)
        for one, holders in found.items():
            assert {holder.manifest.digest for holder in holders} == {n for n in held if one in held[n]}


def test_anchors_that_only_look_known_hide_no_known_one(store: SqliteManifestStore) -> None:
    held = put(store, {"document": [anchor(5, 1)]})
    alike = [anchor(5, number) for number in range(2, 700)]
    assert holder_sets(store.anchor_holders([*alike, anchor(5, 1)])) == {frozenset(held)}
    assert store.anchor_holders(alike) == {}


def test_an_anchor_of_two_documents_is_never_taken_for_one_s_alone(store: SqliteManifestStore) -> None:
    own = [anchor(number, 1) for number in range(100)]
    held = put(store, {"first": [*own, anchor(500, 1)], "second": [anchor(500, 1)]})
    assert holder_sets(store.anchor_holders([*own, anchor(500, 1)])) == expected(
        held, [own[0], anchor(500, 1)]
    )


def test_what_is_marked_is_marked_again_after_a_restart(tmp_path: Path) -> None:
    store = SqliteManifestStore(tmp_path / "again.db")
    held = put(store, {"first": [anchor(1, 1), anchor(2, 1)], "second": [anchor(2, 1)]})
    store.close()
    again = SqliteManifestStore(tmp_path / "again.db")
    wanted = [anchor(1, 1), anchor(2, 1)]
    assert holder_sets(again.anchor_holders(wanted)) == expected(held, wanted)
    again.close()


def test_a_manifest_beyond_the_numbers_of_a_mark_is_one_of_several() -> None:
    owners = Owners()
    owners.add(anchor(1, 1), SEVERAL - 1)
    owners.add(anchor(2, 1), SEVERAL + 7)
    owners.add(anchor(3, 1), 1)
    owners.add(anchor(3, 2), 2)
    owners.add(anchor(3, 3), 2)
    grouped = owners.grouped([anchor(cheap, 9) for cheap in range(1, 5)])
    assert grouped == {SEVERAL - 1: [anchor(1, 9)], SEVERAL: [anchor(2, 9), anchor(3, 9)]}


def test_a_leaf_that_is_marked_is_known() -> None:
    bits = Bits()
    bits.add(0x01020304)
    known, foreign = bytes([1, 2, 3, 4]) + bytes(28), bytes([1, 2, 3, 5]) + bytes(28)
    assert bits.known([known, foreign]) == [known]
