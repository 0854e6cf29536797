"""Insiders as a run finds them agree with what is proved of them; what does not agree is named."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from caveat.assay.agreement import Proved, compare_insiders
from caveat.assay.attacks.issuer import ROLES
from caveat.assay.generator import generate_pairs
from caveat.assay.journal import Entry, Journal
from caveat.assay.measured import measure
from caveat.cli.assay import assay_group
from caveat.cli.assay_proof import prove_insiders
from caveat.cli.bundle import load_bundle

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "policies" / "government-analytics"


def entry(use: str, role: str, outcome: str, arm: str = "whole") -> Entry:
    row = {"arm": arm, "use": use, "search": "insider", "at": 3, "family": "signs-falsely"}
    return Entry.model_validate(row | {"variant": role, "outcome": outcome})


PROVED = Proved(
    solver="z3 0",
    openers={"a": ["registrar"], "b": []},
    unknown={"b": ["legal_officer"]},
    red_lines={"a": ["R1"], "b": []},
    cut_sets={"R1": ["registrar"], "R2": None},
)


def test_equal_answers_agree_and_what_has_none_is_not_compared() -> None:
    entries = [
        entry("a", "registrar", "breached"),
        entry("a", "data_owner", "held"),
        entry("b", "registrar", "unmeasured"),
        entry("b", "legal_officer", "breached"),
        entry("c", "registrar", "breached"),
        entry("b", "data_owner", "breached", arm="placebo"),
    ]
    found = compare_insiders(PROVED, entries)
    assert (found.compared, found.agreed, found.holds) == (2, 2, True)


def test_what_is_got_through_although_it_is_proved_closed_is_a_defect() -> None:
    found = compare_insiders(PROVED, [entry("b", "registrar", "breached")])
    assert found.breached_unproved == (("b", "registrar"),)
    assert (found.agreed, found.holds) == (0, False)


def test_whoever_gets_through_a_red_line_is_a_cut_set_of_it() -> None:
    proved = PROVED.model_copy(update={"openers": {"a": ["registrar", "data_owner"]}})
    found = compare_insiders(proved, [entry("a", "data_owner", "breached")])
    assert found.outside_cut_sets == (("a", "data_owner"),)
    assert not found.holds


def test_what_could_be_got_through_and_was_held_is_named_and_is_no_defect() -> None:
    found = compare_insiders(PROVED, [entry("a", "registrar", "held")])
    assert found.held_though_open == (("a", "registrar"),)
    assert (found.agreed, found.holds) == (0, True)


@pytest.mark.slow
def test_every_issuer_alone_gets_through_exactly_what_the_analysis_says(tmp_path: Path) -> None:
    check_agreement(tmp_path, pairs=28, seed=5, at_least=90)


@pytest.mark.long
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_insiders_agree_with_the_analysis_over_many_uses(tmp_path: Path, seed: int) -> None:
    check_agreement(tmp_path, pairs=280, seed=seed, at_least=1000)


def check_agreement(tmp_path: Path, pairs: int, seed: int, at_least: int) -> None:
    """Of each issuer alone, on each denied use: through in the run if and only if the analysis opens it."""
    journal = tmp_path / "run.jsonl"
    arguments = ["run", "--bundle", BUNDLE, "--out", journal, "--pairs", pairs, "--seed", seed]
    arguments += ["--arm", "whole", "--adversary", "insider"]
    result = CliRunner().invoke(assay_group, [str(one) for one in arguments], standalone_mode=False)
    assert (result.exception, result.return_value) == (None, 0)
    read = Journal.read(journal)
    roles = {one.variant for one in read.entries.values() if one.family == "signs-falsely"}
    assert roles == {role for role, _ in ROLES}, "each role is tried"
    found = measure(read).agreement
    assert found is not None
    assert found.compared >= at_least
    assert (found.breached_unproved, found.outside_cut_sets, found.held_though_open) == ((), (), ())
    assert found.breached, "some issuer opens something"
    assert f"insiders agree with prove: {found.compared} of {found.compared}" in result.output


def test_an_analysis_that_opens_nothing_is_contradicted_by_the_oracle() -> None:
    proved = prove_insiders(load_bundle(BUNDLE), generate_pairs(5, 19))
    assert proved is not None
    assert sum(map(len, proved.openers.values())) > 0
    assert any(not names for names in proved.red_lines.values())
    assert {"R1", "R2"} == set(proved.cut_sets)
