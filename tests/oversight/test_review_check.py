"""What `verify` says of reviews afterwards: an honest log holds; leaving out, picking or forging shows."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from caveat.cli.approved import SignedStatements
from caveat.ledger.disk import RealDisk
from caveat.ledger.finding import Code, Finding
from caveat.ledger.folder import Folder
from caveat.ledger.record import (
    DecisionRecord,
    FindingRecord,
    IncidentRecord,
    Record,
    SampleRecord,
    SamplingRecord,
    Share,
    record_id_of,
)
from caveat.ledger.replay import Bundles
from caveat.ledger.wire import parse_record, render_record
from caveat.oversight.review_check import ReviewCheck, SamplingCheck
from caveat.policy.oversight import Oversight
from caveat.signing.canonical import canonical
from caveat.signing.digest import Digest
from tests.cli.calling import Caveat
from tests.support.overseers import Clock, ask_about, hold_of
from tests.support.raw_client import asking, chat
from tests.support.reviews import EMERGENCY, IDA, approve, find, review, reviewed_bundle, sampled, step
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import CHAT_KEY

OVERSIGHT = sampled(40, 2, EMERGENCY.removeprefix("version = 1\n"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two emergencies, one right and one overdue, two periods of samples, one wrong."""
    folder, clock = tmp_path_factory.mktemp("reviews"), Clock()
    with (
        scripted_upstream() as upstream,
        running_gateway(folder, upstream.url, reviewed_bundle(OVERSIGHT).files(), clock=clock) as gateway,
    ):
        for number in range(8):
            assert chat(gateway.url, CHAT_KEY, asking(f"question {number}")).status == 200
        for tag in "de":
            hold = hold_of(ask_about(gateway, tag=tag))
            approve(gateway, clock, hold)
            assert ask_about(gateway, tag=tag).status == 200
        shown = review(gateway, IDA, clock(), hold).json
        clock.move(11)
        assert find(gateway, IDA, clock(), shown).status == 201
        step(gateway)
        about = gateway.records("sample")[0]["about"]
        shown = review(gateway, IDA, clock(), about).json
        assert find(gateway, IDA, clock(), shown, "wrong").status == 201
        step(gateway)
        clock.move(3600)
        step(gateway)
        assert chat(gateway.url, CHAT_KEY, asking("later")).status == 200
        clock.move(3600)
        step(gateway)
        step(gateway)
    return folder


@pytest.fixture(scope="module")
def records(data: Path) -> list[Record]:
    view = Folder(RealDisk(), data / "ledger")
    return [parse_record(leaf) for leaf in view.entries(0, _size(data))]


def _size(data: Path) -> int:
    return int((data / "ledger/checkpoint").read_text("utf-8").splitlines()[1])


def findings(data: Path, records: list[Record]) -> list[Finding]:
    """What both checks find in these records, which they read again as they are here."""
    bundles = Bundles(Folder(RealDisk(), data / "ledger"))
    origin = (data / "ledger/checkpoint").read_text("utf-8").splitlines()[0]
    signed = partial(SignedStatements(bundles).of_overseer, origin=origin)

    def oversight_of(digest: Digest) -> Oversight | None:
        bundle = bundles.get(digest)
        return None if bundle is None else bundle.oversight

    def read(start: int, end: int) -> Iterator[tuple[str, Record]]:
        for index in range(start, min(end, len(records))):
            yield record_id_of(index, canonical(render_record(records[index]))), records[index]

    checks = (SamplingCheck(oversight_of, read), ReviewCheck(signed, oversight_of, read))
    return [
        found for index, one in enumerate(records) for check in checks for found in check.check(index, one)
    ]


def texts(data: Path, records: list[Record]) -> set[str]:
    return {found.text for found in findings(data, records)}


def place(records: list[Record], kind: type, number: int = 0) -> int:
    return [index for index, one in enumerate(records) if isinstance(one, kind)][number]


def changed(records: list[Record], kind: type, nth: int = 0, **members: Any) -> list[Record]:
    """The same log with this record changed; what stood after it stays where it was."""
    index = place(records, kind, nth)
    one: Any = records[index]
    return [*records[:index], replace(one, **members), *records[index + 1 :]]


def test_an_honest_log_holds(data: Path, records: list[Record], capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(data, records) == []
    kinds = [type(one) for one in records]
    assert kinds.count(SamplingRecord) == 3
    assert kinds.count(FindingRecord) == 2
    assert kinds.count(IncidentRecord) == 2
    done = Caveat(capsys)("ledger", "verify", data / "ledger")
    assert done.code == 0, done.err


def test_a_sample_that_is_left_out_shows(data: Path, records: list[Record]) -> None:
    """Another stands in its place, so that all else keeps its index."""
    places = [index for index, one in enumerate(records) if isinstance(one, SampleRecord) and one.period == 1]
    for index, other in (places[:2], places[:-3:-1]):
        found = texts(data, [*records[:index], records[other], *records[index + 1 :]])
        assert any("drawn and never sampled" in text for text in found)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"number": 7}, "a period before it is missing"),
        ({"shares": (Share("", "", 1, 1),)}, "its shares are not those of its bundle"),
        ({"revealed": "00" * 32}, "the secret of period 1 is not the one that was committed to"),
        ({"revealed": None}, "the secret of period 1 was never told"),
    ],
)
def test_a_period_that_is_not_what_it_says_shows(
    data: Path, records: list[Record], members: Any, text: str
) -> None:
    assert text in texts(data, changed(records, SamplingRecord, 1, **members))


def test_a_use_that_was_picked_shows(data: Path, records: list[Record]) -> None:
    drawn = {one.about for one in records if isinstance(one, SampleRecord)}
    index, use = next(
        (index, one)
        for index, one in enumerate(records)
        if isinstance(one, DecisionRecord)
        and one.released
        and one.point.value == "prompt"
        and record_id_of(index, canonical(render_record(one))) not in drawn
    )
    picked = {
        "about": record_id_of(index, canonical(render_record(use))),
        "requester": use.principal,
        "deployment": use.deployment,
        "clauses": use.decision.clauses,
        "hold": None,
    }
    found = texts(data, changed(records, SampleRecord, 0, **picked))
    assert any("sampled and never drawn" in text for text in found)


@pytest.mark.parametrize(
    "members", [{"requester": "key:0000000000000000"}, {"deployment": "desk"}, {"clauses": ()}]
)
def test_a_sample_that_says_something_else_of_its_use_shows(
    data: Path, records: list[Record], members: Any
) -> None:
    assert "it says something else of its use" in texts(data, changed(records, SampleRecord, 0, **members))


def test_uses_under_a_bundle_whose_shares_do_not_draw_show(data: Path, records: list[Record]) -> None:
    without: list[Record] = [one for one in records if not isinstance(one, SamplingRecord | SampleRecord)]
    found = texts(data, without)
    assert any(text.startswith("what its bundle asks to be reviewed is not drawn") for text in found)


@pytest.mark.parametrize(
    "members",
    [
        {"finding": "right", "code": ""},
        {"person": "jon"},
        {"role": "officer"},
        {"about": "1-0123456789abcdef"},
        {"code": "other_purpose"},
        {"shown": Digest("0" * 64)},
        {"said": Digest("0" * 64)},
        {"bundle": Digest("0" * 64)},
        {"statement": "{}"},
    ],
)
def test_a_finding_that_its_person_did_not_sign_shows(
    data: Path, records: list[Record], members: Any
) -> None:
    assert "what was found is not what an overseer signed" in texts(
        data, changed(records, FindingRecord, -1, **members)
    )


def test_a_finding_given_twice_shows(data: Path, records: list[Record]) -> None:
    last = records[place(records, FindingRecord, -1)]
    found = texts(data, [*records, last])
    assert {"its statement was given before", "it counts a finding after the one that settled it"} <= found


@pytest.mark.parametrize(
    "members",
    [
        {"affected": (), "affected_count": 0},
        {"affected_digest": Digest("0" * 64)},
        {"affected_count": 99},
    ],
)
def test_an_incident_that_leaves_something_out_shows(data: Path, records: list[Record], members: Any) -> None:
    assert "what it says that it touches is not what it touches" in texts(
        data, changed(records, IncidentRecord, 0, **members)
    )


def test_an_incident_that_nothing_calls_for_shows(data: Path, records: list[Record]) -> None:
    assert "nothing calls for it" in texts(data, changed(records, IncidentRecord, 0, reason="review_overdue"))
    assert "it was looked for in another part of the log" in texts(
        data, changed(records, IncidentRecord, 0, size=1)
    )


def test_an_incident_that_is_never_opened_shows(data: Path, records: list[Record]) -> None:
    index = place(records, IncidentRecord, 0)
    rest = [*records[:index], records[-1], *records[index + 1 :]]
    assert any(text.startswith("no incident was opened") for text in texts(data, rest))


def test_a_hold_that_demands_no_review_or_waits_too_long_shows(data: Path, records: list[Record]) -> None:
    index = next(
        index for index, one in enumerate(records) if isinstance(one, DecisionRecord) and one.hold is not None
    )
    one = records[index]
    assert isinstance(one, DecisionRecord)
    assert one.hold is not None
    for hold, text in (
        (replace(one.hold, afterwards=()), "the review that its hold demands is not the one"),
        (replace(one.hold, expires_at="2100-01-01T00:00:00.000Z"), "its hold is open for longer"),
    ):
        found = texts(data, [*records[:index], replace(one, hold=hold)])
        assert any(said.startswith(text) for said in found)


def test_what_goes_through_while_an_emergency_is_overdue_shows(data: Path, records: list[Record]) -> None:
    let_through = next(one for one in records if isinstance(one, DecisionRecord) and one.approved is not None)
    late = replace(let_through, time=records[-1].time)
    assert "it went through while the review of an earlier emergency was overdue" in texts(
        data, [*records, late]
    )


def test_verify_finds_it_in_a_folder(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bundle that is gone takes with it what its shares are compared with."""
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    for bundle in (copy / "ledger/bundles").iterdir():
        shutil.rmtree(bundle)
    done = Caveat(capsys)("ledger", "verify", copy / "ledger")
    assert done.code == 1
    assert Code.SAMPLE_INVALID.value in done.out + done.err
    assert Code.REVIEW_INVALID.value in done.out + done.err
