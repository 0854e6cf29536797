"""What clauses may read of the monitors beside the total of twelve months: a name, what it counts, how.

The registry of a bundle says which of them exist; only those are computed. A figure of which part is unknown
is a range, open above: what could not be told apart never reads as little.
Source: `docs/reference/monitors.md`, ADR-0047.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from caveat.facts.value import LONG_MAX
from caveat.labels.sketch import Bounds
from caveat.labels.subjects import Sighting
from caveat.ledger.record import Counted, Reservation
from caveat.monitors.linkage import number_of
from caveat.monitors.monitors import Monitors
from caveat.monitors.profiles import PROTECTED, Joined
from caveat.monitors.subjects import Subjects
from caveat.monitors.windows import DAY, HOUR, MONTH, WEEK, YEAR

OBSERVER = "monitors"
POPULATION = "population_size"
"""The fact in which a bundle has how many persons a source could reach at all."""
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

    def joined(self) -> Joined:
        """What the use would have joined about any one person."""
        return self.subjects.joined(self.counted.owner, self.sightings, self.now)

    def open_above(self, bounds: Bounds) -> Bounds:
        """The bounds, without an upper one where part of the use is unknown."""
        return Bounds(bounds.lo, LONG_MAX) if self.unknown else bounds

    def persons(self, scope: str, window: int, sightings: Sequence[Sighting]) -> Bounds:
        """Distinct persons of a scope with those of this use."""
        return self.open_above(self.subjects.with_use(scope, sightings, self.now, window))


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


def _owner(window: int) -> Callable[[UseCounted], Bounds]:
    return lambda use: use.persons(f"owner:{use.counted.owner}", window, use.sightings)


def _deployment(window: int) -> Callable[[UseCounted], Bounds]:
    return lambda use: use.persons(f"deployment:{use.deployment}", window, use.sightings)


def _purpose(use: UseCounted) -> Bounds:
    return use.persons(f"purpose:{use.counted.purpose}", YEAR, use.sightings)


def _devices(use: UseCounted) -> Bounds:
    found = [
        use.persons(f"devices:{source}", YEAR, [one for one in seen if one.kind.value == "device"])
        for source, seen in use.by_source.items()
    ]
    return _greatest(found) if found else use.open_above(Bounds(0, 0))


def _protected(use: UseCounted) -> Bounds:
    picked = [one for one in use.sightings if use.counted.protected or one.attributes & PROTECTED]
    return use.persons(f"protected:{use.counted.owner}", YEAR, picked)


def _coverage(use: UseCounted) -> Bounds:
    if use.population <= 0:
        return Bounds(0, _PERMILLE)
    found = [use.persons(f"source:{source}", YEAR, seen) for source, seen in use.by_source.items()]
    most = _greatest(found) if found else use.open_above(Bounds(0, 0))
    low, high = (min(_PERMILLE, -(-end * _PERMILLE // use.population)) for end in (most.lo, most.hi))
    return Bounds(low, high)


def _growth(use: UseCounted) -> Bounds:
    """New persons of this use for every thousand whom its source had reached."""
    return _of_sources(use, lambda fresh, seen, prior: fresh * _PERMILLE // max(prior, 1) if seen else 0)


def _repeats(use: UseCounted) -> Bounds:
    """Persons of this use who had been reached, for every thousand of it."""
    return _of_sources(use, lambda fresh, seen, _prior: (seen - fresh) * _PERMILLE // seen if seen else 0)


def _of_sources(use: UseCounted, share: Callable[[int, int, int], int]) -> Bounds:
    found = [Bounds(0, 0)]
    for source, seen in use.by_source.items():
        prior = use.subjects.bounds(f"source:{source}", YEAR, use.now).lo
        after = use.subjects.with_use(f"source:{source}", seen, use.now).lo
        value = share(after - prior, len(seen), prior)
        found.append(Bounds(value, value))
    return use.open_above(_greatest(found))


def _difference(use: UseCounted) -> Bounds:
    least = [LONG_MAX]
    for source, seen in use.by_source.items():
        named = (use.subjects.linkage.named([number_of(each) for each in one.ids]) for one in seen)
        persons = frozenset(person for each in named for person in each)
        least.append(use.subjects.differences.least(source, persons))
    # Few is what a clause is afraid of, so that here the unknown opens downwards.
    return Bounds(0 if use.unknown else min(least), min(least))


def _greatest(found: Sequence[Bounds]) -> Bounds:
    return Bounds(max(one.lo for one in found), max(one.hi for one in found))


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `text` says what it counts, `scope` and `window` over what."""

    text: str
    scope: str
    window: str
    of: Callable[[UseCounted], Bounds]


def _rate(take: Callable[[UseCounted], int]) -> Callable[[UseCounted], Bounds]:
    def bounds(use: UseCounted) -> Bounds:
        value = take(use)
        return Bounds(value, value)

    return bounds


FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        "owner_subject_count_12m": Figure(
            "Distinct persons that the owner group has reached, from whatever source",
            "owner",
            "12m",
            _owner(YEAR),
        ),
        "owner_subject_count_30d": Figure(
            "Distinct persons that the owner group has reached", "owner", "30d", _owner(MONTH)
        ),
        "owner_subject_count_7d": Figure(
            "Distinct persons that the owner group has reached", "owner", "7d", _owner(WEEK)
        ),
        "deployment_subject_count_24h": Figure(
            "Distinct persons that the deployment has reached", "deployment", "24h", _deployment(DAY)
        ),
        "deployment_subject_count_1h": Figure(
            "Distinct persons that the deployment has reached", "deployment", "1h", _deployment(HOUR)
        ),
        "purpose_subject_count_12m": Figure(
            "Distinct persons reached for the purpose of this use, by whomever", "purpose", "12m", _purpose
        ),
        "device_count_12m": Figure(
            "Distinct devices of the source that reached most", "source", "12m", _devices
        ),
        "attributes_joined_count": Figure(
            "Attributes joined about one person, at most, with those of this use",
            "owner",
            "12m",
            lambda use: use.open_above(use.joined().attributes),
        ),
        "sensitive_pairs_count": Figure(
            "Pairs of protected attributes joined about one person, at most",
            "owner",
            "12m",
            lambda use: use.open_above(use.joined().sensitive_pairs),
        ),
        "points_per_person": Figure(
            "Places at times joined about one person, at most",
            "owner",
            "12m",
            lambda use: use.open_above(use.joined().points),
        ),
        "span_days_per_person": Figure(
            "Days from the first to the last of one person's places, at most",
            "owner",
            "12m",
            lambda use: use.open_above(use.joined().span_days),
        ),
        "population_coverage_permille": Figure(
            "Of every thousand persons of a population, those reached (`population_size` is its size)",
            "source",
            "12m",
            _coverage,
        ),
        "protected_selection_12m": Figure(
            "Distinct persons reached together with a protected attribute, or picked by protected activity",
            "owner",
            "12m",
            _protected,
        ),
        "growth_permille": Figure(
            "New persons of this use for every thousand whom its source had reached", "source", "12m", _growth
        ),
        "repeat_share_permille": Figure(
            "Of every thousand persons of this use, those whom its source had reached before",
            "source",
            "12m",
            _repeats,
        ),
        "least_difference": Figure(
            "Persons by which this use differs from an earlier one over the same source, at least",
            "source",
            "the newest 64 uses",
            _difference,
        ),
        "effects_per_hour": Figure(
            "Calls of tools that were let through",
            "deployment",
            "1h",
            _rate(lambda use: use.monitors.effects.rate(use.deployment, use.now).calls),
        ),
        "effects_after_reading": Figure(
            "Calls of tools that were let through within the hour after persons' data had been read",
            "deployment",
            "1h",
            _rate(lambda use: use.monitors.effects.rate(use.deployment, use.now).after_reading),
        ),
        "longest_effect_run": Figure(
            "The longest run of calls of one and the same tool",
            "deployment",
            "1h",
            _rate(lambda use: use.monitors.effects.rate(use.deployment, use.now).longest_run),
        ),
    }
)  # fmt: skip
"""By the name of the fact."""
OF_EFFECTS = frozenset({"effects_per_hour", "effects_after_reading", "longest_effect_run"})
