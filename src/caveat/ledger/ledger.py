"""The ledger as its users see it: append a record, and go on only when it is durable and signed."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner
from caveat.ledger.disk import Disk, Lock, RealDisk, replace_durably
from caveat.ledger.errors import (
    FolderError,
    LockedError,
    RecordParseError,
    RefusedRecordError,
    TileParseError,
)
from caveat.ledger.fence import Fence
from caveat.ledger.folder import KEY_FILE, LOCK, SIGNED, Folder, bundle_paths
from caveat.ledger.publish import Publisher, Sealed
from caveat.ledger.record import Record, StoppedRecord, not_before, parse_record_id
from caveat.ledger.recover import Recovered, check_known, create, recover
from caveat.ledger.sequencer import SEGMENT_BYTES, Receipt, Segments, Sequencer, Waiter
from caveat.ledger.tiles import MAX_LEAF_BYTES
from caveat.ledger.wire import binds_later_uses, check_shape, parse_record, render_record
from caveat.policy.bundle import bundle_digest
from caveat.signing.canonical import CanonicalError, JsonObject, canonical
from caveat.signing.digest import Digest
from caveat.signing.keys import PrivateKey
from caveat.signing.merkle import leaf_hash
from caveat.signing.note import NoteParseError

_RESERVE = "reserve"
_RESERVE_BYTES = 256 * 1024
_PUBLISH_SECONDS = 0.05
_PUBLISH_TRIES = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """A published leaf at its place."""

    index: int
    leaf: bytes


class Ledger:
    """One log, written by this process alone. Any disk error stops it for good (`StoppedError`).

    The order of records is the order of `submit`: between deciding and submitting, do not await.
    """

    def __init__(self, disk: Disk, folder: Path, lock: Lock) -> None:
        """Use `Ledger.open`."""
        self._disk = disk
        self._folder = folder
        self._lock = lock
        self._admission = threading.Lock()
        self._last_time = ""
        self._bundles: set[str] = set()
        self._closed = False
        self._sequencer: Sequencer
        self._publisher: Publisher
        self._origin: str
        self._dropped_bytes = 0

    @classmethod
    def open(
        cls,
        folder: Path,
        key: PrivateKey,
        *,
        origin: str,
        disk: Disk | None = None,
        publish_seconds: float = 1.0,
        segment_bytes: int = SEGMENT_BYTES,
        sequencer: type[Sequencer] = Sequencer,
        known: Sequence[bytes] = (),
    ) -> Self:
        """The log in `folder`, made if there is none. `key`: Ed25519, kept outside the folder.

        `known`: signed checkpoints that were kept elsewhere; the log must continue each. Raises
        `LockedError`, `FolderError` or `RolledBackError`: a log that does not hold what was signed is never
        written on. Unpublished records are published before this returns.
        """
        real = disk or RealDisk()
        real.make_directory(folder)
        try:
            lock = real.lock(folder / LOCK)
        except BlockingIOError as error:
            raise LockedError(
                "another process writes this log", "stop it, or give this one a folder"
            ) from error
        try:
            ledger = cls(real, folder, lock)
            ledger._begin(key, origin, publish_seconds, segment_bytes, sequencer, known)
        except BaseException:
            lock.release()
            raise
        return ledger

    def _begin(
        self,
        key: PrivateKey,
        origin: str,
        publish_seconds: float,
        segment_bytes: int,
        make_sequencer: type[Sequencer],
        known: Sequence[bytes],
    ) -> None:
        try:
            signer = CheckpointSigner(origin, key, Checkpoint(origin, 0, b""))
        except NoteParseError as error:
            raise FolderError(f"the log's origin or key does not serve: {error}") from error
        if KEY_FILE not in self._disk.names(self._folder):
            create(self._disk, self._folder, origin, key)
        found = recover(self._disk, self._folder, signer.verifier)
        check_known(Folder(self._disk, self._folder), found, signer.verifier, known)
        fence = Fence.take(self._disk, self._folder)
        signer = CheckpointSigner(origin, key, found.published)
        self._origin, self._dropped_bytes = origin, found.dropped_bytes
        self._publisher = Publisher(
            self._disk,
            self._folder,
            found.edge,
            publish_seconds,
            lambda fault: self._sequencer.stop(fault),
            fence.check,
        )
        self._publish_recovered(found, signer)
        segments = Segments(self._disk, self._folder, found.tree.size, segment_bytes)
        self._last_time = self._newest_time(found.tree.size)
        self._keep_room()
        self._sequencer = make_sequencer(
            segments,
            found.tree,
            signer,
            self._disk.slot(self._folder / SIGNED),
            self._publisher.hand_over,
            self._last_words,
            fence.check,
        )
        self._publisher.start()
        self._sequencer.start()

    @property
    def origin(self) -> str:
        """The name under which the log signs."""
        return self._origin

    @property
    def newest_time(self) -> str:
        """The time of the newest record, as records have it; empty where there is none."""
        return self._last_time

    @property
    def size(self) -> int:
        """Records that are durable and signed."""
        return self._sequencer.size

    @property
    def published_size(self) -> int:
        """Records under the checkpoint in the folder."""
        return self._publisher.published_size

    @property
    def dropped_bytes(self) -> int:
        """Bytes of a torn, never acknowledged tail that start-up dropped."""
        return self._dropped_bytes

    @property
    def fault(self) -> Exception | None:
        """Why no record is taken any more; None while records are taken."""
        return self._sequencer.fault

    async def append(self, record: JsonObject) -> Receipt:
        """Returns only when the record is durable and under a signed checkpoint; see `submit`."""
        return await self.submit(record)

    def submit(self, record: JsonObject) -> "asyncio.Future[Receipt]":
        """Gives the record its place at once; the future completes as `append` does.

        A time before that of the record ahead is recorded as that one's. Raises `RefusedRecordError` (this
        record alone: it is no record of this version, too large, or cites a bundle that is not stored) or
        `StoppedError`; the future fails with `StoppedError`. Whoever gets either must not let the use go on.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Receipt] = loop.create_future()
        self._admit(record, waiter, loop)
        return waiter

    def append_blocking(self, record: JsonObject) -> Receipt:
        """As `append`, for a caller without an event loop: blocks its thread."""
        waiter: Future[Receipt] = Future()
        self._admit(record, waiter, None)
        return waiter.result()

    def records(self, start: int = 0) -> Iterator[Entry]:
        """The published records from `start` on, in order: after `open`, all there are.

        Nothing is verified here. Raises `FolderError` where a tile is missing or broken.
        """
        view = Folder(self._disk, self._folder)
        try:
            for offset, leaf in enumerate(view.entries(start, self._publisher.published_size)):
                yield Entry(start + offset, leaf)
        except (FileNotFoundError, TileParseError) as error:
            raise FolderError("entries of the log are missing or broken", "verify the folder") from error

    def has_record(self, record_id: str) -> bool:
        """Whether a record has this id; raises `RecordParseError` for what is no id. Blocks.

        Waits for one that is durable to be published, for a while; False where it never is.
        """
        index, prefix = parse_record_id(record_id)
        for _ in range(_PUBLISH_TRIES):
            if index < self.published_size or index >= self.size:
                break
            time.sleep(_PUBLISH_SECONDS)
        if index >= self.published_size:
            return False
        return Folder(self._disk, self._folder).has_record(index, prefix)

    def binding_records(self) -> Iterator[Record]:
        """The published records that later uses depend on: for folds at start-up, many times faster.

        Only decisions that reserve persons or cite a one-time id; the others are skipped unread. Raises
        `FolderError`.
        """
        for entry in self.records():
            if binds_later_uses(entry.leaf):
                yield self._parse(entry)

    def store_bundle(self, files: Mapping[str, bytes]) -> Digest:
        """Keeps a policy bundle's files with the log, durably; only then may a record cite its digest.

        Raises `FolderError` for a file name that leads out of the folder, `OSError` if the disk fails.
        """
        digest = bundle_digest(files)
        paths = bundle_paths(self._folder, digest, tuple(files))
        stored = Folder(self._disk, self._folder).bundle(digest) or {}
        fresh = {path: files[name] for name, path in paths.items() if stored.get(name) != files[name]}
        replace_durably(self._disk, fresh)
        self._bundles.add(digest)
        return digest

    def stored_bundle(self, digest: Digest) -> Mapping[str, bytes] | None:
        """The files of a policy bundle that was kept, only if they still have its digest; None otherwise."""
        files = Folder(self._disk, self._folder).bundle(digest)
        return files if files is not None and bundle_digest(files) == digest else None

    def close(self) -> None:
        """Commits and publishes what was submitted, then lets the folder go. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._sequencer.close()
        self._publisher.close()
        self._lock.release()

    def _admit(self, record: JsonObject, waiter: Waiter, loop: asyncio.AbstractEventLoop | None) -> None:
        try:
            check_shape(record)
        except RecordParseError as error:
            raise RefusedRecordError(str(error)) from error
        bundle = record.get("bundle")
        if bundle is not None and bundle not in self._bundles:
            raise RefusedRecordError(
                "the record cites a bundle that is not stored", "call store_bundle first"
            )
        with self._admission:
            time = not_before(self._last_time, str(record["time"]))
            try:
                leaf = canonical(record if time == record["time"] else {**record, "time": time})
            except CanonicalError as error:
                raise RefusedRecordError(f"the record has no canonical form: {error}") from error
            if len(leaf) > MAX_LEAF_BYTES:
                raise RefusedRecordError("the record is larger than 65535 bytes", "send fewer data parts")
            self._sequencer.submit(leaf, waiter, loop)
            self._last_time = time

    def _publish_recovered(self, found: Recovered, signer: CheckpointSigner) -> None:
        if found.unpublished:
            signed = signer.sign(found.tree.size, found.tree.root())
            hashes = [leaf_hash(leaf) for leaf in found.unpublished]
            self._publisher.publish_now(Sealed(found.unpublished, hashes, found.tree.size, signed))

    def _newest_time(self, size: int) -> str:
        for entry in self.records(max(size - 1, 0)):
            return self._parse(entry).time
        return ""

    @staticmethod
    def _parse(entry: Entry) -> Record:
        try:
            return parse_record(entry.leaf)
        except RecordParseError as error:
            raise FolderError(
                f"record {entry.index} is not of this version", "open the log with a newer release"
            ) from error

    def _keep_room(self) -> None:
        """Room on the disk for the last record of a ledger that the disk stops."""
        replace_durably(self._disk, {self._folder / _RESERVE: b"\xff" * _RESERVE_BYTES})

    def _last_words(self, _fault: Exception) -> bytes:
        self._disk.remove(self._folder / _RESERVE)
        return canonical(render_record(StoppedRecord(self._last_time, "disk_full")))
