"""The page: every figure leads to its run, each layer has its sentence, nothing leads out of the page."""

import re
from pathlib import Path

import pytest

from caveat.assay.agreement import Proved
from caveat.assay.arms import LAYERS, every_arm
from caveat.assay.command import command_of
from caveat.assay.journal import PROMPT, WORK, Entry, Journal, Result
from caveat.assay.measured import Measured, measure
from caveat.assay.outside import BENIGN, OUTSIDE
from caveat.cli.assay_page import render_page
from caveat.signing.canonical import JsonObject
from tests.assay.test_account import ARMS, DENIED, journal_of

_FIGURE = re.compile(r"\b\d+ of \d+\b|\b\d\.\d\d<small>")


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    path = journal_of(tmp_path / "run.jsonl", ARMS, ends=False)
    journal = Journal.read(path)
    for arm in ("bare", "whole"):
        for search, family in ((WORK, WORK), (PROMPT, "xstest"), (OUTSIDE, "advbench"), (OUTSIDE, BENIGN)):
            outcome: Result = "breached" if family == "advbench" else "passed"
            done = Entry(arm=arm, use=f"{family}-1", search=search, at=0, family=family, outcome=outcome)
            journal.add(done.model_copy(update={"milliseconds": [2.0], "verdicts": ["allow"]}))
    journal.note_proved(Proved(solver="z3 0", openers={DENIED[0]: ["registrar"]}).render())
    return measure(journal)


def run_elsewhere(measured: Measured) -> JsonObject:
    """The head of the same run, on a model and an endpoint that somebody else has."""
    return {**measured.head, "upstream": "given", "arms": ["whole", "peer"]}


def ids(page: str) -> list[str]:
    return re.findall(r'\bid="([^"]*)"', page)


def test_every_link_leads_to_a_row_of_the_page_and_every_row_stands_once(measured: Measured) -> None:
    page = render_page(measured)
    targets = re.findall(r'href="([^"]*)"', page)
    assert len(targets) > 100
    assert set(targets) <= {f"#{name}" for name in ids(page)}
    assert len(ids(page)) == len(set(ids(page)))


def test_every_figure_of_the_tables_leads_to_its_run(measured: Measured) -> None:
    page, _, runs = render_page(measured).partition("<h2>The run behind each figure</h2>")
    page = page.partition("<h2>What got through</h2>")[0]
    linked = re.sub(r'<a class="figure".*?</a>', "", page, flags=re.DOTALL)
    assert _FIGURE.findall(linked) == []
    assert _FIGURE.search(page)
    for named in (measured.journal_sha256[:12], measured.digest, "seed 5", command_of(measured.head)):
        assert named in runs


def test_a_row_names_the_journal_the_arm_the_adversary_n_and_the_seed(measured: Measured) -> None:
    page = render_page(measured)
    arm = page.split('<details class="run" id="arm-without_claims">')[1].partition("</details>")[0]
    assert "without:claims" in arm
    row = arm.split('<tr id="arm-without_claims-outsider">')[1].partition("</tr>")[0]
    assert "outsider" in row
    assert f"0 of {len(DENIED)}" in row
    assert measured.journal_sha256[:12] in row
    assert "seed 5" in row


def test_each_layer_has_one_sentence(measured: Measured) -> None:
    said = re.findall(r"<li><b>(.*?)</b> (.*?)</li>", render_page(measured))
    assert [layer for layer, _ in said] == [*LAYERS]
    sentences = {layer: re.sub(r"<[^>]*>", "", text) for layer, text in said}
    assert f"without it liar gets {len(DENIED)} of {len(DENIED)} uses through" in sentences["claims"]
    assert "no measured effect" in sentences["time"]
    assert "unmeasured in this run" in sentences["binding"]


def test_insiders_stand_beside_what_is_proved_of_them(measured: Measured) -> None:
    page = render_page(measured)
    assert "z3 0 was asked" in page


def test_what_ordinary_work_and_the_requests_of_others_came_to_has_its_rows(measured: Measured) -> None:
    _, _, runs = render_page(measured).partition("<h2>The run behind each figure</h2>")
    for name in ("arm-whole-blocked-xstest", "arm-whole-work", "layer-claims-costs", "outside-bare-advbench"):
        assert f'<tr id="{name}">' in runs


def test_the_command_names_all_that_was_asked_for(measured: Measured) -> None:
    every = [arm.name for arm in every_arm({"phrases": ""}, real_model=True)]
    head: JsonObject = {
        **measured.head,
        "upstream": "local",
        "unused_layers": {"phrases": "why"},
        "arms": [*every, "peer:litellm"],
        "benign": {"pieces": 6, "requests": 35, "prompts": {"xstest": 20, "notinject": 9}, "missing": []},
        "outside": {"sets": {"advbench": 15, BENIGN: 12}, "of_bare": 40, "missing": []},
        "concurrency": 2,
    }
    command = command_of(head)
    for said in (
        "--all-arms --arm peer:litellm",
        "--casework 6 --ordinary 20",
        "--outside 15",
        "--local-model",
    ):
        assert said in command
    assert "--refusal-sample 40" in command
    assert not {"--prompts", "--upstream", "--concurrency"} & set(command.split())
    mine = command_of({**head, "concurrency": 1, "benign": {"prompts": {"mine": 3}}})
    assert "--prompts FILE" in mine
    assert mine.endswith("--concurrency 1")


def test_the_command_names_no_address(measured: Measured) -> None:
    command = command_of(run_elsewhere(measured))
    assert "--arm whole --arm peer" in command
    assert command.endswith("--upstream URL")
    assert f"--seed {measured.head['seed']} " in command
