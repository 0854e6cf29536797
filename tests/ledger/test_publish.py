"""What publishing leaves behind, and what it never removes."""

from pathlib import Path

from caveat.ledger.checkpoint import Checkpoint
from caveat.ledger.disk import RealDisk
from caveat.ledger.folder import Folder
from caveat.ledger.publish import Publisher, Sealed
from caveat.ledger.tiles import Edge
from caveat.signing.merkle import leaf_hash
from caveat.signing.note import sign_note
from tests.ledger.logs import KEY, ORIGIN


def unexpected(fault: Exception) -> None:
    raise AssertionError from fault


def batch(edge: Edge, start: int, end: int) -> Sealed:
    leaves = [b"%d" % number for number in range(start, end)]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    for leaf, node in zip(leaves, hashes, strict=True):
        edge.append(leaf, node)
    text = Checkpoint(ORIGIN, end, edge.compact().root()).render()
    return Sealed(leaves, hashes, end, sign_note(text, ORIGIN, KEY))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_only_segments_that_are_published_in_whole_are_removed(tmp_path: Path) -> None:
    view = Folder(RealDisk(), tmp_path)
    (tmp_path / "wal").mkdir()
    for start in (0, 10, 20, 30):
        view.segment(start).write_bytes(b"")
    edge = Edge()
    publisher = Publisher(RealDisk(), tmp_path, Edge(), 0, unexpected, lambda: None)
    for size, left in ((9, (0, 10, 20, 30)), (10, (10, 20, 30)), (25, (20, 30)), (40, (30,))):
        publisher.publish_now(batch(edge, edge.size, size))
        assert view.segments() == left
        assert publisher.published_size == size


def test_only_the_tiles_of_the_newest_checkpoint_stay(tmp_path: Path) -> None:
    edge = Edge()
    publisher = Publisher(RealDisk(), tmp_path, Edge(), 0, unexpected, lambda: None)
    publisher.publish_now(batch(edge, 0, 100))
    assert files(tmp_path) == {"checkpoint", "tile/0/000.p/100", "tile/entries/000.p/100"}
    publisher.publish_now(batch(edge, 100, 258))
    assert files(tmp_path) == {
        *("checkpoint", "tile/0/000", "tile/entries/000", "tile/1/000.p/1"),
        *("tile/0/001.p/2", "tile/entries/001.p/2"),
    }
    assert not (tmp_path / "tile/0/000.p").exists()
    publisher.publish_now(batch(edge, 258, 512))
    assert files(tmp_path) == {
        *("checkpoint", "tile/0/000", "tile/entries/000", "tile/1/000.p/2", "tile/0/001", "tile/entries/001"),
    }
