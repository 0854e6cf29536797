"""Issued API keys on SQLite: the SHA-256 of each, whom it speaks for, and until when. Never the key itself.

One file that the command line writes and the running gateway reads. What is acknowledged is on disk; a
reader sees a change whole or not at all. Raises `KeyStoreError`, and nothing is changed then.
"""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from caveat.signing.digest import Digest, parse_digest
from caveat.store.errors import KeyStoreError

FILE = "api_keys.sqlite3"
_APPLICATION_ID = 0x4356414B
_HEADER_BYTES = 100
_SCHEMA = """
CREATE TABLE IF NOT EXISTS api_key (
  digest TEXT PRIMARY KEY, deployment TEXT NOT NULL, label TEXT NOT NULL, issued_at TEXT NOT NULL,
  expires_at TEXT, revoked_at TEXT
) STRICT, WITHOUT ROWID
"""
_COLUMNS = "digest, deployment, label, issued_at, expires_at, revoked_at"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One row. Times are RFC 3339 in UTC."""

    digest: Digest
    deployment: str
    label: str
    issued_at: str
    expires_at: str | None = None
    revoked_at: str | None = None

    @property
    def id(self) -> str:
        """The digest's first 16 digits."""
        return self.digest[:16]


class ApiKeyStore:
    """The issued keys of one data folder. The file is made by the first key that is issued."""

    def __init__(self, data: Path) -> None:
        """Opens nothing. `data`: the gateway's data folder."""
        self._path = data / FILE

    def fingerprint(self) -> tuple[int, bytes] | None:
        """Differs whenever the file has changed; None where there is none. Raises `KeyStoreError`.

        Which file it is, and its header with the counter that every change raises. Source: SQLite file
        format, section 1.3.
        """
        try:
            with self._path.open("rb") as file:
                return os.fstat(file.fileno()).st_ino, file.read(_HEADER_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyStoreError(
                f"`{self._path.name}` cannot be read: {(error.strerror or 'refused').lower()}"
            ) from error

    def all(self) -> tuple[StoredKey, ...]:
        """Every key ever issued, the oldest first; none where there is no file."""
        if self.fingerprint() is None:
            return ()
        with self._connected() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM api_key ORDER BY issued_at, digest")  # noqa: S608 - a constant
            try:
                return tuple(StoredKey(parse_digest(digest), *rest) for digest, *rest in rows)
            except ValueError as error:
                raise KeyStoreError(f"`{self._path.name}` holds something that is no digest") from error

    def add(self, key: StoredKey) -> None:
        """Keeps a new key, durably."""
        row = (key.digest, key.deployment, key.label, key.issued_at, key.expires_at, key.revoked_at)
        with self._connected(create=True) as connection:
            connection.execute(f"INSERT INTO api_key ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", row)  # noqa: S608 - a constant

    def revoke(self, key_id: str, moment: str) -> StoredKey | None:
        """The key with this id, revoked from now on, durably; None where no such key was issued."""
        found = next((key for key in self.all() if key.id == key_id), None)
        if found is None or found.revoked_at is not None:
            return found
        with self._connected() as connection:
            connection.execute(
                "UPDATE api_key SET revoked_at = ? WHERE digest = ? AND revoked_at IS NULL",
                (moment, found.digest),
            )
        return next(key for key in self.all() if key.id == key_id)

    @contextmanager
    def _connected(self, *, create: bool = False) -> Generator[sqlite3.Connection]:
        try:
            if create:
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(self._path, timeout=5.0)
            try:
                self._prepare(connection)
                with connection:
                    yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise KeyStoreError(f"`{self._path.name}` cannot be used: {error}") from error
        except OSError as error:
            raise KeyStoreError(
                f"`{self._path.name}` cannot be used: {(error.strerror or 'refused').lower()}"
            ) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("PRAGMA application_id").fetchone()[0]
        if found == _APPLICATION_ID:
            return
        if found != 0:
            raise sqlite3.DatabaseError("the file belongs to another program")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.commit()
