"""What would change a decision: smallest sets of facts, checked against the decision itself."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from caveat.call.call import Point
from caveat.decision.decide import decide
from caveat.decision.explain import facts_behind_allow, facts_behind_denial
from caveat.decision.verdict import Verdict
from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.policy.bundle import parse_bundle
from tests.decision.uses import situation
from tests.oracle.example import example_bundle
from tests.policy.small import small

SMALL = parse_bundle(small()).policy
law = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much]
)


@pytest.mark.slow
@law
@given(st.integers(0, 10**9))
def test_without_the_facts_behind_it_an_allow_is_none(seed: int) -> None:
    there = situation(seed)
    assume(there.decide().verdict is Verdict.ALLOW)
    behind = facts_behind_allow(there.bundle.policy, there.point, there.facts)
    assume(behind is not None)
    assert behind is not None
    kept = tuple(fact for fact in there.facts.facts if fact.name not in behind)
    less = replace(there.facts, facts=kept, claims={})
    estimated = {n for n, spec in there.bundle.registry.facts.items() if spec.grade is not Grade.ATTESTED}
    assume(not estimated.intersection(behind))
    assert there.decide(less).verdict is not Verdict.ALLOW


@pytest.mark.slow
@law
@given(st.integers(0, 10**9))
def test_without_the_facts_behind_it_a_denial_is_none(seed: int) -> None:
    there = situation(seed)
    assume(there.decide().verdict is Verdict.DENY)
    behind = facts_behind_denial(there.bundle.policy, there.point, there.facts)
    assume(behind is not None)
    assert behind is not None
    estimated = {n for n, spec in there.bundle.registry.facts.items() if spec.grade is Grade.ESTIMATED}
    assume(not estimated.intersection(behind))
    kept = tuple(fact for fact in there.facts.facts if fact.name not in behind)
    claims = {name: value for name, value in there.claims.items() if name not in behind}
    assert there.decide(replace(there.facts, facts=kept, claims=claims)).verdict is not Verdict.DENY


def test_what_no_world_satisfies_has_no_facts_behind_it() -> None:
    forged = Facts(findings=frozenset({Finding.FORGED}))
    assert facts_behind_denial(SMALL, Point.PROMPT, forged) is None


def test_an_exhausted_budget_explains_nothing() -> None:
    policy = replace(example_bundle().policy, step_budget=0)
    many = Facts((Fact("subject_count", 5, Grade.ATTESTED, "data_owner"),))
    assert facts_behind_denial(policy, Point.PROMPT, many) is None
    assert facts_behind_allow(policy, Point.PROMPT, many) is None


def test_the_facts_behind_a_denial_are_named() -> None:
    facts = Facts(
        (Fact("persons", 50, Grade.ATTESTED, "issuer"), Fact("score", 0, Grade.ESTIMATED, "screen")),
        {"channel": "given"},
    )
    assert decide(SMALL, Point.PROMPT, facts).verdict is Verdict.DENY
    assert facts_behind_denial(SMALL, Point.PROMPT, facts) == ("persons",)
