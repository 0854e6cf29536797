"""The index of a ledger: derived, disposable, and built again whenever it is not of this log."""

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from caveat.ledger.audit import Reading, newest_checkpoint
from caveat.ledger.disk import RealDisk
from caveat.ledger.folder import Folder
from caveat.ledger.read import Entry
from caveat.ledger.tiles import edge_at
from caveat.store.errors import LedgerIndexError
from caveat.store.ledger_index import LedgerIndex, open_index
from tests.ledger.logs import VERIFIER, decision_record, moment, records, write_log


class Log:
    """A log, and how much of it was read for the index."""

    def __init__(self, folder: Path) -> None:
        self.view = Folder(RealDisk(), folder)
        self.read_from: list[int] = []

    def open(self, path: Path) -> LedgerIndex:
        checkpoint = newest_checkpoint(self.view, VERIFIER)

        def read(start: int) -> Iterator[Entry]:
            self.read_from.append(start)
            return itertools.islice(iter(Reading(self.view, checkpoint)), start, None)

        return open_index(path, checkpoint, lambda size: edge_at(size, self.view.tile).compact().root(), read)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    write_log(tmp_path / "log", records(300))
    return Log(tmp_path / "log")


def denied(index: LedgerIndex) -> int:
    found = len(index.find({"verdict": "deny"}, None, None, 1000))
    index.close()
    return found


def test_records_are_found_by_every_word(log: Log, tmp_path: Path) -> None:
    index = log.open(tmp_path / "i")
    one = decision_record(7)
    for wanted in (
        {"envelope": one.evidence[0].envelope},
        {"issuer": one.evidence[0].key},
        {"dataset": one.parts[0].digest},
    ):
        assert index.find(wanted, None, None, 10) == (7,)
    assert len(index.find({"clause": "R1", "deployment": "triage"}, None, None, 1000)) == 99
    assert index.find({"kind": "start"}, None, None, 10) == (0,)
    assert index.find({}, moment(297), moment(299), 10) == (298, 297)
    assert index.find({"verdict": "allow"}, None, None, 2) == (299, 298)
    index.close()


def test_only_what_is_new_is_read_again(log: Log, tmp_path: Path) -> None:
    assert denied(log.open(tmp_path / "i")) == 99
    write_log(log.view.root, records(400)[300:])
    assert denied(log.open(tmp_path / "i")) == 133
    assert denied(log.open(tmp_path / "i")) == 133
    assert log.read_from == [0, 300]


@pytest.mark.parametrize("damage", ["deleted", "noise", "emptied", "cut", "other root", "other origin"])
def test_an_index_that_is_damaged_or_of_another_log_is_built_again(
    log: Log, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "i"
    log.open(path).close()
    match damage:
        case "deleted":
            path.unlink()
        case "noise":
            path.write_bytes(b"\x00noise" * 1000)
        case "emptied":
            execute(path, "DELETE FROM built")
        case "cut":
            execute(path, "DELETE FROM records WHERE number > 200")
        case "other root":
            execute(path, "UPDATE built SET root = zeroblob(32)")
        case _:
            execute(path, "UPDATE built SET origin = 'other.example'")
    assert denied(log.open(path)) == 99
    assert log.read_from == [0, 0]


def execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def test_a_crash_while_it_is_built_leaves_nothing_that_counts(log: Log, tmp_path: Path) -> None:
    """All of the records and what they cover stand in one transaction."""
    path, checkpoint = tmp_path / "i", newest_checkpoint(log.view, VERIFIER)

    def read(_start: int) -> Iterator[Entry]:
        yield from itertools.islice(iter(Reading(log.view, checkpoint)), 100)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_index(path, checkpoint, lambda _: None, read)
    assert denied(log.open(path)) == 99


def test_an_index_where_nothing_can_be_written_is_an_error_that_says_so(log: Log, tmp_path: Path) -> None:
    with pytest.raises(LedgerIndexError, match="cannot be built"):
        log.open(tmp_path / "no" / "folder" / "i")
