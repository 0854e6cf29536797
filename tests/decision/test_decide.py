"""What stands around the rule: the second engine, the budget, no case at all, and smallest sets."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.call.call import Point
from caveat.decision.decide import decide, decide_use, program_for
from caveat.decision.needs import first_meeting, smallest_sufficient
from caveat.decision.search import Budget
from caveat.decision.verdict import Decision, Reason, Verdict, strictest
from caveat.facts.fact import Fact, Facts, Grade
from caveat.policy.bundle import parse_bundle
from tests.oracle.example import example_bundle
from tests.policy.small import added, edited, small

POLICY = parse_bundle(small()).policy
HARMLESS = Facts(
    (
        Fact("channel", "given", Grade.ATTESTED, "issuer"),
        Fact("persons", 3, Grade.OBSERVED, "counter"),
        Fact("score", 1, Grade.ESTIMATED, "screen"),
    )
)


def test_a_harmless_use_is_allowed() -> None:
    decision = decide(POLICY, Point.PROMPT, HARMLESS)
    assert (decision.verdict, decision.reason, decision.clauses) == (Verdict.ALLOW, Reason.PERMITTED, ("C4",))


def test_an_allow_that_cedar_does_not_confirm_is_denied_as_an_incident() -> None:
    other = parse_bundle(edited("clauses/all.cedar", '== "bought"', '!= "bought"'))
    disagreeing = replace(POLICY, engine=other.policy.engine)
    decision = decide(disagreeing, Point.PROMPT, HARMLESS)
    assert (decision.verdict, decision.reason) == (Verdict.DENY, Reason.ENGINES_DISAGREE)
    assert decision.incident


def test_no_case_at_all_is_denied() -> None:
    assert decide_use(POLICY, Point.PROMPT, ()).verdict is Verdict.DENY
    with pytest.raises(ValueError, match="no case"):
        strictest(())


def test_the_first_of_the_strictest_cases_is_named() -> None:
    deny = Decision(Verdict.DENY, Reason.CLAUSE, ("A",))
    other = Decision(Verdict.DENY, Reason.CLAUSE, ("B",))
    ask = Decision(Verdict.NEEDS_EVIDENCE, Reason.UNVERIFIED)
    assert strictest((ask, deny, other)) is deny


def test_a_missing_score_stands_at_its_declared_failure_value() -> None:
    silent = replace(HARMLESS, facts=HARMLESS.facts[:2])
    assert decide(POLICY, Point.PROMPT, silent).clauses == ("C3",)


def test_an_exhausted_budget_asks_for_evidence_and_names_facts_that_can_matter() -> None:
    policy = example_bundle().policy
    names = set(policy.registry.facts)
    reasons: set[Reason] = set()
    for budget in (0, 1, 5, 100, 500, 1500, 2000):
        decision = decide(replace(policy, step_budget=budget), Point.PROMPT, Facts())
        reasons.add(decision.reason)
        assert decision.verdict is Verdict.NEEDS_EVIDENCE
        assert set(decision.needs) <= names
    assert reasons == {Reason.BUDGET}
    assert decision.needs, "the search had found what matters by then"


def test_a_use_that_the_facts_deny_stays_denied_when_its_claims_exhaust_the_budget() -> None:
    bundle = example_bundle()
    facts = bundle.registry.facts
    said = {
        "task": "pattern_of_life",
        "action_effect": "kinetic",
        "deployment_type": "bank",
        "human_in_loop": "none",
    }
    claims = {"task": "weapon_engagement", "deployment_type": "hospital", "human_in_loop": "on_loop"}
    use = Facts(tuple(Fact(n, v, Grade.ATTESTED, min(facts[n].attested_by)) for n, v in said.items()), claims)
    enough = decide(bundle.policy, Point.PROMPT, use)
    assert enough.verdict is Verdict.DENY
    for budget in range(1, 40):
        limited = decide(replace(bundle.policy, step_budget=budget), Point.PROMPT, use)
        assert limited.verdict is Verdict.DENY


def test_an_overflow_denies_although_something_permits() -> None:
    text = '@id("X") @text("t") @authority("contract") @amend("provider") '
    text += "permit (principal, action, resource) when { context.persons * 9223372036854775807 > 0 };"
    policy = parse_bundle(added("clauses/all.cedar", text)).policy
    decision = decide(policy, Point.PROMPT, HARMLESS)
    assert (decision.verdict, decision.clauses) == (Verdict.DENY, ("X",))
    one = replace(HARMLESS, facts=(*HARMLESS.facts[::2], Fact("persons", 1, Grade.OBSERVED, "counter")))
    assert decide(policy, Point.PROMPT, one).verdict is Verdict.ALLOW


families = st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=4), max_size=6)


@given(families, st.integers(0, 6))
def test_the_first_combination_that_meets_all_constraints_is_the_first_of_its_size(
    constraints: list[frozenset[str]], size: int
) -> None:
    meeting = (
        chosen
        for at_most in range(size + 1)
        for chosen in combinations("abcdef", at_most)
        if all(constraint.intersection(chosen) for constraint in constraints)
    )
    smallest = next(meeting, None)
    if smallest is None or len(smallest) == size:
        assert first_meeting("abcdef", constraints, size) == smallest


@given(families)
def test_a_smallest_sufficient_set_is_smallest_and_first(wanted: list[frozenset[str]]) -> None:
    def suffices(chosen: frozenset[str]) -> bool:
        return any(need <= chosen for need in wanted)

    every = (set_ for size in range(7) for set_ in combinations("abcdef", size))
    assert smallest_sufficient("abcdef", suffices) == next((s for s in every if suffices(frozenset(s))), None)


def test_no_combination_meets_a_constraint_that_nothing_meets() -> None:
    assert first_meeting("ab", [frozenset()], 1) is None


def test_a_fact_that_the_registry_does_not_declare_denies() -> None:
    stray = replace(HARMLESS, facts=(*HARMLESS.facts, Fact("mood", "good", Grade.ATTESTED, "issuer")))
    decision = decide(POLICY, Point.PROMPT, stray)
    assert (decision.verdict, decision.reason) == (Verdict.DENY, Reason.VALUE_OUT_OF_RANGE)


def test_a_clause_is_cited_where_the_budget_ends_before_it_is_ruled_out() -> None:
    program = program_for(POLICY, Point.PROMPT)
    forbids = [each for each in program.compiled if not each.clause.is_permit]
    assert forbids
    assert all(program.can_stop(each, program.widest, Budget(0)) for each in forbids)
