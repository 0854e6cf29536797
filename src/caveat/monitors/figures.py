"""What clauses may read of the monitors beside the total of twelve months: a measure of a scope in a window.

A figure's name says all three: `owner_subject_count_12m`. The registry of a bundle says which of them exist;
only those are computed. A figure of which part is unknown is a range, open above: what could not be told
apart never reads as little. Source: `docs/reference/monitors.md`, ADR-0047.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from caveat.facts.value import LONG_MAX
from caveat.labels.sketch import Bounds
from caveat.labels.subjects import Sighting, SubjectKind
from caveat.ledger.record import Counted, Reservation
from caveat.monitors.effects import Rate
from caveat.monitors.monitors import Monitors
from caveat.monitors.profiles import PROTECTED, Joined
from caveat.monitors.subjects import ALL, DEVICES, MARKED, Subjects
from caveat.monitors.windows import NAMES

OBSERVER = "monitors"
POPULATION = "population_size"
"""The fact in which a bundle has how many persons a source could reach at all."""
SCOPES = ("source", "owner", "deployment", "purpose", ALL)
_PERMILLE = 1000


@dataclass(frozen=True, slots=True)
class UseCounted:
    """One use as figures are computed of it. `population`: as it is known, 0 where it is not."""

    monitors: Monitors
    deployment: str
    counted: Counted
    reservations: Sequence[Reservation]
    now: datetime
    population: int = 0
    by_source: Mapping[str, tuple[Sighting, ...]] = field(default_factory=dict[str, tuple[Sighting, ...]])
    unknown: bool = False

    @property
    def subjects(self) -> Subjects:
        """Those told apart."""
        return self.monitors.subjects

    @property
    def sightings(self) -> tuple[Sighting, ...]:
        """All of the use."""
        return tuple(dict.fromkeys(one for seen in self.by_source.values() for one in seen))

    def within(self, scope: str) -> Mapping[str, tuple[Sighting, ...]]:
        """What of the use counts in scopes of this sort, by their names."""
        if scope == "source":
            return {f"source:{source}": seen for source, seen in self.by_source.items()}
        return {self.name_of(scope): self.sightings}

    def name_of(self, scope: str) -> str:
        """Of the one scope of this sort that the use belongs to."""
        named = {"owner": self.counted.owner, "deployment": self.deployment, "purpose": self.counted.purpose}
        return ALL if scope == ALL else f"{scope}:{named[scope]}"

    def open_above(self, bounds: Bounds) -> Bounds:
        """The bounds, without an upper one where part of the use is unknown."""
        return Bounds(bounds.lo, LONG_MAX) if self.unknown else bounds

    def greatest(
        self, scope: str, of: Callable[[str, Sequence[Sighting]], Bounds], *, least: int = 0
    ) -> Bounds:
        """Of all scopes of this sort the greatest figure."""
        found = [Bounds(least, least), *(of(name, seen) for name, seen in self.within(scope).items())]
        return self.open_above(Bounds(max(one.lo for one in found), max(one.hi for one in found)))


def use_counted(
    monitors: Monitors,
    deployment: str,
    counted: Counted,
    reservations: Sequence[Reservation],
    now: datetime,
    population: int = 0,
) -> UseCounted:
    """The use with the sightings behind its reservations."""
    reached = monitors.reached(deployment, counted, reservations)
    unknown = any(one.hi is None or one.known < one.lo for one in reservations)
    return UseCounted(
        monitors, deployment, counted, reservations, now, population, reached.by_source, unknown
    )


Measured = Callable[[UseCounted, str, int], Bounds]
"""The value for a use, of a sort of scope, in a window by its place."""


def _persons(use: UseCounted, scope: str, window: int) -> Bounds:
    return use.greatest(scope, lambda name, seen: use.subjects.with_use(name, seen, use.now, window))


def _devices(use: UseCounted, scope: str, window: int) -> Bounds:
    def count(name: str, seen: Sequence[Sighting]) -> Bounds:
        devices = [one for one in seen if one.kind is SubjectKind.DEVICE]
        return use.subjects.with_use(DEVICES + name, devices, use.now, window)

    return use.greatest(scope, count)


def _protected(use: UseCounted, scope: str, window: int) -> Bounds:
    def count(name: str, seen: Sequence[Sighting]) -> Bounds:
        marked = [one for one in seen if use.counted.protected or one.attributes & PROTECTED]
        return use.subjects.with_use(MARKED + name, marked, use.now, window)

    return use.greatest(scope, count)


def _joined(take: Callable[[Joined], Bounds]) -> Measured:
    def most(use: UseCounted, scope: str, window: int) -> Bounds:
        return use.greatest(scope, lambda name, seen: take(use.subjects.joined(name, seen, use.now, window)))

    return most


def _coverage(use: UseCounted, scope: str, window: int) -> Bounds:
    if use.population <= 0:
        return Bounds(0, _PERMILLE)
    most = _persons(use, scope, window)
    low, high = (min(_PERMILLE, -(-end * _PERMILLE // use.population)) for end in (most.lo, most.hi))
    return Bounds(low, high)


def _growth(use: UseCounted, scope: str, window: int) -> Bounds:
    def growth(name: str, seen: Sequence[Sighting]) -> Bounds:
        prior = use.subjects.bounds(name, window, use.now).lo
        fresh = use.subjects.with_use(name, seen, use.now, window).lo - prior
        return _exactly(fresh * _PERMILLE // max(prior, 1))

    return use.greatest(scope, growth)


def _repeats(use: UseCounted, scope: str, window: int) -> Bounds:
    def repeats(name: str, seen: Sequence[Sighting]) -> Bounds:
        fresh, persons = use.subjects.newcomers(name, seen, use.now, window)
        return _exactly((persons - fresh) * _PERMILLE // persons if persons else 0)

    return use.greatest(scope, repeats)


def _difference(use: UseCounted, scope: str, window: int) -> Bounds:
    found = [
        use.subjects.least_difference(name, seen, use.now, window)
        for name, seen in use.within(scope).items()
        if seen
    ]
    least = min(found, default=LONG_MAX)
    # Few is what a clause is afraid of, so that here the unknown opens downwards.
    return Bounds(0 if use.unknown else least, least)


def _effects(take: Callable[[Rate], int]) -> Measured:
    def of_tools(use: UseCounted, scope: str, window: int) -> Bounds:
        return _exactly(take(use.monitors.effects.rate(use.name_of(scope), use.now, window)))

    return of_tools


def _exactly(value: int) -> Bounds:
    return Bounds(value, value)


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured. `scopes`: the sorts of scopes of which there is such a figure."""

    text: str
    of: Measured
    scopes: tuple[str, ...] = SCOPES


_NOT_OF_SOURCES = SCOPES[1:]
MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "subject_count": Measure("Distinct persons and devices reached", _persons),
        "device_count": Measure("Distinct devices reached", _devices),
        "attributes_joined": Measure(
            "Attributes joined about one person, at most of those in this use",
            _joined(lambda one: one.attributes),
        ),
        "sensitive_pairs": Measure(
            "Pairs of protected attributes joined about one person, at most",
            _joined(lambda one: one.sensitive_pairs),
        ),
        "points_per_person": Measure(
            "Places at times joined about one person, at most", _joined(lambda one: one.points)
        ),
        "span_days_per_person": Measure(
            "Days from the first to the last of one person's places, at most",
            _joined(lambda one: one.span_days),
        ),
        "population_coverage_permille": Measure(
            "Of every thousand persons of a population, those reached (`population_size` is its size)",
            _coverage,
        ),
        "protected_selection": Measure(
            "Distinct persons reached together with a protected attribute, or picked by protected activity",
            _protected,
        ),
        "growth_permille": Measure("New persons of this use for every thousand reached before", _growth),
        "repeat_share_permille": Measure(
            "Of every thousand persons of this use, those reached before", _repeats
        ),
        "least_difference": Measure(
            "Persons by which this use differs from one of the newest 64 sets of persons, at least",
            _difference,
        ),
        "effect_count": Measure(
            "Calls of tools that were let through", _effects(lambda one: one.calls), _NOT_OF_SOURCES
        ),
        "effects_after_reading": Measure(
            "Calls of tools that were let through within an hour after their deployment read persons' data",
            _effects(lambda one: one.after_reading),
            _NOT_OF_SOURCES,
        ),
        "longest_effect_run": Measure(
            "The longest run of calls of one and the same tool",
            _effects(lambda one: one.longest_run),
            _NOT_OF_SOURCES,
        ),
    }
)
"""By the middle of a figure's name."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `text` says what it counts, `scope` and `window` over what."""

    text: str
    scope: str
    window: str
    of: Callable[[UseCounted], Bounds]


def _figure(measure: str, scope: str, window: int) -> Figure:
    found = MEASURES[measure]
    return Figure(found.text, scope, NAMES[window], lambda use: found.of(use, scope, window))


_SHORT = {
    "device_count_12m": "source_device_count_12m",
    "attributes_joined_count": "owner_attributes_joined_12m",
    "sensitive_pairs_count": "owner_sensitive_pairs_12m",
    "points_per_person": "owner_points_per_person_12m",
    "span_days_per_person": "owner_span_days_per_person_12m",
    "population_coverage_permille": "source_population_coverage_permille_12m",
    "protected_selection_12m": "owner_protected_selection_12m",
    "growth_permille": "source_growth_permille_12m",
    "repeat_share_permille": "source_repeat_share_permille_12m",
    "least_difference": "source_least_difference_12m",
    "effects_per_hour": "deployment_effect_count_1h",
    "effects_after_reading": "deployment_effects_after_reading_1h",
    "longest_effect_run": "deployment_longest_effect_run_1h",
}
"""Short names of those that clauses read most often."""
_LONG = {
    f"{scope}_{measure}_{name}": _figure(measure, scope, window)
    for measure, found in MEASURES.items()
    for scope in found.scopes
    for window, name in enumerate(NAMES)
}
FIGURES: Mapping[str, Figure] = MappingProxyType(
    _LONG | {short: _LONG[name] for short, name in _SHORT.items()}
)
"""By the name of the fact."""
OF_EFFECTS = frozenset(name for name in FIGURES if "effect" in name)
"""Those that a call of a tool reads as they are at that moment."""
