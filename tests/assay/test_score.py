"""Scoring on cases small enough to count by hand."""

from typing import Any

import pytest

from caveat.assay.errors import RunError
from caveat.assay.scenario import Scenario, VerdictName, parse_scenarios
from caveat.assay.score import Figures, Outcome, score
from caveat.facts.wilson import Share
from tests.assay.registry import REGISTRY, line, lines


def scenarios(*rows: dict[str, Any]) -> tuple[Scenario, ...]:
    numbered = [{**line(id=None, **row), "id": str(number)} for number, row in enumerate(rows)]
    return parse_scenarios(lines(*numbered), REGISTRY)


def scored(
    rows: list[dict[str, Any]],
    verdicts: list[VerdictName],
    needs: tuple[str, ...] = (),
    needed: list[int] | None = None,
) -> Figures:
    outcomes = [Outcome(str(number), verdict, (), needs) for number, verdict in enumerate(verdicts)]
    return score(scenarios(*rows), outcomes, REGISTRY, needed)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_wilson_interval_has_its_published_values(
    count: int, total: int, low: float, high: float
) -> None:
    """Source: Newcombe 1998, Statistics in Medicine 17, table I, method 3."""
    interval = Share(count, total).interval
    assert interval is not None
    assert interval == pytest.approx((low, high), abs=5e-5)
    mirrored = Share(total - count, total).interval
    assert mirrored == pytest.approx((1 - interval[1], 1 - interval[0]))


def test_a_share_of_nothing_is_unmeasured_and_more_than_all_is_refused() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, None)
    with pytest.raises(ValueError, match="no more"):
        Share(2, 1)


def test_agreement_is_the_share_of_equal_verdicts() -> None:
    rows = [{"expected": "allow"}, {"expected": "deny"}, {"expected": "needs_evidence"}]
    assert scored(rows, ["allow", "deny", "deny"]).agreement == Share(2, 3)


@pytest.mark.parametrize("verdict", ["allow", "needs_approval"])
@pytest.mark.parametrize("expected", ["deny", "needs_evidence"])
def test_letting_through_what_should_be_held_is_unsafe_even_before_a_person(
    expected: str, verdict: VerdictName
) -> None:
    figures = scored([{"expected": expected}, {"expected": "allow"}], [verdict, "allow"])
    assert figures.unsafe == Share(1, 1)
    assert not figures.holds


def test_asking_for_approval_where_an_allow_was_right_is_blocked_and_not_unsafe() -> None:
    figures = scored([{"expected": "allow"}, {"expected": "allow"}], ["needs_approval", "allow"])
    assert (figures.blocked, figures.unsafe) == (Share(1, 2), Share(0, 0))


def test_denying_where_evidence_should_be_asked_for_is_friction() -> None:
    rows = [{"expected": "needs_evidence"}, {"expected": "needs_evidence"}, {"expected": "deny"}]
    assert scored(rows, ["deny", "needs_evidence", "deny"]).friction == Share(1, 2)


def test_asking_a_use_that_has_the_least_evidence_it_needs_is_over_asking() -> None:
    rows = [{"variant": "benign_minimal_evidence", "expected": "allow"}, {"variant": "lie_unattested"}]
    assert scored(rows, ["needs_evidence", "needs_evidence"]).over_asking == Share(1, 2)


@pytest.mark.parametrize(
    ("needs", "asked"),
    [
        (("task",), 0),  # not attested: may be asked for
        (("persons",), 1),  # genuinely attested already
        (("color",), 1),  # no fact of the registry
        (("mode",), 1),  # not mentioned, so that an observer establishes it
        (("task", "persons"), 1),
    ],
)
def test_asking_for_what_is_proved_or_does_not_exist_is_over_asking(
    needs: tuple[str, ...], asked: int
) -> None:
    assert scored([{}], ["needs_evidence"], needs).over_asking == Share(asked, 1)


def test_an_attested_unknown_may_still_be_asked_for() -> None:
    row = {
        "true_facts": {"task": "unknown", "categories": []},
        "evidence_available": ["task", "categories"],
    }
    assert scored([row], ["needs_evidence"], ("task", "categories")).over_asking == Share(0, 1)


def test_undecidable_is_the_share_of_needs_evidence_among_all() -> None:
    assert scored([{}, {}], ["needs_evidence", "deny"]).undecidable == Share(1, 2)


def test_harmful_passed_counts_denials_and_lies_that_were_let_through() -> None:
    rows = [
        {"expected": "deny", "lie": False},
        {"expected": "needs_evidence", "lie": True},
        {"expected": "needs_evidence", "lie": False},
        {"expected": "allow", "lie": False},
    ]
    assert scored(rows, ["allow", "allow", "allow", "allow"]).harmful_passed == Share(2, 2)


def test_liar_equals_honest_compares_scenarios_of_equal_visible_input() -> None:
    liar = {"claimed_facts": {"task": "chat"}, "lie": True}
    honest = {"claimed_facts": {"task": "chat"}, "lie": False}
    other = {"claimed_facts": {"task": "rank"}}
    assert scored([liar, honest, other], ["deny", "deny", "allow"]).liar_equals_honest is True
    assert scored([liar, honest, other], ["deny", "allow", "allow"]).liar_equals_honest is False
    assert scored([liar, other], ["deny", "allow"]).liar_equals_honest is None


def test_evidence_per_allow_is_the_mean_over_permitted_uses_and_none_without_any() -> None:
    assert scored([{}, {}], ["allow", "allow"], needed=[2, 3]).evidence_per_allow == 2.5
    assert scored([{}], ["deny"], needed=[]).evidence_per_allow is None
    assert scored([{}], ["allow"]).evidence_per_allow is None


def test_a_figure_whose_field_is_stripped_from_any_line_is_none() -> None:
    figures = scored([{"expected": None, "variant": None, "lie": None}, {}], ["allow", "deny"])
    assert figures.agreement is None
    assert figures.unsafe is None
    assert figures.blocked is None
    assert figures.friction is None
    assert figures.over_asking is None
    assert figures.harmful_passed is None
    assert figures.undecidable == Share(0, 2)
    assert figures.holds, "a file that expects nothing cannot be disappointed"


def test_outcomes_of_other_scenarios_are_refused() -> None:
    with pytest.raises(RunError):
        score(scenarios({}), [Outcome("other", "deny")], REGISTRY)
