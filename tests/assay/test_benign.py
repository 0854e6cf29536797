"""Ordinary prompts of others: counted by set, and what is blocked without need is named by id."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caveat.assay.benign_sets import BenignError, read_prompts
from caveat.cli.assay import assay_group
from caveat.cli.init import pack_folder

ROOT = Path(__file__).parents[2]
DATA = ROOT / "eval" / "data"


def invoke(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(assay_group, [str(one) for one in arguments], standalone_mode=False)
    assert result.exception is None, result.exception
    return int(result.return_value), result.output


def test_the_sets_are_read_whole_and_of_xstest_the_safe_half() -> None:
    prompts = read_prompts(DATA, [ROOT / "conformance" / "prompts" / "ordinary.jsonl"])
    count = {name: sum(one.set == name for one in prompts) for name in {one.set for one in prompts}}
    assert count == {"xstest": 250, "notinject": 113, "cyberseceval_frr": 437, "ordinary": 200}
    assert len({one.id for one in prompts}) == len(prompts)


def test_missing_and_broken_sets_are_said(tmp_path: Path) -> None:
    with pytest.raises(BenignError, match="no set of prompts"):
        read_prompts(tmp_path)
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{}\n")
    with pytest.raises(BenignError, match="cannot be read"):
        read_prompts(tmp_path, [broken])


@pytest.mark.slow
def test_open_chat_lets_benign_prompts_pass_and_a_data_policy_asks_each_for_proof(tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    texts = [one.text for one in read_prompts(DATA)[::20]]
    rows = [{"id": f"p{at}", "prompt": text} for at, text in enumerate(texts)]
    few.write_text("\n".join(map(json.dumps, rows)))
    common = ("--data", tmp_path, "--prompts", few, "--json", tmp_path / "out.json")
    code, _ = invoke("benign", "--bundle", pack_folder("assistant"), "--deployment", "chat", *common)
    document: dict[str, Any] = json.loads((tmp_path / "out.json").read_bytes())
    assert code == 0
    assert document["sets"]["few"]["passed"]["count"] == len(texts)
    bundle = ROOT / "policies" / "government-analytics"
    code, output = invoke("benign", "--bundle", bundle, "--deployment", "benefits-office", *common)
    document = json.loads((tmp_path / "out.json").read_bytes())
    assert code == 1
    assert document["sets"]["few"]["verdicts"] == {"needs_evidence": len(texts)}
    assert len(document["sets"]["few"]["blocked"]) == len(texts)
    assert not [text for text in texts if text in output]


def test_a_deployment_that_is_not_there_is_said() -> None:
    bundle = pack_folder("assistant")
    code, output = invoke("benign", "--bundle", bundle, "--deployment", "nobody", "--data", DATA)
    assert code == 2
    assert "no deployment `nobody`" in output
    assert "chat" in output
