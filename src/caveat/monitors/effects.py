"""What tools did lately: how often within an hour, and how often after persons' data had been read.

Counted by deployment when a call is let through, before it takes effect. Source: ADR-0047.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from caveat.call.call import Point
from caveat.ledger.record import DecisionRecord, Record, parse_time

WINDOW = timedelta(hours=1)
MAX_EVENTS = 100_000
"""Calls and readings kept of one deployment; more than that within an hour count as that many."""


@dataclass(frozen=True, slots=True)
class _Event:
    time: datetime
    effect: str
    after_reading: bool


def _no_events() -> deque[_Event]:
    return deque(maxlen=MAX_EVENTS)


@dataclass(slots=True)
class _Lately:
    events: deque[_Event] = field(default_factory=_no_events)
    read: datetime | None = None

    def forget(self, now: datetime) -> None:
        while self.events and self.events[0].time <= now - WINDOW:
            self.events.popleft()


@dataclass(frozen=True, slots=True)
class Rate:
    """Within the hour: calls let through, those of them after persons' data were read, and the longest run
    of one and the same tool."""

    calls: int
    after_reading: int
    longest_run: int


class Effects:
    """The tools' effects by deployment."""

    def __init__(self) -> None:
        """Nothing was done."""
        self._lately: dict[str, _Lately] = {}

    def rate(self, deployment: str, now: datetime) -> Rate:
        """What the deployment's tools did within the hour that ends now."""
        found = self._lately.get(deployment)
        if found is None:
            return Rate(0, 0, 0)
        found.forget(now)
        longest = run = 0
        before = ""
        for one in found.events:
            run = run + 1 if one.effect == before else 1
            before = one.effect
            longest = max(longest, run)
        return Rate(len(found.events), sum(one.after_reading for one in found.events), longest)

    def read(self, deployment: str, now: datetime) -> None:
        """A use of persons' data is let through."""
        self._of(deployment).read = now

    def do(self, deployment: str, action: str, now: datetime) -> None:
        """A call of a tool is let through, before it takes effect; it is never taken back."""
        found = self._of(deployment)
        found.forget(now)
        read = found.read is not None and now - found.read < WINDOW
        found.events.append(_Event(now, action, read))

    def fold(self, record: Record) -> None:
        """Takes in a released call of a tool."""
        if isinstance(record, DecisionRecord) and record.released and record.point is Point.TOOL:
            self.do(record.deployment, record.action, parse_time(record.time))

    def _of(self, deployment: str) -> _Lately:
        return self._lately.setdefault(deployment, _Lately())
