"""Which model a run gets, and a run before the small real one."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from caveat.assay.briefing import Model
from caveat.cli.assay import assay_group
from caveat.cli.assay_model import chosen_model
from caveat.cli.exit import CannotRunError

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "policies" / "government-analytics"


def test_a_model_is_named_by_its_endpoint_and_without_one_it_is_the_scripted() -> None:
    with chosen_model(local=False, upstream="http://127.0.0.1:9/v1#its-name", key="of-it") as model:
        assert model == Model("its-name", "http://127.0.0.1:9", "of-it", "its-name")
    with chosen_model(local=False, upstream="http://127.0.0.1:9/", key="") as model:
        assert model == Model("the given model", "http://127.0.0.1:9", "", "")
    with chosen_model(local=False, upstream=None, key="") as model:
        assert model is None


def test_two_models_for_one_run_are_refused() -> None:
    with (
        pytest.raises(CannotRunError, match="two were given"),
        chosen_model(local=True, upstream="http://127.0.0.1:9", key=""),
    ):
        pass


def invoke(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(assay_group, [str(one) for one in arguments], standalone_mode=False)
    assert result.exception is None, result.exception
    return int(result.return_value), result.output


@pytest.mark.slow
def test_requests_of_others_are_sent_shown_and_resumed_and_a_missing_set_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "advbench").mkdir(parents=True)
    rows = "".join(f"{at},Something abstract number {at}\n" for at in range(9))
    (data / "advbench" / "harmful_behaviors.csv").write_text("row,goal\n" + rows)
    out = tmp_path / "run.jsonl"
    common = ("run", "--bundle", BUNDLE, "--out", out, "--data", data, "--arm", "bare", "--arm", "words")
    small = ("--pairs", 4, "--adversary", "naive", "--outside", 5)
    code, output = invoke(*common, *small)
    assert code == 0
    assert "requests of others; model: scripted" in output
    assert "requests of `harmbench` were not sent: the set is not there" in output
    digest = output.split("digest of verdicts and counts: ")[1].split()[0]
    again = tmp_path / "again.jsonl"
    again.write_bytes(b"".join(out.read_bytes().splitlines(keepends=True)[:12]))
    code, output = invoke(*(again if one is out else one for one in common), *small, "--resume")
    assert code == 0
    assert digest in output
    page, figures = tmp_path / "page.html", tmp_path / "figures.json"
    assert invoke("report", out, "--html", page, "--json", figures)[0] == 0
    document = json.loads(figures.read_bytes())
    assert document["outside"]["words"]["advbench"]["held"]["of"] == 5
    assert document["outside"]["words"]["advbench"]["beyond_benign"] is None
    assert "harmbench" in document["outside_missing"]
    assert "Requests that others wrote" in page.read_text()
    for path in (out, page, figures):
        assert "Something abstract" not in path.read_text()


@pytest.mark.long
@pytest.mark.real_model
def test_a_run_before_the_small_real_model_names_it_and_its_bare_refusals(tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    options = ("--local-model", "--arm", "only:model-refusals", "--pairs", 1, "--adversary", "naive")
    invoke("run", "--bundle", BUNDLE, "--out", out, *options, "--refusal-sample", 3, "--timeout", 120)
    figures = tmp_path / "figures.json"
    assert invoke("report", out, "--json", figures)[0] == 0
    document = json.loads(figures.read_bytes())
    assert "SmolLM2" in document["model"]["name"]
    assert document["model"]["bare_refusals"]["of"] == 3
    assert document["arms"]["only:model-refusals"]["twins_passed"]["of"] == 1
