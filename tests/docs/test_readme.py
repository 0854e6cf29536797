"""What the README shows is what the commands print."""

import asyncio
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caveat.assay.report import score_run
from caveat.assay.runner import Unwatched, run_arm
from caveat.assay.scenario import parse_scenarios
from caveat.assay.staging import Arm, Settings
from caveat.assay.world import registry_of
from caveat.cli.tour_steps import STEPS, WORDS
from caveat.store.folder import read_folder

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_captured_tour_has_the_steps_of_the_tour() -> None:
    assert f'The same words each time: "{WORDS}"' in README
    for step in STEPS:
        row = re.search(rf"^✓  {re.escape(step.title)} +(\S+) +((?:[PR]\S+ ?)+)", README, re.MULTILINE)
        assert row is not None, step.title
        assert row[1] == step.verdict
        assert set(step.clauses) <= set(row[2].split())


@pytest.mark.long
@pytest.mark.real_model
def test_the_tour_comes_out_right_before_the_local_model() -> None:
    command = [sys.executable, "-m", "caveat", "tour", "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    document = json.loads(done.stdout)
    assert (document["version"], document["right"]) == (1, True)
    assert [step["verdict"] for step in document["steps"]] == [step.verdict for step in STEPS]
    assert document["audit"]["holds"] is True
    captured = re.search(r"offline: (\d+) records, (\d+) verdicts", README)
    assert captured is not None
    records, verdicts = (int(number) for number in captured.groups())
    assert document["audit"]["replayed"] == verdicts
    # What a gateway records by itself, of its paths and samples, may come just after the tour was read.
    assert abs(document["audit"]["records"] - records) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("arm", list(Arm))
def test_the_table_of_arms_is_what_the_assay_measures(arm: Arm) -> None:
    files = read_folder(ROOT / "policies" / "government-analytics")
    dev = (ROOT / "conformance" / "scenarios" / "dev.jsonl").read_bytes()
    scenarios = parse_scenarios(dev, registry_of(files))
    settings = Settings(files, datetime.now(UTC).replace(microsecond=0))
    run = asyncio.run(run_arm(arm, [each.visible for each in scenarios], settings, Unwatched()))
    scored = score_run(run, scenarios, registry_of(files))
    row = re.search(rf"^\| {arm.value}\b[^|]*\| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", README, re.MULTILINE)
    assert row is not None
    passed, blocked = scored.figures.harmful_passed, scored.figures.blocked
    assert passed is not None
    assert blocked is not None
    assert [int(cell) for cell in row.groups()] == [passed.count, passed.total, blocked.count, blocked.total]
