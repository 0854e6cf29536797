"""Scenario files: what is read, what is refused, and what is kept from the gateway."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.assay.errors import ScenarioError
from caveat.assay.scenario import Defect, Scoring, parse_scenarios
from tests.assay.registry import REGISTRY, line, lines

SCORING = ("expected", "variant", "lie", "red_line", "deciding_clauses", "lied_facts", "why", "notes")


def test_a_line_is_split_into_what_may_be_sent_and_what_may_only_be_scored() -> None:
    (scenario,) = parse_scenarios(
        lines(line(evidence_defects=[{"fact": "task", "defect": "forged"}])), REGISTRY
    )
    assert scenario.visible.genuine == {"categories": ["health"], "persons": 3}
    assert scenario.visible.defective == (("task", Defect.FORGED),)
    assert scenario.visible.mentioned == {"task", "categories", "persons"}
    assert scenario.scoring == Scoring("deny", "lie_unattested", lie=True)


def test_truth_that_nobody_attests_does_not_reach_the_visible_part() -> None:
    (scenario,) = parse_scenarios(lines(line()), REGISTRY)
    assert "rank" not in repr(scenario.visible)


def test_without_scoring_fields_the_visible_part_is_the_same() -> None:
    whole = line(red_line="none", deciding_clauses=["P01"], lied_facts=["task"], why="x", notes="y")
    stripped = {name: value for name, value in whole.items() if name not in SCORING}
    (before,) = parse_scenarios(lines(whole), REGISTRY)
    (after,) = parse_scenarios(lines(stripped), REGISTRY)
    assert before.visible == after.visible
    assert after.scoring == Scoring()


def test_blank_lines_are_skipped_and_an_absent_id_is_the_line_number() -> None:
    data = b"\n" + lines(line(id=None)) + b"\n\n"
    assert [scenario.id for scenario in parse_scenarios(data, REGISTRY)] == ["line-2"]


@pytest.mark.parametrize(
    ("row", "finding"),
    [
        (line(request_text=None), "line 1, `request_text`: field required"),
        (line(expected="perhaps"), "line 1, `expected`: input should be 'allow'"),
        (line(claimed_facts={"color": "red"}), "line 1, `claimed_facts.color`: the bundle declares no such"),
        (line(claimed_facts={"task": "dance"}), "line 1, `claimed_facts.task`: expected one of chat, rank"),
        (line(claimed_facts={"persons": True}), "line 1, `claimed_facts.persons`: an integer below 2^53"),
        (line(claimed_facts={"persons": "3"}), "line 1, `claimed_facts.persons`: an integer below 2^53"),
        (line(claimed_facts={"verified": 1}), "line 1, `claimed_facts.verified`: true or false"),
        (
            line(true_facts={"categories": ["none", "none"]}),
            "line 1, `true_facts.categories`: expected a list",
        ),
        (line(evidence_available=["mode"]), "`evidence_available`: `mode` has no value in `true_facts`"),
        (line(evidence_available=["task", "task"]), "`evidence_available`: a fact is named twice"),
        (
            line(evidence_defects=[{"fact": "task", "defect": "odd"}]),
            "line 1, `evidence_defects.0.defect`: input should be",
        ),
        (
            line(evidence_defects=[{"fact": "mode", "defect": "forged"}]),
            "`evidence_defects`: `mode` has no value in `claimed_facts`",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field(row: dict[str, Any], finding: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenarios(lines(row), REGISTRY)
    assert finding in caught.value.findings[0]


def test_every_mistake_of_the_file_is_reported_and_one_id_names_one_line() -> None:
    data = lines(line(), line(), line(id="two", claimed_facts={"task": 1}))
    with pytest.raises(ScenarioError) as caught:
        parse_scenarios(data, REGISTRY)
    assert caught.value.findings == (
        "line 2, `id`: already used on line 1",
        "line 3, `claimed_facts.task`: expected one of chat, rank, unknown",
    )


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (b"", "the file holds no scenario"),
        (b"{", "line 1, whole line: not strict JSON: malformed"),
        (b"[]", "line 1, `whole line`: input should be"),
        (b'{"id": "a", "id": "b"}', "line 1, whole line: not strict JSON: duplicate_key"),
        (b'{"id": "\xff"}', "line 1, whole line: not strict JSON: not_utf8"),
    ],
)
def test_what_is_no_scenario_file_is_refused(data: bytes, finding: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenarios(data, REGISTRY)
    assert finding in caught.value.findings[0]


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_raise_anything_else(data: bytes) -> None:
    with pytest.raises(ScenarioError):
        parse_scenarios(data, REGISTRY)


def test_equal_visible_input_has_one_fingerprint_wherever_it_stands() -> None:
    liar = line(id="liar", claimed_facts={"categories": ["none", "health"]}, true_facts=_TRUTH)
    honest = line(id="honest", claimed_facts={"categories": ["health", "none"]}, true_facts=_TRUTH, lie=False)
    other = line(id="other", claimed_facts={"categories": ["none"]}, true_facts=_TRUTH)
    first, second, third = parse_scenarios(lines(liar, honest, other), REGISTRY)
    assert first.visible.fingerprint() == second.visible.fingerprint()
    assert first.visible.fingerprint() != third.visible.fingerprint()


_TRUTH = {"categories": ["health"], "persons": 3}


@pytest.mark.parametrize(
    "change",
    [
        {"request_text": "Rank those."},
        {"evidence_available": ["persons"]},
        {"evidence_defects": [{"fact": "task", "defect": "expired"}]},
        {"true_facts": {"task": "rank", "categories": ["none"], "persons": 3}},
    ],
)
def test_another_text_evidence_value_or_defect_is_another_input(change: dict[str, Any]) -> None:
    first, second = parse_scenarios(lines(line(), line(id="two", **change)), REGISTRY)
    assert first.visible.fingerprint() != second.visible.fingerprint()


def test_a_line_of_other_fields_is_read_as_the_example_file_writes_it() -> None:
    row = line(title="t", domain="d", pair_id="p", missing_material_facts=["task"])
    assert parse_scenarios(json.dumps(row).encode(), REGISTRY)[0].id == "one"
