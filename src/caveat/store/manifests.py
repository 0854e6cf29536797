"""Manifests on SQLite: which leaf and which anchor stands in which manifest, found without the caller's help.

Only manifests whose list was checked against the head, and whose head an admitted statement names, are put
here. Fails towards absence of permission: what cannot be read raises `EvidenceStoreError`. Each issuer has a
room of its own, so nobody's uploads take another's place. Source: ADR-0022.
"""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import orjson

from caveat.evidence.manifest import Manifest
from caveat.evidence.recognition import Holder, Listed
from caveat.evidence.rows import Columns
from caveat.evidence.sentences import cheap_of
from caveat.signing.digest import Digest
from caveat.store.errors import EvidenceStoreError, RoomFullError
from caveat.store.marks import SEVERAL, Bits, Owners

MAX_LEAVES_PER_ISSUER = 10_000_000
MAX_MANIFESTS_PER_ISSUER = 1_000
_APPLICATION_ID = 0x4356454D
_AT_ONCE = 512
_PROBES = 8
_SCHEMA = """
CREATE TABLE IF NOT EXISTS manifest (
  number INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, n INTEGER NOT NULL,
  root BLOB NOT NULL, columns TEXT NOT NULL, salt BLOB NOT NULL, anchors INTEGER NOT NULL,
  issuer TEXT NOT NULL, lineage TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS leaf (
  hash BLOB NOT NULL, manifest INTEGER NOT NULL, copies INTEGER NOT NULL, PRIMARY KEY (hash, manifest)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS anchor (
  hash INTEGER NOT NULL, manifest INTEGER NOT NULL, PRIMARY KEY (hash, manifest)
) STRICT, WITHOUT ROWID;
"""
_LEAVES = "SELECT hash, manifest, copies FROM leaf WHERE hash IN"
_ANCHORS = "SELECT hash, manifest, 1 FROM anchor WHERE hash IN"
_Key = TypeVar("_Key", bytes, int)
_SIGN = 1 << 63  # SQLite's integers are signed


class SqliteManifestStore:
    """The driver for one process, and the index in which parts are known again. Safe from several threads."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the file, readable by its owner alone; raises `EvidenceStoreError`."""
        self._lock = Lock()
        self._leaves, self._anchors, self._owners = Bits(), Bits(), Owners()
        self._listed: dict[int, Listed] = {}
        self._tables: dict[tuple[Columns, bytes], None] = {}
        self._with_sentences = self._with_anchors = False
        try:
            path.touch(mode=0o600, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise EvidenceStoreError(f"manifest store `{path.name}` cannot be opened: {error}") from error

    def _prepare(self) -> None:
        run = self._connection.execute
        if run("PRAGMA application_id").fetchone()[0] not in (0, _APPLICATION_ID):
            raise sqlite3.DatabaseError("the file belongs to another program")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("PRAGMA busy_timeout = 2000")
        run(f"PRAGMA application_id = {_APPLICATION_ID}")
        self._connection.executescript(_SCHEMA)
        for row in run("SELECT * FROM manifest"):
            self._learn(row)
        for (leaf,) in run("SELECT hash FROM leaf"):
            self._leaves.add(_prefix(leaf))
        for anchor, number in run("SELECT hash, manifest FROM anchor"):
            self._mark(anchor + _SIGN, number)

    def _mark(self, anchor: int, number: int) -> None:
        self._anchors.add(cheap_of(anchor))
        self._owners.add(anchor, number)

    def _learn(self, row: Sequence[Any]) -> None:
        number, digest, kind, n, root, columns, salt, anchors, issuer, lineage = row
        self._listed[number] = Listed(Digest(digest), n, root, issuer, lineage)
        if kind == "rows":
            self._tables[(tuple(orjson.loads(columns)), salt)] = None
        else:
            self._with_sentences = True
            self._with_anchors |= anchors > 0

    def put(self, manifest: Manifest, issuer: str, lineage: str) -> bool:
        """Keeps a checked manifest durably under the issuer that vouches for it; False if it was there.

        Raises `EvidenceStoreError`, with nothing kept, where the issuer's room is full.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    row = self._insert(manifest, issuer, lineage)
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise EvidenceStoreError(f"the manifest cannot be stored: {error}") from error
            if row is not None:
                for leaf in manifest.leaves:
                    self._leaves.add(_prefix(leaf))
                for anchor in manifest.anchors:
                    self._mark(anchor, row[0])
                self._learn(row)
        return row is not None

    def _insert(self, manifest: Manifest, issuer: str, lineage: str) -> tuple[Any, ...] | None:
        run = self._connection.execute
        if run("SELECT 1 FROM manifest WHERE digest = ?", (manifest.digest,)).fetchone() is not None:
            return None
        held = "SELECT count(*), coalesce(sum(n + anchors), 0) FROM manifest WHERE issuer = ?"
        count, leaves = run(held, (issuer,)).fetchone()
        n, anchors = len(manifest.leaves), len(manifest.anchors)
        if count >= MAX_MANIFESTS_PER_ISSUER or leaves + n + anchors > MAX_LEAVES_PER_ISSUER:
            raise RoomFullError("the room for this issuer's manifests is full")
        columns = orjson.dumps(manifest.columns).decode()
        said = (
            manifest.digest,
            manifest.kind,
            n,
            manifest.root,
            columns,
            manifest.salt,
            anchors,
            issuer,
            lineage,
        )
        number = run("INSERT INTO manifest VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", said).lastrowid
        copies = manifest.copies().items()
        many = self._connection.executemany
        many("INSERT INTO leaf VALUES (?, ?, ?)", [(leaf, number, times) for leaf, times in copies])
        many("INSERT INTO anchor VALUES (?, ?)", [(anchor - _SIGN, number) for anchor in manifest.anchors])
        return (number, *said)

    @property
    def tables(self) -> Collection[tuple[Columns, bytes]]:
        """Columns and salt of each kind of table that any manifest has."""
        return self._tables

    @property
    def has_sentences(self) -> bool:
        """Whether there is a manifest of a document."""
        return self._with_sentences

    @property
    def has_anchors(self) -> bool:
        """Whether there are anchors to look for."""
        return self._with_anchors

    @property
    def size(self) -> int:
        """How many manifests there are."""
        return len(self._listed)

    def listed(self) -> tuple[Listed, ...]:
        """Every manifest, in the order in which they came."""
        return tuple(self._listed.values())

    def holders(self, leaves: Iterable[bytes]) -> Mapping[bytes, tuple[Holder, ...]]:
        """For each of these leaves that is known, every manifest that has it."""
        return self._found(_LEAVES, self._leaves.known(leaves))

    @property
    def cheap_anchors(self) -> bytearray:
        """A map of 2^24 bits, marked for the cheap hash of every anchor that is known."""
        return self._anchors.marks

    def anchor_holders(self, anchors: Iterable[int]) -> Mapping[int, tuple[Holder, ...]]:
        """As the index promises: of anchors with the same holders at least one is found, and all of these.

        A part that quotes a document shares many anchors with it, and nearly all are that document's alone:
        the first that is found answers for the others.
        """
        groups = dict(self._owners.grouped(anchors))
        first = groups.pop(SEVERAL, [])
        first += [anchor for alone in groups.values() for anchor in alone[:_PROBES]]
        found = self._found_anchors(first)
        left = [
            anchor
            for alone in groups.values()
            if found.keys().isdisjoint(alone[:_PROBES])
            for anchor in alone[_PROBES:]
        ]
        return {**found, **self._found_anchors(left)}

    def _found_anchors(self, anchors: Sequence[int]) -> dict[int, tuple[Holder, ...]]:
        found = self._found(_ANCHORS, [anchor - _SIGN for anchor in anchors])
        return {stored + _SIGN: holders for stored, holders in found.items()}

    def _found(self, query: str, wanted: Sequence[_Key]) -> dict[_Key, tuple[Holder, ...]]:
        # Fragments of one document have the same holders, and there are many of them: each is made once.
        made: dict[tuple[int, int, int], tuple[Holder, ...]] = {}
        found: dict[_Key, tuple[Holder, ...]] = {}
        for key, number, copies in self._rows(query, wanted):
            before: tuple[Holder, ...] = found.get(key, ())
            step = (id(before), number, copies)
            if step not in made:
                made[step] = (*before, Holder(self._listed[number], copies))
            found[key] = made[step]
        return found

    def _rows(self, query: str, wanted: Sequence[_Key]) -> list[tuple[_Key, int, int]]:
        rows: list[tuple[_Key, int, int]] = []
        with self._lock:
            try:
                for start in range(0, len(wanted), _AT_ONCE):
                    some = _padded(list(wanted[start : start + _AT_ONCE]))
                    marks = ",".join("?" * len(some))
                    rows += self._connection.execute(f"{query} ({marks})", some).fetchall()
            except sqlite3.Error as error:
                raise EvidenceStoreError(f"manifests cannot be read: {error}") from error
        return rows

    def close(self) -> None:
        """Releases the files; the store is not used afterwards."""
        with self._lock:
            self._connection.close()


def _prefix(leaf: bytes) -> int:
    return int.from_bytes(leaf[:4], "big")


def _padded(keys: list[_Key]) -> list[_Key]:
    """As many as a power of two, the last again and again, so that few statements are prepared, and once."""
    return keys + keys[-1:] * ((1 << (len(keys) - 1).bit_length()) - len(keys))
