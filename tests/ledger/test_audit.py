"""Questions to a log: answered from leaves that are in it, and from nothing that the operator could touch."""

from dataclasses import replace
from pathlib import Path

import pytest

from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.ledger.audit import (
    Kinds,
    Question,
    Reading,
    Silence,
    newest_checkpoint,
    parse_releases,
    sample,
)
from caveat.ledger.disk import RealDisk
from caveat.ledger.errors import FolderError, RecordParseError
from caveat.ledger.finding import Code
from caveat.ledger.folder import Folder
from caveat.ledger.record import (
    EvidenceCited,
    HeartbeatRecord,
    Record,
    Reservation,
    StartRecord,
    StoppedRecord,
)
from caveat.ledger.tiles import TilePath
from caveat.signing.digest import sha256
from tests.ledger.logs import BUNDLE, DENIED, ORIGIN, VERIFIER, decision_record, moment, records, write_log

COUNT = 600


@pytest.fixture
def view(tmp_path: Path) -> Folder:
    write_log(tmp_path / "log", records(COUNT))
    return Folder(RealDisk(), tmp_path / "log")


def test_a_sample_is_drawn_by_the_seed_and_every_leaf_is_proven(view: Folder) -> None:
    checkpoint = newest_checkpoint(view, VERIFIER)
    drawn, findings = sample(view, checkpoint, 50, "dice: 3 1 4")
    assert findings == ()
    assert len({one.index for one in drawn}) == 50
    assert sample(view, checkpoint, 50, "dice: 3 1 4")[0] == drawn
    assert sample(view, checkpoint, 50, "dice: 1 5 9")[0] != drawn
    assert len(sample(view, checkpoint, 10_000, "x")[0]) == COUNT


def test_a_leaf_that_is_withheld_or_changed_is_found_when_it_is_drawn(view: Folder) -> None:
    path = view.root / TilePath(-1, 1).render()
    data = path.read_bytes()
    checkpoint = newest_checkpoint(view, VERIFIER)
    path.write_bytes(data.replace(b"analyst", b"nobody!", 1))
    assert [(f.code, f.index) for f in sample(view, checkpoint, COUNT, "s")[1]] == [
        (Code.SAMPLE_NOT_INCLUDED, 256)
    ]
    path.unlink()
    assert len(sample(view, checkpoint, COUNT, "s")[1]) == 256


def test_reading_all_finds_what_does_not_give_the_root(view: Folder) -> None:
    reading = Reading(view, newest_checkpoint(view, VERIFIER))
    assert len(list(reading)) == COUNT
    assert reading.findings == ()
    path = view.root / TilePath(-1, 1).render()
    data = path.read_bytes()
    path.write_bytes(data.replace(b"analyst", b"nobody!", 1))
    reading = Reading(view, newest_checkpoint(view, VERIFIER))
    assert len(list(reading)) == COUNT
    assert [finding.code for finding in reading.findings] == [Code.ROOT_DIFFERS]
    path.unlink()
    reading = Reading(view, newest_checkpoint(view, VERIFIER))
    assert len(list(reading)) == 256
    assert [finding.code for finding in reading.findings] == [Code.ENTRIES_UNREADABLE]


def test_a_folder_without_a_signed_checkpoint_is_not_audited(view: Folder, tmp_path: Path) -> None:
    (view.root / "checkpoint").write_bytes(b"noise")
    with pytest.raises(FolderError):
        newest_checkpoint(view, VERIFIER)
    with pytest.raises(FolderError):
        newest_checkpoint(Folder(RealDisk(), tmp_path / "nothing"), VERIFIER)


def test_a_question_means_the_records_that_relied_on_a_key_or_held_a_dataset() -> None:
    one = decision_record(1)
    key, digest = one.evidence[0].key, one.parts[0].digest
    assert Question(issuer_key=key).concerns(one)
    assert Question(dataset=digest).concerns(one)
    assert Question(issuer_key=key, dataset=digest).concerns(one)
    assert not Question(issuer_key=key, dataset="other").concerns(one)
    assert not Question().concerns(one)
    refused = replace(one, evidence=(EvidenceCited(sha256(b"e"), key, "expired"),))
    assert not Question(issuer_key=key).concerns(refused)
    rooted = replace(one, reserve=(Reservation("root-of-all", sha256(b"part"), 1, 2),))
    assert Question(dataset="root-of-all").concerns(rooted)
    assert not Question(dataset="root-of-all").concerns(one)


def silence_in(tmp_path: Path, items: list[Record]) -> Silence:
    write_log(tmp_path / "log", items)
    view = Folder(RealDisk(), tmp_path / "log")
    silence = Silence()
    for entry in Reading(view, newest_checkpoint(view, VERIFIER)):
        silence.see(entry)
    return silence


def start(seconds: float) -> StartRecord:
    return StartRecord(moment(seconds), BUNDLE, "0.1.0", ORIGIN)


def test_a_heartbeat_that_was_promised_and_did_not_come_is_silence(tmp_path: Path) -> None:
    beats: list[Record] = [HeartbeatRecord(moment(60 * n), 60, 0) for n in range(1, 5)]
    late = HeartbeatRecord(moment(60 * 4 + 126), 60, 0)
    silence = silence_in(tmp_path, [start(0), *beats, late])
    assert [(gap.before, gap.silent) for gap in silence.gaps] == [(5, True)]
    assert [finding.code for finding in silence.findings()] == [Code.SILENCE]


def test_a_process_that_was_down_or_never_promised_is_not_silent(tmp_path: Path) -> None:
    items: list[Record] = [
        start(0),
        decision_record(5000),
        HeartbeatRecord(moment(5060), 60, 0),
        start(9000),
        decision_record(20_000),
        HeartbeatRecord(moment(20_001), 60, 0),
        StoppedRecord(moment(20_002), "disk_full"),
        start(30_000),
    ]
    silence = silence_in(tmp_path, items)
    assert list(silence.findings()) == []
    assert [gap.silent for gap in silence.gaps] == [False, False]


def test_releases_without_a_record_are_found(tmp_path: Path) -> None:
    items: list[Record] = [decision_record(1), decision_record(2, decision=DENIED), decision_record(3)]
    receipts = write_log(tmp_path / "log", items)
    ids = [receipt.record_id for receipt in receipts]
    absent = "7-0123456789abcdef"
    other_leaf = f"{ids[0].split('-')[0]}-{'0' * 16}"
    text = "\n".join(
        ["# ours", "", ids[0], ids[1], absent, other_leaf, f"calls 3 {moment(0)} {moment(9)}", ""]
    )
    releases = parse_releases(text)
    view = Folder(RealDisk(), tmp_path / "log")
    for entry in Reading(view, newest_checkpoint(view, VERIFIER)):
        releases.see(entry)
    found = [(finding.code, finding.index) for finding in releases.findings()]
    assert found == [
        (Code.RELEASE_WITHOUT_RECORD, None),
        (Code.RELEASE_WITHOUT_RECORD, None),
        (Code.RELEASE_WITHOUT_RECORD, 1),
        (Code.CALLS_EXCEED_RECORDS, None),
    ]
    enough = parse_releases(f"{ids[0]}\ncalls 2 {moment(0)} {moment(9)}\n")
    for entry in Reading(view, newest_checkpoint(view, VERIFIER)):
        enough.see(entry)
    assert list(enough.findings()) == []


@pytest.mark.parametrize(
    "text", ["two words\n", "calls x a b\n", "calls 1 then now\n", f"calls 1 {moment(2)} {moment(1)}\n"]
)
def test_a_list_that_cannot_be_read_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(RecordParseError):
        parse_releases(text)


def test_kinds_are_counted_with_their_span(view: Folder) -> None:
    kinds = Kinds()
    for entry in Reading(view, newest_checkpoint(view, VERIFIER)):
        kinds.see(entry)
    assert dict(kinds.counts) == {"start": 1, "decision/prompt": COUNT - 1}
    assert (kinds.first, kinds.last) == (moment(0), moment(COUNT - 1))


def test_a_denied_record_is_held_back() -> None:
    assert not decision_record(1, decision=Decision(Verdict.DENY, Reason.CLAUSE, ("R1",))).released
