"""Sets of persons that differ by a few: two harmless totals whose difference is one person's own figure.

The newest sets of each source are kept as sorted numbers, within a bound. What is compared is exact; a set
that is too large to keep is not compared, and the reference says so. Source: ADR-0047.
"""

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

MAX_SETS = 64
"""Newest distinct sets of one source that a use is compared with."""
MAX_PERSONS = 20_000
"""Larger sets are not compared."""
MAX_NUMBERS = 2_000_000
"""Numbers kept for all sources together: 16 MB."""
MAX_DIFFERENCE = 50
"""Differences above are not small, and are not told apart."""
_PROBES = 24


class Differences:
    """The newest sets of persons by source."""

    def __init__(self) -> None:
        """No set."""
        self._sets: dict[str, deque[array[int]]] = {}
        self._numbers = 0

    def add(self, source: str, persons: frozenset[int], bucket: int) -> None:
        """Keeps the set of a released use; `bucket` orders them, and the oldest go first."""
        del bucket
        if not 1 < len(persons) <= MAX_PERSONS:
            return
        kept = self._sets.setdefault(source, deque())
        fresh = array("Q", sorted(persons))
        if fresh in kept:
            return
        kept.append(fresh)
        self._numbers += len(fresh)
        while len(kept) > MAX_SETS:
            self._numbers -= len(kept.popleft())
        while self._numbers > MAX_NUMBERS:
            longest = max(self._sets.values(), key=len)
            self._numbers -= len(longest.popleft())

    def least(self, source: str, persons: frozenset[int]) -> int:
        """By how few persons these differ from an earlier set, neither of them empty; 0 is never said.

        The number of persons itself where there is no such set: one who asks about three has three.
        """
        least = len(persons)
        if not 1 < len(persons) <= MAX_PERSONS + MAX_DIFFERENCE:
            return least
        probes = sorted(persons)[:: max(1, len(persons) // _PROBES)]
        for kept in self._sets.get(source, ()):
            if abs(len(kept) - len(persons)) > MAX_DIFFERENCE or not _alike(kept, probes):
                continue
            difference = len(persons.symmetric_difference(kept))
            if 0 < difference < least:
                least = difference
        return least


def _alike(kept: Sequence[int], probes: list[int]) -> bool:
    """Whether half of the probes stand in the set: sets that differ by a few share nearly all."""
    found = 0
    for probe in probes:
        at = bisect_left(kept, probe)
        found += at < len(kept) and kept[at] == probe
    return 2 * found >= len(probes) - 2
