"""Notifications that are not delivered yet, on SQLite, and how far the ledger was read for them.

What was read and what is to be told of it change in one transaction, so that after a crash nothing is missing
and nothing is told twice for want of knowing. It holds ids, roles, clauses and counts. Source: ADR-0041.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeVar

from caveat.store.errors import OutboxError

FILE = "notifications.sqlite3"
_APPLICATION_ID = 0x43564E4F
_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
  n INTEGER PRIMARY KEY, id TEXT NOT NULL, sink TEXT NOT NULL, body BLOB NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0, UNIQUE (id, sink)
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_next ON outbox (sink, delivered, tries, n);
CREATE TABLE IF NOT EXISTS mark (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL) STRICT;
"""
_KEPT = 10_000
"""Of what was delivered, the newest so many are remembered, so that it is not told again."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Waiting:
    """One notification for one sink. `tries`: how often it was tried in vain."""

    n: int
    id: str
    body: bytes
    tries: int


class SqliteOutbox:
    """The driver for one process. Safe from several threads; every write is durable when it returns."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the file; raises `OutboxError`."""
        self._lock = Lock()
        try:
            path.touch(mode=0o600, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            run = self._connection.execute
            if run("PRAGMA application_id").fetchone()[0] not in (0, _APPLICATION_ID):
                raise sqlite3.DatabaseError("the file belongs to another program")
            run("PRAGMA journal_mode = WAL")
            run("PRAGMA synchronous = FULL")
            run("PRAGMA busy_timeout = 2000")
            run(f"PRAGMA application_id = {_APPLICATION_ID}")
            self._connection.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise OutboxError(f"`{path.name}` cannot be opened: {error}") from error

    def mark(self, otherwise: int) -> int:
        """How many records of the ledger were read for it; `otherwise` from the first time on."""

        def read(run: Callable[..., sqlite3.Cursor]) -> int:
            run("INSERT OR IGNORE INTO mark VALUES (1, ?)", (otherwise,))
            return int(run("SELECT position FROM mark").fetchone()[0])

        return self._transaction(read)

    def take_in(self, rows: Iterable[tuple[str, str, bytes]], position: int | None = None) -> None:
        """Keeps notifications (id, sink, body), and that the ledger was read so far. A known one is not
        kept again."""

        def write(run: Callable[..., sqlite3.Cursor]) -> None:
            for row in rows:
                run("INSERT OR IGNORE INTO outbox (id, sink, body) VALUES (?, ?, ?)", row)
            if position is not None:
                run("UPDATE mark SET position = ?", (position,))

        self._transaction(write)

    def next(self, sink: str) -> Waiting | None:
        """What is to be delivered there first: what was tried least often, the oldest of it."""

        def read(run: Callable[..., sqlite3.Cursor]) -> Waiting | None:
            row = run(
                "SELECT n, id, body, tries FROM outbox WHERE sink = ? AND delivered = 0 "
                "ORDER BY tries, n LIMIT 1",
                (sink,),
            ).fetchone()
            return None if row is None else Waiting(row[0], row[1], bytes(row[2]), row[3])

        return self._transaction(read)

    def delivered(self, waiting: Waiting) -> None:
        """It has arrived."""

        def write(run: Callable[..., sqlite3.Cursor]) -> None:
            run("UPDATE outbox SET delivered = 1, body = x'' WHERE n = ?", (waiting.n,))
            run("DELETE FROM outbox WHERE delivered = 1 AND n < ?", (waiting.n - _KEPT,))

        self._transaction(write)

    def failed(self, waiting: Waiting) -> None:
        """It was tried in vain; others are tried first from now on."""
        self._transaction(lambda run: run("UPDATE outbox SET tries = tries + 1 WHERE n = ?", (waiting.n,)))

    def count(self, sinks: Sequence[str]) -> int:
        """How many wait for one of these sinks."""
        names = ",".join("?" * len(sinks))
        query = f"SELECT count(*) FROM outbox WHERE delivered = 0 AND sink IN ({names})"  # noqa: S608 - marks
        return self._transaction(lambda run: int(run(query, tuple(sinks)).fetchone()[0]))

    def _transaction(self, work: Callable[[Callable[..., sqlite3.Cursor]], _T]) -> _T:
        try:
            with self._lock:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    result = work(self._connection.execute)
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutboxError(f"the outbox failed: {error}") from error
        return result

    def close(self) -> None:
        """Lets the file go."""
        with self._lock:
            self._connection.close()
