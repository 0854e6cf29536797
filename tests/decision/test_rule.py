"""`decide` is the verdict rule of the specification: compared with the rule written naively, by worlds."""

import pytest

from tests.oracle.compare import cases, disagreements
from tests.oracle.decide import NaiveRule
from tests.oracle.generate import Shape


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(4))
def test_decide_agrees_with_the_naive_rule_on_random_bundles(shard: int) -> None:
    seeds = range(shard * 150, shard * 150 + 150)
    assert list(disagreements(seeds, uses=12)) == []


@pytest.mark.long
@pytest.mark.parametrize("shard", range(8))
def test_decide_agrees_with_the_naive_rule_on_many_random_bundles(shard: int) -> None:
    start = 10_000 + shard * 500
    assert list(disagreements(range(start, start + 500), uses=20)) == []


@pytest.mark.long
@pytest.mark.parametrize("shard", range(4))
def test_decide_agrees_with_the_naive_rule_on_larger_bundles(shard: int) -> None:
    start = 50_000 + shard * 50
    shape = Shape(facts=6, clauses=8, depth=4, worlds=1500)
    assert list(disagreements(range(start, start + 50), uses=12, shape=shape)) == []


@pytest.mark.slow
def test_the_random_uses_reach_every_verdict_and_every_reason() -> None:
    seen: set[str] = set()
    rule: NaiveRule | None = None
    for _, bundle, point, facts in cases(range(150), uses=12):
        if rule is None or rule.bundle is not bundle:
            rule = NaiveRule(bundle, point.value)
        seen.add(rule.decide(facts).reason)
    assert seen == {
        "forged_evidence",
        "replayed_evidence",
        "value_out_of_range",
        "contradictory_evidence",
        "conflict",
        "clause",
        "no_permit",
        "unverified",
        "unattestable",
        "counted_interval",
        "approval",
        "permitted",
    }
