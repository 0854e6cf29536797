"""Who is told apart in the data of a use, and what the monitors say of it. Pure over its arguments and keys.

Persons are told apart only by a column that the deployment registers, or that a statement names together
with the lineage of its data: two tables that merely number their rows alike are two sets of persons.
Source: ADR-0047.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from caveat.call.call import Part
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.registry import FactSpec, Registry
from caveat.facts.value import Interval
from caveat.gateway.joining import settle
from caveat.gateway.observing import MONITORS, Registration
from caveat.labels.sketch import Bounds
from caveat.labels.subjects import Sighting
from caveat.ledger.record import Counted, Reservation
from caveat.monitors.contribution import MAX_SIGHTINGS, Contribution, Sealed, nonce_of, seal, wrapped
from caveat.monitors.figures import FIGURES, OF_EFFECTS, POPULATION, use_counted
from caveat.monitors.monitors import Monitors
from caveat.signing.canonical import MAX_INTEGER
from caveat.signing.digest import Digest

TASK, SELECTION = "task", "selection_criteria"
PROTECTED_SELECTION = "protected_activity"
UNNAMED = "unnamed"
"""The purpose of a use whose facts name none."""
_LIMIT = 1024
_Key = tuple[Digest, str, str]


@dataclass(frozen=True, slots=True)
class Contributed:
    """Who was told apart in one part, and the bytes to keep of it."""

    sealed: Sealed
    sightings: tuple[Sighting, ...]


Contribute = Callable[[Part, str], Contributed | None]


def nobody_apart(_part: Part, _id_column: str) -> Contributed | None:
    """Where no key is held."""
    return None


FindSightings = Callable[[bytes, str, str | None, bytes], tuple[Sighting, ...] | None]


class Contributions:
    """Contributions by the digest of their part and its column: what is sent again is not read again."""

    def __init__(self, find: FindSightings, keys: Sequence[bytes], monitors: Monitors) -> None:
        """`keys`: the chain, oldest first; at least one. What is found is offered to `monitors`."""
        self._find = find
        self._keys = tuple(keys)
        self._monitors = monitors
        self._made: dict[_Key, Contributed | None] = {}

    def __call__(self, part: Part, id_column: str) -> Contributed | None:
        """Who is told apart by this column; None where nobody can be."""
        key = (part.digest, part.media_type, id_column)
        if key not in self._made:
            if len(self._made) >= _LIMIT:
                del self._made[next(iter(self._made))]
            self._made[key] = self._contribution(part, id_column)
        made = self._made[key]
        if made is not None:
            self._monitors.offer(made.sealed.commitment, made.sightings)
        return made

    def _contribution(self, part: Part, id_column: str) -> Contributed | None:
        found = self._find(part.content, part.media_type, id_column, self._keys[0])
        if not found or len(found) > MAX_SIGHTINGS:
            return None
        sightings = wrapped(found, self._keys[1:])
        nonce = nonce_of(self._keys[-1], part.digest)
        return Contributed(seal(Contribution(nonce, sightings)), sightings)


def counted_of(registry: Registry, owner: str, facts: Sequence[Fact]) -> Counted:
    """Where a use is counted beside its source and deployment, by what is known of it."""
    purpose, selection = (_known(registry, name, facts) for name in (TASK, SELECTION))
    return Counted(owner, purpose or UNNAMED, selection == PROTECTED_SELECTION)


def _known(registry: Registry, name: str, facts: Sequence[Fact]) -> str:
    spec = registry.facts.get(name)
    if spec is None:
        return ""
    said = settle(registry, spec, [fact for fact in facts if fact.name == name])
    return said.value if isinstance(said.value, str) else ""


class Reading(Protocol):
    """What the monitors say of a use."""

    def __call__(
        self, names: Iterable[str], counted: Counted, reservations: Sequence[Reservation], population: int
    ) -> Mapping[str, Bounds]: ...


def reading_of(monitors: Monitors, deployment: str, now: datetime) -> Reading:
    """The reading for uses of one deployment at one moment."""

    def read(
        names: Iterable[str], counted: Counted, reservations: Sequence[Reservation], population: int
    ) -> Mapping[str, Bounds]:
        use = use_counted(monitors, deployment, counted, reservations, now, population)
        return {name: FIGURES[name].of(use) for name in names if name in FIGURES}

    return read


def read_by(registry: Registry, deployment: Registration) -> tuple[FactSpec, ...]:
    """The facts that this deployment's monitors observe; empty costs nothing."""
    if MONITORS not in deployment.observers:
        return ()
    return tuple(
        spec for spec in registry.facts.values() if MONITORS in spec.observed_by and spec.name in FIGURES
    )


def monitor_facts(
    registry: Registry,
    deployment: Registration,
    read: Reading | None,
    counted: Counted,
    reservations: Sequence[Reservation],
    facts: Sequence[Fact],
) -> tuple[Fact, ...]:
    """What the monitors say of a use, by the facts that the registry has."""
    specs = read_by(registry, deployment)
    if not specs or read is None:
        return ()
    values = read([spec.name for spec in specs], counted, reservations, population_of(registry, facts))
    return tuple(_fact(spec, values[spec.name]) for spec in specs)


def population_of(registry: Registry, facts: Sequence[Fact]) -> int:
    """The least population that is known, 0 where none is: fewer persons are covered sooner."""
    known = [
        fact.value
        for fact in facts
        if fact.name == POPULATION
        and registry.counts(fact.name, fact.grade, fact.role)
        and isinstance(fact.value, int)
    ]
    return min(known, default=0)


def with_effects(
    cases: tuple[Facts, ...], registry: Registry, values: Mapping[str, Bounds]
) -> tuple[Facts, ...]:
    """The cases of a call of a tool, with what the tools of its deployment did until this very moment."""
    fresh = {
        name: _fact(registry.facts[name], bounds) for name, bounds in values.items() if name in OF_EFFECTS
    }
    if not fresh:
        return cases
    return tuple(
        replace(
            case,
            facts=tuple(
                fresh[fact.name] if fact.role == MONITORS and fact.name in fresh else fact
                for fact in case.facts
            ),
        )
        for case in cases
    )


def _fact(spec: FactSpec, bounds: Bounds) -> Fact:
    ceiling = min(spec.hi, MAX_INTEGER)
    low, high = (min(max(end, spec.lo), ceiling) for end in (bounds.lo, bounds.hi))
    return Fact(spec.name, low if low == high else Interval(low, high), Grade.OBSERVED, MONITORS)
