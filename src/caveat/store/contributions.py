"""Contributions on SQLite: what tells the persons of a use apart, durable before the use is released.

A file of its own beside the ledger, so that it can be erased while the ledger stays. It holds keyed ids and
names of attributes, all of it sealed (AES-256-GCM) under a key that is derived from the chain: without that
nobody sees which uses reached the same person. Fails towards counting too many: what cannot be written holds
the use back, and what cannot be read is missing. Source: ADR-0047.
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from caveat.labels.subjects import Sighting
from caveat.monitors.contribution import Contribution, ContributionParseError, Sealed, seal, unseal
from caveat.monitors.erasure import Erasure, parse_erasure
from caveat.monitors.keys import SubjectKeys, proof_of, wrapped
from caveat.signing.digest import Digest
from caveat.store.errors import ChainDiffersError, ContributionStoreError

MAX_BYTES = 8 * 1024**3
"""Of all contributions; above, uses are counted by their data, which is more persons and never fewer."""
_APPLICATION_ID = 0x4356534A
_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS chain (number INTEGER PRIMARY KEY, proof BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS contribution (
  commitment BLOB PRIMARY KEY, number INTEGER NOT NULL, data BLOB NOT NULL, rewrapped INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erasure (
  id INTEGER PRIMARY KEY, number INTEGER NOT NULL, data BLOB NOT NULL
) STRICT;
"""
_ERASURE = b"erasure"
_NONCE_BYTES = 12


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
        begun = run("SELECT count(*) FROM sqlite_schema").fetchone()[0] > 0
        if begun and run("PRAGMA user_version").fetchone()[0] != _VERSION:
            raise sqlite3.DatabaseError("another release made it; without it, its uses count by their data")
        run(f"PRAGMA user_version = {_VERSION}")
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

    def check_chain(self, keys: SubjectKeys | None, *, note: bool = True) -> None:
        """Returns only for the chain that the store is kept under, or that continues it; of an empty store
        any chain is. `note`: whether from now on this is the chain of the store.

        Raises `ContributionStoreError`, and `KeysUnavailableError`.
        """
        known: dict[int, bytes] = dict(self._rows("SELECT number, proof FROM chain"))
        if not known and keys is None:
            return
        if keys is None:
            raise ChainDiffersError("persons were told apart here under a key, and none is given")
        newest = max(known, default=0)
        if newest > keys.number:
            raise ChainDiffersError(
                f"the chain has {keys.number} keys, and what is kept here is under {newest}"
            )
        for number, proof in known.items():
            if proof_of(keys, number) != proof:
                raise ChainDiffersError("what is kept here is under another chain")
        if note and newest < keys.number:
            row = (keys.number, proof_of(keys, keys.number))
            self._write([("INSERT INTO chain VALUES (?, ?)", [row])])

    def renew_chain(self, keys: SubjectKeys | None) -> None:
        """Goes on under another chain, or under none: what is kept under the lost one counts by its data.

        Raises `ContributionStoreError`, and `KeysUnavailableError`.
        """
        rows = [] if keys is None else [(keys.number, proof_of(keys, keys.number))]
        self._write([("DELETE FROM chain", [()]), ("INSERT INTO chain VALUES (?, ?)", rows)])

    @property
    def has_chain(self) -> bool:
        """Whether persons were told apart here. Raises `ContributionStoreError`."""
        return bool(self._rows("SELECT 1 FROM chain LIMIT 1"))

    def put(self, sealed: Iterable[Sealed], keys: SubjectKeys) -> None:
        """Keeps contributions durably, each once; all of them or none. One that is there already costs the
        same writing, so that nobody tells by the time whether it was. Raises `ContributionStoreError`.
        """
        number = keys.number
        cipher = self._cipher(keys, number)
        rows = [
            (commitment := bytes.fromhex(one.commitment), number, _locked(cipher, commitment, one.data), 0)
            for one in sealed
        ]
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    added = 0
                    for row in rows:
                        known = self._connection.execute(
                            "SELECT length(data) FROM contribution WHERE commitment = ?", row[:1]
                        ).fetchone()
                        self._connection.execute(
                            "INSERT OR REPLACE INTO contribution VALUES (?, ?, ?, ?)", row
                        )
                        added += len(row[2]) - (known[0] if known else 0)
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

    def find(self, commitment: Digest, keys: SubjectKeys | None) -> tuple[Sighting, ...] | None:
        """The sightings behind a commitment, by ids under the newest key; None for what is not there, cannot
        be unsealed or does not match.

        What was wrapped in the store itself no longer matches its commitment, and counts only as it is sealed
        under the newest key: whoever has got hold of an older one can put nothing here. Raises
        `ContributionStoreError`, and `KeysUnavailableError`.
        """
        return None if keys is None else self._found(commitment, keys, keys.number)

    def _found(self, commitment: Digest, keys: SubjectKeys, newest: int) -> tuple[Sighting, ...] | None:
        """As `find`, with what was wrapped here when there were `newest` keys; by ids under all of `keys`."""
        about = bytes.fromhex(commitment)
        query = "SELECT number, data, rewrapped FROM contribution WHERE commitment = ?"
        for number, data, rewrapped in self._rows(query, about):
            if not 1 <= number <= keys.number or (rewrapped and number != newest):
                return None
            plain = _unlocked(self._cipher(keys, number), about, data)
            if plain is None:
                return None
            try:
                found = unseal(plain, None if rewrapped else commitment).sightings
            except ContributionParseError:
                return None
            return wrapped(found, keys, number)
        return None

    def rewrap(self, keys: SubjectKeys) -> int:
        """Every id under the newest key, and none under an older one alone; how many contributions changed.

        `keys`: the chain that the store is kept under, and more. Raises `ContributionStoreError`, and
        `KeysUnavailableError`; all of them are changed, or none.
        """
        self.check_chain(keys, note=False)
        newest = max((number for (number,) in self._rows("SELECT number FROM chain")), default=0)
        if newest >= keys.number:
            raise ChainDiffersError("the chain has no key that what is kept here is not under already")
        cipher = self._cipher(keys, keys.number)
        changed: list[tuple[object, ...]] = []
        for (commitment,) in self._rows("SELECT commitment FROM contribution"):
            sightings = self._found(Digest(commitment.hex()), keys, newest)
            if sightings is None:
                continue  # it counts as missing before and after
            # The nonce is not needed to check it any more, and would tie it to the commitment.
            data = seal(Contribution(b"", sightings)).data
            changed.append((keys.number, _locked(cipher, commitment, data), commitment))
        again = [
            (keys.number, _locked(cipher, _ERASURE, plain), at) for at, plain in self._erasures(keys, newest)
        ]
        self._write(
            [
                ("UPDATE contribution SET number = ?, data = ?, rewrapped = 1 WHERE commitment = ?", changed),
                ("UPDATE erasure SET number = ?, data = ? WHERE id = ?", again),
                ("DELETE FROM chain", [()]),
                ("INSERT INTO chain VALUES (?, ?)", [(keys.number, proof_of(keys, keys.number))]),
            ]
        )
        self._vacuum()
        return len(changed)

    def erase(self, erasure: Erasure, keys: SubjectKeys) -> None:
        """Puts sums in the place of contributions, at once, sealed under the newest key: nobody who only has
        the disk makes persons disappear. Raises `ContributionStoreError`, and `KeysUnavailableError`.
        """
        gone = [(bytes.fromhex(one),) for one in erasure.commitments]
        data = _locked(self._cipher(keys, keys.number), _ERASURE, erasure.render())
        self._write(
            [
                ("DELETE FROM contribution WHERE commitment = ?", gone),
                ("INSERT INTO erasure VALUES (NULL, ?, ?)", [(keys.number, data)]),
            ]
        )
        self._vacuum()

    def erasures(self, keys: SubjectKeys | None) -> tuple[Erasure, ...]:
        """Those that are sealed under the newest key: of others the contributions are missing. Raises
        `ContributionStoreError`, and `KeysUnavailableError`."""
        found: list[Erasure] = []
        for _, data in [] if keys is None else self._erasures(keys, keys.number):
            with suppress(ContributionParseError):
                found.append(parse_erasure(data))
        return tuple(found)

    def _erasures(self, keys: SubjectKeys, number: int) -> list[tuple[int, bytes]]:
        rows = self._rows("SELECT id, data FROM erasure WHERE number = ?", number)
        if not rows:
            return []
        cipher = self._cipher(keys, number)
        opened = ((at, _unlocked(cipher, _ERASURE, data)) for at, data in rows)
        return [(at, plain) for at, plain in opened if plain is not None]

    def _cipher(self, keys: SubjectKeys, number: int) -> AESGCM:
        return AESGCM(keys.at_rest(number))

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


def _locked(cipher: AESGCM, about: bytes, data: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, data, about)


def _unlocked(cipher: AESGCM, about: bytes, data: bytes) -> bytes | None:
    """The plain bytes, if they were locked with this cipher and about this; None otherwise."""
    try:
        return cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], about)
    except (InvalidTag, ValueError):
        return None
