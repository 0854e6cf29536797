"""For `verify`, where contributions and the chain of keys are at hand: no total is below who was reached.

A use's total was read when it was decided, and records are in the log in the order in which they became
durable: what is surely in a total is what stands before its record and was decided in an earlier
millisecond. So totals that are too low are found, to the person; what is too high `TotalsCheck` bounds.
Source: ADR-0047.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from caveat.labels.subjects import Sighting
from caveat.ledger.finding import Code, Finding
from caveat.ledger.record import DecisionRecord, Record, parse_time
from caveat.monitors.monitors import Find, Monitors
from caveat.monitors.totals import FACT, observed_totals
from caveat.signing.digest import Digest


class PersonsCheck:
    """Derives from contributions how many distinct persons each total must have at least.

    `missing`: contributions that are not at hand, or are not what was committed to; they count as nobody.
    """

    def __init__(self, find: Find, greatest: Callable[[Digest, str], int]) -> None:
        """`greatest`: the greatest value of a count under the bundle with this digest."""
        self.missing = 0
        self._lookup, self._greatest = find, greatest
        self._monitors = Monitors(self._find)
        self._pending: list[tuple[str, int, DecisionRecord]] = []

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """Findings at this record; counts it."""
        if not isinstance(record, DecisionRecord) or not record.reserve:
            return
        while self._pending and self._pending[0][0] < record.time:
            self._monitors.fold(heappop(self._pending)[2])
        derived = self._monitors.with_use(parse_time(record.time), record.reserve)
        least = min(max(one.lo for one in derived.values()), self._greatest(record.bundle, FACT))
        if any((value if isinstance(value, int) else value.hi) < least for value in observed_totals(record)):
            yield Finding(
                Code.TOTALS_DIFFER, index, f"`{FACT}` is below the persons that uses before it reached"
            )
        heappush(self._pending, (record.time, index, record))

    def _find(self, commitment: Digest) -> tuple[Sighting, ...]:
        found = self._lookup(commitment)
        self.missing += found is None
        return found or ()
