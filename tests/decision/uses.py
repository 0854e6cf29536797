"""Uses with their truth, for laws that speak of it: nobody errs, and nobody lies unless a law says so."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from caveat.call.call import Point
from caveat.decision.decide import decide
from caveat.decision.verdict import Decision, Verdict
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.registry import FactSpec, FactType
from caveat.facts.value import Interval, Value
from caveat.policy.bundle import Bundle, parse_bundle
from tests.oracle.example import Sampler, example_bundle
from tests.oracle.generate import generate_bundle, values_of

PERMITTED = (Verdict.ALLOW, Verdict.NEEDS_APPROVAL)


@lru_cache(maxsize=2000)
def generated(seed: int) -> Bundle:
    """The generated bundle of this seed, parsed once."""
    return parse_bundle(generate_bundle(random.Random(seed)))


@dataclass(frozen=True)
class Situation:
    """A bundle, a point, the truth about one use, and what is honestly known and said of it."""

    seed: int
    example: bool
    bundle: Bundle = field(repr=False)
    point: Point = field(repr=False)
    truth: Mapping[str, Value] = field(repr=False)
    facts: Facts = field(repr=False)

    def decide(self, facts: Facts | None = None) -> Decision:
        """The decision on these facts, or on the situation's own."""
        return decide(self.bundle.policy, self.point, self.facts if facts is None else facts)

    @property
    def claims(self) -> Mapping[str, Any]:
        """What the caller says."""
        return self.facts.claims or {}


def situation(seed: int, *, example: bool = False) -> Situation:
    """A random honest situation, of a generated bundle or of the example bundle."""
    rng = random.Random(seed)
    bundle = example_bundle() if example else generated(seed % 1500)
    point = Point.PROMPT if example else rng.choice(list(Point))
    if example:
        sampler = Sampler(bundle, rng)
        clause = rng.choice(bundle.clauses)
        drawn = sampler.world_for(clause.condition)
        truth = {name: drawn[name] for name in bundle.registry.facts}
    else:
        truth = {name: rng.choice(values_of(spec)) for name, spec in bundle.registry.facts.items()}
    share = rng.choice([0.75, 0.9, 0.97] if example else [0.3, 0.7, 0.95])
    known: list[Fact] = []
    claims: dict[str, Any] = {}
    for name, spec in bundle.registry.facts.items():
        if rng.random() < share:
            known.append(true_fact(rng, spec, truth[name]))
        if rng.random() < 0.6:
            claims[name] = as_json(truth[name])
    roles = bundle.policy.roles
    given = frozenset(role for role in roles if rng.random() < 0.3)
    return Situation(seed, example, bundle, point, truth, Facts(tuple(known), claims, given))


def true_fact(rng: random.Random, spec: FactSpec, value: Value, *, counted: bool = True) -> Fact:
    """A fact that counts and is true: attested, or observed, counts perhaps as an interval."""
    if spec.grade in (Grade.ESTIMATED, Grade.CLAIMED):
        return Fact(spec.name, value, spec.grade, "screen")
    if spec.attested_by and (not spec.observed_by or not counted or rng.random() < 0.6):
        return Fact(spec.name, value, Grade.ATTESTED, min(spec.attested_by))
    if counted and spec.type is FactType.LONG and rng.random() < 0.5:
        assert isinstance(value, int)
        value = Interval(max(spec.lo, value - rng.randint(0, 2)), min(spec.hi, value + rng.randint(0, 2)))
    return Fact(spec.name, value, Grade.OBSERVED, min(spec.observed_by))


def fully_attested(there: Situation) -> Facts:
    """Everything about the use attested truthfully; what is known already stays as it is."""
    rng = random.Random(0)
    told = {fact.name for fact in there.facts.facts}
    more = [
        true_fact(rng, spec, there.truth[name], counted=False)
        for name, spec in there.bundle.registry.facts.items()
        if name not in told
    ]
    return replace(there.facts, facts=(*there.facts.facts, *more))


def as_json(value: Value) -> Any:
    """A value as a claim states it."""
    return sorted(value) if isinstance(value, frozenset) else value


def believes_claims(bundle: Bundle) -> bool:
    """Whether some fact counts when merely claimed, so that a liar opens what rests on it."""
    return any(spec.grade is Grade.CLAIMED for spec in bundle.registry.facts.values())


def has_interval(facts: Facts) -> bool:
    """Whether a count is known to an interval only."""
    return any(isinstance(fact.value, Interval) for fact in facts.facts)
