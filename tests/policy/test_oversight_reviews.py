"""`oversight.toml` about reviews afterwards and emergencies: read strictly, and no longer than a day."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from caveat.policy.bundle import parse_bundle
from caveat.policy.oversight import Emergency, Stratum, parse_oversight
from caveat.store.folder import read_folder

ROOT = Path(__file__).parents[2]
ROLES = {"officer": 2, "one": 1}
SAMPLING = {"roles": ["auditor"]}


def read(**table: Any) -> tuple[Any, list[str]]:
    return parse_oversight({"version": 1, **table}, ROLES)


def test_without_a_table_nothing_is_reviewed() -> None:
    found, wrong = read()
    assert (found.sampling, dict(found.emergencies), wrong) == (None, {}, [])


def test_rows_add_to_what_is_asked_of_everything() -> None:
    found, wrong = read(
        sampling={
            **SAMPLING,
            "share_percent": 2,
            "strata": [{"clause": "C4", "share_percent": 20, "least": 5}],
        }
    )
    assert wrong == []
    assert found.sampling.strata == (Stratum("", "", 2, 1), Stratum("", "C4", 20, 5))


@pytest.mark.parametrize(
    "sampling",
    [
        {"roles": []},
        {**SAMPLING, "share_percent": 101},
        {**SAMPLING, "least": 0},
        {**SAMPLING, "keep_seconds": 604_800},
        {**SAMPLING, "strata": [{"share_percent": 5}]},
        {**SAMPLING, "strata": [{"clause": "C4"}, {"clause": "C4", "least": 3}]},
        {**SAMPLING, "beside": 1},
    ],
)
def test_what_may_not_stand_there_is_found(sampling: Any) -> None:
    assert read(sampling=sampling)[1]


def test_an_emergency_lasts_a_day_and_blocks_unless_it_is_said() -> None:
    found, wrong = read(hold_seconds=604_800, emergency={"officer": {"reviewers": ["auditor"]}})
    assert wrong == []
    assert found.emergencies["officer"] == Emergency(("auditor",), 86_400, 259_200, blocks=True)
    assert (found.waits_seconds({"officer", "one"}), found.waits_seconds({"one"})) == (86_400, 604_800)


@pytest.mark.parametrize(
    "emergency",
    [
        {"one": {"reviewers": ["auditor"]}},
        {"nobody": {"reviewers": ["auditor"]}},
        {"officer": {"reviewers": []}},
        {"officer": {"reviewers": ["auditor"], "valid_seconds": 86_401}},
        {"officer": {"reviewers": ["auditor"], "review_seconds": 0}},
        {"officer": {}},
    ],
)
def test_an_emergency_of_one_person_a_longer_one_and_one_without_a_review_are_found(emergency: Any) -> None:
    assert read(emergency=emergency)[1]


def test_what_the_how_to_adds_to_the_example_policy_holds() -> None:
    page = (ROOT / "docs/how-to/review-what-went-through.md").read_text("utf-8")
    block = page.split("```toml\n", 1)[1].split("```", 1)[0]
    tomllib.loads(block)
    files = dict(read_folder(ROOT / "policies/government-analytics"))
    bundle = parse_bundle({**files, "oversight.toml": block.encode()})
    assert bundle.oversight.emergencies["emergency_approvers"].blocks
    assert bundle.manifest.roles["emergency_approvers"].persons == 2
    assert bundle.oversight.sampling is not None
