"""`caveat assay scenarios`: its exit codes, what it prints, and how it says what stands in the way."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from caveat.cli.assay import assay_group
from caveat.cli.exit import CannotRunError

ROOT = Path(__file__).parents[2]
DEV = ROOT / "conformance" / "scenarios" / "dev.jsonl"
BUNDLE = ROOT / "policies" / "government-analytics"
WITHOUT_GATEWAY = ["--arm", "bare", "--arm", "text-only"]


def run(file: Path, bundle: Path, *options: str) -> Result:
    arguments = ["scenarios", str(file), "--bundle", str(bundle), *options]
    return CliRunner().invoke(assay_group, arguments, standalone_mode=False)


def test_arms_without_a_gateway_are_run_and_the_rest_is_unmeasured() -> None:
    result = run(DEV, BUNDLE, *WITHOUT_GATEWAY, "--json", "-")
    document = json.loads(result.stdout)
    assert result.return_value == 0
    assert document["arms"].keys() == {"bare", "text-only"}
    assert document["agreement"] is None
    assert document["arms"]["bare"]["harmful_passed"] == 24
    assert 0 < document["arms"]["text-only"]["harmful_passed"] < 24
    assert all(item["record"] is None for item in document["arms"]["bare"]["items"])


def test_the_table_names_every_arm() -> None:
    result = run(DEV, BUNDLE, *WITHOUT_GATEWAY)
    assert "claims-believed" in result.stdout
    assert "unmeasured" in result.stdout


def test_a_file_that_is_no_scenario_file_cannot_be_run_and_says_where(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": "one"}\n')
    result = run(bad, BUNDLE)
    assert result.return_value == 2
    assert "line 1, `request_text`: field required" in result.stderr
    assert "docs/reference/scenarios.md" in result.stderr


def test_a_folder_that_is_no_bundle_cannot_be_run(tmp_path: Path) -> None:
    result = run(DEV, tmp_path)
    assert result.return_value == 2
    assert "the bundle has no `facts.toml`" in result.stderr


def test_a_bundle_that_another_machine_might_read_otherwise_is_refused(tmp_path: Path) -> None:
    (tmp_path / "facts.toml").symlink_to(BUNDLE / "facts.toml")
    with pytest.raises(CannotRunError, match="symbolic link"):
        raise run(DEV, tmp_path).exception or AssertionError


def test_an_upstream_that_does_not_answer_ends_the_run_and_is_no_verdict() -> None:
    result = run(DEV, BUNDLE, "--arm", "bare", "--upstream", "http://127.0.0.1:9")
    assert result.return_value == 2
    assert "no answer: ClientConnectorError" in result.stderr


def test_an_unknown_arm_is_refused() -> None:
    arguments = ["scenarios", str(DEV), "--bundle", str(BUNDLE), "--arm", "half"]
    assert CliRunner().invoke(assay_group, arguments).exit_code == 2
