"""The laws of DESIGN section 3, each on random uses of random bundles and of the example bundle."""

import random
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from caveat.decision.decide import decide, decide_use
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.registry import FactType
from caveat.policy.bundle import Bundle, parse_bundle
from tests.decision.uses import (
    PERMITTED,
    Situation,
    as_json,
    believes_claims,
    fully_attested,
    generated,
    has_interval,
    situation,
    true_fact,
)
from tests.oracle.cedar import read_policies
from tests.oracle.example import Sampler
from tests.oracle.generate import generate_facts, values_of

situations = st.builds(situation, st.integers(0, 10**9), example=st.booleans())
seeds = st.integers(0, 10**9)
law = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much],  # several laws speak of few of the uses drawn
)


def _is_no_looser(after: Decision, before: Decision) -> bool:
    return after.verdict.strictness >= before.verdict.strictness


def _lie(there: Situation, rng: random.Random, share: float) -> Facts:
    sampler = Sampler(there.bundle, rng) if len(there.truth) > 10 else None
    claims = dict(there.claims)
    for name, spec in there.bundle.registry.facts.items():
        if rng.random() < share:
            value = sampler.value(spec) if sampler else rng.choice(values_of(spec))
            claims[name] = as_json(value)
    return replace(there.facts, claims=claims)


@pytest.mark.slow
@law
@given(situations, seeds, st.sampled_from([0.1, 0.4, 1.0]))
def test_no_claim_gets_a_better_verdict_than_no_claim(there: Situation, seed: int, share: float) -> None:
    assume(not believes_claims(there.bundle))
    silent = there.decide(replace(there.facts, claims={}))
    lying = there.decide(_lie(there, random.Random(seed), share))
    assert _is_no_looser(lying, silent)
    assert _is_no_looser(there.decide(), silent)


@pytest.mark.slow
@law
@given(situations)
def test_a_permitted_use_stays_permitted_when_everything_is_attested_truthfully(there: Situation) -> None:
    assume(not (has_interval(there.facts) and there.bundle.policy.interval_role in there.facts.approvals))
    before = there.decide()
    assume(before.verdict in PERMITTED and before.reason is not Reason.COUNTED_INTERVAL)
    after = there.decide(fully_attested(there))
    assert after.verdict.strictness <= before.verdict.strictness


@pytest.mark.slow
@settings(law, max_examples=50)
@given(situations, seeds)
def test_a_lie_that_is_permitted_would_be_permitted_as_the_truth(there: Situation, seed: int) -> None:
    assume(not believes_claims(there.bundle) and not has_interval(there.facts))
    lying = there.decide(_lie(there, random.Random(seed), 0.5))
    assume(lying.verdict in PERMITTED)
    honest = replace(fully_attested(there), claims={})
    assert there.decide(honest).verdict.strictness <= lying.verdict.strictness


@pytest.mark.slow
@law
@given(situations, seeds)
def test_equal_visible_input_gets_an_equal_answer(there: Situation, seed: int) -> None:
    rng = random.Random(seed)
    shuffled = list(there.facts.facts)
    rng.shuffle(shuffled)
    claims = list(there.claims.items())
    rng.shuffle(claims)
    other = replace(
        there.facts,
        facts=tuple(replace(fact, source=str(rng.random())) for fact in shuffled),
        claims=dict(claims),
    )
    assert there.decide(other) == there.decide() == there.decide()


@pytest.mark.slow
@law
@given(st.builds(situation, seeds), seeds)
def test_another_forbid_never_loosens(there: Situation, seed: int) -> None:
    before = there.decide()
    assume(before.reason is not Reason.CONFLICT)  # a difference that no longer matters is no conflict
    after = decide(_with_forbid(there.bundle, seed).policy, there.point, there.facts)
    assert _is_no_looser(after, before)


def _with_forbid(bundle: Bundle, seed: int) -> Bundle:
    """The bundle with one red line more, over a random fact of its registry."""
    rng = random.Random(seed)
    name, spec = rng.choice(list(bundle.registry.facts.items()))
    match spec.type:
        case FactType.BOOL:
            test = f"context.{name}"
        case FactType.ENUM:
            test = f'context.{name} != "{rng.choice(spec.values)}"'
        case FactType.LONG:
            test = f"context.{name} > {rng.randint(spec.lo, spec.hi)}"
        case FactType.SET:
            test = f'context.{name}.contains("{rng.choice(spec.values)}")'
    line = '@id("{0}") @text("x") @authority("contract") @amend("owner") @red_line("line")\n'
    forbid = line + "forbid (principal, action, resource) when {{ {1} }};"
    files = dict(bundle.files)
    files["clauses/zz.cedar"] = forbid.format("extra", test).encode()
    files["red_lines/line.cedar"] = forbid.format("line", test).encode()
    return parse_bundle(files)


@pytest.mark.slow
@law
@given(situations, seeds)
def test_taking_an_approval_away_never_loosens(there: Situation, seed: int) -> None:
    given_roles = sorted(there.facts.approvals)
    assume(given_roles and not has_interval(there.facts))
    before = there.decide()
    assume(before.reason is not Reason.CONFLICT)
    taken = random.Random(seed).choice(given_roles)
    after = there.decide(replace(there.facts, approvals=there.facts.approvals - {taken}))
    assert _is_no_looser(after, before)


@pytest.mark.slow
@law
@given(seeds)
def test_a_higher_score_never_loosens(seed: int) -> None:
    there = situation(seed)
    assume("score" in there.bundle.registry.facts)
    rest = tuple(fact for fact in there.facts.facts if fact.name != "score")
    verdicts = [
        there.decide(replace(there.facts, facts=(*rest, Fact("score", score, Grade.ESTIMATED, "screen"))))
        for score in range(4)
    ]
    assume(all(decision.reason is not Reason.CONFLICT for decision in verdicts))
    strictness = [decision.verdict.strictness for decision in verdicts]
    assert strictness == sorted(strictness)
    assert there.decide(replace(there.facts, facts=rest)).verdict == verdicts[-1].verdict, "fails severe"


@pytest.mark.slow
@law
@given(seeds, st.sampled_from(["subject_count", "cumulative_subject_count_12m"]))
def test_reaching_more_persons_never_loosens_the_example_policy(seed: int, count: str) -> None:
    there = situation(seed, example=True)
    spec = there.bundle.registry.facts[count]
    rest = tuple(fact for fact in there.facts.facts if fact.name != count)
    claims = {name: value for name, value in there.claims.items() if name != count}
    decisions = [
        there.decide(
            replace(
                there.facts,
                claims=claims,
                facts=(*rest, Fact(count, persons, Grade.ATTESTED, min(spec.attested_by))),
            )
        )
        for persons in (0, 100, 101, 1000, 1001, 10_000, 10_001, 100_000, 100_001, spec.hi)
    ]
    assume(all(decision.reason is not Reason.CONFLICT for decision in decisions))
    strictness = [decision.verdict.strictness for decision in decisions]
    assert strictness == sorted(strictness)


@pytest.mark.slow
@law
@given(situations, seeds)
def test_facts_by_a_role_or_grade_that_does_not_count_change_nothing(there: Situation, seed: int) -> None:
    rng = random.Random(seed)
    noise: list[Fact] = []
    for name, spec in there.bundle.registry.facts.items():
        value = there.truth[name]
        noise.append(Fact(name, value, Grade.ATTESTED, "impostor"))
        noise.append(Fact(name, value, Grade.OBSERVED, "impostor"))
        if spec.grade is not Grade.CLAIMED:
            noise.append(Fact(name, value, Grade.CLAIMED, rng.choice(["", *spec.attested_by])))
        if spec.grade is not Grade.ESTIMATED:
            noise.append(Fact(name, value, Grade.ESTIMATED, rng.choice(["", *spec.observed_by])))
    rng.shuffle(noise)
    assert there.decide(replace(there.facts, facts=(*noise, *there.facts.facts))) == there.decide()


@pytest.mark.slow
@settings(law, max_examples=40)
@given(situations)
def test_needs_attested_as_claimed_leave_nothing_denied_and_no_need_is_idle(there: Situation) -> None:
    claims = {
        name: as_json(value)
        for name, value in there.truth.items()
        if not there.bundle.registry.facts[name].is_unknown(value)
    }
    start = replace(there.facts, claims=claims)
    assume(not has_interval(start))
    before = there.decide(start)
    assume(before.verdict is Verdict.NEEDS_EVIDENCE and before.reason is Reason.UNVERIFIED)
    assume(all(name in claims for name in before.needs))
    rng = random.Random(0)
    specs = there.bundle.registry.facts
    proofs = {name: true_fact(rng, specs[name], there.truth[name], counted=False) for name in before.needs}
    all_given = there.decide(replace(start, facts=(*start.facts, *proofs.values())))
    assert all_given.verdict in PERMITTED
    for left_out in before.needs:
        some = [proof for name, proof in proofs.items() if name != left_out]
        still = there.decide(replace(start, facts=(*start.facts, *some)))
        assert still.verdict is Verdict.NEEDS_EVIDENCE


@pytest.mark.slow
@law
@given(situations)
def test_a_fact_that_no_clause_reads_is_never_asked_for(there: Situation) -> None:
    assert set(there.decide().needs) <= _read_by_clauses(there.bundle, there.point.value)


@cache
def _read_by_clauses(bundle: Bundle, point: str) -> frozenset[str]:
    texts = [data.decode() for path, data in bundle.files.items() if path.startswith("clauses/")]
    conditions = repr([policy.conditions for policy in read_policies(texts) if point in policy.points])
    return frozenset(name for name in bundle.registry.facts if f"'attr': '{name}'" in conditions)


@pytest.mark.slow
@law
@given(situations, st.integers(0, 60))
def test_an_exhausted_budget_never_permits(there: Situation, budget: int) -> None:
    unlimited = there.decide()
    policy = replace(there.bundle.policy, step_budget=budget)
    limited = decide(policy, there.point, there.facts)
    if limited.reason is Reason.BUDGET:
        assert limited.verdict is Verdict.NEEDS_EVIDENCE
        assert limited.steps > budget
    else:
        assert replace(limited, steps=0, clauses=()) == replace(unlimited, steps=0, clauses=())


@pytest.mark.slow
@law
@given(st.lists(seeds, max_size=4), seeds)
def test_the_strictest_of_several_cases_wins_and_none_at_all_is_denied(drawn: list[int], seed: int) -> None:
    bundle = generated(seed % 1500)
    roles = bundle.policy.roles
    cases = tuple(generate_facts(random.Random(each), bundle.registry, roles) for each in drawn)
    there = situation(seed)
    decision = decide_use(bundle.policy, there.point, cases)
    if not cases:
        assert decision.verdict is Verdict.DENY
        return
    alone = [decide(bundle.policy, there.point, case) for case in cases]
    assert decision.verdict.strictness == max(each.verdict.strictness for each in alone)
    assert decision in alone


@pytest.mark.slow
@law
@given(situations, seeds)
def test_forgetting_a_fact_never_permits_what_knowing_it_does_not(there: Situation, seed: int) -> None:
    assume(there.facts.facts and not has_interval(there.facts))
    before = there.decide()
    assume(before.verdict not in PERMITTED)
    kept = list(there.facts.facts)
    kept.pop(random.Random(seed).randrange(len(kept)))
    assert there.decide(replace(there.facts, facts=tuple(kept))).verdict not in PERMITTED
