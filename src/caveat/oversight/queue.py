"""Who waits before whom, and how long that takes at the reviewers' own pace. Pure; it lets nothing through.

Source: EVIDENCE attack 79 in `THREAT_MODEL.md`, ADR-0041.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from caveat.ledger.record import DecisionRecord, Record, ReviewRecord, parse_time
from caveat.oversight.book import Book, Entry
from caveat.oversight.hold import Status


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a role reviews: its enrolled persons, and what each can review in an hour."""

    persons: int
    items_per_hour: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """So many holds wait before one; `expected_at`: when it is its turn, None where nobody can review it."""

    ahead: int
    expected_at: datetime | None


class Queue:
    """The open holds of a book by role, oldest first. The event loop owns it, as it does the book."""

    def __init__(self, book: Book) -> None:
        """`book`: folded from the log so far."""
        self._book = book
        self._open: dict[str, None] = {}
        self._by_role: dict[str, dict[str, None]] = {}
        for entry in book.open():
            self._add(entry)

    def fold(self, record: Record, record_id: str) -> None:
        """Takes in a record, after the book did."""
        match record:
            case DecisionRecord():
                if record.approved is not None:
                    self._drop(record.approved.hold)
                if record.hold is not None and record.hold.of is None:
                    entry = self._book.find(record_id)
                    if entry is not None:
                        self._add(entry)
            case ReviewRecord():
                self._reviewed(record.hold, parse_time(record.time))
            case _:
                return

    def _add(self, entry: Entry) -> None:
        self._open[entry.hold.id] = None
        for role in entry.missing():
            self._by_role.setdefault(role, {})[entry.hold.id] = None

    def _reviewed(self, hold: str, now: datetime) -> None:
        entry = self._book.find(hold)
        if entry is None or entry.status(now) is not Status.OPEN:
            self._drop(hold)
            return
        missing = entry.missing()
        for role, waiting in self._by_role.items():
            if role not in missing:
                waiting.pop(hold, None)

    def _drop(self, hold: str) -> None:
        self._open.pop(hold, None)
        for waiting in self._by_role.values():
            waiting.pop(hold, None)

    def _expire(self, now: datetime) -> None:
        """Drops what is over. Holds are opened in order and wait alike, so the oldest are over first."""
        while self._open:
            oldest = next(iter(self._open))
            entry = self._book.find(oldest)
            if entry is not None and not entry.hold.is_over(now):
                return
            self._drop(oldest)

    def waiting(self, now: datetime) -> int:
        """How many holds are open."""
        self._expire(now)
        return len(self._open)

    def oldest(self, now: datetime) -> Entry | None:
        """The hold that has waited longest."""
        self._expire(now)
        return self._book.find(next(iter(self._open))) if self._open else None

    def newest(self, now: datetime) -> Entry | None:
        """The hold that was opened last."""
        self._expire(now)
        return self._book.find(next(reversed(self._open))) if self._open else None

    def outlook(self, entry: Entry, pace: Callable[[str], Pace], now: datetime) -> Outlook:
        """What is before this hold in the slowest of its roles."""
        self._expire(now)
        missing = entry.missing()
        found = [
            self._in_role(entry.hold.id, role, needed, pace(role), now) for role, needed in missing.items()
        ]
        if not found or entry.status(now) is not Status.OPEN:
            return Outlook(0, None)
        expected = [one.expected_at for one in found]
        known = [at for at in expected if at is not None]
        return Outlook(
            max(one.ahead for one in found), max(known) if known and len(known) == len(expected) else None
        )

    def _in_role(self, hold: str, role: str, needed: int, pace: Pace, now: datetime) -> Outlook:
        ahead = _place(self._by_role.get(role, {}), hold)
        capacity = pace.persons * pace.items_per_hour
        if pace.persons < needed or capacity <= 0:
            return Outlook(ahead, None)
        reviews = (ahead + 1) * needed
        return Outlook(ahead, now + timedelta(seconds=math.ceil(reviews * 3600 / capacity)))


def _place(waiting: dict[str, None], hold: str) -> int:
    if waiting and next(reversed(waiting)) == hold:
        return len(waiting) - 1
    return next((place for place, one in enumerate(waiting) if one == hold), len(waiting))
