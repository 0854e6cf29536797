"""Publishing: tiles and checkpoint, written behind the sequencer, readable by anyone.

Order, which start-up relies on: tiles durable, then the checkpoint over them durable, then what it makes
superfluous removed. So the published checkpoint never speaks of a tile that a crash can take away, and no
record leaves the write-ahead log before it stands in durable tiles.
"""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from caveat.ledger.disk import Disk, replace_durably
from caveat.ledger.folder import CHECKPOINT, Folder
from caveat.ledger.tiles import Edge, TilePath

_MAX_BACKLOG = 65_536  # leaves; beyond it the sequencer waits, so that memory is bounded
_EARLY = 8192  # leaves; as many are published without waiting for the interval


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch that is durable and signed: its leaves, their hashes, and the checkpoint that covers them."""

    leaves: Sequence[bytes]
    hashes: Sequence[bytes]
    size: int
    checkpoint: bytes


class Publisher:
    """Writes what it is handed, in order, from one thread of its own. A disk error goes to `on_fault`."""

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        edge: Edge,
        interval_seconds: float,
        on_fault: Callable[[Exception], None],
        fence: Callable[[], None],
    ) -> None:
        """`edge`: the tiles as published so far. `fence` raises once another process has the log."""
        self._disk = disk
        self._folder = folder
        self._edge = edge
        self._interval_seconds = interval_seconds
        self._on_fault = on_fault
        self._fence = fence
        self._written = frozenset(edge.partials())
        self._backlog: list[Sealed] = []
        self._backlog_leaves = 0
        self._published_size = edge.size
        self._closing = False
        self._dead = False
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="ledger-publisher", daemon=True)

    @property
    def published_size(self) -> int:
        """Records under the checkpoint on the disk."""
        return self._published_size

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def publish_now(self, sealed: Sealed) -> None:
        """Publishes one batch in the calling thread; only before `start`."""
        self._extend(sealed)
        self._publish(sealed)

    def hand_over(self, sealed: Sealed) -> None:
        """Queues a sealed batch; waits while the disk is too far behind."""
        with self._condition:
            self._backlog.append(sealed)
            self._backlog_leaves += len(sealed.leaves)
            if len(self._backlog) == 1 or self._backlog_leaves >= _EARLY:
                self._condition.notify_all()
            while self._backlog_leaves > _MAX_BACKLOG and not self._dead:
                self._condition.wait()

    def close(self) -> None:
        """Publishes what is queued and ends the thread."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while (batches := self._take()) is not None:
                for sealed in batches:
                    self._extend(sealed)
                self._publish(batches[-1])
        except Exception as error:  # whatever it is, records must not outrun what can be published
            with self._condition:
                self._dead = True
                self._condition.notify_all()
            self._on_fault(error)

    def _take(self) -> list[Sealed] | None:
        with self._condition:
            while not self._backlog and not self._closing:
                self._condition.wait()
            if not self._backlog:
                return None
            self._condition.wait_for(
                lambda: self._closing or self._backlog_leaves >= _EARLY, self._interval_seconds
            )
            batches, self._backlog = self._backlog, []
            self._backlog_leaves = 0
            self._condition.notify_all()
            return batches

    def _extend(self, sealed: Sealed) -> None:
        for leaf, leaf_hash in zip(sealed.leaves, sealed.hashes, strict=True):
            self._edge.append(leaf, leaf_hash)

    def _publish(self, newest: Sealed) -> None:
        self._fence()
        # 1. tiles
        partials = self._edge.partials()
        files = dict(self._edge.take_completed())
        files.update((path, data) for path, data in partials.items() if path not in self._written)
        replace_durably(self._disk, {self._folder / path.render(): data for path, data in files.items()})
        # 2. the checkpoint over them
        replace_durably(self._disk, {self._folder / CHECKPOINT: newest.checkpoint})
        # 3. what is superfluous now; a crash may leave it behind, and readers know how to ignore it
        self._remove_narrower(self._written - partials.keys(), frozenset(partials))
        self._written = frozenset(partials)
        self._remove_segments(newest.size)
        self._published_size = newest.size

    def _remove_narrower(self, stale: frozenset[TilePath], current: frozenset[TilePath]) -> None:
        kept = {(path.level, path.index) for path in current}
        for tile in stale:
            path = self._folder / tile.render()
            self._disk.remove(path)
            if (tile.level, tile.index) not in kept:
                self._disk.remove_directory(path.parent)

    def _remove_segments(self, published: int) -> None:
        """Removes segments whose every leaf is published; the last one is being written and stays."""
        folder = Folder(self._disk, self._folder)
        starts = folder.segments()
        for start, following in itertools.pairwise(starts):
            if following <= published:
                self._disk.remove(folder.segment(start))
