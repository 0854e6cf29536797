"""A disk that says no: everyone who waits is told, nobody is let through, and nothing told before is lost."""

import asyncio
import errno
from pathlib import Path

import pytest

from caveat.ledger import Ledger, StoppedError
from caveat.ledger.disk import AppendFile, RealDisk
from caveat.ledger.record import StoppedRecord
from caveat.ledger.verify import verify_folder
from caveat.ledger.wire import parse_record, render_record
from tests.faults.disk import FullDisk
from tests.ledger.logs import FILES, KEY, ORIGIN, VERIFIER, append_all, decision_record, records


def fill(folder: Path, disk: FullDisk, room: int) -> tuple[int, list[BaseException]]:
    """Ten records, then a disk with `room`: how many of fifty more were acknowledged, and the errors."""
    ledger = Ledger.open(folder, KEY, origin=ORIGIN, disk=disk, publish_seconds=0)
    ledger.store_bundle(FILES)
    append_all(ledger, records(10))
    disk.room = room

    async def run() -> list[object]:
        calls = [ledger.append(render_record(decision_record(100 + n))) for n in range(50)]
        return list(await asyncio.gather(*calls, return_exceptions=True))

    done = asyncio.run(run())
    errors = [result for result in done if isinstance(result, BaseException)]
    with pytest.raises(StoppedError):
        ledger.append_blocking(render_record(decision_record(999)))
    assert isinstance(ledger.fault, OSError)
    ledger.close()
    return 50 - len(errors), errors


@pytest.mark.parametrize(
    "disk",
    [FullDisk(), FullDisk(errno.EIO), FullDisk(errno.EIO, on_sync=True)],
    ids=["full", "write", "sync"],
)
@pytest.mark.parametrize("room", [0, 100, 5000])
def test_a_disk_error_stops_the_ledger_and_loses_nothing(tmp_path: Path, disk: FullDisk, room: int) -> None:
    disk.room = None
    acknowledged, errors = fill(tmp_path / "log", disk, room)
    assert errors, "the disk did fail"
    assert all(isinstance(error, StoppedError) for error in errors)
    disk.room = None
    reopened = Ledger.open(tmp_path / "log", KEY, origin=ORIGIN)
    found = [parse_record(entry.leaf) for entry in reopened.records()]
    reopened.store_bundle(FILES)
    assert reopened.append_blocking(render_record(decision_record(5000))).index == len(found)
    reopened.close()
    assert found[:10] == records(10)
    assert found[10 : 10 + acknowledged] == [decision_record(100 + n) for n in range(acknowledged)]
    assert verify_folder(tmp_path / "log", VERIFIER).holds


def test_a_full_disk_keeps_room_for_a_last_record(tmp_path: Path) -> None:
    fill(tmp_path / "log", FullDisk(), 100)
    reopened = Ledger.open(tmp_path / "log", KEY, origin=ORIGIN)
    last = parse_record(list(reopened.records())[-1].leaf)
    reopened.close()
    assert isinstance(last, StoppedRecord)
    assert last.reason == "disk_full"


def test_an_error_names_its_cause_and_what_to_do(tmp_path: Path) -> None:
    _, errors = fill(tmp_path / "log", FullDisk(), 0)
    first = errors[0]
    assert isinstance(first, StoppedError)
    assert "ENOSPC" in str(first)
    assert first.hint


def test_what_cannot_be_published_stops_the_ledger(tmp_path: Path) -> None:
    """A gateway whose tiles lag for ever could neither be verified nor restarted quickly."""

    class NoTiles(RealDisk):
        broken = False

        def write(self, path: Path, data: bytes) -> None:
            if self.broken:
                raise OSError(errno.EROFS, "read-only")
            super().write(path, data)

    disk = NoTiles()
    ledger = Ledger.open(tmp_path / "log", KEY, origin=ORIGIN, disk=disk, publish_seconds=0)
    ledger.store_bundle(FILES)
    disk.broken = True
    acknowledged = _append_until_stopped(ledger)
    ledger.close()
    reopened = Ledger.open(tmp_path / "log", KEY, origin=ORIGIN)
    assert reopened.size >= acknowledged
    reopened.close()


def _append_until_stopped(ledger: Ledger) -> int:
    for number in range(100_000):
        try:
            ledger.append_blocking(render_record(decision_record(number)))
        except StoppedError:
            return number
    raise AssertionError("the ledger goes on")


def test_a_failure_that_is_no_disk_error_stops_the_ledger_too(tmp_path: Path) -> None:
    class BuggyFile:
        def __init__(self, file: AppendFile) -> None:
            self.file = file

        def write(self, data: bytes) -> None:
            if disk.broken:
                raise RuntimeError("a bug")
            self.file.write(data)

        def sync(self) -> None:
            self.file.sync()

        def truncate(self, size: int) -> None:
            self.file.truncate(size)

        def close(self) -> None:
            self.file.close()

    class Buggy(RealDisk):
        broken = False

        def append_to(self, path: Path) -> AppendFile:
            return BuggyFile(super().append_to(path))

    disk = Buggy()
    ledger = Ledger.open(tmp_path / "log", KEY, origin=ORIGIN, disk=disk)
    ledger.store_bundle(FILES)
    ledger.append_blocking(render_record(decision_record(1)))
    disk.broken = True
    for number in (2, 3):
        with pytest.raises(StoppedError, match="RuntimeError"):
            ledger.append_blocking(render_record(decision_record(number)))
    ledger.close()
