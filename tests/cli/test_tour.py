"""The tour before a scripted model: every step, and a tour that does not come out right."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from caveat.cli import tour as tour_module
from caveat.cli.exit import CannotRunError
from caveat.cli.main import caveat
from caveat.cli.tour_steps import STEPS
from tests.support.scripted_upstream import scripted_upstream

pytestmark = pytest.mark.slow


def played() -> tuple[int, dict[str, Any]]:
    with scripted_upstream() as upstream:
        result = CliRunner().invoke(
            caveat, ["tour", "--json", "--upstream", upstream.url], standalone_mode=False
        )
    assert result.exception is None, result.exception
    document: dict[str, Any] = json.loads(result.output)
    return result.return_value, document


def test_every_step_comes_out_right_and_the_ledger_is_derived_again() -> None:
    code, document = played()
    assert (code, document["right"], document["audit"]["holds"]) == (0, True, True)
    assert [step["title"] for step in document["steps"]] == [step.title for step in STEPS]
    assert document["coverage"]["decided"] == document["coverage"]["planted"] > 1000
    assert document["proofs"]["holds"]
    assert document["proofs"]["consents"] == ["customer", "provider"]
    assert "denied under R1.b" in document["proofs"]["opened"]
    twice = sum(bool(step.approve) for step in STEPS)  # asked before and after somebody decides
    allowed = sum(step.verdict == "allow" for step in STEPS)  # a prompt and an output each
    assert document["audit"]["replayed"] == len(STEPS) + twice + allowed
    assert [step["counted"] for step in document["steps"] if step["counted"]] == ["approval_too_fast"]


def test_a_step_that_comes_out_otherwise_fails_the_tour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tour_module, "STEPS", (STEPS[1], STEPS[0].__class__("wrong", STEPS[0].table, "allow"))
    )
    code, document = played()
    assert (code, document["right"]) == (1, False)
    assert [step["right"] for step in document["steps"]] == [True, False]


def test_a_gateway_needs_its_data_folder() -> None:
    with pytest.raises(CannotRunError, match="go together"):
        CliRunner().invoke(
            caveat, ["tour", "--gateway", "http://127.0.0.1:1"], standalone_mode=False, catch_exceptions=False
        )
