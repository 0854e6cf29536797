"""Verified evidence on SQLite, found by the digest of the bytes that it is about.

Fails towards absence: what cannot be read raises `EvidenceStoreError`, and nothing unverified is ever kept.
WAL with synchronous=FULL, so that an acknowledged upload survives a power cut. Source: SQLite WAL
documentation, DESIGN section 4.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Protocol

from caveat.evidence.envelope import VerifiedEnvelope
from caveat.signing.digest import Digest
from caveat.store.errors import EvidenceStoreError, RoomFullError

MAX_PER_ISSUER = 64
"""How many envelopes one issuer may have about one digest; more would make every use of those bytes dear.

Each issuer has a room of its own: whoever fills its own locks nobody else out.
"""

_APPLICATION_ID = 0x43564556
_AT_ONCE = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS envelope (digest TEXT PRIMARY KEY, raw BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subject (
  digest TEXT NOT NULL, envelope TEXT NOT NULL REFERENCES envelope (digest), issuer TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (digest, envelope)
) STRICT, WITHOUT ROWID;
"""


class EvidenceStore(Protocol):
    """What every driver does; `check_evidence_store` in the tests holds each to it."""

    def put(self, verified: VerifiedEnvelope) -> bool:
        """Keeps the envelope under each subject's digest, durably; False if it was there already."""
        ...

    def get(self, digests: Iterable[Digest]) -> tuple[bytes, ...]:
        """Every envelope about any of these digests, each once, exactly as it was received."""
        ...

    def close(self) -> None:
        """Releases the files; the store is not used afterwards."""
        ...


_ABSENT = 65_536
"""Digests that are remembered as not in the store: a history that is sent again asks for the same ones."""


class _Presence:
    """Digests that may be in the store; one that is not here certainly is not. Two megabytes, whatever comes.

    Most uses have no stored evidence: they learn it here, without a query.
    """

    def __init__(self) -> None:
        self._bits = bytearray(1 << 21)

    def add(self, digest: str) -> None:
        """Marks the digest, and with it one in 16 million others."""
        place = int(digest[:6], 16)
        self._bits[place >> 3] |= 1 << (place & 7)

    def among(self, digests: Iterable[Digest]) -> list[Digest]:
        """Those that may be in the store."""
        bits = self._bits
        return [one for one in digests if bits[(place := int(one[:6], 16)) >> 3] & 1 << (place & 7)]


class SqliteEvidenceStore:
    """The driver for one process. Safe to call from several threads."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the file, readable by its owner alone; raises `EvidenceStoreError`."""
        self._lock = Lock()
        self._presence = _Presence()
        self._absent: set[Digest] = set()
        self._absent_lock = Lock()
        self._puts = 0
        try:
            path.touch(mode=0o600, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise EvidenceStoreError(f"evidence store `{path.name}` cannot be opened: {error}") from error

    def _prepare(self) -> None:
        run = self._connection.execute
        found = run("PRAGMA application_id").fetchone()[0]
        if found not in (0, _APPLICATION_ID):
            raise sqlite3.DatabaseError("the file belongs to another program")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA foreign_keys = ON")
        run("PRAGMA busy_timeout = 2000")
        run(f"PRAGMA application_id = {_APPLICATION_ID}")
        self._connection.executescript(_SCHEMA)
        if "issuer" not in [row[1] for row in run("PRAGMA table_info(subject)")]:
            run("ALTER TABLE subject ADD COLUMN issuer TEXT NOT NULL DEFAULT ''")  # a file of release 0.1.0
        for (digest,) in run("SELECT DISTINCT digest FROM subject"):
            self._presence.add(digest)

    def put(self, verified: VerifiedEnvelope) -> bool:
        """Keeps the envelope under each subject's digest, durably; False if it was there already.

        Raises `EvidenceStoreError`, with nothing kept, where its issuer has `MAX_PER_ISSUER` about a subject.
        """
        subjects = sorted({subject.digest for subject in verified.statement.subjects})
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    new = self._insert(verified, subjects)
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise EvidenceStoreError(f"evidence cannot be stored: {error}") from error
        return new

    def _insert(self, verified: VerifiedEnvelope, subjects: Sequence[Digest]) -> bool:
        run = self._connection.execute
        added = run("INSERT OR IGNORE INTO envelope VALUES (?, ?)", (verified.digest, verified.raw))
        if added.rowcount == 0:
            return False
        for subject in subjects:
            own = "SELECT count(*) FROM subject WHERE digest = ? AND issuer = ?"
            if run(own, (subject, verified.issuer.keyid)).fetchone()[0] >= MAX_PER_ISSUER:
                raise RoomFullError(f"there are {MAX_PER_ISSUER} statements of one issuer about this already")
            row = (subject, verified.digest, verified.issuer.keyid)
            run("INSERT INTO subject (digest, envelope, issuer) VALUES (?, ?, ?)", row)
            self._presence.add(subject)
        with self._absent_lock:
            self._puts += 1
            self._absent.clear()
        return True

    def _wanted(self, digests: set[Digest]) -> list[Digest]:
        """Those that may be in the store. What was asked for since the last `put` is not looked up again."""
        puts = self._puts
        fresh = digests - self._absent
        wanted = sorted(self._presence.among(fresh))
        with self._absent_lock:
            # INVARIANT: no digest is held absent that a `put` has marked in the meantime.
            if puts == self._puts:
                if len(self._absent) > _ABSENT:
                    self._absent.clear()
                self._absent |= fresh.difference(wanted)
        return wanted

    def get(self, digests: Iterable[Digest]) -> tuple[bytes, ...]:
        """Every envelope about any of these digests, each once, exactly as it was received."""
        wanted = self._wanted(set(digests))
        if not wanted:
            return ()
        found: dict[str, bytes] = {}
        with self._lock:
            try:
                for start in range(0, len(wanted), _AT_ONCE):
                    some = wanted[start : start + _AT_ONCE]
                    marks = ",".join("?" * len(some))
                    found.update(
                        self._connection.execute(
                            "SELECT envelope.digest, raw FROM subject JOIN envelope"  # noqa: S608 - question marks only
                            f" ON envelope.digest = subject.envelope WHERE subject.digest IN ({marks})",
                            some,
                        )
                    )
            except sqlite3.Error as error:
                raise EvidenceStoreError(f"evidence cannot be read: {error}") from error
        return tuple(found[digest] for digest in sorted(found))

    def close(self) -> None:
        """Releases the files; the store is not used afterwards."""
        with self._lock:
            self._connection.close()


class MemoryEvidenceStore:
    """The same in memory, for tools and tests that keep nothing."""

    def __init__(self) -> None:
        """Empty."""
        self._envelopes: dict[Digest, bytes] = {}
        self._subjects: dict[Digest, dict[Digest, Digest]] = {}

    def put(self, verified: VerifiedEnvelope) -> bool:
        """As the protocol says, without durability."""
        subjects = {subject.digest for subject in verified.statement.subjects}
        if verified.digest in self._envelopes:
            return False
        issuer = verified.issuer.keyid
        if any(
            list(self._subjects.get(one, {}).values()).count(issuer) >= MAX_PER_ISSUER for one in subjects
        ):
            raise RoomFullError(f"there are {MAX_PER_ISSUER} statements of one issuer about this already")
        self._envelopes[verified.digest] = verified.raw
        for subject in subjects:
            self._subjects.setdefault(subject, {})[verified.digest] = issuer
        return True

    def get(self, digests: Iterable[Digest]) -> tuple[bytes, ...]:
        """As the protocol says."""
        found = {one for digest in digests for one in self._subjects.get(digest, ())}
        return tuple(self._envelopes[digest] for digest in sorted(found))

    def close(self) -> None:
        """Forgets everything."""
        self._envelopes.clear()
        self._subjects.clear()
