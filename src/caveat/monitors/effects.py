"""What tools did lately: how often, how often after persons' data had been read, and the same tool in a row.

By scope and window, counted when a call is let through, before it takes effect; it is never taken back. In
buckets of five minutes, of which a window holds the first one whole. Source: ADR-0047.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from caveat.call.call import Point
from caveat.ledger.record import Counted, DecisionRecord, Record, parse_time
from caveat.monitors.windows import HOUR, WINDOWS, YEAR, bucket_of

AFTER_READING = timedelta(hours=1)
"""A call within so long of a deployment's reading of persons' data is one after reading."""
MAX_STRETCHES = 2_000
"""Stretches of one tool in one bucket that are kept of a scope, to find runs by; of older ones, the longest
run."""


@dataclass(slots=True)
class _Stretch:
    """So many calls of one tool on end, within one bucket."""

    bucket: int
    tool: str
    calls: int


def _no_stretches() -> deque[_Stretch]:
    return deque()


@dataclass(slots=True)
class _Scope:
    """`calls` and `after` are sums up to and with the bucket in the same place."""

    buckets: list[int] = field(default_factory=list[int])
    calls: list[int] = field(default_factory=list[int])
    after: list[int] = field(default_factory=list[int])
    stretches: deque[_Stretch] = field(default_factory=_no_stretches)
    older: tuple[int, int] = (0, 0)

    def add(self, bucket: int, tool: str, *, after_reading: bool) -> None:
        """One call more."""
        if not self.buckets or self.buckets[-1] < bucket:
            self.buckets.append(bucket)
            self.calls.append(self.calls[-1] if self.calls else 0)
            self.after.append(self.after[-1] if self.after else 0)
            self._trim(bucket - WINDOWS[YEAR])
        self.calls[-1] += 1
        self.after[-1] += after_reading
        last = self.stretches[-1] if self.stretches else None
        if last is not None and (last.bucket, last.tool) == (self.buckets[-1], tool):
            last.calls += 1
            return
        if len(self.stretches) >= MAX_STRETCHES:
            self.older = (self.longest(0), self.stretches[0].bucket)
            self.stretches.popleft()
        self.stretches.append(_Stretch(self.buckets[-1], tool, 1))

    def longest(self, edge: int) -> int:
        """The longest run of one tool since bucket `edge`."""
        longest, run, tool = (self.older[0] if self.older[1] >= max(edge, 1) else 0), 0, ""
        for one in self.stretches:
            if one.bucket < edge:
                continue
            run = run + one.calls if one.tool == tool else one.calls
            tool, longest = one.tool, max(longest, run)
        return longest

    def since(self, edge: int) -> tuple[int, int]:
        """Calls since bucket `edge`, and those of them after a reading."""
        at = bisect_left(self.buckets, edge)
        if at == len(self.buckets):
            return 0, 0
        before = (self.calls[at - 1], self.after[at - 1]) if at else (0, 0)
        return self.calls[-1] - before[0], self.after[-1] - before[1]

    def _trim(self, edge: int) -> None:
        gone = bisect_left(self.buckets, edge)
        if 2 * gone > len(self.buckets):
            calls, after = self.calls[gone - 1], self.after[gone - 1]
            self.buckets = self.buckets[gone:]
            self.calls = [one - calls for one in self.calls[gone:]]
            self.after = [one - after for one in self.after[gone:]]


@dataclass(frozen=True, slots=True)
class Rate:
    """Within a window: calls let through, those of them after persons' data were read, and the longest run
    of one and the same tool."""

    calls: int
    after_reading: int
    longest_run: int


class Effects:
    """The tools' effects by scope."""

    def __init__(self) -> None:
        """Nothing was done."""
        self._scopes: dict[str, _Scope] = {}
        self._read: dict[str, datetime] = {}

    @property
    def scopes(self) -> Sequence[str]:
        """The names of all scopes, sorted."""
        return sorted(self._scopes)

    def rate(self, scope: str, now: datetime, window: int = HOUR) -> Rate:
        """What tools did in the scope within the window that ends now."""
        found = self._scopes.get(scope)
        if found is None:
            return Rate(0, 0, 0)
        edge = bucket_of(now) - WINDOWS[window]
        return Rate(*found.since(edge), found.longest(edge))

    def read(self, deployment: str, now: datetime) -> None:
        """A use of persons' data is let through."""
        self._read[deployment] = now

    def do(self, deployment: str, action: str, now: datetime, counted: Counted | None = None) -> None:
        """A call of a tool is let through. `counted`: where beside its deployment, if anybody asks there."""
        read = self._read.get(deployment)
        after = read is not None and now - read < AFTER_READING
        scopes = [f"deployment:{deployment}", "all"]
        if counted is not None:
            scopes += [f"owner:{counted.owner}", f"purpose:{counted.purpose}"]
        for scope in scopes:
            self._scopes.setdefault(scope, _Scope()).add(bucket_of(now), action, after_reading=after)

    def fold(self, record: Record) -> None:
        """Takes in a released call of a tool."""
        if isinstance(record, DecisionRecord) and record.released and record.point is Point.TOOL:
            self.do(record.deployment, record.action, parse_time(record.time), record.counted)
