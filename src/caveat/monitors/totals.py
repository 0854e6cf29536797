"""Persons reached per source over twelve months: what `cumulative_subject_count_12m` is read from.

A source's total is the sum, over the distinct data digests that released uses reserved within the window,
of the persons in each. Reserved in memory, synchronously, between gathering facts and submitting the
record, so that parallel uses cannot each read zero; folded from the log at start-up.

Where one digest was reserved with several counts the greatest holds, and unknown is greater than any
number; its window runs from its latest use. Each of these can only count too many, never too few.
Source: DESIGN section 4, clause R1.c of the example policy.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce

from caveat.facts.fact import Grade
from caveat.facts.value import LONG_MAX, Interval
from caveat.ledger.finding import Code, Finding
from caveat.ledger.record import DecisionRecord, Record, Reservation, parse_time
from caveat.signing.digest import Digest

WINDOW = timedelta(days=366)  # never shorter than twelve months of the calendar
MAX_DIGESTS = 200_000
"""Digests that are told apart, over all sources. Of the eldest beyond only sums are left: data that are used
again then count again, which is too many and never too few."""
MAX_SOURCES = 50_000
"""Sources that are told apart; those beyond share one total, which is more than each has."""
SHARED = "*"
_SUM = timedelta(days=1)
FACT = "cumulative_subject_count_12m"
OBSERVER = "totals"


@dataclass(frozen=True, slots=True)
class Total:
    """At least `lo` and at most `hi` persons; `hi` is None if any count in it is unknown."""

    lo: int
    hi: int | None

    def value(self, greatest: int) -> int | Interval:
        """The fact's value: a number, or a counted interval; `greatest` is the end of what is open above."""
        lo, hi = min(self.lo, greatest), greatest if self.hi is None else min(self.hi, greatest)
        return lo if lo == hi else Interval(lo, hi)


def _no_uses() -> dict[tuple[int, int | None], int]:
    return {}


@dataclass(slots=True)
class _Count:
    """One digest's uses by what each said, and the latest of them."""

    last: datetime
    uses: dict[tuple[int, int | None], int] = field(default_factory=_no_uses)

    def total(self) -> Total:
        """The greatest of what the uses said."""
        total = Total(0, 0)
        for lo, hi in self.uses:
            total = _greater(total, Total(lo, hi))
        return total


def _no_counts() -> dict[Digest, _Count]:
    return {}


def _no_ages() -> list[tuple[datetime, Digest]]:
    return []


@dataclass(slots=True)
class _Sum:
    """What is left of digests that were last used between two moments. It stands until the later one is
    outside of the window."""

    first: datetime
    last: datetime
    lo: int = 0
    hi: int = 0
    unknown: int = 0

    def add(self, total: Total, last: datetime) -> None:
        self.last = max(self.last, last)
        self.lo += total.lo
        self.hi += total.hi or 0
        self.unknown += total.hi is None


def _no_sums() -> deque[_Sum]:
    return deque()


@dataclass(slots=True)
class _Source:
    """One source: its counts by digest, their sums, and a heap with one age for each digest."""

    counts: dict[Digest, _Count] = field(default_factory=_no_counts)
    ages: list[tuple[datetime, Digest]] = field(default_factory=_no_ages)
    lo: int = 0
    hi: int = 0
    unknown: int = 0
    sums: deque[_Sum] = field(default_factory=_no_sums)

    def shorten(self) -> bool:
        """Leaves a sum in the place of the eldest digest, as old as the latest of its day; whether there was
        one."""
        while self.ages:
            last, digest = heapq.heappop(self.ages)
            count = self.counts.get(digest)
            if count is None:
                continue
            if count.last != last:
                heapq.heappush(self.ages, (count.last, digest))
                continue
            total = self.counts.pop(digest).total()
            if not self.sums or last - self.sums[-1].first >= _SUM:
                self.sums.append(_Sum(last, last))
            self.sums[-1].add(total, last)
            return True
        return False

    def add(self, total: Total, sign: int) -> None:
        """Puts a count into the sums, or takes it out."""
        self.lo += sign * total.lo
        if total.hi is None:
            self.unknown += sign
        else:
            self.hi += sign * total.hi


class Totals:
    """The totals of all sources. Not for several threads: the gateway's event loop owns it."""

    def __init__(self, max_digests: int = MAX_DIGESTS, max_sources: int = MAX_SOURCES) -> None:
        """No source has reached anyone. At most so many are told apart."""
        self._max_sources = max_sources
        self._sources: dict[str, _Source] = {}
        self._max_digests, self._digests = max_digests, 0

    def is_exact(self, source: str) -> bool:
        """Whether every digest of the source is told apart."""
        held = self._held(source)
        return self._named(source) == source and (held is None or not held.sums)

    def _held(self, source: str) -> _Source | None:
        return self._sources.get(self._named(source))

    def _named(self, source: str) -> str:
        """The name under which a source is counted: its own, or the shared one once there are too many."""
        # As long as anything is in the shared one, nothing begins anew that may be in there.
        is_full = len(self._sources) >= self._max_sources or SHARED in self._sources
        return SHARED if is_full and source not in self._sources else source

    def prior(self, source: str, now: datetime, apart_from: Iterable[Digest] = ()) -> Total:
        """Persons of `source` within the window that ends at `now`, without those of `apart_from`."""
        held = self._held(source)
        if held is None:
            return Total(0, 0)
        _forget(held, now)
        lo, hi, unknown = held.lo, held.hi, held.unknown
        for digest in frozenset(apart_from):
            count = held.counts.get(digest)
            if count is not None:
                own = count.total()
                lo -= own.lo
                hi -= own.hi or 0
                unknown -= own.hi is None
        return Total(min(lo, LONG_MAX), None if unknown else min(hi, LONG_MAX))

    def counted(self, source: str, digests: Sequence[Digest]) -> Sequence[Digest]:
        """Those of these digests of which some use counted at least one person of the source."""
        held = self._held(source)
        if held is None or held.lo == 0:
            return ()
        counts = held.counts
        return [one for one in digests if (count := counts.get(one)) is not None and count.total().lo > 0]

    def with_use(self, now: datetime, reservations: Sequence[Reservation]) -> Mapping[str, Total]:
        """Each source's total if a use with these reservations is released at `now`. Nothing is reserved yet.

        The use's own data count once, with the greater of the known counts.
        """
        by_source: dict[str, dict[Digest, Total]] = {}
        for own in reservations:
            counts = by_source.setdefault(own.source, {})
            held = self._held(own.source)
            earlier = held.counts.get(own.digest) if held is not None else None
            total = Total(own.lo, own.hi)
            if earlier is not None and earlier.last > now - WINDOW:
                total = _greater(total, earlier.total())
            counts[own.digest] = _greater(counts[own.digest], total) if own.digest in counts else total
        result: dict[str, Total] = {}
        for source, counts in by_source.items():
            total = self.prior(source, now, counts)
            for count in counts.values():
                total = _sum(total, count)
            result[source] = total
        return result

    def reserve(self, now: datetime, reservations: Iterable[Reservation]) -> None:
        """Counts a use that is about to be released. `now`: its record's time, never before the last."""
        for own in reservations:
            held = self._sources.setdefault(self._named(own.source), _Source())
            _forget(held, now)
            count = held.counts.get(own.digest)
            if count is None:
                count = held.counts[own.digest] = _Count(now)
                heapq.heappush(held.ages, (now, own.digest))
                self._digests += 1
            else:
                held.add(count.total(), -1)
                count.last = max(now, count.last)
            said = (own.lo, own.hi)
            count.uses[said] = count.uses.get(said, 0) + 1
            held.add(count.total(), 1)
        if self._digests > self._max_digests:
            self._shorten(now)

    def _shorten(self, now: datetime) -> None:
        """Makes room for one in ten more: first of what has fallen out of the window, then of the largest."""
        for name, held in list(self._sources.items()):
            _forget(held, now)
            if not held.counts and not held.sums:
                del self._sources[name]
        largest = sorted(self._sources.values(), key=lambda held: len(held.counts), reverse=True)
        left = sum(len(held.counts) for held in largest)
        for held in largest:
            while left > self._max_digests - self._max_digests // 10 and held.shorten():
                left -= 1
        self._digests = left

    def give_back(self, reservations: Iterable[Reservation]) -> None:
        """Undoes one `reserve` of a use whose record was refused, so that it was not released after all."""
        for own in reservations:
            held = self._held(own.source)
            count = held.counts.get(own.digest) if held is not None else None
            said = (own.lo, own.hi)
            if held is None or count is None or said not in count.uses:
                continue  # the window has moved on: nothing of it counts any more
            held.add(count.total(), -1)
            count.uses[said] -= 1
            if count.uses[said] == 0:
                del count.uses[said]
            if count.uses:
                held.add(count.total(), 1)
            else:
                del held.counts[own.digest]

    def fold(self, record: Record) -> None:
        """Counts what the record reserved."""
        if isinstance(record, DecisionRecord) and record.reserve:
            self.reserve(parse_time(record.time), record.reserve)


def fold_totals(records: Iterable[Record]) -> Totals:
    """The totals after these records, in their order."""
    totals = Totals()
    for record in records:
        totals.fold(record)
    return totals


_SLACK = 20
"""Of a sampled count one in so many may be too many: three standard deviations, and some."""


class TotalsCheck:
    """For `verify`: each released use carried the total that the records before it give.

    Where persons of its source were told apart, the records alone give only what it may be at most: as many
    as there would be if no two uses had reached the same person. `PersonsCheck` says more.
    """

    def __init__(self, greatest: Callable[[Digest, str], int], totals: Totals | None = None) -> None:
        """`greatest`: the greatest value of a count under the bundle with this digest."""
        self._greatest = greatest
        self._totals = Totals() if totals is None else totals
        self._apart: set[str] = set()

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """Findings at this record; counts it."""
        if not isinstance(record, DecisionRecord) or not record.reserve:
            return
        if not record.released:
            yield Finding(Code.RESERVE_WITHOUT_RELEASE, index, "a use that was held back reserves persons")
        totals = self._totals.with_use(parse_time(record.time), record.reserve)
        derived = reduce(_greater, totals.values()).value(self._greatest(record.bundle, FACT))
        self._apart.update(one.source for one in record.reserve if one.contribution is not None)
        observed = observed_totals(record)
        exact = all(self._totals.is_exact(one.source) for one in record.reserve)
        if exact and self._apart.isdisjoint(one.source for one in record.reserve):
            differs = any(value != derived for value in observed)
        else:
            most = derived if isinstance(derived, int) else derived.hi
            most += most // _SLACK + 1
            differs = any((value if isinstance(value, int) else value.lo) > most for value in observed)
        if differs:
            yield Finding(Code.TOTALS_DIFFER, index, f"`{FACT}` is not what the records before it add up to")
        self._totals.fold(record)


def observed_totals(record: DecisionRecord) -> Sequence[int | Interval]:
    """The totals that a record says were observed, one for each case that has one."""
    return [
        fact.value
        for case in record.cases
        for fact in case.facts
        if fact.name == FACT and fact.grade is Grade.OBSERVED and isinstance(fact.value, (int, Interval))
    ]


def _forget(held: _Source, now: datetime) -> None:
    """Drops what lies before the window."""
    while held.sums and held.sums[0].last <= now - WINDOW:
        gone = held.sums.popleft()
        held.lo -= gone.lo
        held.hi -= gone.hi
        held.unknown -= gone.unknown
    while held.ages and held.ages[0][0] <= now - WINDOW:
        _, digest = heapq.heappop(held.ages)
        count = held.counts.get(digest)
        if count is None:
            continue
        if count.last <= now - WINDOW:
            held.add(held.counts.pop(digest).total(), -1)
        else:
            heapq.heappush(held.ages, (count.last, digest))


def _greater(left: Total, right: Total) -> Total:
    hi = None if left.hi is None or right.hi is None else max(left.hi, right.hi)
    return Total(max(left.lo, right.lo), hi)


def _sum(left: Total, right: Total) -> Total:
    """The sum, held below the largest integer that a fact may have: a total never wraps or fails."""
    hi = None if left.hi is None or right.hi is None else min(left.hi + right.hi, LONG_MAX)
    return Total(min(left.lo + right.lo, LONG_MAX), hi)
