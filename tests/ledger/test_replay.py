"""Verdicts derived again from a real bundle: an honest log holds, and a lie about a decision is found."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from caveat.call.call import Point
from caveat.cli.ledger import ledger_group
from caveat.decision.decide import decide_use
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.ledger import Ledger
from caveat.ledger.disk import RealDisk
from caveat.ledger.finding import Code
from caveat.ledger.folder import Folder
from caveat.ledger.record import DecisionRecord, record_id_of
from caveat.ledger.replay import Bundles, ReplayCheck, differing_members
from caveat.ledger.verify import Report, verify_folder
from caveat.ledger.wire import render_record
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.signing.canonical import canonical
from tests.ledger.logs import FILES, KEY, ORIGIN, VERIFIER, append_all, decision_record

POLICY = Path(__file__).parents[2] / "policies" / "government-analytics"


def attested(name: str, value: str | int | frozenset[str], role: str) -> Fact:
    return Fact(name, value, Grade.ATTESTED, role, f"{role}:1")


CASES: tuple[tuple[Facts, ...], ...] = (
    (Facts(),),
    (Facts(claims={"acquisition_channel": "first_party"}),),
    (Facts(findings=frozenset({Finding.FORGED})),),
    (Facts((attested("acquisition_channel", "purchased", "data_owner"),), {"subject_count": 5}),),
    (
        Facts((attested("acquisition_channel", "first_party", "data_owner"),)),
        Facts((attested("subjects_jurisdiction", "domestic", "data_owner"),)),
    ),
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    files = {
        path.relative_to(POLICY).as_posix(): path.read_bytes()
        for path in sorted(POLICY.rglob("*"))
        if path.is_file()
    }
    return parse_bundle(files)


def honest(bundle: Bundle) -> list[DecisionRecord]:
    """Decisions as the gateway makes them: of a prompt, and of a call of a tool that its answer asks for."""
    items: list[DecisionRecord] = []
    for number, cases in enumerate(CASES):
        of = None
        for point in (Point.PROMPT, Point.TOOL):
            record = replace(
                decision_record(number, point=point, cases=cases, enforced=False, of=of),
                bundle=bundle.digest,
                decision=decide_use(bundle.policy, point, cases),
            )
            of = record_id_of(len(items), canonical(render_record(record)))
            items.append(record)
    return items


def replay(folder: Path, bundle: Bundle, items: list[DecisionRecord]) -> tuple[Report, int]:
    ledger = Ledger.open(folder, KEY, origin=ORIGIN)
    ledger.store_bundle(bundle.files)
    ledger.store_bundle(FILES)
    append_all(ledger, items)
    ledger.close()
    check = ReplayCheck(Bundles(Folder(RealDisk(), folder)))
    return verify_folder(folder, VERIFIER, checks=(check,)), check.replayed


@pytest.mark.slow
def test_an_honest_log_replays(bundle: Bundle, tmp_path: Path) -> None:
    items = honest(bundle)
    assert len({item.decision.verdict for item in items}) > 1, "the cases differ in their verdicts"
    report, replayed = replay(tmp_path / "log", bundle, items)
    assert report.findings == ()
    assert replayed == len(items)
    result = CliRunner().invoke(ledger_group, ["verify", "--replay", str(tmp_path / "log")])
    assert f"replayed    {len(items)} decisions" in result.output
    assert result.output.endswith("holds\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "lie",
    [
        Decision(Verdict.ALLOW, Reason.PERMITTED, ("P03",)),
        Decision(Verdict.NEEDS_APPROVAL, Reason.APPROVAL, approvals=("nobody",)),
    ],
)
def test_a_lie_about_a_decision_is_found_and_placed(bundle: Bundle, tmp_path: Path, lie: Decision) -> None:
    items = honest(bundle)
    items[5] = replace(items[5], decision=lie)
    report, _ = replay(tmp_path / "log", bundle, items)
    assert [(finding.code, finding.index) for finding in report.findings] == [(Code.VERDICT_DIFFERS, 5)]
    assert "verdict" in report.findings[0].text


def test_every_member_of_a_decision_counts_but_the_steps_it_took() -> None:
    base = Decision(Verdict.DENY, Reason.CLAUSE, ("P1",), ("f",), ("r",), incident=False, steps=1)
    others = {
        "verdict": Verdict.ALLOW,
        "reason": Reason.CONFLICT,
        "clauses": (),
        "needs": (),
        "approvals": (),
        "incident": True,
    }
    assert {*others, "steps"} == set(Decision.__dataclass_fields__)
    assert differing_members(base, replace(base, steps=2)) == ()
    for name, value in others.items():
        assert differing_members(base, replace(base, **{name: value})) == (name,)  # type: ignore[arg-type]


def test_a_bundle_that_does_not_check_is_a_finding(bundle: Bundle, tmp_path: Path) -> None:
    report, replayed = replay(tmp_path / "log", bundle, [decision_record(1)])
    assert [finding.code for finding in report.findings] == [Code.BUNDLE_UNREADABLE]
    assert replayed == 0
