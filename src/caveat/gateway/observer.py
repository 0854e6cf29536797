"""The observers' door: the same counts for every party, of the published log up to a stated size.

Laws: read only, without content and without names; two who ask for the same size get the same bytes; nothing
of it runs in the event loop. Source: ADR-0041.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Protocol

from caveat.gateway.errors import RequestError
from caveat.ledger.record import record_id_of
from caveat.ledger.wire import parse_record
from caveat.oversight.view import Oversight, View

_KEPT = 16


class _Entry(Protocol):
    @property
    def index(self) -> int: ...
    @property
    def leaf(self) -> bytes: ...


class Published(Protocol):
    """The published part of a log."""

    @property
    def origin(self) -> str:
        """Under which it signs."""
        ...

    @property
    def published_size(self) -> int:
        """Records under its published checkpoint."""
        ...

    def records(self, start: int = 0) -> Iterator[_Entry]:
        """Those from `start` on."""
        ...


class Observer:
    """Views of one log. Reads on from where it was; a smaller size is read from the beginning."""

    def __init__(self, log: Published, so_far: Oversight) -> None:
        """`so_far`: folded from the first record on."""
        self._log = log
        self._newest = so_far
        self._kept: OrderedDict[int, View] = OrderedDict()
        self._lock = threading.Lock()

    async def view(self, size: int | None) -> View:
        """The view at `size`, or at what is published now; raises `RequestError` beyond that."""
        published = self._log.published_size
        wanted = published if size is None else size
        if not 0 < wanted <= published:
            raise RequestError(
                400,
                "size_invalid",
                f"{published} records are published",
                "write ?size=N with a number from 1 to that",
            )
        return await asyncio.to_thread(self._view, wanted)

    def _view(self, size: int) -> View:
        with self._lock:
            if size in self._kept:
                self._kept.move_to_end(size)
                return self._kept[size]
            folded = self._newest if self._newest.size <= size else Oversight()
            for entry in self._log.records(folded.size):
                if folded.size == size:
                    break
                folded.fold(parse_record(entry.leaf), record_id_of(entry.index, entry.leaf), entry.leaf)
            found = self._kept[size] = folded.render(self._log.origin)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return found


def size_of(query: str) -> int | None:
    """The size that is asked for (`size=N`); raises `RequestError` for anything else."""
    if not query:
        return None
    name, _, value = query.partition("=")
    if name != "size" or not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise RequestError(400, "size_invalid", "this path takes `size` alone", "write ?size=N")
    return int(value)
