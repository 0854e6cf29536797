"""The manifest store: a room for each issuer, durable, and never an empty answer for a failure."""

from pathlib import Path

import pytest

from caveat.evidence.manifest import Manifest, rows_manifest, sentences_manifest
from caveat.evidence.rows import read_rows
from caveat.store import manifests as manifests_module
from caveat.store.errors import EvidenceStoreError, RoomFullError
from caveat.store.manifests import SqliteManifestStore


def table(tag: str, rows: int = 5) -> Manifest:
    text = "a,b\n" + "".join(f"{tag}{n % 3},x{n % 3}\n" for n in range(rows))
    return rows_manifest(read_rows(text), ("a", "b"), b"s" * 16)


def test_what_was_put_is_found_by_leaf_and_anchor_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "manifests.db"
    store = SqliteManifestStore(path)
    rows, words = table("t"), sentences_manifest("A sentence that is long enough to have an anchor in it.")
    assert store.put(rows, "issuer", "l")
    assert store.put(words, "issuer", "l")
    assert not store.put(rows, "another", "l")
    store.close()
    again = SqliteManifestStore(path)
    (holder,) = again.holders([rows.leaves[0], b"0" * 32])[rows.leaves[0]]
    assert (holder.manifest.digest, holder.manifest.issuer, holder.copies) == (rows.digest, "issuer", 2)
    assert {
        one.manifest.digest for found in again.anchor_holders(words.anchors).values() for one in found
    } == {words.digest}
    assert (again.size, again.has_sentences, again.has_anchors, len(again.tables)) == (2, True, True, 1)
    again.close()


def test_an_issuer_that_fills_its_room_locks_nobody_else_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests_module, "MAX_LEAVES_PER_ISSUER", 12)
    store = SqliteManifestStore(tmp_path / "manifests.db")
    store.put(table("a"), "greedy", "l")
    store.put(table("b"), "greedy", "l")
    surplus = table("c")
    with pytest.raises(RoomFullError, match="full"):
        store.put(surplus, "greedy", "l")
    assert store.holders(surplus.leaves) == {}, "nothing of it was kept"
    assert store.put(surplus, "another", "l")
    store.close()


def test_a_failure_is_no_empty_answer(tmp_path: Path) -> None:
    store = SqliteManifestStore(tmp_path / "manifests.db")
    rows = table("t")
    store.put(rows, "issuer", "l")
    store._connection.execute("DROP TABLE leaf")
    with pytest.raises(EvidenceStoreError, match="cannot be read"):
        store.holders(rows.leaves)
    store.close()
