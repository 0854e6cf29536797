"""The report: one documented JSON shape, and tables that say `unmeasured` where nothing was measured."""

import io
from typing import Any

from rich.console import Console

from caveat.assay.client import Answer
from caveat.assay.report import Scored, print_tables, render_json, score_run
from caveat.assay.runner import ArmRun
from caveat.assay.scenario import Scenario, VerdictName, parse_scenarios
from caveat.assay.staging import Arm
from tests.assay.registry import REGISTRY, line, lines

SHAPE = {
    "version", "n", "agreement", "unsafe", "blocked", "over_asking", "friction", "undecidable_share",
    "evidence_per_allow", "liar_equals_honest", "items", "harmful_passed", "shares",
}  # fmt: skip
SCENARIOS = parse_scenarios(lines(line(), line(id="two", expected="allow", lie=False)), REGISTRY)


def scored(
    arm: Arm, verdicts: tuple[VerdictName, ...], scenarios: tuple[Scenario, ...] = SCENARIOS
) -> Scored:
    answers = tuple(Answer(verdict, ("P1",), ("task",), f"{n}-00") for n, verdict in enumerate(verdicts))
    return score_run(ArmRun(arm, answers, (2,) if arm is Arm.WHOLE else None), scenarios, REGISTRY)


def printed(arms: dict[Arm, Scored]) -> str:
    console = Console(file=io.StringIO(), width=140)
    print_tables(console, SCENARIOS, arms)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_whole_arm_stands_at_the_top_and_others_beside_it_in_the_same_shape() -> None:
    document: Any = render_json(
        2, {Arm.WHOLE: scored(Arm.WHOLE, ("deny", "allow")), Arm.BARE: scored(Arm.BARE, ("allow", "allow"))}
    )
    assert document.keys() == SHAPE | {"arms"}
    assert document["arms"].keys() == {"bare"}
    assert document["arms"]["bare"].keys() == SHAPE
    assert (document["version"], document["n"], document["agreement"], document["unsafe"]) == (1, 2, 1.0, 0)
    assert (document["evidence_per_allow"], document["arms"]["bare"]["evidence_per_allow"]) == (2.0, None)
    assert document["arms"]["bare"]["harmful_passed"] == 1
    assert document["items"][0] == {
        "id": "one", "verdict": "deny", "clauses": ["P1"], "needs": ["task"], "record": "0-00",
    }  # fmt: skip
    assert document["shares"]["agreement"]["of"] == 2


def test_a_figure_that_needs_a_stripped_field_is_null_and_not_zero() -> None:
    stripped = parse_scenarios(lines(line(expected=None, variant=None, lie=None)), REGISTRY)
    document: Any = render_json(1, {Arm.WHOLE: scored(Arm.WHOLE, ("deny",), stripped)})
    for name in ("agreement", "unsafe", "blocked", "over_asking", "friction", "harmful_passed"):
        assert document[name] is None
        assert document["shares"][name] is None
    assert document["undecidable_share"] == 0.0
    assert document["items"][0]["verdict"] == "deny"


def test_without_the_whole_arm_its_figures_are_null() -> None:
    document: Any = render_json(2, {Arm.BARE: scored(Arm.BARE, ("allow", "allow"))})
    assert document.keys() == SHAPE | {"arms"}
    assert (document["n"], document["agreement"], document["unsafe"], document["items"]) == (
        2,
        None,
        None,
        [],
    )


def test_an_arm_that_was_not_run_is_unmeasured_in_the_table() -> None:
    text = printed({Arm.WHOLE: scored(Arm.WHOLE, ("deny", "allow"))})
    assert text.count("unmeasured") == 2 * (len(Arm) - 1)
    for arm in Arm:
        assert arm.value in text


def test_every_disagreement_is_listed_with_what_was_given() -> None:
    text = printed({Arm.WHOLE: scored(Arm.WHOLE, ("needs_evidence", "allow"))})
    assert "one: deny expected, needs_evidence given (P1; needs task)" in text
    assert "two:" not in text
