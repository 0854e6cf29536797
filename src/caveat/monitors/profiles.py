"""What uses have joined about each person: attributes, places and days, per owner group and in twelve months.

Thirty thousand requests for one attribute each join as much as one request for all. Of more than `CAPACITY`
persons a sample is kept, chosen by their keyed numbers; of one outside it the most is unknown, never none.
Source: ADR-0047.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from caveat.labels.sketch import Bounds
from caveat.labels.subjects import Sighting

CAPACITY = 131_072
MAX_NAMES = 512
"""Names of attributes that are told apart; all further ones count as one each time they are seen."""
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
_BITS = 64
_YEAR_DAYS = 366


@dataclass(slots=True)
class Profile:
    """Of one person. `mask`: attributes by their places; `seen`: the day of the latest use."""

    mask: int = 0
    points: int = 0
    first: int | None = None
    last: int | None = None
    seen: int = 0

    def with_(self, mask: int, points: int, days: Iterable[int]) -> "Profile":
        """With what a further sighting says."""
        known = [one for one in (self.first, self.last, *days) if one is not None]
        first, last = (min(known), max(known)) if known else (None, None)
        return Profile(self.mask | mask, self.points + points, first, last, self.seen)

    @property
    def span_days(self) -> int:
        """Days from the first place to the last, both included."""
        return 0 if self.first is None or self.last is None else self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Joined:
    """The most that a use would have joined about any of its persons, earlier uses included."""

    attributes: Bounds
    sensitive_pairs: Bounds
    points: Bounds
    span_days: Bounds


NOTHING = Joined(Bounds(0, 0), Bounds(0, 0), Bounds(0, 0), Bounds(0, 0))
UNBOUNDED = 2**53 - 1


class Profiles:
    """The persons of one owner group."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        """Nothing is joined."""
        self._capacity = capacity
        self._level = 0
        self._of: dict[int, Profile] = {}
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._of)

    def join(self, person: int, one: Sighting, day: int) -> None:
        """Takes in what a released use says of a person."""
        if not self._samples(person):
            return
        known = self._known(person, day).with_(self._mask(one.attributes), one.points, one.days)
        known.seen = day
        self._of[person] = known
        if len(self._of) > self._capacity:
            self._make_room(day)

    def merge(self, person: int, others: Sequence[int], day: int) -> None:
        """What was said of `others` was said of `person`."""
        for other in others:
            found = self._of.pop(other, None)
            if found is not None and found.seen > day - _YEAR_DAYS:
                days = [one for one in (found.first, found.last) if one is not None]
                known = self._known(person, day).with_(found.mask, found.points, days)
                known.seen = max(known.seen, found.seen)
                self._of[person] = known

    def reading(self, sightings: Iterable[tuple[tuple[int, ...], Sighting]], day: int) -> Joined:
        """What a use with these sightings, each with the persons it names, would join at most."""
        protected = self._mask(PROTECTED)
        lows, highs = [0] * 4, [0] * 4
        for persons, one in sightings:
            mask = self._mask(one.attributes)
            sampled = all(self._samples(person) for person in persons)
            known = Profile()
            for person in persons:
                of = self._known(person, day)
                days = [each for each in (of.first, of.last) if each is not None]
                known = known.with_(of.mask, of.points, days)
            known = known.with_(mask, one.points, one.days)
            sensitive = (known.mask & protected).bit_count()
            pairs = sensitive * (sensitive - 1) // 2
            values = (known.mask.bit_count(), pairs, known.points, known.span_days)
            most = values if sampled else (MAX_NAMES, len(PROTECTED) * 3, UNBOUNDED, UNBOUNDED)
            for place in range(4):
                lows[place] = max(lows[place], values[place])
                highs[place] = max(highs[place], values[place], most[place])
        return Joined(*(Bounds(low, high) for low, high in zip(lows, highs, strict=True)))

    def most(self) -> tuple[int, int]:
        """The most attributes joined about anybody kept, and about how many persons more than one."""
        counts = [one.mask.bit_count() for one in self._of.values()]
        return max(counts, default=0), sum(count > 1 for count in counts)

    def _known(self, person: int, day: int) -> Profile:
        found = self._of.get(person)
        return found if found is not None and found.seen > day - _YEAR_DAYS else Profile()

    def _samples(self, person: int) -> bool:
        return person >> (_BITS - self._level) == 0 if self._level else True

    def _mask(self, names: Iterable[str]) -> int:
        mask = 0
        for name in names:
            place = self._places.get(name)
            if place is None:
                place = self._places[name] = min(len(self._places), MAX_NAMES - 1)
            mask |= 1 << place
        return mask

    def _make_room(self, day: int) -> None:
        kept = {person: one for person, one in self._of.items() if one.seen > day - _YEAR_DAYS}
        while len(kept) > self._capacity // 2:
            self._level += 1
            kept = {person: one for person, one in kept.items() if self._samples(person)}
        self._of = kept
