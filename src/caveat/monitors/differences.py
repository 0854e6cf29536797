"""Sets of persons that differ by a few: two harmless totals whose difference is one person's own figure.

The newest sets of each scope are kept as sorted numbers, within a bound. What is compared is exact; a set
that is too large to keep is not compared, and the reference says so. Source: ADR-0047.
"""

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_SETS = 64
"""Newest distinct sets of one scope that a use is compared with."""
MAX_PERSONS = 20_000
"""Larger sets are not compared."""
MAX_NUMBERS = 2_000_000
"""Numbers kept for all scopes together, each set with the room of `_OWN` more: 16 MB."""
MAX_DIFFERENCE = 50
"""Differences above are not small, and are not told apart."""
_PROBES = 24
_OWN = 64


@dataclass(slots=True)
class _Set:
    """One set; `scopes`: in how many it stands."""

    numbers: "array[int]"
    bucket: int
    scopes: int = 0


class Differences:
    """The newest sets of persons by scope. A set that stands in several is kept once."""

    def __init__(self) -> None:
        """No set."""
        self._sets: dict[str, deque[_Set]] = {}
        self._numbers = 0

    def add(self, scopes: Iterable[str], persons: frozenset[int], bucket: int) -> None:
        """Keeps the set of a released use; the oldest go first."""
        if not 1 < len(persons) <= MAX_PERSONS:
            return
        fresh = _Set(array("Q", sorted(persons)), bucket)
        for scope in scopes:
            kept = self._sets.setdefault(scope, deque())
            same = next((one for one in kept if one.numbers == fresh.numbers), None)
            if same is not None:
                same.bucket = max(same.bucket, bucket)
                continue
            if fresh.scopes == 0:
                self._numbers += len(fresh.numbers) + _OWN
            fresh.scopes += 1
            kept.append(fresh)
            while len(kept) > MAX_SETS:
                self._forget(scope)
        while self._numbers > MAX_NUMBERS:
            self._forget(max(self._sets, key=lambda scope: len(self._sets[scope])))

    def least(self, scope: str, persons: frozenset[int], edge: int = 0) -> int:
        """By how few persons these differ from a set of the scope not older than bucket `edge`, neither of
        them empty; 0 is never said.

        The number of persons itself where there is no such set: one who asks about three has three.
        """
        least = len(persons)
        if not 1 < len(persons) <= MAX_PERSONS + MAX_DIFFERENCE:
            return least
        probes = sorted(persons)[:: max(1, len(persons) // _PROBES)]
        for one in self._sets.get(scope, ()):
            kept = one.numbers
            if one.bucket < edge or abs(len(kept) - len(persons)) > MAX_DIFFERENCE:
                continue
            if _alike(kept, probes):
                difference = len(persons.symmetric_difference(kept))
                if 0 < difference < least:
                    least = difference
        return least

    def _forget(self, scope: str) -> None:
        kept = self._sets[scope]
        gone = kept.popleft()
        gone.scopes -= 1
        if gone.scopes == 0:
            self._numbers -= len(gone.numbers) + _OWN
        if not kept:
            del self._sets[scope]


def _alike(kept: Sequence[int], probes: list[int]) -> bool:
    """Whether half of the probes stand in the set: sets that differ by a few share nearly all."""
    found = 0
    for probe in probes:
        at = bisect_left(kept, probe)
        found += at < len(kept) and kept[at] == probe
    return 2 * found >= len(probes) - 2
