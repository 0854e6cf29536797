"""Every use of two small bundles, listed, with what `decide` says of each: the naive side of `diff`."""

from collections.abc import Iterator, Mapping
from itertools import chain, combinations, product
from typing import TYPE_CHECKING

from caveat.analysis.changed_use import facts_for
from caveat.analysis.saying import is_comparable, ways
from caveat.analysis.witness import Said
from caveat.call.call import Point
from caveat.decision.decide import decide
from caveat.decision.verdict import Verdict
from caveat.facts.observers import ABSENT
from caveat.facts.registry import FactSpec
from caveat.policy.bundle import Bundle
from tests.oracle.generate import values_of

if TYPE_CHECKING:
    from caveat.facts.value import Value


def _sayings(one: FactSpec | None, other: FactSpec | None) -> tuple[Said | None, ...]:
    """Unsaid, or any value of either bundle by one way of each kind: of both, of one alone."""
    specs = [spec for spec in (one, other) if spec is not None]
    values: dict[Value, None] = {}
    for spec in specs:
        values |= dict.fromkeys(values_of(spec))
        if spec.empty_is_unknown:
            values[frozenset()] = None
    first = ways(one) if one is not None else frozenset()
    second = ways(other) if other is not None else frozenset()
    kinds = [min(kind) for kind in (first & second, first - second, second - first) if kind]
    neutral = [spec.neutral for spec in specs if spec.neutral is not None]
    said = [Said(v, *way) for way in kinds for v in (neutral if way[1] == ABSENT else values)]
    return (None, *said)


def _roles(old: Bundle, new: Bundle) -> tuple[frozenset[str], ...]:
    roles = sorted({*old.policy.roles, *new.policy.roles})
    every = chain.from_iterable(combinations(roles, size) for size in range(len(roles) + 1))
    return tuple(frozenset(each) for each in every)


def uses(old: Bundle, new: Bundle) -> Iterator[tuple[str, Mapping[str, Said], frozenset[str]]]:
    """Every use; facts of one name and two types are said as the old bundle has them."""
    one, other = old.registry.facts, new.registry.facts
    names = list(dict.fromkeys((*one, *other)))
    choices = [
        _sayings(
            one.get(name),
            other.get(name) if is_comparable(one.get(name), other.get(name)) or name not in one else None,
        )
        for name in names
    ]
    for said in product(*choices):
        kept = {name: each for name, each in zip(names, said, strict=True) if each is not None}
        for point in ("prompt", "tool", "output"):
            for given in _roles(old, new):
                yield point, kept, given


def verdicts(
    old: Bundle, new: Bundle, point: str, said: Mapping[str, Said], given: frozenset[str]
) -> tuple[Verdict, Verdict]:
    """What both live engines say."""
    specs = {**new.registry.facts, **old.registry.facts}
    truth = {name: each.value for name, each in said.items()}
    before, after = (
        decide(bundle.policy, Point(point), facts_for(bundle, said, truth, given, specs)).verdict
        for bundle in (old, new)
    )
    return before, after


def differences(old: Bundle, new: Bundle) -> tuple[bool, bool]:
    """Whether some use is newly allowed, and whether some use is newly not allowed."""
    opened = closed = False
    for point, said, given in uses(old, new):
        before, after = verdicts(old, new, point, said, given)
        opened |= before is not Verdict.ALLOW and after is Verdict.ALLOW
        closed |= before is Verdict.ALLOW and after is not Verdict.ALLOW
        if opened and closed:
            break
    return opened, closed
