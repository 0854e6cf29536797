"""What waits for people, on SQLite: what each hold shows, when it was first shown to whom, and how far the
counters of their passkeys are.

It has content, so the file is the site's own, readable by its owner alone, and what a hold showed is removed
once it is long over. Fails closed: what cannot be read raises `HoldStoreError`. Source: ADR-0037.
"""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from caveat.oversight.hold import Shown
from caveat.signing.digest import Digest
from caveat.store.errors import HoldStoreError

FILE = "holds.sqlite3"
KEPT_AFTER = timedelta(days=7)
"""How long after its end what a hold showed can still be looked at."""

_APPLICATION_ID = 0x43564844
_SCHEMA = """
CREATE TABLE IF NOT EXISTS shown (
  hold TEXT PRIMARY KEY, view BLOB NOT NULL, content BLOB NOT NULL, until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shown_until ON shown (until);
CREATE TABLE IF NOT EXISTS display (
  hold TEXT NOT NULL, person TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (hold, person)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS plant (action TEXT PRIMARY KEY, nonce BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""


class SqliteHolds:
    """The driver for one process. Safe from several threads; every write is durable when it returns."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the file; raises `HoldStoreError`."""
        self._lock = Lock()
        try:
            path.touch(mode=0o600, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            run = self._connection.execute
            if run("PRAGMA application_id").fetchone()[0] not in (0, _APPLICATION_ID):
                raise sqlite3.DatabaseError("the file belongs to another program")
            run("PRAGMA journal_mode = WAL")
            run("PRAGMA synchronous = FULL")
            run("PRAGMA secure_delete = ON")
            run("PRAGMA busy_timeout = 2000")
            run(f"PRAGMA application_id = {_APPLICATION_ID}")
            self._connection.executescript(_SCHEMA)
            if any(column[1] == "hidden_from" for column in run("PRAGMA table_info(plant)")):
                run("ALTER TABLE plant DROP COLUMN hidden_from")  # of an earlier version
        except (sqlite3.Error, OSError) as error:
            raise HoldStoreError(f"`{path.name}` cannot be opened: {error}") from error

    def put(self, hold: str, shown: Shown, expires_at: datetime, now: datetime) -> None:
        """Keeps what a hold shows, and drops what is long over by now; raises `HoldStoreError`."""
        until = int((expires_at + KEPT_AFTER).timestamp())
        row = (hold, shown.view, shown.content, until)
        try:
            with self._lock:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    self._connection.execute("INSERT OR REPLACE INTO shown VALUES (?, ?, ?, ?)", row)
                    self._drop_before(int(now.timestamp()))
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise HoldStoreError(f"a hold could not be stored: {error}") from error

    def keep(self, use: str, shown: Shown, until: datetime) -> None:
        """Keeps what a use was that went through, until then; raises `HoldStoreError`."""
        row = (use, shown.view, shown.content, int(until.timestamp()))
        self._run("INSERT OR REPLACE INTO shown VALUES (?, ?, ?, ?)", row)

    def drop(self, uses: Iterable[str]) -> None:
        """Forgets what these showed, and to whom; raises `HoldStoreError`."""
        for use in uses:
            self._run("DELETE FROM display WHERE hold = ?", (use,))
            self._run("DELETE FROM shown WHERE hold = ?", (use,))

    def expire(self, now: datetime) -> None:
        """Forgets whatever is kept no longer by now; raises `HoldStoreError`."""
        try:
            with self._lock:
                self._drop_before(int(now.timestamp()))
        except sqlite3.Error as error:
            raise HoldStoreError(f"what is over could not be removed: {error}") from error

    def _drop_before(self, until: int) -> None:
        self._connection.execute(
            "DELETE FROM display WHERE hold IN (SELECT hold FROM shown WHERE until < ?)", (until,)
        )
        self._connection.execute("DELETE FROM shown WHERE until < ?", (until,))

    def get(self, hold: str) -> Shown | None:
        """What the hold shows; raises `HoldStoreError`."""
        row = self._one("SELECT view, content FROM shown WHERE hold = ?", (hold,))
        return None if row is None else Shown(bytes(row[0]), bytes(row[1]))

    def has(self, hold: str) -> bool:
        """Whether it is stored what the hold shows; raises `HoldStoreError`."""
        return self._one("SELECT 1 FROM shown WHERE hold = ?", (hold,)) is not None

    def display(self, hold: str, person: str, at: datetime) -> datetime:
        """When the hold was first shown to this person, which is now if it never was; raises
        `HoldStoreError`."""
        row = (hold, person, _milliseconds(at))
        try:
            with self._lock:
                self._connection.execute("INSERT OR IGNORE INTO display VALUES (?, ?, ?)", row)
        except sqlite3.Error as error:
            raise HoldStoreError(f"a display could not be noted: {error}") from error
        return self.displayed(hold, person) or at

    def displayed(self, hold: str, person: str) -> datetime | None:
        """When the hold was first shown to this person; raises `HoldStoreError`."""
        row = self._one("SELECT at FROM display WHERE hold = ? AND person = ?", (hold, person))
        return None if row is None else datetime.fromtimestamp(row[0] / 1000, UTC)

    def plant(self, action: Digest, nonce: bytes) -> None:
        """Keeps the secret of a planted case; raises `HoldStoreError`."""
        self._run("INSERT INTO plant VALUES (?, ?)", (action, nonce))

    def plants(self) -> dict[Digest, bytes]:
        """All that are not revealed; raises `HoldStoreError`."""
        rows = self._run("SELECT action, nonce FROM plant", ())
        return {Digest(row[0]): bytes(row[1]) for row in rows}

    def uproot(self, action: Digest) -> None:
        """Forgets one; raises `HoldStoreError`."""
        self._run("DELETE FROM plant WHERE action = ?", (action,))

    # Any, in both: SQLite gives what a column holds.
    def _run(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise HoldStoreError(f"what is planted cannot be stored or read: {error}") from error

    def count(self, key: str, value: int) -> bool:
        """Whether the counter of this passkey went on, which is then remembered; raises `HoldStoreError`.

        An authenticator that keeps no counter always says 0, and one that ever said more never does again.
        """
        query = (
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value "
            "WHERE excluded.value > counter.value OR (excluded.value = 0 AND counter.value = 0)"
        )
        try:
            with self._lock:
                return self._connection.execute(query, (key, value)).rowcount == 1
        except sqlite3.Error as error:
            raise HoldStoreError(f"the counter of a passkey could not be noted: {error}") from error

    def _one(self, query: str, values: tuple[str, ...]) -> tuple[Any, ...] | None:
        try:
            with self._lock:
                row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        except sqlite3.Error as error:
            raise HoldStoreError(f"the store of holds cannot be read: {error}") from error
        return row

    def close(self) -> None:
        """Lets the file go."""
        with self._lock:
            self._connection.close()


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
