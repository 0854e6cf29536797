"""On a shipped bundle Kleene logic alone asks too much and denies too little; `decide` does neither."""

import pytest

from caveat.call.call import Point
from caveat.decision.decide import decide, program_for
from caveat.decision.resolve import resolve
from caveat.decision.use import Use, make_use
from caveat.decision.verdict import Verdict
from caveat.facts.fact import Fact, Facts, Grade
from caveat.policy.bundle import parse_bundle
from tests.oracle.example import ROOT, files_of

BUNDLE = parse_bundle(files_of(ROOT / "conformance" / "bundles" / "kleene-gap"))
OVER_ASKS = ["over_ask", "over_ask_permits"]
UNDER_DENIES = ["under_deny_cases", "under_deny_limit", "under_deny_words"]


def _facts(gate: str) -> Facts:
    return Facts((Fact("gate", gate, Grade.ATTESTED, "owner"),))


def _use(gate: str) -> Use:
    program = program_for(BUNDLE.policy, Point.PROMPT)
    return make_use(BUNDLE.policy, program, resolve(BUNDLE.registry, _facts(gate)), frozenset())


@pytest.mark.parametrize("gate", [*OVER_ASKS, *UNDER_DENIES])
def test_kleene_logic_alone_can_neither_allow_nor_deny(gate: str) -> None:
    use = _use(gate)
    box = use.box(use.known, use.approvals)
    assert use.program.can_allow(box)
    assert use.program.can_deny(box)


@pytest.mark.parametrize("gate", OVER_ASKS)
def test_decide_allows_what_is_allowed_in_every_case(gate: str) -> None:
    assert decide(BUNDLE.policy, Point.PROMPT, _facts(gate)).verdict is Verdict.ALLOW


@pytest.mark.parametrize("gate", UNDER_DENIES)
def test_decide_denies_what_is_denied_in_every_case(gate: str) -> None:
    assert decide(BUNDLE.policy, Point.PROMPT, _facts(gate)).verdict is Verdict.DENY


def test_a_use_about_which_nothing_is_known_is_asked_for_the_one_fact_that_matters() -> None:
    decision = decide(BUNDLE.policy, Point.PROMPT, Facts())
    assert (decision.verdict, decision.needs) == (Verdict.NEEDS_EVIDENCE, ("gate",))
