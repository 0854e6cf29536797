"""The whole log for people who watch, newest first: out of memory, then from disk, a part at a time.

Laws: a request looks at no more than `LOOKED_AT` records that are on disk, and says how far it came; nothing
of the disk runs in the event loop. Source: ADR-0044.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from caveat.gateway.errors import FaultError
from caveat.ledger.errors import FolderError, RecordParseError
from caveat.ledger.record import parse_record_id, record_id_of
from caveat.ledger.wire import parse_record
from caveat.oversight.chronicle import Chronicle, Noted

LOOKED_AT = 2_000
"""Records on disk that one request looks at."""
_STEP = 250

Wanted = Callable[[Noted], bool]


class _Entry(Protocol):
    @property
    def index(self) -> int: ...
    @property
    def leaf(self) -> bytes: ...


class Log(Protocol):
    """The published part of a log."""

    def records(self, start: int = 0) -> Iterator[_Entry]:
        """Those from `start` on; raises `FolderError`."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """Records, newest first. `before`: where the next part begins; None where the log begins.

    `full`: there was no room for more; otherwise the log was looked through down to `before`.
    """

    found: tuple[Noted, ...]
    before: int | None
    full: bool


class Archive:
    """One log from its newest record to its first."""

    def __init__(self, chronicle: Chronicle, log: Log) -> None:
        """`chronicle`: its newest records."""
        self._chronicle = chronicle
        self._log = log

    async def part(self, wanted: Wanted, before: int | None, size: int) -> Part:
        """At most `size` records that are wanted, below the place `before`; raises `FaultError`."""
        found: list[Noted] = []
        for one in self._chronicle.newest():
            if (before is None or one.index < before) and wanted(one):
                found.append(one)
                if len(found) == size:
                    return Part(tuple(found), one.index or None, full=True)
        top = self._chronicle.begins if before is None else min(before, self._chronicle.begins)
        return await asyncio.to_thread(self._older, wanted, top, found, size)

    def _older(self, wanted: Wanted, top: int, found: list[Noted], size: int) -> Part:
        least = max(0, top - LOOKED_AT)
        while top > least:
            low = max(least, top - _STEP)
            for one in reversed(self._between(low, top)):
                if wanted(one):
                    found.append(one)
                    if len(found) == size:
                        return Part(tuple(found), one.index or None, full=True)
            top = low
        return Part(tuple(found), top or None, full=False)

    def _between(self, low: int, top: int) -> list[Noted]:
        try:
            return [
                Noted(record_id_of(entry.index, entry.leaf), parse_record(entry.leaf))
                for entry in islice(self._log.records(low), top - low)
            ]
        except (FolderError, RecordParseError) as error:
            raise FaultError(
                503,
                "ledger_unreadable",
                "older records of the ledger cannot be read",
                "`caveat ledger verify` says which; tell the auditor",
            ) from error

    async def find(self, record_id: str) -> Noted | None:
        """The record with this id; None where there is none, or for what is no id. Raises `FaultError`."""
        known = self._chronicle.find(record_id)
        if known is not None:
            return known
        try:
            index, _ = parse_record_id(record_id)
        except RecordParseError:
            return None
        found = await asyncio.to_thread(self._between, index, index + 1)
        return next((one for one in found if one.id == record_id), None)
