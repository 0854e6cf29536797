"""Who is told apart in the data of a use, and what the monitors say of it. Pure over its arguments and keys.

Persons are told apart only by a column that the deployment registers, or that a statement names together
with the lineage of its data: two tables that merely number their rows alike are two sets of persons.
Source: ADR-0047.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from threading import Lock
from typing import Protocol

from structlog.types import FilteringBoundLogger

from caveat.call.call import Part
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.registry import FactSpec, Registry
from caveat.facts.value import Interval, Value
from caveat.gateway.errors import FaultError
from caveat.gateway.joining import settle
from caveat.gateway.observing import MONITORS, Registration
from caveat.labels.sketch import Bounds
from caveat.labels.subjects import Sighting
from caveat.ledger.record import Counted, Reservation
from caveat.monitors.contribution import MAX_SIGHTINGS, Contribution, Sealed, seal
from caveat.monitors.figures import FIGURES, OF_EFFECTS, POPULATION, use_counted
from caveat.monitors.keys import KeysUnavailableError, SubjectKeys, nonce_of, wrapped
from caveat.monitors.monitors import Monitors
from caveat.signing.canonical import MAX_INTEGER
from caveat.signing.digest import Digest

TASK, SELECTION = "task", "selection_criteria"
KIND = ("acquisition_channel", "data_category")
"""Facts by which data are of one kind, whatever lineage they are said to be of."""
PROTECTED_SELECTION = "protected_activity"
UNNAMED = "unnamed"
"""The purpose of a use whose facts name none, and the kind of data of which none is known."""
_LIMIT = 1024
MAX_MADE = 200_000
"""Sightings that are kept so that a part which is sent again is not read again."""
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

    def __init__(
        self,
        find: FindSightings,
        keys: SubjectKeys,
        monitors: Monitors,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        """What is found is offered to `monitors`."""
        self._log = log
        self._find = find
        self._keys = keys
        self._monitors = monitors
        self._made: dict[_Key, Contributed | None] = {}
        self._sightings = 0
        self._lock = Lock()

    def __call__(self, part: Part, id_column: str) -> Contributed | None:
        """Who is told apart by this column; None where nobody can be.

        Raises `FaultError` where the holder of the chain does not answer: the use is held back.
        """
        made = self.made(part, id_column)
        if made is not None:
            self._monitors.offer(made.sealed.commitment, made.sightings)
        return made

    def made(self, part: Part, id_column: str) -> Contributed | None:
        """The same, offered to nobody: for use beside the loop that decides, since it may wait."""
        key = (part.digest, part.media_type, id_column)
        with self._lock:
            if key in self._made:
                return self._made[key]
        made = self._contribution(part, id_column)  # not under the lock: it may wait
        with self._lock:
            if key not in self._made:
                self._made[key] = made
                self._sightings += 0 if made is None else len(made.sightings)
            while len(self._made) > _LIMIT or (self._sightings > MAX_MADE and len(self._made) > 1):
                gone = self._made.pop(next(iter(self._made)))
                self._sightings -= 0 if gone is None else len(gone.sightings)
        return made

    def _contribution(self, part: Part, id_column: str) -> Contributed | None:
        found = self._find(part.content, part.media_type, id_column, self._keys.own)
        if not found or len(found) > MAX_SIGHTINGS:
            return None
        try:
            sightings = wrapped(found, self._keys, 1)
            nonce = nonce_of(self._keys, part.digest)
        except KeysUnavailableError as error:
            if self._log is not None:
                self._log.error("subject key", outcome="unavailable", cause=str(error))
            raise FaultError(
                503,
                "monitors_unavailable",
                "who this use reaches could not be told apart, so nothing was released",
                "try again later; the operator sees the cause in the log",
            ) from error
        return Contributed(seal(Contribution(nonce, sightings)), sightings)


def counted_of(registry: Registry, owner: str, facts: Sequence[Fact]) -> Counted:
    """Where a use is counted beside its source and deployment, by what is known of it."""
    purpose, selection = (_known(registry, name, facts) for name in (TASK, SELECTION))
    return Counted(owner, purpose or UNNAMED, selection == PROTECTED_SELECTION)


def kinds_of(registry: Registry, owner: str, facts: Sequence[Fact]) -> frozenset[str]:
    """The sources under which data are counted beside their lineage: what their owner group has reached of
    the same kind. A lineage root that somebody names anew begins no count anew.

    One for each combination of what is said of channel and category; the owner group's common source where
    neither is known. Source: ADR-0047.
    """
    words = [_said(registry, registry.facts[name], facts) for name in KIND if name in registry.facts]
    if all(each == (UNNAMED,) for each in words):
        return frozenset({f"owner:{owner}"})
    return frozenset("/".join((f"owner:{owner}", *each)) for each in product(*words))


def _said(registry: Registry, spec: FactSpec, facts: Sequence[Fact]) -> tuple[str, ...]:
    """Every word that counts, of whoever; one that stands for none where nothing is known."""
    said: set[str] = set()
    for fact in facts:
        if fact.name == spec.name and registry.counts(fact.name, fact.grade, fact.role):
            said |= {fact.value} if isinstance(fact.value, str) else set(_words(fact.value))
    return tuple(sorted(said)) or (UNNAMED,)


def _words(value: Value) -> Iterable[str]:
    return value if isinstance(value, frozenset) else ()


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
