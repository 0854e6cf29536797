"""What a run sends: complete, repeatable, and free of everything that is only for the score."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caveat.assay.client import Sent
from caveat.assay.runner import Unwatched, run_arm
from caveat.assay.scenario import Visible, parse_scenarios
from caveat.assay.staging import Arm, Settings, Staged, set_up
from caveat.assay.world import registry_of
from caveat.policy.bundle import parse_bundle
from caveat.store.folder import read_folder

ROOT = Path(__file__).parents[2]
DEV = ROOT / "conformance" / "scenarios" / "dev.jsonl"
SCORING = frozenset(
    {"expected", "red_line", "deciding_clauses", "lie", "lied_facts", "missing_material_facts", "variant"}
    | {"why", "notes", "title", "domain", "pair_id", "id"}
)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def files() -> Mapping[str, bytes]:
    return read_folder(ROOT / "policies" / "government-analytics")


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in DEV.read_text().splitlines()]


def visible(files: Mapping[str, bytes], lines: list[dict[str, Any]]) -> list[Visible]:
    data = "\n".join(json.dumps(line) for line in lines).encode()
    return [scenario.visible for scenario in parse_scenarios(data, registry_of(files))]


def sent(staged: Staged, scenarios: list[Visible]) -> list[tuple[Sent, ...]]:
    return [staged.sent(use, use.text) for use in scenarios]


def test_the_development_file_is_the_one_whose_digest_is_written_down() -> None:
    digest = hashlib.sha256(DEV.read_bytes()).hexdigest()
    assert digest in (DEV.parent / "README.md").read_text()


def test_stripping_every_scoring_field_leaves_the_sent_bytes_equal(files: Mapping[str, bytes]) -> None:
    whole = rows()
    stripped = [{name: value for name, value in row.items() if name not in SCORING} for row in whole]
    for row in stripped:
        proved = set(row["evidence_available"])
        row["true_facts"] = {name: value for name, value in row["true_facts"].items() if name in proved}
    settings = Settings(files, NOW)
    first, second = visible(files, whole), visible(files, stripped)
    before, after = set_up(Arm.WHOLE, first, settings), set_up(Arm.WHOLE, second, settings)
    assert before.world.files == after.world.files
    assert sent(before, first) == sent(after, second)


def test_nothing_that_is_only_for_the_score_is_sent(files: Mapping[str, bytes]) -> None:
    scenarios = visible(files, rows())
    everything = b"".join(
        part
        for series in sent(set_up(Arm.WHOLE, scenarios, Settings(files, NOW)), scenarios)
        for each in series
        for part in (each.body, *each.uploads)
    )
    for row in rows():
        assert row["id"].encode() not in everything
        assert row["why"].encode() not in everything


def test_each_scenario_has_a_deployment_and_a_key_of_its_own(files: Mapping[str, bytes]) -> None:
    scenarios = visible(files, rows())
    staged = set_up(Arm.WHOLE, scenarios, Settings(files, NOW))
    deployments = parse_bundle(staged.world.files).deployments
    assert len(deployments) == len(scenarios)
    assert len({deployment.owner_group for deployment in deployments.values()}) == len(scenarios)
    assert len({series[-1].headers["authorization"] for series in sent(staged, scenarios)}) == len(scenarios)


def test_only_replayed_evidence_needs_a_deployment_that_watches(files: Mapping[str, bytes]) -> None:
    (row,) = [row for row in rows() if row["evidence_defects"]]
    replayed = {**row, "evidence_defects": [{**row["evidence_defects"][0], "defect": "replayed"}]}
    scenarios = visible(files, [replayed])
    staged = set_up(Arm.WHOLE, scenarios, Settings(files, NOW))
    modes = {name: each.mode for name, each in parse_bundle(staged.world.files).deployments.items()}
    assert modes == {"scenario-00000": "enforce", "scenario-00000-earlier": "observe"}
    assert len(staged.sent(scenarios[0], "x")) == 2


@pytest.mark.parametrize(("arm", "mode"), [(Arm.WHOLE, "enforce"), (Arm.PLACEBO, "observe")])
def test_the_placebo_watches_only(files: Mapping[str, bytes], arm: Arm, mode: str) -> None:
    scenarios = visible(files, rows()[:2])
    deployments = parse_bundle(set_up(arm, scenarios, Settings(files, NOW)).world.files).deployments
    assert {deployment.mode for deployment in deployments.values()} == {mode}


class Counted:
    """A meter that can be read."""

    def __init__(self) -> None:
        self.expected = self.done = 0

    def expect(self, more: int) -> None:
        self.expected += more

    def advance(self) -> None:
        self.done += 1


async def test_the_model_alone_lets_everything_through(files: Mapping[str, bytes]) -> None:
    scenarios = visible(files, rows()[:5])
    meter = Counted()
    run = await run_arm(Arm.BARE, scenarios, Settings(files, NOW), meter)
    assert [answer.verdict for answer in run.answers] == ["allow"] * 5
    assert (meter.expected, meter.done) == (5, 5)
    assert run.needed is None


async def test_judging_words_gives_equal_texts_equal_verdicts(files: Mapping[str, bytes]) -> None:
    scenarios = visible(files, rows())
    run = await run_arm(Arm.TEXT_ONLY, scenarios, Settings(files, NOW), Unwatched())
    by_text: dict[str, set[str]] = {}
    for use, answer in zip(scenarios, run.answers, strict=True):
        by_text.setdefault(use.text, set()).add(answer.verdict)
    assert all(len(verdicts) == 1 for verdicts in by_text.values())
    assert set.union(*by_text.values()) == {"allow", "deny"}


async def test_a_constant_text_leaves_nothing_to_judge_by_words(files: Mapping[str, bytes]) -> None:
    scenarios = visible(files, rows())
    run = await run_arm(Arm.TEXT_ONLY, scenarios, Settings(files, NOW, constant_text="Do it."), Unwatched())
    assert {answer.verdict for answer in run.answers} == {"allow"}
