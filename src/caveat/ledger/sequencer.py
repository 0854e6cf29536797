"""The one writer: it gives records their order and lets nobody go on before theirs is durable and signed.

One thread takes whatever queued while the last batch was being synced (natural group commit, no linger), and
for each batch, in this order and no other: 0 check that no other process took the log over, here, before 4
and before 6; 1 append the frames to the write-ahead log; 2 fdatasync; 3 add the leaves to the tree; 4 sign
one checkpoint over all of them; 5 note what was signed; 6 release every caller of the batch; 7 hand the batch
to the publisher. A failure anywhere stops the sequencer for good: each waiter gets `StoppedError`, later ones
too, and what was acknowledged stays. A failed sync is never retried: the kernel may have dropped the pages.
Source: ADR-0002.
"""

import asyncio
import errno
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future  # noqa: TC003 - the alias below is for readers at run time too
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from caveat.ledger.checkpoint import CheckpointSigner
from caveat.ledger.disk import AppendFile, Disk, SlotFile, replace_durably
from caveat.ledger.errors import LedgerError, StoppedError
from caveat.ledger.folder import Folder
from caveat.ledger.publish import Sealed
from caveat.ledger.record import record_id
from caveat.ledger.recover import render_signed
from caveat.ledger.wal import render_frames
from caveat.signing.digest import Digest
from caveat.signing.merkle import CompactRange, leaf_hash

SEGMENT_BYTES = 64 * 1024 * 1024
_MAX_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Receipt:
    """The record at `index` is durable, and `checkpoint`, a signed note, covers it."""

    index: int
    leaf_hash: Digest
    checkpoint: bytes

    @property
    def record_id(self) -> str:
        """`<index>-<first 16 digits of the leaf hash>`."""
        return record_id(self.index, self.leaf_hash)


Waiter: TypeAlias = "asyncio.Future[Receipt] | Future[Receipt]"


@dataclass(frozen=True, slots=True)
class Pending:
    """A leaf and who waits for it. `loop` is None for a waiter in a plain thread."""

    leaf: bytes
    waiter: Waiter
    loop: asyncio.AbstractEventLoop | None


class Segments:
    """The write-ahead log being written: appends go to the last segment, until it is large.

    Begun with a file that no earlier process has open: what one that wakes up writes then, nobody reads.
    """

    def __init__(self, disk: Disk, folder: Path, start: int, limit_bytes: int) -> None:
        """`start`: the size of the tree, of which every leaf is durable and published."""
        self._disk = disk
        self._view = Folder(disk, folder)
        self._limit_bytes = limit_bytes
        self._bytes = 0
        path = self._view.segment(start)
        replace_durably(disk, {path: b""})
        self._file: AppendFile = disk.append_to(path)

    def append(self, leaves: Sequence[bytes]) -> None:
        """Writes the frames of these leaves; not durable before `sync`."""
        frames = render_frames(leaves)
        self._file.write(frames)
        self._bytes += len(frames)

    def sync(self) -> None:
        """Returns only when every frame so far survives a crash."""
        self._file.sync()

    def cut(self, size: int | None = None) -> None:
        """Cuts a half-written batch off again."""
        self._bytes = self._bytes if size is None else size
        self._file.truncate(self._bytes)

    @property
    def size(self) -> int:
        """Bytes in the last segment."""
        return self._bytes

    def rotate(self, next_index: int) -> None:
        """Starts the next segment if the last one is large enough. Its name is durable on return."""
        if self._bytes < self._limit_bytes:
            return
        path = self._view.segment(next_index)
        fresh = self._disk.append_to(path)
        self._disk.sync_directory(path.parent)
        self._file.close()
        self._file, self._bytes = fresh, 0

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()


class Sequencer:
    """See the module. Made by `Ledger.open`; `submit` may be called from any thread."""

    def __init__(
        self,
        segments: Segments,
        tree: CompactRange,
        signer: CheckpointSigner,
        slot: SlotFile,
        publish: Callable[[Sealed], None],
        last_words: Callable[[Exception], bytes | None],
        fence: Callable[[], None],
    ) -> None:
        """`fence` raises once another process has the log.

        `last_words`: the leaf to leave behind when the disk is full, if any, and room made for it.
        """
        self._segments = segments
        self._tree = tree
        self._signer = signer
        self._slot = slot
        self._publish = publish
        self._last_words = last_words
        self._fence = fence
        self._queue: list[Pending] = []
        self._idle = False
        self._closing = False
        self._fault: Exception | None = None
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="ledger-sequencer", daemon=True)

    def start(self) -> None:
        """Starts the writer thread."""
        self._thread.start()

    @property
    def fault(self) -> Exception | None:
        """Why the sequencer stopped; None while it runs."""
        return self._fault

    @property
    def size(self) -> int:
        """Records sequenced so far, durable and signed."""
        return self._signer.last.size

    def submit(self, leaf: bytes, waiter: Waiter, loop: asyncio.AbstractEventLoop | None) -> None:
        """Queues a leaf; its place in the log is its place in the queue. Raises `StoppedError`."""
        with self._condition:
            if self._fault is not None:
                raise _stopped(self._fault)
            if self._closing:
                raise StoppedError("the ledger is closed")
            self._queue.append(Pending(leaf, waiter, loop))
            if self._idle:
                self._condition.notify()

    def close(self) -> None:
        """Commits what is queued, ends the thread and gives the files back."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        if self._thread.ident is not None:
            self._thread.join()
        self._segments.close()
        self._slot.close()

    def stop(self, fault: Exception) -> None:
        """Takes no further record, because of `fault`; the first fault is kept."""
        with self._condition:
            if self._fault is None:
                self._fault = fault
            orphans, self._queue = self._queue, []
            self._condition.notify()
        _fail(orphans, _stopped(fault))

    def _run(self) -> None:
        while batch := self._take():
            try:
                self._commit(batch)
            except Exception as error:  # a bug stops the ledger as a disk error does: fail closed
                self.stop(error)
                _fail(batch, _stopped(error))
                self._leave_last_words(error)
                return

    def _take(self) -> list[Pending]:
        """The next batch; empty when there will be none."""
        with self._condition:
            while not self._queue and not self._closing and self._fault is None:
                self._idle = True
                self._condition.wait()
            self._idle = False
            if self._fault is not None:
                return []
            batch, self._queue = self._queue[:_MAX_BATCH], self._queue[_MAX_BATCH:]
            return batch

    def _commit(self, batch: Sequence[Pending]) -> None:
        # INVARIANT: nobody is released before _persist and _seal have returned.
        self._fence()
        self._persist([pending.leaf for pending in batch])
        self._fence()
        sealed = self._seal([pending.leaf for pending in batch])
        self._fence()
        self._release(batch, sealed)
        self._publish(sealed)
        self._segments.rotate(sealed.size)

    def _persist(self, leaves: Sequence[bytes]) -> None:
        before = self._segments.size
        try:
            self._segments.append(leaves)  # 1
        except OSError:
            self._segments.cut(before)
            raise
        self._segments.sync()  # 2

    def _seal(self, leaves: Sequence[bytes]) -> Sealed:
        hashes = [leaf_hash(leaf) for leaf in leaves]
        for node in hashes:  # 3
            self._tree.append(node)
        root = self._tree.root()
        checkpoint = self._signer.sign(self._tree.size, root)  # 4
        self._slot.put(render_signed(self._tree.size, root))  # 5
        return Sealed(leaves, hashes, self._tree.size, checkpoint)

    def _release(self, batch: Sequence[Pending], sealed: Sealed) -> None:
        """6: one call into each event loop, however many wait there."""
        first = sealed.size - len(sealed.hashes)
        by_loop: dict[asyncio.AbstractEventLoop | None, list[tuple[Waiter, Receipt]]] = {}
        for offset, (pending, node) in enumerate(zip(batch, sealed.hashes, strict=True)):
            receipt = Receipt(first + offset, Digest(node.hex()), sealed.checkpoint)
            by_loop.setdefault(pending.loop, []).append((pending.waiter, receipt))
        for loop, released in by_loop.items():
            _call(loop, partial(_resolve, released))

    def _leave_last_words(self, error: Exception) -> None:
        """On a full disk, one last record in the room kept for it; nobody waits for it."""
        if not (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
            return  # after any other fault nothing that this file says can be relied on
        try:
            leaf = self._last_words(error)
            if leaf is not None:
                self._persist([leaf])
                self._publish(self._seal([leaf]))
        except OSError as second:
            error.add_note(f"there was no room for a last record either: {second.strerror}")


def _resolve(released: Sequence[tuple[Waiter, Receipt]]) -> None:
    for waiter, receipt in released:
        if not waiter.done():  # a caller that went away leaves a cancelled waiter behind
            waiter.set_result(receipt)


def _fail(orphans: Sequence[Pending], error: StoppedError) -> None:
    for pending in orphans:
        _call(pending.loop, partial(_refuse, pending.waiter, error))


def _refuse(waiter: Waiter, error: StoppedError) -> None:
    if not waiter.done():
        waiter.set_exception(error)


def _call(loop: asyncio.AbstractEventLoop | None, callback: Callable[[], None]) -> None:
    if loop is None:
        callback()
        return
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        if not loop.is_closed():  # a closed loop has nobody left who waits
            raise


def _stopped(fault: Exception) -> StoppedError:
    if isinstance(fault, LedgerError):
        error = StoppedError(f"the ledger stopped: {fault}", fault.hint)
        error.__cause__ = fault
        return error
    known = isinstance(fault, OSError) and errno.errorcode.get(fault.errno or 0)
    error = StoppedError(
        f"the ledger stopped: {known or type(fault).__name__}", "free or repair the disk, then restart"
    )
    error.__cause__ = fault
    return error
