"""`caveat diff` and `caveat amend edit` as people call them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from caveat.cli.diff import diff_command
from caveat.cli.main import run
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle
from tests.analysis.amendments import FILES, ROOT, bundle
from tests.ledger.logs import DENIED, decision_record, records, write_log

EXAMPLE = str(ROOT / "policies" / "government-analytics")
SCENARIOS = str(ROOT / "conformance" / "scenarios" / "dev.jsonl")
pytestmark = pytest.mark.slow


def edit(folder: Path, *options: str) -> str:
    assert run(["amend", "edit", EXAMPLE, "--out", str(folder), *options]) == 0
    return str(folder)


def test_a_weaker_red_line_is_exit_code_one_with_scenarios_and_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = edit(tmp_path / "a1", "--delete", "R1.b")
    assert "R1.b.total served R1.c too" in capsys.readouterr().out
    page = tmp_path / "a1.html"
    options = ["--scenarios", SCENARIOS, "--html", str(page), "--uses", "3", "--json"]
    assert run(["diff", EXAMPLE, edited, *options]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    assert document["equivalent"] is False
    assert [line["id"] for line in document["red_lines"] if line["weaker"]] == ["R1"]
    assert {"facts", "before", "after", "red_line", "clauses"} <= document["newly_permitted"][0].keys()
    assert any(row["before"] == "deny" and row["after"] == "allow" for row in document["scenarios"])
    text = page.read_text("utf-8")
    assert "<script" not in text
    assert "http" not in text
    assert "No analysis of acquired bulk personal data" in text


def test_one_partys_closing_of_a_purpose_is_said_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "P07.cedar"
    text = FILES["clauses/P06-P07-cyber.cedar"].decode()
    own = text[text.index('@id("P07")') :].replace(
        'context.target_authorization != "owner_authorized"\n}', "true\n}"
    )
    other.write_text(own, "utf-8")
    assert run(["diff", EXAMPLE, "--reading", f"P07={other}", "--uses", "2"]) == 0
    out = capsys.readouterr().out
    assert "no red line touched" in out
    assert "provider alone could make this change" in out
    assert "a purpose that was permitted is closed by one party" in out
    assert "drafts, which are never served" in out


def test_nothing_to_compare_with_could_not_be_run(tmp_path: Path) -> None:
    assert run(["diff", EXAMPLE]) == 2
    assert run(["diff", EXAMPLE, str(tmp_path)]) == 2
    assert run(["diff", EXAMPLE, "--reading", "R1.b"]) == 2
    assert run(["diff", EXAMPLE, EXAMPLE, "--records", str(tmp_path)]) == 2


@pytest.mark.parametrize(
    "options", [[], ["--delete", "R9"], ["--limit", "human_genomic=many"], ["--amend", "R1.a"]]
)
def test_an_edit_that_cannot_be_made_writes_nothing(tmp_path: Path, options: list[str]) -> None:
    assert run(["amend", "edit", EXAMPLE, "--out", str(tmp_path / "out"), *options]) == 2
    assert not (tmp_path / "out").exists()


def test_an_edit_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine", "utf-8")
    assert run(["amend", "edit", EXAMPLE, "--out", str(tmp_path), "--delete", "R1.b"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_without_the_solver_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "z3", None)
    for name in [name for name in sys.modules if name.startswith("caveat.analysis")]:
        monkeypatch.delitem(sys.modules, name)
    result = CliRunner().invoke(diff_command, [EXAMPLE, EXAMPLE], standalone_mode=False)
    assert "solver is not installed" in str(result.exception)


def _attested(example: Bundle, **values: Value) -> Facts:
    facts: list[Fact] = []
    for name, value in values.items():
        spec = example.registry.facts[name]
        role = min(spec.attested_by)
        facts.append(Fact(name, value, Grade.ATTESTED, role, "issuer"))
    return Facts(tuple(facts))


def test_recorded_uses_whose_verdict_would_change_are_named_once_the_ledger_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bought = _attested(
        bundle(),
        task="change_detection",
        data_category=frozenset({"public_posts"}),
        acquisition_channel="purchased",
        subjects_jurisdiction="domestic",
        subject_count=1001,
        selection_criteria="specific_selector",
        action_effect="advisory",
        deployer_verified=True,
        onward_recipient="none",
    )
    other = _attested(bundle(), selection_criteria="protected_activity")
    ledger = tmp_path / "ledger"
    write_log(
        ledger,
        [
            *records(1),
            decision_record(1, cases=(bought,)),
            decision_record(2, cases=(other,), decision=DENIED),
        ],
    )
    edited = edit(tmp_path / "a1", "--delete", "R1.b")
    capsys.readouterr()
    options = ["--records", str(ledger), "--uses", "1", "--json"]
    assert run(["diff", EXAMPLE, edited, *options]) == 1
    changed = json.loads(capsys.readouterr().out)["records"]
    assert changed == [{"id": "1", "before": "deny", "after": "allow"}]
    tile = next(path for path in (ledger / "tile" / "entries").rglob("*") if path.is_file())
    tile.write_bytes(tile.read_bytes().replace(b"analyst", b"auditor"))
    assert run(["diff", EXAMPLE, edited, *options]) == 2
    assert "the ledger does not hold" in capsys.readouterr().err
