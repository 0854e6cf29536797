"""What uses have joined about each person: attributes, places and days, by scope and window.

Thirty thousand requests for one attribute each join as much as one request for all. Of each person dated
marks are kept, each a number of 64 bits: when, where it was said, and what. Of more than `CAPACITY` persons a
sample is kept, chosen by their keyed numbers; of one outside it the most is unknown, never none. What has no
room of its own counts everywhere, or as one more: too many, never too few. Source: ADR-0047.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from caveat.labels.sketch import Bounds
from caveat.labels.subjects import Sighting
from caveat.monitors.windows import HOUR_BUCKETS, WINDOWS, YEAR

CAPACITY = 131_072
"""Persons of whom marks are kept, over all scopes."""
MAX_NAMES = 512
"""Names of attributes that are told apart; each further one counts as one more each time that it is said."""
MAX_WHERES = 16_384
"""Combinations of scopes that are told apart; what is said in a further one counts in every scope."""
MAX_MARKS = 96
"""Marks kept of one person; above, counts lose their hours, and then their scopes."""
PROTECTED = frozenset(
    {
        "disability",
        "ethnicity",
        "health_condition",
        "political_view",
        "pregnancy",
        "religion",
        "union_membership",
    }
)
"""Attributes by which nobody is to be picked out. Source: section 2 of the example policy."""
UNBOUNDED = 2**53 - 1
_BITS = 64
_VALUE_BITS, _CODE_BITS, _WHERE_BITS = 16, 10, 14
_MAX_VALUE = (1 << _VALUE_BITS) - 1
_KEY_MASK = (1 << _WHERE_BITS + _CODE_BITS) - 1
_ANYWHERE = 0
_OTHERS, _POINTS, _FIRST, _LAST = MAX_NAMES, MAX_NAMES + 1, MAX_NAMES + 2, MAX_NAMES + 3
_PAIRS = len(PROTECTED) * (len(PROTECTED) - 1) // 2


@dataclass(frozen=True, slots=True)
class _Mark:
    """`value`: how many of `_OTHERS` or `_POINTS`, or the day of `_FIRST` or `_LAST`."""

    bucket: int
    where: int
    code: int
    value: int = 0

    def pack(self) -> int:
        head = (self.bucket << _WHERE_BITS | self.where) << _CODE_BITS | self.code
        return head << _VALUE_BITS | min(self.value, _MAX_VALUE)


def _unpack(mark: int) -> _Mark:
    head, value = mark >> _VALUE_BITS, mark & _MAX_VALUE
    rest, code = head >> _CODE_BITS, head & (1 << _CODE_BITS) - 1
    return _Mark(rest >> _WHERE_BITS, rest & (1 << _WHERE_BITS) - 1, code, value)


@dataclass(frozen=True, slots=True)
class Joined:
    """The most that a use would have joined about any of its persons, earlier uses included."""

    attributes: Bounds
    sensitive_pairs: Bounds
    points: Bounds
    span_days: Bounds


NOTHING = Joined(Bounds(0, 0), Bounds(0, 0), Bounds(0, 0), Bounds(0, 0))


class Profiles:
    """The persons of all scopes."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        """Nothing is joined."""
        self._capacity = capacity
        self._level = 0
        self._of: dict[int, array[int]] = {}
        # What is protected has its place before anybody can fill them with names that are not.
        self._places = {name: place for place, name in enumerate(sorted(PROTECTED))}
        self._wheres: dict[frozenset[str], int] = {}
        self._scopes: list[frozenset[str]] = [frozenset()]

    def __len__(self) -> int:
        return len(self._of)

    def join(
        self, person: int, one: Sighting, scopes: frozenset[str], bucket: int, *, again: bool = False
    ) -> None:
        """Takes in what a released use says of a person. `again`: its places were taken in before."""
        if not self._samples(person):
            return
        marks = self._of.get(person)
        if marks is None:
            marks = self._of[person] = array("Q")
        where = self._where(scopes)
        for fresh in self._said(one, where, bucket, again=again):
            _put(marks, fresh)
        if len(marks) > MAX_MARKS:
            self._of[person] = _shortened(marks, bucket)
        if len(self._of) > self._capacity:
            self._make_room(bucket)

    def merge(self, person: int, others: Sequence[int], bucket: int) -> None:
        """What was said of `others` was said of `person`."""
        for other in others:
            found = self._of.pop(other, None)
            if found is None or not self._samples(person):
                continue
            marks = self._of.setdefault(person, array("Q"))
            for mark in found:
                _put(marks, _unpack(mark))
            if len(marks) > MAX_MARKS:
                self._of[person] = _shortened(marks, bucket)

    def reading(
        self,
        sightings: Iterable[tuple[tuple[int, ...], Sighting]],
        scope: str,
        bucket: int,
        window: int = YEAR,
    ) -> Joined:
        """What a use with these sightings, each with the persons it names, would join at most in a scope."""
        edge = bucket - WINDOWS[window]
        inside = {at for at, scopes in enumerate(self._scopes) if scope in scopes} | {_ANYWHERE}
        lows, highs = [0] * 4, [0] * 4
        for persons, one in sightings:
            marks = self._said(one, _ANYWHERE, bucket)
            for person in persons:
                known = map(_unpack, self._of.get(person, ()))
                marks += [mark for mark in known if mark.bucket >= edge and mark.where in inside]
            values = _summed(marks)
            sampled = all(self._samples(person) for person in persons)
            most = values if sampled else (UNBOUNDED, _PAIRS, UNBOUNDED, UNBOUNDED)
            for place in range(4):
                lows[place] = max(lows[place], values[place])
                highs[place] = max(highs[place], values[place], most[place])
        return Joined(*(Bounds(low, high) for low, high in zip(lows, highs, strict=True)))

    def above(self, scope: str, floors: Sequence[Sequence[int]], bucket: int) -> tuple[tuple[int, ...], ...]:
        """About how many persons a scope has joined at least so much, over twelve months: `floors` of
        attributes, pairs of protected ones, places and days."""
        edge = bucket - WINDOWS[YEAR]
        inside = {at for at, scopes in enumerate(self._scopes) if scope in scopes} | {_ANYWHERE}
        counts = [[0] * len(each) for each in floors]
        for marks in self._of.values():
            known = [mark for mark in map(_unpack, marks) if mark.bucket >= edge and mark.where in inside]
            for place, value in enumerate(_summed(known) if known else ()):
                for at, floor in enumerate(floors[place]):
                    counts[place][at] += value >= floor
        return tuple(tuple(count << self._level for count in each) for each in counts)

    def most(self) -> tuple[int, int]:
        """The most attributes joined about anybody kept, and about how many persons more than one."""
        counts = [_summed([_unpack(mark) for mark in marks])[0] for marks in self._of.values()]
        return max(counts, default=0), sum(count > 1 for count in counts)

    def _said(self, one: Sighting, where: int, bucket: int, *, again: bool = False) -> list[_Mark]:
        places = [self._place(name) for name in one.attributes]
        said = [_Mark(bucket, where, place) for place in places if place != _OTHERS]
        others = len(places) - len(said)
        if others:
            said.append(_Mark(bucket, where, _OTHERS, others))
        if one.points and not again:
            said.append(_Mark(bucket, where, _POINTS, one.points))
        if one.days:
            said.append(_Mark(bucket, where, _FIRST, max(0, min(one.days))))
            said.append(_Mark(bucket, where, _LAST, max(0, max(one.days))))
        return said

    def _place(self, name: str) -> int:
        place = self._places.get(name)
        if place is None:
            if len(self._places) >= MAX_NAMES:
                return _OTHERS
            place = self._places[name] = len(self._places)
        return place

    def _where(self, scopes: frozenset[str]) -> int:
        where = self._wheres.get(scopes)
        if where is None:
            if len(self._scopes) >= MAX_WHERES:
                return _ANYWHERE
            where = self._wheres[scopes] = len(self._scopes)
            self._scopes.append(scopes)
        return where

    def _samples(self, person: int) -> bool:
        return person >> (_BITS - self._level) == 0 if self._level else True

    def _make_room(self, bucket: int) -> None:
        edge = bucket - WINDOWS[YEAR]
        kept = {
            person: marks
            for person, marks in self._of.items()
            if any(_unpack(mark).bucket >= edge for mark in marks)
        }
        while len(kept) > self._capacity // 2:
            self._level += 1
            kept = {person: marks for person, marks in kept.items() if self._samples(person)}
        self._of = kept


def _put(marks: "array[int]", fresh: _Mark) -> None:
    """Adds a mark. One of the same in the same hour stands for both; an attribute is dated by its latest."""
    key = fresh.where << _CODE_BITS | fresh.code
    for at, mark in enumerate(marks):
        if mark >> _VALUE_BITS & _KEY_MASK != key:
            continue
        known = _unpack(mark)
        if fresh.code < _OTHERS or known.bucket // HOUR_BUCKETS == fresh.bucket // HOUR_BUCKETS:
            marks[at] = _together(known, fresh).pack()
            return
    marks.append(fresh.pack())


def _together(one: _Mark, other: _Mark) -> _Mark:
    values = (one.value, other.value)
    joined = min(values) if one.code == _FIRST else max(values) if one.code == _LAST else sum(values)
    return _Mark(max(one.bucket, other.bucket), one.where, one.code, joined)


def _shortened(marks: "array[int]", bucket: int) -> "array[int]":
    """The marks within the year: counts together whatever their hour and, if need be, their scope."""
    edge = bucket - WINDOWS[YEAR]
    known = [mark for mark in map(_unpack, marks) if mark.bucket >= edge]
    for scoped in (True, False):
        merged: dict[tuple[int, int], _Mark] = {}
        for mark in known:
            key = (mark.where if scoped else _ANYWHERE, mark.code)
            before = merged.get(key)
            mark = mark if scoped else _Mark(mark.bucket, _ANYWHERE, mark.code, mark.value)
            merged[key] = mark if before is None else _together(before, mark)
        if len(merged) <= MAX_MARKS // 2:
            break
    return array("Q", (mark.pack() for mark in merged.values()))


def _summed(marks: Iterable[_Mark]) -> tuple[int, int, int, int]:
    """Attributes, pairs of protected ones, places, and days from the first to the last, both included."""
    attributes: set[int] = set()
    others = points = 0
    first, last = _MAX_VALUE, -1
    for mark in marks:
        if mark.code < _OTHERS:
            attributes.add(mark.code)
        elif mark.code == _OTHERS:
            others += mark.value
        elif mark.code == _POINTS:
            points += mark.value
        elif mark.code == _FIRST:
            first = min(first, mark.value)
        else:
            last = max(last, mark.value)
    sensitive = sum(code < len(PROTECTED) for code in attributes)
    span = 0 if last < 0 else last - first + 1
    return len(attributes) + others, sensitive * (sensitive - 1) // 2, points, span
