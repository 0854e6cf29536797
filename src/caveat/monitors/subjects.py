"""Distinct persons and devices that released uses have reached: by source, owner, deployment, purpose, all.

A person counts once however many requests reach them, by whichever ids, over whichever data: what is counted
is a keyed number, never a digest of what was sent. Counted synchronously before a use's record is written,
and taken back only where no record will ever be; folded again from records and contributions at start-up.

Laws: no use lowers a count, save by linking two ids that were counted apart, and then the upper bound still
has both; which of two gateways saw a use changes nothing; what nobody can resolve is counted by `Totals`, as
many as it may be. Source: clause R1.c of the example policy, ADR-0047.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from caveat.labels.sketch import CAPACITY, Bounds, Sketch, bounds_of
from caveat.labels.subjects import Sighting, SubjectKind
from caveat.monitors.differences import Differences
from caveat.monitors.linkage import Linkage, number_of
from caveat.monitors.profiles import NOTHING, PROTECTED, Joined, Profiles
from caveat.monitors.windows import DAY_BUCKETS, WINDOWS, YEAR, bucket_of

ALL = "all"
MAX_KEPT = 1_500_000
"""Subjects kept in all scopes together; above, the largest scopes become coarser. About 160 MB."""

_LOOK_EVERY = 64


@dataclass(frozen=True, slots=True)
class Reached:
    """What one use reaches: sightings under the source of their data, and where the use belongs.

    `protected`: the use picks its persons by something protected.
    """

    owner: str
    deployment: str
    purpose: str
    by_source: Mapping[str, tuple[Sighting, ...]]
    protected: bool = False

    def sightings(self) -> tuple[Sighting, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys(one for each in self.by_source.values() for one in each))


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

    def __init__(self, capacity: int = CAPACITY, max_kept: int = MAX_KEPT) -> None:
        """Nobody was reached."""
        self._capacity, self._max_kept = capacity, max_kept
        self._scopes: dict[str, _Scope] = {}
        self.linkage = Linkage()
        self._profiles: dict[str, Profiles] = {}
        self.differences = Differences()
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
        found = self._scopes.get(scope)
        return Bounds(0, 0) if found is None else found.bounds(window, bucket_of(now))

    def with_use(
        self, scope: str, sightings: Iterable[Sighting], now: datetime, window: int = YEAR
    ) -> Bounds:
        """The scope's subjects if a use with these is released now. Nothing is reserved."""
        bucket = bucket_of(now)
        numbers = {
            person
            for one in sightings
            for person in self.linkage.named([number_of(each) for each in one.ids])
        }
        found = self._scopes.get(scope)
        if found is None:
            return Bounds(len(numbers), len(numbers))
        found.sketch.advance(bucket)
        sketch, edge = found.sketch, bucket - WINDOWS[window]
        more = 0
        for person in numbers:
            last = sketch.last(person)
            more += sketch.samples(person) and (last is None or last < edge)
        return found.bounds(window, bucket, more)

    def joined(self, owner: str, sightings: Sequence[Sighting], now: datetime) -> Joined:
        """The most that a use with these would have joined about one person of the owner group's."""
        if not sightings:
            return NOTHING
        named = ((self.linkage.named([number_of(each) for each in one.ids]), one) for one in sightings)
        return self._of(owner).reading(named, _day(now))

    def shares(self, scope: str) -> tuple[int, int]:
        """Sightings of a scope since it began, and how many of them were of somebody new; of the sample."""
        found = self._scopes.get(scope)
        return (0, 0) if found is None else (found.sightings, found.fresh)

    def most_joined(self, owner: str) -> tuple[int, int]:
        """As `Profiles.most`, of an owner group."""
        return self._of(owner).most()

    def reserve(self, now: datetime, reached: Reached, *, flying: bool = True) -> None:
        """Counts a use that is about to be released. `flying`: until `settle` or `drop` says how it ended."""
        bucket = bucket_of(now)
        for source, sightings in reached.by_source.items():
            persons = [(self._linked(one, now), one) for one in sightings]
            for scope in _scopes_of(reached, source):
                self._see(scope, (number for named, _ in persons for number in named), bucket, flying=flying)
            marked = [
                n for named, one in persons if reached.protected or one.attributes & PROTECTED for n in named
            ]
            self._see(f"protected:{reached.owner}", marked, bucket, flying=flying)
            devices = [n for named, one in persons if one.kind is SubjectKind.DEVICE for n in named]
            self._see(f"devices:{source}", devices, bucket, flying=flying)
            profiles = self._of(reached.owner)
            for named, one in persons:
                for number in named:
                    profiles.join(number, one, _day(now))
            self.differences.add(source, frozenset(n for named, _ in persons for n in named), bucket)
        self._uses += 1
        if self._uses % _LOOK_EVERY == 0:
            self._make_room()

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
        found = self._scopes.get(scope)
        return {} if found is None else found.sketch.kept()

    def weight(self, scope: str) -> int:
        """How many each of those kept stands for."""
        found = self._scopes.get(scope)
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

    def _land(self, reached: Reached, *, released: bool) -> None:
        for source, sightings in reached.by_source.items():
            numbers = {
                n for one in sightings for n in self.linkage.named([number_of(each) for each in one.ids])
            }
            numbers |= {number_of(each) for one in sightings for each in one.ids}
            for scope in (*_scopes_of(reached, source), f"protected:{reached.owner}", f"devices:{source}"):
                found = self._scopes.get(scope)
                if found is not None and found.flights:
                    for number in numbers & found.flights.keys():
                        _landed(found, number, released=released)

    def _linked(self, one: Sighting, now: datetime) -> tuple[int, ...]:
        linked = self.linkage.link([number_of(each) for each in one.ids])
        if linked.merged:
            self._merge(linked.persons[0], linked.merged)
            for profiles in self._profiles.values():
                profiles.merge(linked.persons[0], linked.merged, _day(now))
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
        found = self._scopes.get(name)
        if found is None:
            found = self._scopes[name] = _Scope(Sketch(WINDOWS, self._capacity))
        return found

    def _of(self, owner: str) -> Profiles:
        found = self._profiles.get(owner)
        if found is None:
            found = self._profiles[owner] = Profiles(self._capacity)
        return found

    def _make_room(self) -> None:
        while self.kept > self._max_kept:
            max((one.sketch for one in self._scopes.values()), key=len).halve()


def _scopes_of(reached: Reached, source: str) -> tuple[str, ...]:
    return (
        f"source:{source}",
        f"owner:{reached.owner}",
        f"deployment:{reached.deployment}",
        f"purpose:{reached.purpose}",
        ALL,
    )


def _landed(scope: _Scope, number: int, *, released: bool) -> None:
    flight = scope.flights[number]
    flight.uses -= 1
    if released:
        flight.before = scope.sketch.last(number)
    if flight.uses == 0:
        del scope.flights[number]
        if not released:
            scope.sketch.restore(number, flight.before)


def _day(now: datetime) -> int:
    return bucket_of(now) // DAY_BUCKETS
