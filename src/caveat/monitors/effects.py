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

    def fold(self, record: Record) -> None:
        """Takes in a released use of persons' data, or a released call of a tool."""
        if not isinstance(record, DecisionRecord) or not record.released:
            return
        found = self._lately.setdefault(record.deployment, _Lately())
        time = parse_time(record.time)
        if record.point is Point.TOOL:
            found.forget(time)
            read = found.read is not None and time - found.read < WINDOW
            found.events.append(_Event(time, record.action, read))
        elif record.point is Point.PROMPT and record.reserve:
            found.read = time
