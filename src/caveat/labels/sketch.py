"""Distinct subjects under a key, by when each was seen last: exact while they are few, then a theta sketch.

A subject is a number of 64 bits that nobody without the key can choose or predict. Up to `capacity` all are
kept; beyond, those whose number lies below a threshold, halved as often as it takes, each of them standing
for as many as the threshold leaves out. What is kept depends on the set alone, so joins are idempotent,
commutative and associative, and what was seen twice counts once.

Laws: a bound is never narrower than what the sample can tell, at three standard deviations; a level never
falls while anything is kept. Source: LABELS section 1 (`subjects`), ADR-0047.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

CAPACITY = 131_072
"""Up to so many subjects a count is exact: more than the largest limit of the example policy."""
_BITS = 64
_SIGMAS = 3
_MAX_LEVEL = 40


@dataclass(frozen=True, slots=True)
class Bounds:
    """At least `lo` and at most `hi` distinct subjects; equal where the count is exact."""

    lo: int
    hi: int


class Sketch:
    """Subjects with the bucket of time in which each was seen last, and how many lie within each window.

    Buckets are whole numbers that never go back from one `see` to the next. A window of `w` buckets that
    ends in bucket `b` holds `b - w` to `b`: its first bucket counts whole, so never too few are counted.
    """

    __slots__ = (
        "_buckets",
        "_counts",
        "_edges",
        "_last",
        "_now",
        "_order",
        "_places",
        "capacity",
        "level",
        "windows",
    )

    def __init__(self, windows: Sequence[int], capacity: int = CAPACITY) -> None:
        """`windows`: lengths in buckets, ascending; the last one is how long anything is kept."""
        self.windows = tuple(windows)
        self.capacity = capacity
        self.level = 0
        self._last: dict[int, int] = {}
        self._now = 0
        self._clear()

    def __len__(self) -> int:
        return len(self._last)

    def __contains__(self, subject: int) -> bool:
        """Whether it is kept, within the longest window. For one that is not sampled: no."""
        last = self._last.get(subject)
        return last is not None and last >= self._edges[-1]

    def samples(self, subject: int) -> bool:
        """Whether this subject would be kept at the present level."""
        return subject >> (_BITS - self.level) == 0 if self.level else True

    def last(self, subject: int) -> int | None:
        """The bucket in which it was seen last, if it is kept."""
        return self._last.get(subject)

    def see(self, subject: int, bucket: int) -> None:
        """Takes one in; `bucket` is never before an earlier one of this sketch."""
        self.advance(bucket)
        if self.level and subject >> (_BITS - self.level):
            return
        before = self._last.get(subject)
        if before == self._now:
            return
        self._last[subject] = self._now
        if not self._order or self._order[-1] != self._now:
            self._order.append(self._now)
        buckets = self._buckets
        buckets[self._now] = buckets.get(self._now, 0) + 1
        if before is None:
            for place in range(len(self._counts)):
                self._counts[place] += 1
        else:
            buckets[before] -= 1
            for place, edge in enumerate(self._edges):
                self._counts[place] += before < edge
        if len(self._last) > self.capacity:
            self._shrink()

    def restore(self, subject: int, before: int | None) -> None:
        """Undoes `see`: as if it had been seen in `before` last, or never."""
        if subject not in self._last:
            return
        self.forget(subject)
        if before is not None:
            self.put(subject, before)

    def forget(self, subject: int) -> int | None:
        """Leaves one out, as where it turns out to be another under a second name; when it was seen."""
        before = self._last.pop(subject, None)
        if before is not None:
            self._buckets[before] -= 1
            for place, edge in enumerate(self._edges):
                self._counts[place] -= before >= edge
        return before

    def put(self, subject: int, bucket: int) -> None:
        """As `see`, for a bucket that may lie in the past; a later one stands."""
        if bucket >= self._now:
            self.see(subject, bucket)
        elif bucket >= self._edges[-1] and self.samples(subject) and self._last.get(subject, -1) < bucket:
            self.forget(subject)
            self._last[subject] = bucket
            if bucket not in self._buckets:
                self._rebuild()
            else:
                self._buckets[bucket] += 1
                for place, edge in enumerate(self._edges):
                    self._counts[place] += bucket >= edge
            if len(self._last) > self.capacity:
                self._shrink()

    def advance(self, bucket: int) -> None:
        """Lets what lies before the windows that end in `bucket` fall out of them."""
        if bucket <= self._now:
            return
        self._now = bucket
        for place, window in enumerate(self.windows):
            edge = self._edges[place] = bucket - window
            at = self._places[place]
            while at < len(self._order) and self._order[at] < edge:
                self._counts[place] -= self._buckets[self._order[at]]
                at += 1
            self._places[place] = at
        if len(self._last) > 64 and len(self._last) > 2 * self._counts[-1]:
            self._rebuild()

    def bounds(self, window: int = -1) -> Bounds:
        """How many distinct ones were seen within a window, by its place; the longest if none is named."""
        return bounds_of(self._counts[window], self.level)

    def kept_within(self, window: int) -> int:
        """How many kept ones were seen within a window."""
        return self._counts[window]

    def kept(self) -> Mapping[int, int]:
        """Those kept within the longest window, with their buckets."""
        return {key: last for key, last in self._last.items() if last >= self._edges[-1]}

    def join(self, other: "Sketch") -> "Sketch":
        """Both together: idempotent, commutative, associative. Windows and capacity are this one's."""
        joined = Sketch(self.windows, self.capacity)
        joined.level = max(self.level, other.level)
        joined.advance(max(self._now, other._now))
        for kept in (self._last, other._last):
            for subject, last in kept.items():
                if joined.samples(subject) and joined._last.get(subject, -1) < last:
                    joined._last[subject] = last
        joined._rebuild()
        if len(joined._last) > joined.capacity:
            joined._shrink()
        return joined

    def halve(self) -> None:
        """Keeps about half of what is kept: wider bounds for less memory."""
        self.level += 1
        self._last = {key: last for key, last in self._last.items() if self.samples(key)}
        self._rebuild()

    def _shrink(self) -> None:
        self._rebuild()  # what has fallen out of the longest window makes room first
        if len(self._last) * 2 > self.capacity:
            self.halve()
        while len(self._last) > self.capacity and self.level < _MAX_LEVEL:
            self.halve()

    def _clear(self) -> None:
        self._order: list[int] = []
        self._buckets: dict[int, int] = {}
        self._edges = [self._now - window for window in self.windows]
        self._counts = [0] * len(self.windows)
        self._places = [0] * len(self.windows)

    def _rebuild(self) -> None:
        self._clear()
        self._last = {key: last for key, last in self._last.items() if last >= self._edges[-1]}
        for last in self._last.values():
            self._buckets[last] = self._buckets.get(last, 0) + 1
        self._order = sorted(self._buckets)
        for place, edge in enumerate(self._edges):
            at = next((n for n, bucket in enumerate(self._order) if bucket >= edge), len(self._order))
            self._places[place] = at
            self._counts[place] = sum(self._buckets[bucket] for bucket in self._order[at:])


def bounds_of(kept: int, level: int) -> Bounds:
    """What `kept` of a sample of one in `2**level` says of all, at three standard deviations.

    The two ends solve `n * t - 3 * sqrt(n * t) = kept` and the same with plus, where `t` is the share that
    is kept: they hold for few as well, where an estimate give or take its own deviation would not.
    """
    if level == 0:
        return Bounds(kept, kept)
    root = math.sqrt(_SIGMAS * _SIGMAS + 4 * kept)
    low, high = ((root - _SIGMAS) / 2) ** 2, ((root + _SIGMAS) / 2) ** 2
    return Bounds(max(kept, math.floor(low * 2**level)), math.ceil(high * 2**level))


def join_all(sketches: Iterable[Sketch], windows: Sequence[int], capacity: int = CAPACITY) -> Sketch:
    """All together; of none, an empty one."""
    joined = Sketch(windows, capacity)
    for one in sketches:
        joined = joined.join(one)
    return joined
