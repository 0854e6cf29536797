"""Distinct persons and devices that released uses have reached: by source, owner, deployment, purpose, all.

Each scope has three counts: of all, of devices, and of those reached with something protected.

A person counts once however many requests reach them, by whichever ids, over whichever data: what is counted
is a keyed number, never a digest of what was sent. Counted synchronously before a use's record is written,
and taken back only where no record will ever be; folded again from records and contributions at start-up.

Laws: no use lowers a count, save by linking two ids that were counted apart, and then the upper bound still
has both; which of two gateways saw a use changes nothing; what nobody can resolve is counted by `Totals`, as
many as it may be. Source: clause R1.c of the example policy, ADR-0047.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from caveat.labels.sketch import CAPACITY, Bounds, Sketch, bounds_of
from caveat.labels.subjects import Sighting, SubjectKind
from caveat.monitors.differences import Differences
from caveat.monitors.linkage import Linkage, number_of
from caveat.monitors.profiles import NOTHING, PROTECTED, Joined, Profiles
from caveat.monitors.windows import WINDOWS, YEAR, bucket_of

ALL = "all"
MAX_KEPT = 1_500_000
"""Subjects kept in all scopes together; above, the largest scopes become coarser. About 160 MB."""

MAX_SCOPES = 20_000
"""Scopes that are told apart. Sources beyond share one count: more persons than each has, never fewer."""
MAX_JOINED_PARTS = 65_536
"""Newest parts of which is known that their places were counted; places of older ones count again."""
SHARED = "source:*"
DEVICES, MARKED = "devices:", "protected:"
"""What stands before the name of a scope for its count of devices, and of those marked as protected."""
_LOOK_EVERY = 64


def _no_parts() -> dict[Sighting, int]:
    return {}


@dataclass(frozen=True, slots=True)
class Reached:
    """What one use reaches: sightings under the source of their data, and where the use belongs.

    `protected`: the use picks its persons by something protected. `parts`: a number
    of the data that a sighting is from, so that their places count once however often they are asked for.
    """

    owner: str
    deployment: str
    purpose: str
    by_source: Mapping[str, tuple[Sighting, ...]]
    protected: bool = False
    parts: Mapping[Sighting, int] = field(default_factory=_no_parts)

    def sightings(self) -> tuple[Sighting, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys(one for each in self.by_source.values() for one in each))

    @property
    def common(self) -> tuple[str, ...]:
        """The scopes that it belongs to whatever the source."""
        return f"owner:{self.owner}", f"deployment:{self.deployment}", f"purpose:{self.purpose}", ALL

    def by_scope(self) -> Mapping[str, tuple[Sighting, ...]]:
        """The sightings by the names of all scopes in which they count."""
        everything = self.sightings()
        of_sources = {f"source:{source}": seen for source, seen in self.by_source.items()}
        return of_sources | dict.fromkeys(self.common, everything)


@dataclass(slots=True)
class _Flight:
    """A subject in uses whose records are on their way: how many, and what to go back to without them."""

    uses: int
    before: int | None


def _no_flights() -> dict[int, _Flight]:
    return {}


def _no_hidden() -> dict[int, int]:
    return {}


def _no_sums() -> dict[int, int]:
    return {}


@dataclass(slots=True)
class _Scope:
    """One scope. `hidden`: persons who may be several; `sums`: what erased contributions left, by bucket."""

    sketch: Sketch
    hidden: dict[int, int] = field(default_factory=_no_hidden)
    flights: dict[int, _Flight] = field(default_factory=_no_flights)
    sums: dict[int, int] = field(default_factory=_no_sums)
    sightings: int = 0
    fresh: int = 0
    hidden_in_all: int = 0

    def hide(self, person: int, hidden: int) -> None:
        """Notes how many persons more than one this may be."""
        before = self.hidden.pop(person, 0)
        if hidden:
            self.hidden[person] = hidden
        self.hidden_in_all += hidden - before

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it is within the longest window, nor on its way."""
        return not (self.sketch.kept() or self.sums or self.flights)

    def erased(self, window: int, now: int) -> int:
        """Persons within a window of whom only the number is left."""
        if not self.sums:
            return 0
        edge = now - WINDOWS[window]
        return sum(count for bucket, count in self.sums.items() if bucket >= edge)

    def bounds(self, window: int, now: int, more: int = 0) -> Bounds:
        """Distinct subjects, with `more` that are sampled and not in it yet."""
        self.sketch.advance(now)
        known = bounds_of(self.sketch.kept_within(window) + more, self.sketch.level)
        left = self.erased(window, now)
        return Bounds(known.lo + left, known.hi + left + (self.hidden_in_all << self.sketch.level))


class Subjects:
    """All scopes. Not for several threads: the gateway's event loop owns it."""

    def __init__(
        self, capacity: int = CAPACITY, max_kept: int = MAX_KEPT, max_scopes: int = MAX_SCOPES
    ) -> None:
        """Nobody was reached."""
        self._capacity, self._max_kept, self._max_scopes = capacity, max_kept, max_scopes
        self._scopes: dict[str, _Scope] = {}
        self.linkage = Linkage()
        self._profiles = Profiles(capacity)
        self._differences = Differences()
        self._parts: dict[tuple[int, frozenset[str]], None] = {}
        self._uses = 0

    @property
    def scopes(self) -> Sequence[str]:
        """The names of all scopes, sorted."""
        return sorted(self._scopes)

    @property
    def kept(self) -> int:
        """Numbers held in memory, over all scopes."""
        return sum(len(one.sketch) for one in self._scopes.values())

    def bounds(self, scope: str, window: int, now: datetime) -> Bounds:
        """Distinct subjects of a scope within a window."""
        found = self._scopes.get(self._named(scope))
        return Bounds(0, 0) if found is None else found.bounds(window, bucket_of(now))

    def with_use(
        self, scope: str, sightings: Iterable[Sighting], now: datetime, window: int = YEAR
    ) -> Bounds:
        """The scope's subjects if a use with these is released now. Nothing is reserved."""
        bucket = bucket_of(now)
        numbers = self.persons(sightings)
        found = self._scopes.get(self._named(scope))
        if found is None:
            return Bounds(len(numbers), len(numbers))
        return found.bounds(window, bucket, self._fresh(found, numbers, bucket, window))

    def newcomers(
        self, scope: str, sightings: Iterable[Sighting], now: datetime, window: int = YEAR
    ) -> tuple[int, int]:
        """Of the persons of these sightings, of the sample: how many a scope has not reached within a window,
        and how many there are."""
        numbers = self.persons(sightings)
        found = self._scopes.get(self._named(scope))
        if found is None:
            return len(numbers), len(numbers)
        sampled = frozenset(one for one in numbers if found.sketch.samples(one))
        return self._fresh(found, sampled, bucket_of(now), window), len(sampled)

    def persons(self, sightings: Iterable[Sighting]) -> frozenset[int]:
        """The numbers of those whom these sightings name by now."""
        named = (self.linkage.named([number_of(each) for each in one.ids]) for one in sightings)
        return frozenset(person for each in named for person in each)

    def joined(self, scope: str, sightings: Sequence[Sighting], now: datetime, window: int = YEAR) -> Joined:
        """The most that a use with these would have joined about one person in a scope."""
        if not sightings:
            return NOTHING
        named = ((self.linkage.named([number_of(each) for each in one.ids]), one) for one in sightings)
        return self._profiles.reading(named, scope, bucket_of(now), window)

    def least_difference(
        self, scope: str, sightings: Iterable[Sighting], now: datetime, window: int = YEAR
    ) -> int:
        """As `Differences.least`, of sets used within a window."""
        edge = bucket_of(now) - WINDOWS[window]
        return self._differences.least(scope, self.persons(sightings), edge)

    def shares(self, scope: str) -> tuple[int, int]:
        """Sightings of a scope since it began, and how many of them were of somebody new; of the sample."""
        found = self._scopes.get(self._named(scope))
        return (0, 0) if found is None else (found.sightings, found.fresh)

    def most_joined(self) -> tuple[int, int]:
        """As `Profiles.most`."""
        return self._profiles.most()

    def joined_above(
        self, scope: str, floors: Sequence[Sequence[int]], now: datetime
    ) -> tuple[tuple[int, ...], ...]:
        """As `Profiles.above`."""
        return self._profiles.above(scope, floors, bucket_of(now))

    def reserve(self, now: datetime, reached: Reached, *, flying: bool = True) -> None:
        """Counts a use that is about to be released. `flying`: until `settle` or `drop` says how it ended."""
        bucket = bucket_of(now)
        persons = {one: self._linked(one, bucket) for one in reached.sightings()}
        for scope, sightings in reached.by_scope().items():
            for before, seen in _counts_of(sightings, protected=reached.protected):
                self._see(before + scope, (n for one in seen for n in persons[one]), bucket, flying=flying)
        self._join(reached, persons, bucket)
        by_set: dict[frozenset[int], list[str]] = {}
        for scope, sightings in reached.by_scope().items():
            by_set.setdefault(frozenset(n for one in sightings for n in persons[one]), []).append(scope)
        for numbers, scopes in by_set.items():
            self._differences.add(scopes, numbers, bucket)
        self._uses += 1
        if self._uses % _LOOK_EVERY == 0:
            self._make_room(bucket)

    def settle(self, reached: Reached) -> None:
        """The use of one `reserve` has its record: what it counted stays."""
        self._land(reached, released=True)

    def drop(self, reached: Reached) -> None:
        """Undoes one `reserve` of a use that has no record, save for links, which only say who is who."""
        self._land(reached, released=False)

    def add_sum(self, scope: str, bucket: int, persons: int) -> None:
        """Takes in what an erasure left: so many persons in that bucket, and nobody knows who."""
        sums = self._scope(scope).sums
        sums[bucket] = sums.get(bucket, 0) + persons

    def last_seen(self, scope: str) -> Mapping[int, int]:
        """Those kept of a scope, by when they were seen last."""
        found = self._scopes.get(self._named(scope))
        return {} if found is None else found.sketch.kept()

    def weight(self, scope: str) -> int:
        """How many each of those kept stands for."""
        found = self._scopes.get(self._named(scope))
        return 1 if found is None else 1 << found.sketch.level

    def join(self, other: "Subjects") -> None:
        """Takes in what another gateway has counted: as if this one had seen its uses too."""
        for group in other.linkage.groups():
            linked = self.linkage.link(group)
            self._merge(linked.persons[0], linked.merged)
        for name, theirs in other._scopes.items():
            own = self._scope(name)
            renamed = Sketch(WINDOWS, self._capacity)
            renamed.level = theirs.sketch.level
            for number, last in sorted(theirs.sketch.kept().items(), key=lambda one: one[1]):
                renamed.put(self.linkage.person(number), last)
            own.sketch = own.sketch.join(renamed)
            own.sightings += theirs.sightings
            own.fresh += theirs.fresh
            for bucket, persons in theirs.sums.items():
                own.sums[bucket] = max(own.sums.get(bucket, 0), persons)

    def _join(self, reached: Reached, persons: Mapping[Sighting, tuple[int, ...]], bucket: int) -> None:
        """What the use says of each person, under the scopes that it says it in."""
        sources: dict[Sighting, list[str]] = {}
        for source, sightings in reached.by_source.items():
            for one in sightings:
                sources.setdefault(one, []).append(f"source:{source}")
        counted: dict[tuple[int, frozenset[str]], None] = {}
        for one, named in persons.items():
            scopes = frozenset((*sources[one], *reached.common))
            part = (reached.parts.get(one, 0), scopes)
            for number in named:
                self._profiles.join(number, one, scopes, bucket, again=part in self._parts)
            if part[0] and one.points:
                counted[part] = None
        self._parts |= counted
        while len(self._parts) > MAX_JOINED_PARTS:
            del self._parts[next(iter(self._parts))]

    def _fresh(self, found: _Scope, numbers: Iterable[int], bucket: int, window: int) -> int:
        """How many of these, of the sample, the scope has not seen within the window."""
        found.sketch.advance(bucket)
        sketch, edge = found.sketch, bucket - WINDOWS[window]
        fresh = 0
        for person in numbers:
            last = sketch.last(person)
            fresh += sketch.samples(person) and (last is None or last < edge)
        return fresh

    def _land(self, reached: Reached, *, released: bool) -> None:
        for scope, sightings in reached.by_scope().items():
            for before, seen in _counts_of(sightings, protected=reached.protected):
                found = self._scopes.get(self._named(before + scope))
                if found is None or not found.flights:
                    continue
                numbers = self.persons(seen) | {number_of(each) for one in seen for each in one.ids}
                for number in numbers & found.flights.keys():
                    _landed(found, number, released=released)

    def _linked(self, one: Sighting, bucket: int) -> tuple[int, ...]:
        linked = self.linkage.link([number_of(each) for each in one.ids])
        if linked.merged:
            self._merge(linked.persons[0], linked.merged)
            self._profiles.merge(linked.persons[0], linked.merged, bucket)
        if linked.grown:
            person = linked.persons[0]
            hidden = self.linkage.hidden(person)
            for scope in self._scopes.values():
                if person in scope.sketch:
                    scope.hide(person, hidden)
        return linked.persons

    def _merge(self, person: int, others: Sequence[int]) -> None:
        """In every scope, `others` are `person` from now on."""
        for scope in self._scopes.values():
            for other in others:
                scope.hide(other, 0)
                flight = scope.flights.pop(other, None)
                if flight is not None:
                    scope.flights.setdefault(person, flight)
                # One whose new name is not in the sample keeps the old one: too many, never too few.
                if scope.sketch.samples(person):
                    last = scope.sketch.forget(other)
                    if last is not None:
                        scope.sketch.put(person, last)

    def _see(self, name: str, numbers: Iterable[int], bucket: int, *, flying: bool) -> None:
        numbers = set(numbers)
        if not numbers:
            return
        scope = self._scope(name)
        sketch = scope.sketch
        sketch.advance(bucket)
        edge = bucket - WINDOWS[YEAR]
        for number in numbers:
            if not sketch.samples(number):
                continue
            before = sketch.last(number)
            fresh = before is None or before < edge
            scope.sightings += 1
            scope.fresh += fresh
            if flying:
                flight = scope.flights.get(number)
                if flight is None:
                    scope.flights[number] = _Flight(1, before)
                else:
                    flight.uses += 1
            sketch.see(number, bucket)
            hidden = self.linkage.hidden(number)
            if hidden != scope.hidden.get(number, 0) and number in sketch:
                scope.hide(number, hidden)

    def _scope(self, name: str) -> _Scope:
        name = self._named(name)
        found = self._scopes.get(name)
        if found is None:
            found = self._scopes[name] = _Scope(Sketch(WINDOWS, self._capacity))
        return found

    def _named(self, scope: str) -> str:
        """The name under which a scope is counted: its own, or the shared one once there are too many."""
        if scope in self._scopes:
            return scope
        before, found, _ = scope.partition("source:")
        # As long as anybody is in the shared one, nobody begins anew who may be in there.
        is_full = len(self._scopes) >= self._max_scopes or before + SHARED in self._scopes
        return before + SHARED if found and is_full else scope

    def _make_room(self, bucket: int) -> None:
        if len(self._scopes) >= self._max_scopes:
            for one in self._scopes.values():
                one.sketch.advance(bucket)
            self._scopes = {name: one for name, one in self._scopes.items() if not one.is_empty}
        while self.kept > self._max_kept:
            max((one.sketch for one in self._scopes.values()), key=len).halve()


def _counts_of(sightings: Sequence[Sighting], *, protected: bool) -> Iterator[tuple[str, Sequence[Sighting]]]:
    """The three counts of a scope: what stands before its name, and who belongs into it."""
    yield "", sightings
    yield DEVICES, [one for one in sightings if one.kind is SubjectKind.DEVICE]
    yield MARKED, [one for one in sightings if protected or one.attributes & PROTECTED]


def _landed(scope: _Scope, number: int, *, released: bool) -> None:
    flight = scope.flights[number]
    flight.uses -= 1
    if released:
        flight.before = scope.sketch.last(number)
    if flight.uses == 0:
        del scope.flights[number]
        if not released:
            scope.sketch.restore(number, flight.before)
