"""An index of a ledger's records, to find some quickly. Derived from the log, disposable, and never believed.

It is built again where it is missing, damaged, of another log or of another history. Whoever finds a record
by it reads the leaf and checks its place in the tree; one that was tampered with can hide a record from a
query, which is why no audit asks it. Source: ADR-0024.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from caveat.ledger.checkpoint import Checkpoint
from caveat.ledger.read import Entry
from caveat.ledger.record import DecisionRecord, EvidenceRecord, Record, kind_of
from caveat.store.errors import LedgerIndexError

COLUMNS = ("deployment", "issuer", "envelope", "dataset", "verdict", "clause", "kind")
_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS built (version INTEGER, origin TEXT, size INTEGER, root BLOB);
CREATE TABLE IF NOT EXISTS records (number INTEGER PRIMARY KEY, time TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_time ON records (time);
CREATE TABLE IF NOT EXISTS named (what TEXT NOT NULL, value TEXT NOT NULL, number INTEGER NOT NULL,
                                  PRIMARY KEY (what, value, number)) WITHOUT ROWID;
"""

RootAt = Callable[[int], bytes | None]
"""The root that the log has at a size; None where that cannot be told."""


class LedgerIndex:
    """The index in one SQLite file, as of the checkpoint that it was opened for. Made by `open_index`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use `open_index`."""
        self._connection = connection

    def find(
        self, wanted: Mapping[str, str], since: str | None, until: str | None, limit: int
    ) -> tuple[int, ...]:
        """The numbers of at most `limit` records that name all of `wanted`, newest first.

        `wanted`: values by the words in `COLUMNS`. `since`, `until`: times as records write them, the latter
        excluded. Raises `LedgerIndexError`.
        """
        clauses = ["number IN (SELECT number FROM named WHERE what = ? AND value = ?)"] * len(wanted)
        values: list[str | int] = [text for pair in wanted.items() for text in pair]
        for comparison, time in ((">=", since), ("<", until)):
            if time is not None:
                clauses.append(f"time {comparison} ?")
                values.append(time)
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        query = f"SELECT number FROM records {where} ORDER BY number DESC LIMIT ?"  # noqa: S608 - fixed words
        try:
            return tuple(int(row[0]) for row in self._connection.execute(query, [*values, limit]))
        except sqlite3.Error as error:
            raise LedgerIndexError("the index could not be read; delete it, it is built again") from error

    def close(self) -> None:
        """Gives the file back."""
        self._connection.close()


def open_index(
    path: Path, checkpoint: Checkpoint, root_at: RootAt, read: Callable[[int], Iterable[Entry]]
) -> LedgerIndex:
    """The index of a log up to `checkpoint`, which the caller has verified.

    `read`: the records from a number on. Raises `LedgerIndexError`, and what `read` raises.
    """
    try:
        try:
            connection = _connect(path)
            start = _covered(connection, checkpoint, root_at)
        except sqlite3.DatabaseError:
            connection, start = None, None  # no database, or a damaged one
        if connection is None or start is None:
            if connection is not None:
                connection.close()
            _remove(path)
            connection, start = _connect(path), 0
        if start < checkpoint.size:
            _fill(connection, checkpoint, read(start))
    except (sqlite3.Error, OSError) as error:
        raise LedgerIndexError("the index cannot be built there; name another file with --index") from error
    return LedgerIndex(connection)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a lost tail is only built again
        connection.executescript(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _covered(connection: sqlite3.Connection, checkpoint: Checkpoint, root_at: RootAt) -> int | None:
    """How many records are in it; None where it is not a prefix of this log."""
    rows = connection.execute("SELECT version, origin, size, root FROM built").fetchall()
    held = connection.execute("SELECT count(*), max(number) FROM records").fetchone()
    if not rows:
        return 0 if held[0] == 0 else None
    version, origin, size, root = rows[-1]
    if (version, origin) != (_VERSION, checkpoint.origin) or not isinstance(size, int):
        return None
    if not 0 < size <= checkpoint.size or held != (size, size - 1) or root_at(size) != root:
        return None
    return size


def _fill(connection: sqlite3.Connection, checkpoint: Checkpoint, entries: Iterable[Entry]) -> None:
    with connection:  # all of it, or nothing
        for entry in entries:
            connection.execute("INSERT INTO records VALUES (?, ?)", (entry.index, entry.record.time))
            connection.executemany(
                "INSERT OR IGNORE INTO named VALUES (?, ?, ?)",
                [(what, value, entry.index) for what, value in names_of(entry.record)],
            )
        connection.execute("DELETE FROM built")
        row = (_VERSION, checkpoint.origin, checkpoint.size, checkpoint.root)
        connection.execute("INSERT INTO built VALUES (?, ?, ?, ?)", row)


def names_of(record: Record) -> Iterator[tuple[str, str]]:
    """What a record is found by: pairs of a word in `COLUMNS` and a value."""
    yield "kind", kind_of(record)
    if isinstance(record, EvidenceRecord):
        yield from (("deployment", record.deployment), ("issuer", record.key), ("envelope", record.envelope))
    if not isinstance(record, DecisionRecord):
        return
    yield from (("deployment", record.deployment), ("verdict", record.decision.verdict.value))
    yield from (("clause", clause) for clause in record.decision.clauses)
    for cited in record.evidence:
        yield from (("issuer", cited.key), ("envelope", cited.envelope))
    yield from (("dataset", part.digest) for part in record.parts)
    for reservation in record.reserve:
        yield from (("dataset", reservation.source), ("dataset", reservation.digest))
