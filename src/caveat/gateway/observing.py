"""What the gateway's own observers say of a use, in a deployment that has them.

Without the observer there is nothing, whatever anybody else says: a neutral value stands for an observer
that looked and found nothing, and for nothing else.
"""

from collections.abc import Mapping
from typing import Protocol

from caveat.call.history import HistoryState
from caveat.evidence.entitlement import COUNTER
from caveat.facts.fact import Fact, Grade
from caveat.facts.registry import FactSpec, Registry
from caveat.facts.value import Interval, Value
from caveat.gateway.joining import settle
from caveat.policy.workflows import Workflow
from caveat.signing.canonical import MAX_INTEGER

TOTALS = "totals"
"""The observer that keeps counts of persons over twelve months."""

MONITORS = "monitors"
"""The observer of what many uses amount to: persons told apart, what is joined of them, what tools do."""

REACH = "reach"
"""The observer of open chat: how many persons, at most, whoever only types could be asking about."""


HISTORY = "history"
"""The observer that compares a request's earlier messages with what the gateway let through."""


_BY_THEMSELVES = frozenset({COUNTER, TOTALS, MONITORS, REACH, HISTORY})


class Registration(Protocol):
    """What `gather` reads of a registered deployment."""

    @property
    def id(self) -> str: ...
    @property
    def owner_group(self) -> str: ...
    @property
    def observers(self) -> frozenset[str]: ...
    @property
    def id_column(self) -> str | None: ...
    @property
    def facts(self) -> Mapping[str, Value]: ...
    @property
    def kind(self) -> str: ...
    @property
    def tools(self) -> frozenset[str]: ...
    @property
    def workflows(self) -> Mapping[str, Workflow]: ...


class Total(Protocol):
    """A count known to lie between `lo` and `hi`; no `hi` where some of it was never counted."""

    @property
    def lo(self) -> int: ...
    @property
    def hi(self) -> int | None: ...


def observed_facts(
    registry: Registry, deployment: Registration, measured: Mapping[str, Value]
) -> tuple[Fact, ...]:
    """What the observers of this deployment report, or their neutral value; nothing without an observer."""
    facts: list[Fact] = []
    for spec in registry.facts.values():
        observers = sorted(spec.observed_by & deployment.observers - _BY_THEMSELVES)
        value = _measured(spec, measured) if spec.name in measured else spec.neutral
        if observers and value is not None:
            facts.append(Fact(spec.name, value, Grade.OBSERVED, observers[0]))
    return tuple(facts)


def _measured(spec: FactSpec, measured: Mapping[str, Value]) -> Value | None:
    """The value as the registry has it; None for one that it does not know: that is unknown."""
    value = measured[spec.name]
    if isinstance(value, int) and not isinstance(value, bool):
        value = min(value, spec.hi)
    return spec.parse(value)


def history_facts(
    registry: Registry, deployment: Registration, state: HistoryState | None
) -> tuple[Fact, ...]:
    """What the history of a use is; nothing where nobody compared it, or for a state that a registry does
    not know: that is unknown, which a decision takes at its worst."""
    if HISTORY not in deployment.observers or state is None:
        return ()
    return tuple(
        Fact(spec.name, state.value, Grade.OBSERVED, HISTORY)
        for spec in registry.facts.values()
        if HISTORY in spec.observed_by and spec.parse(state.value) is not None
    )


def total_facts(
    registry: Registry,
    deployment: Registration,
    registered: tuple[Fact, ...],
    totals: Mapping[str, Total],
) -> tuple[Fact, ...]:
    """The total of twelve months, this use included, of the source that reached most persons.

    Where a part of it was never counted the total is an interval that is open above. What is missing of
    this use itself is then asked for as evidence; what was never counted of earlier uses, only a person can
    settle. Source: ADR-0011.
    """
    specs = [spec for spec in registry.facts.values() if TOTALS in spec.observed_by]
    if TOTALS not in deployment.observers or not specs:
        return ()
    if not totals:
        persons = _registered_count(registry, registered)
        return tuple(_span_fact(spec, persons, persons) for spec in specs)
    spans = [(MAX_INTEGER if total.hi is None else total.hi, total.lo) for total in totals.values()]
    hi, lo = max(spans)[0], max(lo for _, lo in spans)
    return tuple(_span_fact(spec, lo, hi) for spec in specs)


def _registered_count(registry: Registry, registered: tuple[Fact, ...]) -> int:
    """The persons of a use without data: as registered, else none that a total could count."""
    for spec in registry.facts.values():
        if COUNTER in spec.observed_by:
            said = settle(registry, spec, [fact for fact in registered if fact.name == spec.name])
            if isinstance(said.value, int):
                return said.value
    return 0


def _span_fact(spec: FactSpec, lo: int, hi: int) -> Fact:
    ceiling = min(spec.hi, MAX_INTEGER)  # a record can render no greater integer, and nobody counts so far
    low, high = (min(max(end, spec.lo), ceiling) for end in (lo, hi))
    return Fact(spec.name, low if low == high else Interval(low, high), Grade.OBSERVED, TOTALS)
