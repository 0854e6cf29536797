"""A disk rolled back as a whole: only a checkpoint kept elsewhere shows it, and then nothing opens."""

import shutil
from pathlib import Path

import pytest

from caveat.ledger import FolderError, Ledger, Receipt, RolledBackError
from caveat.ledger.folder import CHECKPOINT
from caveat.ledger.record import Record
from tests.ledger.logs import FILES, KEY, ORIGIN, OTHER_KEY, append_all, records, write_log


def keep(folder: Path) -> bytes:
    return (folder / CHECKPOINT).read_bytes()


def append_bundled(ledger: Ledger, items: list[Record]) -> list[Receipt]:
    ledger.store_bundle(FILES)
    return append_all(ledger, items)


def open_and_close(folder: Path, known: bytes) -> None:
    Ledger.open(folder, KEY, origin=ORIGIN, known=[known]).close()


def test_a_log_opens_on_every_checkpoint_that_it_continues(tmp_path: Path) -> None:
    folder, items = tmp_path / "log", records(600)
    for start in range(0, 600, 100):
        write_log(folder, items[start : start + 100])
        kept = keep(folder)
        write_log(folder, items[:1])
        open_and_close(folder, kept)


def test_a_folder_rolled_back_with_all_its_files_does_not_open(tmp_path: Path) -> None:
    folder, items = tmp_path / "log", records(300)
    write_log(folder, items[:280])
    shutil.copytree(folder, tmp_path / "snapshot")
    write_log(folder, items[280:])
    kept = keep(folder)
    Ledger.open(tmp_path / "snapshot", KEY, origin=ORIGIN).close()  # by itself it looks whole
    with pytest.raises(RolledBackError, match="280 records and a checkpoint kept elsewhere 300") as refused:
        open_and_close(tmp_path / "snapshot", kept)
    assert "new origin" in refused.value.hint


def test_a_folder_that_went_on_differently_does_not_open(tmp_path: Path) -> None:
    items = records(300)
    write_log(tmp_path / "log", items[:200])
    shutil.copytree(tmp_path / "log", tmp_path / "fork")
    write_log(tmp_path / "log", items[200:210])
    kept = keep(tmp_path / "log")
    write_log(tmp_path / "fork", items[240:300])
    with pytest.raises(RolledBackError, match="does not continue"):
        open_and_close(tmp_path / "fork", kept)


def test_a_checkpoint_newer_than_the_published_one_is_compared_with_the_write_ahead_log(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "log"
    write_log(folder, records(10))
    ledger = Ledger.open(folder, KEY, origin=ORIGIN, publish_seconds=3600)
    receipts = append_bundled(ledger, records(20)[10:])
    shutil.copytree(folder, tmp_path / "killed")
    ledger.close()
    assert ledger.published_size == 20
    open_and_close(tmp_path / "killed", receipts[-1].checkpoint)
    write_log(tmp_path / "other", records(10))
    append = Ledger.open(tmp_path / "other", KEY, origin=ORIGIN, publish_seconds=3600)
    append_bundled(append, list(reversed(records(20)[10:])))
    shutil.copytree(tmp_path / "other", tmp_path / "otherwise")
    append.close()
    with pytest.raises(RolledBackError):
        open_and_close(tmp_path / "otherwise", receipts[-1].checkpoint)


def test_what_is_no_checkpoint_of_this_log_opens_nothing(tmp_path: Path) -> None:
    write_log(tmp_path / "log", records(3))
    other = Ledger.open(tmp_path / "other", OTHER_KEY, origin=ORIGIN)
    other.close()
    for kept in (b"", b"\xff", keep(tmp_path / "other")):
        with pytest.raises(FolderError, match="none of this log"):
            open_and_close(tmp_path / "log", kept)
