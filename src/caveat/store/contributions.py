"""Contributions on SQLite: what tells the persons of a use apart, durable before the use is released.

A file of its own beside the ledger, so that it can be erased while the ledger stays. It holds keyed ids and
names of attributes, and neither a key nor anything that an id stands for. Fails towards counting too many:
what cannot be written holds the use back, and what cannot be read is missing. Source: ADR-0047.
"""

import hmac
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from caveat.labels.subjects import Sighting
from caveat.monitors.contribution import (
    Contribution,
    ContributionParseError,
    Sealed,
    seal,
    unseal,
    wrapped,
)
from caveat.monitors.erasure import Erasure, parse_erasure
from caveat.signing.digest import Digest
from caveat.store.errors import ContributionStoreError

MAX_BYTES = 8 * 1024**3
"""Of all contributions; above, uses are counted by their data, which is more persons and never fewer."""
_APPLICATION_ID = 0x4356534A
_SCHEMA = """
CREATE TABLE IF NOT EXISTS contribution (
  commitment BLOB PRIMARY KEY, epoch INTEGER NOT NULL, data BLOB NOT NULL, mac BLOB
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erasure (
  number INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, data BLOB NOT NULL, mac BLOB NOT NULL
) STRICT;
"""
_ERASURE = b"erasure"


class SqliteContributions:
    """The driver for one process. Safe from several threads."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Opens or creates the file, readable by its owner alone; raises `ContributionStoreError`."""
        self._lock = Lock()
        self._path = path
        try:
            if read_only:
                self._connection = sqlite3.connect(
                    f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
                )
            else:
                path.touch(mode=0o600, exist_ok=True)
                self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
                self._prepare()
            size = self._connection.execute(
                "SELECT coalesce(sum(length(data)), 0) FROM contribution"
            ).fetchone()
            self._bytes = int(size[0])
        except (sqlite3.Error, OSError) as error:
            raise ContributionStoreError(f"contributions `{path.name}` cannot be opened: {error}") from error

    def _prepare(self) -> None:
        run = self._connection.execute
        if run("PRAGMA application_id").fetchone()[0] not in (0, _APPLICATION_ID):
            raise sqlite3.DatabaseError("the file belongs to another program")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA secure_delete = ON")  # erased is overwritten, not merely unlinked
        run("PRAGMA busy_timeout = 2000")
        run(f"PRAGMA application_id = {_APPLICATION_ID}")
        self._connection.executescript(_SCHEMA)

    @property
    def size_bytes(self) -> int:
        """Of all contributions together."""
        return self._bytes

    @property
    def is_full(self) -> bool:
        """Whether no further one is kept."""
        return self._bytes >= MAX_BYTES

    def put(self, sealed: Iterable[Sealed], epoch: int = 1) -> None:
        """Keeps contributions durably, each once; all of them or none.

        `epoch`: how many keys of the chain their ids are under. Raises `ContributionStoreError`.
        """
        rows = [(bytes.fromhex(one.commitment), one.data) for one in sealed]
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    added = 0
                    for commitment, data in rows:
                        done = self._connection.execute(
                            "INSERT OR IGNORE INTO contribution VALUES (?, ?, ?, NULL)",
                            (commitment, epoch, data),
                        )
                        added += done.rowcount * len(data)
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
                self._bytes += added
            except sqlite3.Error as error:
                raise ContributionStoreError(f"a contribution cannot be stored: {error}") from error

    def has(self, commitment: Digest) -> bool:
        """Whether it is kept; raises `ContributionStoreError`."""
        return bool(self._rows("SELECT 1 FROM contribution WHERE commitment = ?", bytes.fromhex(commitment)))

    def find(self, commitment: Digest, keys: Sequence[bytes] = ()) -> tuple[Sighting, ...] | None:
        """The sightings behind a commitment, by ids under the newest of `keys`; None for what is not there
        or does not match.

        `keys`: the whole chain, oldest first. What was wrapped in the store itself no longer matches its
        commitment, but a code under the newest key: without that key it is missing. Raises
        `ContributionStoreError`.
        """
        rows = self._rows(
            "SELECT epoch, data, mac FROM contribution WHERE commitment = ?", bytes.fromhex(commitment)
        )
        if not rows:
            return None
        epoch, data, mac = rows[0]
        try:
            if mac is None:
                return wrapped(unseal(data, commitment).sightings, tuple(keys[epoch:]))
            # Not under an older key either: whoever has got hold of that one cannot put anything here.
            if epoch != len(keys) or not hmac.compare_digest(
                mac, _code(keys, bytes.fromhex(commitment), data)
            ):
                return None
            return unseal(data, None).sightings
        except ContributionParseError:
            return None

    def rewrap(self, keys: Sequence[bytes]) -> int:
        """Every id under the newest of the chain, and none under an older one alone; how many were changed.

        `keys`: the whole chain with the new one, under which nothing is kept yet. Raises
        `ContributionStoreError`; all of them are changed, or none.
        """
        with self._lock:
            try:
                rows = self._connection.execute("SELECT commitment FROM contribution").fetchall()
            except sqlite3.Error as error:
                raise ContributionStoreError(f"contributions cannot be read: {error}") from error
        changed: list[tuple[object, ...]] = []
        for (commitment,) in rows:
            named = Digest(commitment.hex())
            sightings = self.find(named, keys[:-1])
            if sightings is None:
                continue  # it counts as missing before and after
            sightings = wrapped(sightings, tuple(keys[-1:]))
            # The nonce is not needed to check it any more, and would tie it to the commitment.
            data = seal(Contribution(b"", sightings)).data
            changed.append((len(keys), data, _code(keys, commitment, data), commitment))
        again = [
            (len(keys), data, _code(keys, _ERASURE, data), number)
            for number, data in self._erasures(keys[:-1])
        ]
        self._write(
            [
                ("UPDATE contribution SET epoch = ?, data = ?, mac = ? WHERE commitment = ?", changed),
                ("UPDATE erasure SET epoch = ?, data = ?, mac = ? WHERE number = ?", again),
            ]
        )
        self._vacuum()
        return len(changed)

    def erase(self, erasure: Erasure, keys: Sequence[bytes]) -> None:
        """Puts sums in the place of contributions, at once; raises `ContributionStoreError`.

        Under a code of the newest key: nobody who only has the disk makes persons disappear.
        """
        gone = [(bytes.fromhex(one),) for one in erasure.commitments]
        data = erasure.render()
        self._write(
            [
                ("DELETE FROM contribution WHERE commitment = ?", gone),
                (
                    "INSERT INTO erasure VALUES (NULL, ?, ?, ?)",
                    [(len(keys), data, _code(keys, _ERASURE, data))],
                ),
            ]
        )
        self._vacuum()

    def erasures(self, keys: Sequence[bytes]) -> tuple[Erasure, ...]:
        """Those that hold under the newest key: of others the contributions are missing. Raises
        `ContributionStoreError`."""
        found: list[Erasure] = []
        for _, data in self._erasures(keys):
            with suppress(ContributionParseError):
                found.append(parse_erasure(data))
        return tuple(found)

    def _erasures(self, keys: Sequence[bytes]) -> list[tuple[int, bytes]]:
        rows = self._rows("SELECT number, epoch, data, mac FROM erasure")
        return [
            (number, data)
            for number, epoch, data, mac in rows
            if keys and epoch == len(keys) and hmac.compare_digest(mac, _code(keys, _ERASURE, data))
        ]

    def forget_all_but(self, kept: Mapping[Digest, object]) -> int:
        """Deletes what no use of the last twelve months speaks of; how many. Raises
        `ContributionStoreError`."""
        rows = self._rows("SELECT commitment FROM contribution")
        gone = [(one,) for (one,) in rows if Digest(one.hex()) not in kept]
        if gone:
            self._write([("DELETE FROM contribution WHERE commitment = ?", gone)])
        return len(gone)

    def close(self) -> None:
        """Releases the file; the store is not used afterwards."""
        with self._lock:
            self._connection.close()

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise ContributionStoreError(f"contributions cannot be read: {error}") from error

    def _write(self, statements: Sequence[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    for query, rows in statements:
                        self._connection.executemany(query, rows)
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
                size = self._connection.execute(
                    "SELECT coalesce(sum(length(data)), 0) FROM contribution"
                ).fetchone()
                self._bytes = int(size[0])
            except sqlite3.Error as error:
                raise ContributionStoreError(f"contributions cannot be written: {error}") from error

    def _vacuum(self) -> None:
        """Leaves nothing of what was erased in the journal or in free pages."""
        with self._lock:
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._connection.execute("VACUUM")
            except sqlite3.Error as error:
                raise ContributionStoreError(f"contributions cannot be written: {error}") from error


def _code(keys: Sequence[bytes], about: bytes, data: bytes) -> bytes:
    return hmac.digest(keys[-1], b"kept\x00%d\x00" % len(keys) + about + b"\x00" + data, "sha256")
