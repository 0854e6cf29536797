"""Keyed digests of the messages that passed, on SQLite, written behind in batches.

Fails towards forgetting: whatever is lost, dropped for room or cannot be read makes its callers unsure for a
while, so that what is missing is never taken for made up, nor for known. What waits to be written is found
as well. Nothing here is content. Source: SQLite WAL documentation, ADR-0029.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from caveat.call.history import HistoryState, Node
from caveat.store.errors import TranscriptStoreError

FILE = "transcripts.sqlite3"
MAX_ROWS, MAX_OWNER_ROWS = 1_000_000, 100_000
"""Of all callers, and of one, so that no caller pushes the others out."""
UNSURE_SECONDS = 30 * 24 * 3600
"""How long after a loss a caller may still go on with what was lost."""

_APPLICATION_ID = 0x43565452
_PAUSE_SECONDS = 0.25
_STATES = tuple(HistoryState)
_ALL = b""
_TABLES = ("node", "released")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS node (
  chain BLOB PRIMARY KEY, parent BLOB NOT NULL, message BLOB NOT NULL, state INTEGER, owner BLOB NOT NULL,
  number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS node_message ON node (message, number);
CREATE INDEX IF NOT EXISTS node_owner ON node (owner, number);
CREATE INDEX IF NOT EXISTS node_number ON node (number);
CREATE TABLE IF NOT EXISTS released (
  message BLOB PRIMARY KEY, owner BLOB NOT NULL, number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS released_owner ON released (owner, number);
CREATE INDEX IF NOT EXISTS released_number ON released (number);
CREATE TABLE IF NOT EXISTS unsure (owner BLOB PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS opened (yes INTEGER PRIMARY KEY) STRICT;
"""
_KEEP = """
INSERT INTO node (chain, parent, message, state, owner, number) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (chain) DO UPDATE SET number = excluded.number, state = CASE
  WHEN node.state IS NULL THEN excluded.state
  WHEN ? AND excluded.state < node.state THEN excluded.state ELSE node.state END
"""


class SqliteTranscripts:
    """The driver for one process. Reads in one thread, writes in another; neither waits for the other."""

    def __init__(
        self,
        path: Path,
        *,
        lost_if_new: bool,
        clock: Callable[[], float] = time.time,
        on_fault: Callable[[str], None] = lambda _cause: None,
        max_rows: int = MAX_ROWS,
        max_owner_rows: int = MAX_OWNER_ROWS,
    ) -> None:
        """Opens or creates the file, readable by its owner alone; raises `TranscriptStoreError`.

        `lost_if_new`: there was one before, so what a new file does not have was lost. So is what a process
        had not written that did not stop in order. `on_fault`: told once why something was lost.
        """
        self._clock, self._on_fault = clock, on_fault
        self._max_rows, self._max_owner_rows = max_rows, max_owner_rows
        self._changed = threading.Condition()
        self._waiting, self._writing = _Batch(), _Batch()
        self._closing = False
        self._path = path
        try:
            path.touch(mode=0o600, exist_ok=True)
            self._reader, self._writer = self._connected(), self._connected()
            lost = self._prepare(lost_if_new=lost_if_new)
        except (sqlite3.Error, OSError) as error:
            raise TranscriptStoreError(f"`{path.name}` cannot be opened: {error}") from error
        if lost:
            self._forget(_ALL)
        self._thread = threading.Thread(target=self._write_behind, name="transcripts", daemon=True)
        self._thread.start()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        connection.execute("PRAGMA busy_timeout = 2000")
        return connection

    def _prepare(self, *, lost_if_new: bool) -> bool:
        """Whether something was lost."""
        run = self._writer.execute
        found = run("PRAGMA application_id").fetchone()[0]
        if found not in (0, _APPLICATION_ID):
            raise sqlite3.DatabaseError("the file belongs to another program")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run(f"PRAGMA application_id = {_APPLICATION_ID}")
        self._writer.executescript(_SCHEMA)
        lost = bool(run("SELECT 1 FROM opened").fetchone()) or (lost_if_new and found == 0)
        run("INSERT OR IGNORE INTO opened VALUES (1)")
        self._unsure = {bytes(owner): int(until) for owner, until in run("SELECT owner, until FROM unsure")}
        newest = [run(f"SELECT max(number) FROM {table}").fetchone()[0] for table in _TABLES]  # noqa: S608 - constants
        self._number = max((number for number in newest if number is not None), default=0)
        self._rows: dict[bytes, int] = {}
        self._recount()
        return lost

    def _recount(self) -> None:
        self._rows.clear()
        for table in _TABLES:
            for owner, rows in self._writer.execute(f"SELECT owner, count(*) FROM {table} GROUP BY owner"):  # noqa: S608 - constants
                self._rows[owner] = self._rows.get(owner, 0) + rows

    def state(self, chain: bytes) -> HistoryState | None:
        """The state of the history that ends at this node; None where nothing is known of it."""
        found = self.node(chain)
        return None if found is None else found.state

    def node(self, chain: bytes) -> Node | None:
        """One node, with its state after all that waits to be written."""
        batches = (
            self._batches()
        )  # INVARIANT: before the file is read: what is written meanwhile is in one of them
        rows = self._read("SELECT chain, parent, message, state FROM node WHERE chain = ?", (chain,))
        found = None
        for _, parent, message, state in rows:
            found = Node(chain, parent, message, None if state is None else _STATES[state])
        for batch in batches:
            node = batch.nodes.get(chain)
            if node is not None:
                found = _kept(found, node, better=chain in batch.better)
        return found

    def places(self, message: bytes, limit: int) -> Sequence[Node]:
        """Where a message stood, the newest first."""
        new = [chain for batch in self._batches()[::-1] for chain in batch.places.get(message, ())[::-1]]
        old = self._read(
            "SELECT chain FROM node WHERE message = ? ORDER BY number DESC LIMIT ?", (message, limit)
        )
        chains = list(dict.fromkeys([*new, *(row[0] for row in old)]))[:limit]
        return [node for node in map(self.node, chains) if node is not None]

    def released(self, messages: Sequence[bytes]) -> bool:
        """Whether every one of these was released."""
        batches = self._batches()
        return all(
            any(message in batch.released for batch in batches)
            or bool(self._read("SELECT 1 FROM released WHERE message = ?", (message,)))
            for message in messages
        )

    def unsure(self, owner: bytes) -> bool:
        """Whether something of this owner may have been forgotten lately."""
        until = max(self._unsure.get(owner, 0), self._unsure.get(_ALL, 0))
        return self._clock() < until

    def add(self, owner: bytes, nodes: Sequence[Node], released: Sequence[bytes] = ()) -> None:
        """Keeps these. A node keeps the state that it has, unless it is `released` now with a better one."""
        if not nodes and not released:
            return
        with self._changed:
            for node in nodes:
                self._waiting.put(owner, node, better=bool(released))
            self._waiting.released.update(dict.fromkeys(released, owner))
            self._changed.notify()

    def close(self) -> None:
        """Writes what waits, and releases the file; it is not used afterwards."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        self._reader.close()
        self._writer.close()

    def _batches(self) -> "tuple[_Batch, _Batch]":
        """The older one first."""
        with self._changed:
            return self._writing, self._waiting

    def _read(self, query: str, values: tuple[object, ...]) -> list[tuple[bytes, bytes, bytes, int | None]]:
        try:
            return self._reader.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._failed(error)
            return []

    def _failed(self, error: sqlite3.Error) -> None:
        if not self.unsure(_ALL):
            self._on_fault(type(error).__name__)
        self._forget(_ALL)

    def _forget(self, owner: bytes) -> None:
        self._unsure[owner] = int(self._clock()) + UNSURE_SECONDS

    def _write_behind(self) -> None:
        closing = False
        while not closing:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._waiting)
                if not self._closing:
                    self._changed.wait_for(lambda: self._closing, timeout=_PAUSE_SECONDS)
                closing = self._closing
                self._writing, self._waiting = self._waiting, _Batch()
            try:
                self._write(self._writing, last=closing)
            except sqlite3.Error as error:
                self._failed(error)
            with self._changed:
                self._writing = _Batch()

    def _write(self, batch: "_Batch", *, last: bool) -> None:
        run = self._writer.execute
        run("BEGIN IMMEDIATE")
        try:
            for chain, node in batch.nodes.items():
                self._number += 1
                state = None if node.state is None else node.state.rank
                owner, better = batch.owners[chain], chain in batch.better
                run(_KEEP, (chain, node.parent, node.message, state, owner, self._number, better))
                self._rows[owner] = self._rows.get(owner, 0) + 1
            for message, owner in batch.released.items():
                self._number += 1
                run("INSERT OR REPLACE INTO released VALUES (?, ?, ?)", (message, owner, self._number))
                self._rows[owner] = self._rows.get(owner, 0) + 1
            self._make_room()
            self._unsure = {owner: until for owner, until in [*self._unsure.items()] if until > self._clock()}
            run("DELETE FROM unsure")
            self._writer.executemany("INSERT INTO unsure VALUES (?, ?)", list(self._unsure.items()))
            if last:
                run("DELETE FROM opened")
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise

    def _make_room(self) -> None:
        """The oldest rows go, a tenth more than must, and their owners are unsure from now on."""
        for owner in [one for one, rows in self._rows.items() if rows > self._max_owner_rows]:
            self._drop("owner = ? AND ", (owner,), self._max_owner_rows)
        if sum(self._rows.values()) > self._max_rows:
            self._drop("", (), self._max_rows)

    def _drop(self, whose: str, values: tuple[bytes, ...], limit: int) -> None:
        run = self._writer.execute
        self._recount()
        rows = self._rows.get(values[0], 0) if values else sum(self._rows.values())
        if rows <= limit:
            return  # some were there already
        numbers = " UNION ALL ".join(f"SELECT number, owner FROM {table}" for table in _TABLES)  # noqa: S608 - constants
        query = f"SELECT number FROM ({numbers}) WHERE {whose} 1 ORDER BY number LIMIT 1 OFFSET ?"  # noqa: S608 - constants
        (cut,) = run(query, (*values, rows - limit * 9 // 10)).fetchone()
        for table in _TABLES:
            where = f"FROM {table} WHERE {whose} number < ?"
            for (owner,) in run(f"SELECT DISTINCT owner {where}", (*values, cut)).fetchall():
                self._forget(owner)
            run(f"DELETE {where}", (*values, cut))
        self._recount()


class _Batch:
    """What waits to be written. `better`: nodes that were released, `places`: nodes by their messages."""

    def __init__(self) -> None:
        self.nodes: dict[bytes, Node] = {}
        self.owners: dict[bytes, bytes] = {}
        self.better: set[bytes] = set()
        self.places: dict[bytes, list[bytes]] = {}
        self.released: dict[bytes, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self.nodes or self.released)

    def put(self, owner: bytes, node: Node, *, better: bool) -> None:
        """As the table does."""
        before = self.nodes.get(node.chain)
        if before is None:
            self.places.setdefault(node.message, []).append(node.chain)
        self.nodes[node.chain] = _kept(before, node, better=better)
        self.owners[node.chain] = owner
        if better:
            self.better.add(node.chain)


def _kept(before: Node | None, after: Node, *, better: bool) -> Node:
    if before is None or before.state is None:
        return after
    if better and after.state is not None and after.state.rank < before.state.rank:
        return after
    return before
