"""How facts of several data parts become facts of one use, by the joins that the registry declares.

A fact without a join never collapses: each part is decided with its own. A joined fact is known only if it
is known of every part; where one part contradicts itself, all that was said of it is passed on, so that no
join hides it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from caveat.facts.fact import Fact, Grade
from caveat.facts.registry import FactSpec, Registry
from caveat.facts.value import Value
from caveat.labels.join import Join, join_counts, join_sets


@dataclass(frozen=True, slots=True)
class Settled:
    """What all that is said of one fact comes to: a value, nothing known, or a contradiction."""

    value: Value | None = None
    grade: Grade = Grade.ATTESTED
    role: str = ""
    source: str = ""
    contradictory: bool = False


def settle(registry: Registry, spec: FactSpec, said: Sequence[Fact]) -> Settled:
    """The one known value in `said`. Known values that differ are contradictory, with one exception: of a
    fact that joins by total or greatest, an observed value below the attested one is consistent with it.
    """
    known = [
        fact
        for fact in said
        if registry.counts(spec.name, fact.grade, fact.role) and not spec.is_unknown(fact.value)
    ]
    if not known:
        return Settled()
    first = next((fact for fact in known if fact.grade is Grade.ATTESTED), known[0])
    for fact in known:
        below = (
            spec.join in (Join.TOTAL, Join.GREATEST)
            and (first.grade, fact.grade) == (Grade.ATTESTED, Grade.OBSERVED)
            and isinstance(fact.value, int)
            and isinstance(first.value, int)
            and fact.value <= first.value
        )
        if fact.value != first.value and not below:
            return Settled(contradictory=True)
    return Settled(first.value, first.grade, first.role, first.source)


def join_parts(
    registry: Registry,
    registered: tuple[Fact, ...],
    parts: Sequence[tuple[Fact, ...]],
    many: Sequence[int] | None = None,
) -> tuple[tuple[Fact, ...], ...]:
    """The facts of each part's case, registered facts included; none where there are no parts.

    `many`: for each of `parts`, of how many parts exactly this is said; one each where it is left out.
    """
    many = [1] * len(parts) if many is None else many
    if sum(many) < 2:
        return tuple((*registered, *part) for part in parts)
    joined: list[Fact] = []
    collapsed: set[str] = set()
    names = {fact.name for facts in (registered, *parts) for fact in facts}
    for name in sorted(names & registry.facts.keys()):
        spec = registry.facts[name]
        if spec.join is Join.NONE:
            continue
        collapsed.add(name)
        joined.extend(
            _joined(
                registry,
                spec,
                [fact for fact in registered if fact.name == name],
                [[fact for fact in part if fact.name == name] for part in parts],
                many,
            )
        )
    return tuple(
        (*(fact for fact in (*registered, *part) if fact.name not in collapsed), *joined) for part in parts
    )


def _joined(
    registry: Registry,
    spec: FactSpec,
    registered: list[Fact],
    parts: Sequence[list[Fact]],
    many: Sequence[int],
) -> list[Fact]:
    """What is passed on of one joined fact, in every case alike."""
    if spec.join is Join.TOTAL and registered:
        # A registered count is of the whole use, not of each part: it is never summed.
        own = _joined(registry, spec, [], parts, many) if all(parts) else []
        return [*registered, *own]
    settled = [settle(registry, spec, [*registered, *part]) for part in parts]
    contradictory = [part for part, one in zip(parts, settled, strict=True) if one.contradictory]
    if contradictory:
        return list(dict.fromkeys(fact for part in contradictory for fact in [*registered, *part]))
    values = [one.value for one in settled if one.value is not None]
    if len(values) < len(settled):
        # Unknown of one part is unknown of the use; an attested `unknown` is passed on as what it is.
        return list(
            dict.fromkeys(
                fact for part in parts for fact in [*registered, *part] if spec.is_unknown(fact.value)
            )
        )
    least = next((one for one in settled if one.grade is not Grade.ATTESTED), settled[0])
    sources = {one.source for one in settled}
    source = sources.pop() if len(sources) == 1 else f"join:{sum(many)}"
    return [Fact(spec.name, _fold(spec, values, many), least.grade, least.role, source)]


def _fold(spec: FactSpec, values: Sequence[Value], many: Sequence[int]) -> Value:
    if spec.join is Join.TOTAL:
        values = [
            min(value * times, spec.hi) if isinstance(value, int) else value
            for value, times in zip(values, many, strict=True)
        ]
    joined = values[0]
    for value in values[1:]:
        if isinstance(joined, frozenset) and isinstance(value, frozenset):
            joined = join_sets(spec.join, joined, value)
        elif isinstance(joined, int) and isinstance(value, int):
            joined = min(join_counts(spec.join, joined, value), spec.hi)
        else:
            raise TypeError(f"values of `{spec.name}` do not join")
    return joined
