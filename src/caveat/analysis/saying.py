"""By whose word a fact can come to count: the ways that a registry knows, compared between two of them.

A way is a grade with a role. What counts in one bundle by a way that the other does not know is unknown to
the other, and so stands for every value there. Source: DESIGN section 3, ADR-0018.
"""

from typing import TypeAlias

from caveat.facts.fact import Grade
from caveat.facts.observers import ABSENT
from caveat.facts.registry import FactSpec, FactType
from caveat.facts.value import Value

Way: TypeAlias = tuple[Grade, str]
CALLER, SCREEN = "caller", "screen"
_PREFERRED = {Grade.ATTESTED: 0, Grade.OBSERVED: 1, Grade.ESTIMATED: 2, Grade.CLAIMED: 3}


def ways(spec: FactSpec) -> frozenset[Way]:
    """Every grade and role by which this fact counts, exactly as `Registry.counts` has it."""
    found: set[Way] = {(Grade.ATTESTED, role) for role in spec.attested_by}
    found |= {(Grade.OBSERVED, observer) for observer in spec.observed_by}
    if spec.neutral is not None and not spec.observed_by:
        found.add((Grade.OBSERVED, ABSENT))
    if spec.grade is Grade.ESTIMATED:
        found.add((Grade.ESTIMATED, SCREEN))
    if spec.grade is Grade.CLAIMED:
        found.add((Grade.CLAIMED, CALLER))
    return frozenset(found)


def best(found: frozenset[Way]) -> Way:
    """The strongest of these ways, ties in the order of the alphabet; raises `ValueError` for none."""
    return min(found, key=lambda way: (_PREFERRED[way[0]], way[1] == ABSENT, way[1]))


def is_comparable(one: FactSpec | None, other: FactSpec | None) -> bool:
    """Whether two registries speak of one fact: the same name with the same type."""
    return one is not None and other is not None and one.type is other.type


def declares_more(one: FactSpec, other: FactSpec) -> bool:
    """Whether `one` has a world that `other` does not have."""
    if one.type is FactType.LONG:
        return one.lo < other.lo or other.hi < one.hi
    emptier = one.type is FactType.SET and other.empty_is_unknown and not one.empty_is_unknown
    return emptier or not set(one.values) <= set(other.values)


def unknown_words(spec: FactSpec) -> frozenset[Value]:
    """The values that say that nobody knows."""
    if spec.empty_is_unknown:
        return frozenset({frozenset[str]()})
    return frozenset(spec.unknown)
