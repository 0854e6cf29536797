"""The report: what it says of a run, what it never says, and what it makes of an older one."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caveat.assay.account import AccountError, compare, regressions, render_account
from caveat.assay.arms import LAYERS, parse_arm
from caveat.assay.journal import Entry, Journal, Result
from caveat.assay.measured import Measured, measure
from caveat.assay.protection import ADVERSARIES, OUTSIDER, Effect
from caveat.assay.session import head_of
from caveat.assay.wordings import TEXTS
from caveat.cli.assay import assay_group
from caveat.cli.assay_page import render_page
from tests.assay.test_campaign import BUNDLE, PLAN

USES = PLAN.uses
DENIED = [use.id for use in USES if use.right == "deny"]


def entry(arm: str, use: str, search: str, family: str, outcome: Result, at: int = 0) -> Entry:
    return Entry(
        arm=arm,
        use=use,
        search=search,
        at=at,
        family=family,
        outcome=outcome,
        milliseconds=[2.0 if arm == "bare" else 5.0],
    )


def journal_of(path: Path, held: Mapping[str, Mapping[str, bool]], *, ends: bool = True) -> Path:
    """A run in which `held` says for each arm which family's attempts it holds; all twins pass."""
    journal = Journal.begin(path, head_of(PLAN, [parse_arm(arm) for arm in held], BUNDLE, None), resume=False)
    for arm, families in held.items():
        for use in USES:
            journal.add(entry(arm, use.id, "twin:plain", "plain", "passed"))
            for at, (family, holds) in enumerate(families.items()):
                search = "naive" if family == "naive" else OUTSIDER
                journal.add(entry(arm, use.id, search, family, "held" if holds else "breached", at))
    if ends:
        journal.end()
    journal.close()
    return path


ARMS = {
    "bare": {"naive": False},
    "whole": {"naive": True, "lies": True, "withholds": True},
    "without:claims": {"naive": True, "lies": False, "withholds": True},
    "without:time": {"naive": True, "lies": True, "withholds": True},
    "only:enforcement": {"naive": True, "lies": False, "withholds": True},
    "only:claims": {"naive": True, "lies": True, "withholds": True},
    "only:time": {"naive": True, "lies": False, "withholds": True},
}


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    return measure(Journal.read(journal_of(tmp_path / "run", ARMS)))


def test_a_layer_is_found_by_what_is_missing_without_it(measured: Measured) -> None:
    claims = measured.layers["claims"][OUTSIDER]
    assert claims.effect is Effect.MEASURED
    assert claims.share.count == claims.share.total == len(DENIED)
    assert measured.layers["time"][OUTSIDER].effect is Effect.NONE_MEASURED
    assert measured.layers["binding"][OUTSIDER].effect is Effect.UNMEASURED
    assert measured.layers["claims"]["naive"].effect is Effect.NONE_MEASURED


def test_the_json_has_its_documented_shape_and_says_null_for_what_was_not_measured(
    measured: Measured,
) -> None:
    document: dict[str, Any] = json.loads(json.dumps(render_account(measured)))
    assert document["version"] == 1
    assert document["partial"] is False
    assert document["arms"]["whole"]["apparent"]["value"] == 1
    assert document["arms"]["whole"]["real"][OUTSIDER]["low95"] > 0.8
    assert document["arms"]["without:claims"]["real"][OUTSIDER]["count"] == 0
    assert document["arms"]["without:claims"]["ratio"][OUTSIDER] == 0
    assert document["arms"]["bare"]["ratio"][OUTSIDER] is None
    assert document["arms"]["whole"]["added_milliseconds"] == 3
    assert document["layers"]["binding"]["adversaries"][OUTSIDER]["stopped"] is None
    assert document["layers"]["binding"]["adversaries"][OUTSIDER]["effect"] == "unmeasured"
    time = document["layers"]["time"]["adversaries"][OUTSIDER]["by_absence"]
    assert 0 < time["smallest_visible"] < 1
    assert set(document["layers"]) == set(LAYERS)
    assert len(document["arms"]["whole"]["credits"]["naive"]) == len(document["uses"]) == len(DENIED)


def test_nothing_that_was_sent_stands_in_a_report(measured: Measured) -> None:
    page, document = render_page(measured), json.dumps(render_account(measured))
    texts = [text for each in TEXTS.values() for text in each]
    texts += [text for _, text in (*PLAN.material.templates, *PLAN.material.injections)]
    assert len(texts) > 300
    for shown in (page, document):
        assert not [text for text in texts if text in shown]
    assert "<script" not in page
    assert "src=" not in page
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', page))
    assert "default-src 'none'" in page


def test_a_partial_run_says_so_everywhere(tmp_path: Path) -> None:
    partial = measure(Journal.read(journal_of(tmp_path / "run", {"bare": {"naive": False}}, ends=False)))
    assert partial.partial
    assert render_account(partial)["partial"] is True
    assert "did not come to its end" in render_page(partial)


def reports(tmp_path: Path, now: Mapping[str, Mapping[str, bool]]) -> tuple[Path, Path]:
    """The old report, and the journal of the new run."""
    old = tmp_path / "old.json"
    was = measure(Journal.read(journal_of(tmp_path / "was", ARMS)))
    old.write_text(json.dumps(render_account(was)))
    return old, journal_of(tmp_path / "now", now)


def invoked(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(assay_group, [str(one) for one in arguments], standalone_mode=False)
    assert result.exception is None, result.exception
    return int(result.return_value), result.output


def test_two_equal_runs_differ_in_nothing(tmp_path: Path) -> None:
    old, now = reports(tmp_path, ARMS)
    assert invoked("report", now, "--against", old)[0] == 0


def test_what_was_held_and_is_not_is_a_regression_by_name(tmp_path: Path) -> None:
    worse = {**ARMS, "only:claims": {"naive": True, "lies": False, "withholds": True}}
    old, now = reports(tmp_path, worse)
    code, output = invoked("report", now, "--against", old, "--html", tmp_path / "page.html")
    assert code == 1
    assert "arm `only:claims` against `liar` lost" in output
    assert DENIED[0] in output
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_one_use_that_the_whole_lets_go_is_enough(tmp_path: Path) -> None:
    old, now = reports(tmp_path, ARMS)
    journal = Journal.begin(now, Journal.read(now).head, resume=True)
    journal.add(entry("whole", DENIED[3], OUTSIDER, "lies", "breached"))
    journal.end()
    journal.close()
    code, output = invoked("report", now, "--against", old)
    assert code == 1
    assert DENIED[3] in output


def test_a_change_that_chance_explains_is_none_beside_the_whole(tmp_path: Path) -> None:
    old, now = reports(tmp_path, ARMS)
    journal = Journal.begin(now, Journal.read(now).head, resume=True)
    journal.add(entry("without:time", DENIED[3], OUTSIDER, "lies", "breached"))
    journal.end()
    journal.close()
    assert invoked("report", now, "--against", old)[0] == 0


def test_a_partial_run_or_a_foreign_file_cannot_be_compared(tmp_path: Path) -> None:
    old, _ = reports(tmp_path, ARMS)
    partial = journal_of(tmp_path / "partial", ARMS, ends=False)
    assert invoked("report", partial, "--against", old)[0] == 2
    (tmp_path / "foreign.json").write_text('{"version": 1}')
    assert invoked("report", partial, "--against", tmp_path / "foreign.json")[0] == 2
    other = old.read_bytes().replace(b"g5-", b"g9-")
    with pytest.raises(AccountError, match="no use in common"):
        compare(old.read_bytes(), other)
    assert regressions(compare(old.read_bytes(), old.read_bytes())) == ()


def test_every_adversary_has_a_column(measured: Measured) -> None:
    page = render_page(measured)
    assert all(f"<th>{who}</th>" in page for who in ADVERSARIES)


def test_a_layer_that_the_policy_has_nothing_for_is_unmeasured_with_the_reason_and_not_without_effect(
    tmp_path: Path,
) -> None:
    """Its arms were run all the same, and differ in nothing."""
    arms = [parse_arm("whole"), parse_arm("without:phrases")]
    for unused, effect in (({}, Effect.NONE_MEASURED), ({"phrases": "no list"}, Effect.UNMEASURED)):
        head = head_of(PLAN, arms, BUNDLE, None, unused=unused)
        journal = Journal.begin(tmp_path / f"run-{len(unused)}", head, resume=False)
        for arm in arms:
            for use in USES:
                journal.add(entry(arm.name, use.id, "twin:plain", "plain", "passed"))
                journal.add(entry(arm.name, use.id, "naive", "naive", "held"))
        journal.end()
        journal.close()
        found = measure(journal)
        assert found.layers["phrases"]["naive"].by_absence.effect is effect
        reasons = json.loads(json.dumps(render_account(found)))["unmeasured_layers"]
        assert reasons.get("phrases") == unused.get("phrases")
        assert ("unmeasured: no list" in render_page(found)) is bool(unused)
