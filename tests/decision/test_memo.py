"""The memo changes no decision: what it remembers is what would be decided."""

import random
from dataclasses import replace

import pytest

from caveat.call.call import Point
from caveat.decision.decide import decide, decide_use
from caveat.decision.memo import DecisionMemo
from caveat.decision.verdict import Decision, Verdict
from tests.decision.uses import generated, situation
from tests.oracle.generate import generate_facts


def _content(decision: Decision) -> Decision:
    return replace(decision, steps=0)


@pytest.mark.slow
def test_a_remembered_decision_is_the_decision() -> None:
    hits = 0
    for seed in range(120):
        rng = random.Random(seed)
        bundle = generated(seed)
        memo = DecisionMemo(bundle.policy, capacity=64)
        for _ in range(40):
            point = rng.choice(list(Point))
            facts = generate_facts(rng, bundle.registry, bundle.policy.roles)
            assert _content(memo.decide(point, facts)) == _content(decide(bundle.policy, point, facts))
        hits += memo.hits
    assert hits > 50, "the memo has to be used for this to say anything"


@pytest.mark.slow
def test_a_remembered_decision_is_the_decision_on_the_example_policy() -> None:
    drawn = [situation(seed % 40, example=True) for seed in range(80)]
    memo = DecisionMemo(drawn[0].bundle.policy)
    for there in drawn:
        assert memo.decide(there.point, there.facts) == there.decide()
    assert memo.hits >= 40


def test_a_memo_without_room_remembers_nothing() -> None:
    there = situation(3)
    memo = DecisionMemo(there.bundle.policy, capacity=0)
    assert memo.decide(there.point, there.facts) == memo.decide(there.point, there.facts) == there.decide()
    assert (memo.hits, memo.misses) == (0, 0)


def test_a_full_memo_forgets_the_decision_used_longest_ago() -> None:
    there = situation(11)
    memo = DecisionMemo(there.bundle.policy, capacity=1)
    for point in (Point.PROMPT, Point.OUTPUT, Point.PROMPT, Point.PROMPT):
        memo.decide(point, there.facts)
    assert (memo.hits, memo.misses) == (1, 3)


def test_a_memo_decides_several_cases_as_decide_does_and_denies_none_at_all() -> None:
    there = situation(5)
    memo = DecisionMemo(there.bundle.policy)
    cases = (there.facts, replace(there.facts, facts=()))
    assert memo.decide_use(there.point, cases) == decide_use(there.bundle.policy, there.point, cases)
    assert memo.decide_use(there.point, ()).verdict is Verdict.DENY
