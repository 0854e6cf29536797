"""The development scenarios through a real gateway: process, HTTP, evidence, ledger, refusal."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caveat.assay.report import Scored, score_run
from caveat.assay.runner import Unwatched, run_arm
from caveat.assay.scenario import Defect, Scenario, parse_scenarios
from caveat.assay.staging import Arm, Settings
from caveat.assay.world import registry_of
from caveat.cli.assay import assay_group
from caveat.store.folder import read_folder

ROOT = Path(__file__).parents[2]
DEV = ROOT / "conformance" / "scenarios" / "dev.jsonl"
BUNDLE = ROOT / "policies" / "government-analytics"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files() -> Mapping[str, bytes]:
    return read_folder(BUNDLE)


@pytest.fixture(scope="module")
def scenarios(files: Mapping[str, bytes]) -> tuple[Scenario, ...]:
    return parse_scenarios(DEV.read_bytes(), registry_of(files))


def settings(files: Mapping[str, bytes], constant_text: str | None = None) -> Settings:
    return Settings(files, datetime.now(UTC).replace(microsecond=0), constant_text=constant_text)


async def scored(
    arm: Arm, scenarios: tuple[Scenario, ...], files: Mapping[str, bytes], text: str | None = None
) -> Scored:
    run = await run_arm(arm, [each.visible for each in scenarios], settings(files, text), Unwatched())
    return score_run(run, scenarios, registry_of(files))


def test_the_command_finds_every_expected_verdict_and_writes_the_documented_json(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    result = CliRunner().invoke(
        assay_group,
        ["scenarios", str(DEV), "--bundle", str(BUNDLE), "--json", str(out)],
        standalone_mode=False,
    )
    document: dict[str, Any] = json.loads(out.read_bytes())
    wrong = [item for item in document["items"] if item["verdict"] not in {"allow"} and not item["record"]]
    assert (document["n"], document["agreement"], wrong) == (40, 1.0, []), result.output
    assert (document["unsafe"], document["blocked"]) == (0, 0)
    assert (document["over_asking"], document["friction"]) == (0, 0)
    assert document["liar_equals_honest"] is not False
    assert document["evidence_per_allow"] > 0
    assert len({item["record"] for item in document["items"]}) == 40
    assert result.return_value == 0


async def test_a_constant_text_changes_no_verdict(
    scenarios: tuple[Scenario, ...], files: Mapping[str, bytes]
) -> None:
    figures = (await scored(Arm.WHOLE, scenarios, files, "Do what the data say.")).figures
    assert figures.agreement is not None
    assert figures.agreement.count == figures.agreement.total


async def test_what_enforces_nothing_lets_all_harm_through_and_what_believes_claims_some(
    scenarios: tuple[Scenario, ...], files: Mapping[str, bytes]
) -> None:
    bare = (await scored(Arm.BARE, scenarios, files)).figures
    placebo = (await scored(Arm.PLACEBO, scenarios, files)).figures
    believing = (await scored(Arm.CLAIMS_BELIEVED, scenarios, files)).figures
    for figures in (bare, placebo):
        assert figures.harmful_passed is not None
        assert figures.harmful_passed.count == figures.harmful_passed.total > 0
    assert believing.harmful_passed is not None
    assert 0 < believing.harmful_passed.count < believing.harmful_passed.total


@pytest.mark.parametrize("defect", list(Defect))
async def test_defective_evidence_opens_nothing(
    scenarios: tuple[Scenario, ...], files: Mapping[str, bytes], defect: Defect
) -> None:
    """Every lie, presented with a defective attestation of each claim that nobody attests."""
    lies = tuple(
        Scenario(each.id, replace(each.visible, index=place, defective=_of_all_claims(each, defect)))
        for place, each in enumerate(each for each in scenarios if each.scoring.lie)
    )
    assert len(lies) > 5
    outcomes = (await scored(Arm.WHOLE, lies, files)).outcomes
    expected = {Defect.FORGED: {"deny"}, Defect.REPLAYED: {"deny"}}.get(defect, {"deny", "needs_evidence"})
    presented = [one for one, lie in zip(outcomes, lies, strict=True) if lie.visible.defective]
    assert {one.verdict for one in presented} <= expected


def _of_all_claims(scenario: Scenario, defect: Defect) -> tuple[tuple[str, Defect], ...]:
    unproved = [name for name in scenario.visible.claims if name not in scenario.visible.genuine]
    return tuple((name, defect) for name in unproved)
