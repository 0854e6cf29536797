"""`decide` beside the naive rule: run as it is by the tests, and once more with each seeded bug."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from caveat.call.call import Point
from caveat.decision.decide import decide
from caveat.decision.verdict import Decision
from caveat.facts.fact import Facts
from caveat.policy.bundle import Bundle, parse_bundle
from tests.oracle.decide import Answer, NaiveRule
from tests.oracle.generate import Shape, generate_bundle, generate_facts


@dataclass(frozen=True)
class Disagreement:
    """A use on which the two differ, with the seed that makes its bundle."""

    seed: int
    point: str
    facts: Facts
    decision: Decision
    answer: Answer


def answer_of(decision: Decision) -> Answer:
    """What is compared: all but the clauses cited and the steps taken."""
    return Answer(
        decision.verdict.value, decision.reason.value, decision.needs, decision.approvals, decision.incident
    )


def cases(seeds: range, uses: int, shape: Shape | None = None) -> Iterator[tuple[int, Bundle, Point, Facts]]:
    """`uses` random uses of each seed's bundle."""
    for seed in seeds:
        rng = random.Random(seed)
        bundle = parse_bundle(generate_bundle(rng, shape))
        point = rng.choice(list(Point))
        for _ in range(uses):
            yield seed, bundle, point, generate_facts(rng, bundle.registry, bundle.policy.roles)


def disagreements(seeds: range, uses: int, shape: Shape | None = None) -> Iterator[Disagreement]:
    """Every use of these bundles on which `decide` and the naive rule differ."""
    rule: NaiveRule | None = None
    for seed, bundle, point, facts in cases(seeds, uses, shape):
        if rule is None or rule.bundle is not bundle:
            rule = NaiveRule(bundle, point.value)
        decision = decide(bundle.policy, point, facts)
        answer = rule.decide(facts)
        if answer_of(decision) != answer:
            yield Disagreement(seed, point.value, facts, decision, answer)
