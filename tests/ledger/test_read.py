"""The published part of a log read from both ends, by id, and not beyond its checkpoint."""

from pathlib import Path

import pytest

from caveat.ledger import Ledger
from caveat.ledger.errors import FolderError, RecordParseError
from caveat.ledger.read import PublishedLog
from tests.ledger.logs import FILES, KEY, ORIGIN, append_all, decision_record

COUNT = 600


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("read") / "ledger"
    ledger = Ledger.open(folder, KEY, origin=ORIGIN, publish_seconds=0.01)
    ledger.store_bundle(FILES)
    append_all(ledger, [decision_record(number) for number in range(COUNT)])
    ledger.close()
    return folder


@pytest.mark.slow
def test_both_directions_and_every_start_give_the_same_records(root: Path) -> None:
    log = PublishedLog(root)
    entries = list(log.entries())
    assert [entry.index for entry in entries] == list(range(log.size))
    assert log.size >= COUNT
    assert list(log.backwards()) == entries[::-1]
    for start in (1, 255, 256, 257, log.size - 1, log.size):
        assert list(log.entries(start)) == entries[start:]


def test_a_record_is_found_by_its_id_alone(root: Path) -> None:
    log = PublishedLog(root)
    for entry in (next(log.entries()), next(log.backwards()), next(log.entries(300))):
        assert log.find(entry.id) == entry
    assert log.find("300-0000000000000000") is None
    assert log.find(f"{log.size}-0000000000000000") is None
    with pytest.raises(RecordParseError):
        log.find("300")


def test_what_is_no_log_or_lacks_a_tile_is_told(root: Path, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="no published log"):
        PublishedLog(tmp_path)
    (tmp_path / "checkpoint").write_bytes(b"nonsense")
    with pytest.raises(FolderError, match="no checkpoint"):
        PublishedLog(tmp_path)
    (tmp_path / "checkpoint").write_bytes((root / "checkpoint").read_bytes())
    with pytest.raises(FolderError, match="no such tile"):
        next(PublishedLog(tmp_path).entries())
