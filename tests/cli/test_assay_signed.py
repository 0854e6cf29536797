"""`caveat assay report --sign`, `verify` and `record`: what verifies, and what is refused."""

import asyncio
import json
import shutil
from pathlib import Path

import orjson
import pytest

from caveat.assay.agreement import Proved
from caveat.assay.certificate import sign_report
from caveat.assay.journal import Entry, Journal
from caveat.ledger import Ledger
from caveat.ledger.checks import BundleCheck
from caveat.ledger.finding import Code
from caveat.ledger.read import PublishedLog
from caveat.ledger.record import AssayRecord, StartRecord
from caveat.ledger.wire import parse_record, render_record
from caveat.policy.bundle import parse_bundle
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import sha256
from caveat.signing.keys import Algorithm, PrivateKey, private_key_from_seed
from caveat.store.folder import read_folder
from tests.cli.calling import Caveat
from tests.ledger.logs import moment

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "policies" / "government-analytics"
AUDITOR = private_key_from_seed(Algorithm.ED25519, b"\x21" * 32)
STRANGER = private_key_from_seed(Algorithm.ED25519, b"\x22" * 32)
LOG = private_key_from_seed(Algorithm.ED25519, b"\x23" * 32)


def head(bundle: str) -> JsonObject:
    """Which run it is."""
    return {
        "seed": 1,
        "budget": 1,
        "bundle": bundle,
        "upstream": "scripted",
        "arms": ["whole"],
        "adversaries": {"insider": ["issuer_key"]},
        "families": {
            "naive": {"powers": [], "twin": "plain", "missing": []},
            "signs-falsely": {"powers": ["issuer_key"], "twin": "plain", "missing": []},
        },
        "unused_layers": {},
        "concurrency": 8,
        "benign": {"pieces": 0, "requests": 0, "prompts": {}, "missing": []},
        "uses": [["g1-00000", "R1.a", "deny"], ["g1-00001", "R1.b", "deny"]],
    }


def journal(folder: Path, *, bundle: str | None = None, complete: bool = True) -> Path:
    """A run of two uses that were held, one of which an insider got through."""
    digest = bundle or parse_bundle(read_folder(BUNDLE)).digest
    path = folder / "run.jsonl"
    written = Journal.begin(path, head(digest), resume=False)
    for use in ("g1-00000", "g1-00001"):
        twin = Entry(arm="whole", use=use, at=0, search="twin:plain", family="plain", outcome="passed")
        written.add(twin.model_copy(update={"milliseconds": [3.0]}))
        written.add(Entry(arm="whole", use=use, at=0, search="naive", family="naive", outcome="held"))
    written.add(
        Entry(
            arm="whole",
            use="g1-00000",
            search="insider",
            at=1,
            family="signs-falsely",
            variant="registrar",
            outcome="breached",
            verdicts=["allow"],
        )
    )
    written.note_proved(Proved(solver="z3 0", openers={"g1-00000": ["registrar"]}).render())
    if complete:
        written.end()
    written.close()
    return path


def key_files(folder: Path, key: PrivateKey, name: str) -> tuple[Path, Path]:
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.pem())
    public.write_text(key.public().render())
    return private, public


@pytest.fixture
def signed(tmp_path: Path, caveat: Caveat) -> tuple[Path, Path]:
    """A signed report, and the public key of who signed it."""
    private, public = key_files(tmp_path, AUDITOR, "auditor")
    report = tmp_path / "report.json"
    said = caveat("assay", "report", journal(tmp_path), "--json", report, "--sign", private)
    assert said.code == 0
    return tmp_path / "report.json.sig", public


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a gateway that began to serve the bundle and was stopped."""
    return data_folder(tmp_path / "data")


def data_folder(data: Path) -> Path:
    data.mkdir()
    (data / "log.pem").write_bytes(LOG.pem())
    files = read_folder(BUNDLE)
    ledger = Ledger.open(data / "ledger", LOG, origin="log.example/assay", publish_seconds=0)
    try:
        digest = ledger.store_bundle(files)
        start = StartRecord(moment(0), digest, "0.1.0", "log.example/assay")
        asyncio.run(_append(ledger, start))
    finally:
        ledger.close()
    return data


async def _append(ledger: Ledger, record: StartRecord) -> None:
    await ledger.append(render_record(record))


def records(data: Path) -> list[AssayRecord]:
    log = PublishedLog(data / "ledger")
    parsed = [parse_record(leaf) for leaf in log.folder.entries(0, log.size)]
    return [one for one in parsed if isinstance(one, AssayRecord)]


def test_a_signed_report_verifies_offline_and_says_what_it_covers(
    signed: tuple[Path, Path], caveat: Caveat, tmp_path: Path
) -> None:
    envelope, public = signed
    about = ["--bundle", BUNDLE, "--journal", tmp_path / "run.jsonl", "--report", tmp_path / "report.json"]
    said = caveat("assay", "verify", envelope, "--key", public, *about)
    assert said.code == 0
    assert parse_bundle(read_folder(BUNDLE)).digest in said.out
    assert "every figure made again" in said.out
    assert "whole: unsafe uses let through 0 of 2; benign twins passed 2 of 2" in said.out
    document = json.loads(caveat("assay", "verify", envelope, "--key", public, "--json").out)
    assert (document["verifies"], document["finding"]) == (True, None)
    assert document["covers"]["envelope"] == sha256(envelope.read_bytes())


def test_a_wrong_key_an_altered_report_and_another_bundle_are_refused(
    signed: tuple[Path, Path], caveat: Caveat, tmp_path: Path
) -> None:
    envelope, public = signed
    _, stranger = key_files(tmp_path, STRANGER, "stranger")
    said = caveat("assay", "verify", envelope, "--key", stranger)
    assert (said.code, "not of this key" in said.out) == (1, True)

    other = tmp_path / "other"
    shutil.copytree(BUNDLE, other)
    (other / "limits.md").write_text("another file, another digest\n")
    said = caveat("assay", "verify", envelope, "--key", public, "--bundle", other)
    assert (said.code, "is about bundle" in said.out) == (1, True)

    report = tmp_path / "report.json"
    changed = orjson.loads(report.read_bytes())
    changed["arms"]["whole"]["unsafe"]["of"] = 4000
    report.write_bytes(orjson.dumps(changed))
    said = caveat("assay", "verify", envelope, "--key", public, "--report", report)
    assert (said.code, "not the one that was signed" in said.out) == (1, True)

    envelope.write_bytes(envelope.read_bytes().replace(b'"payload":"ey', b'"payload":"eY'))
    assert caveat("assay", "verify", envelope, "--key", public).code == 1


def test_figures_that_the_journal_does_not_give_are_refused(
    signed: tuple[Path, Path], caveat: Caveat, tmp_path: Path
) -> None:
    envelope, public = signed
    run = tmp_path / "run.jsonl"
    run.write_bytes(run.read_bytes().replace(b'"held"', b'"breached"'))
    said = caveat("assay", "verify", envelope, "--key", public, "--journal", run)
    assert (said.code, "is about journal" in said.out) == (1, True)


def test_a_signer_who_makes_figures_up_is_found_out_by_the_journal(
    signed: tuple[Path, Path], caveat: Caveat, tmp_path: Path
) -> None:
    _, public = signed
    figures = orjson.loads((tmp_path / "report.json").read_bytes())
    figures["arms"]["whole"]["unsafe"]["of"] = 4000
    made_up = tmp_path / "made-up.sig"
    made_up.write_bytes(sign_report(figures, AUDITOR))
    assert caveat("assay", "verify", made_up, "--key", public).code == 0
    said = caveat("assay", "verify", made_up, "--key", public, "--journal", tmp_path / "run.jsonl")
    assert (said.code, "gives other figures than the report" in said.out) == (1, True)


def test_a_recorded_report_whose_bundle_was_taken_away_is_a_finding(
    signed: tuple[Path, Path], data: Path, caveat: Caveat
) -> None:
    envelope, public = signed
    assert caveat("assay", "record", envelope, "--data", data, "--key", public).code == 0
    shutil.rmtree(data / "ledger" / "bundles")
    (record,) = records(data)
    found = BundleCheck(PublishedLog(data / "ledger").folder).check(1, record)
    assert [finding.code for finding in found] == [Code.BUNDLE_MISSING]


def test_a_signed_report_stands_in_the_ledger_and_the_ledger_verifies(
    signed: tuple[Path, Path], data: Path, caveat: Caveat
) -> None:
    envelope, public = signed
    said = caveat("assay", "record", envelope, "--data", data, "--key", public)
    assert said.code == 0
    (record,) = records(data)
    assert record.envelope == sha256(envelope.read_bytes())
    assert record.key == AUDITOR.public().keyid
    assert record.bundle == parse_bundle(read_folder(BUNDLE)).digest
    assert record.complete
    (whole,) = record.arms
    assert (whole.arm, whole.unsafe, whole.uses, whole.twins_passed, whole.twins) == ("whole", 0, 2, 2, 2)
    verified = json.loads(caveat("ledger", "verify", data / "ledger", "--json").out)
    assert (verified["holds"], verified["records"]["assay"]) == (True, 1)
    assert caveat("ledger", "audit", data / "ledger").code == 0
    assert "assay" in caveat("ledger", "query", data / "ledger", "--kind", "assay").out


def test_what_is_not_signed_by_the_key_or_about_another_bundle_is_not_recorded(
    signed: tuple[Path, Path], data: Path, caveat: Caveat, tmp_path: Path
) -> None:
    envelope, public = signed
    private, stranger = key_files(tmp_path, STRANGER, "stranger")
    assert caveat("assay", "record", envelope, "--data", data, "--key", stranger).code == 1
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = elsewhere / "report.json"
    run = journal(elsewhere, bundle="00" * 32)
    assert caveat("assay", "report", run, "--json", other, "--sign", private).code == 0
    said = caveat("assay", "record", f"{other}.sig", "--data", data, "--key", stranger)
    assert (said.code, "is about bundle" in said.err) == (1, True)
    assert caveat("assay", "verify", f"{other}.sig", "--key", public).code == 1
    assert records(data) == []


def test_a_running_gateway_is_not_written_beside(
    signed: tuple[Path, Path], data: Path, caveat: Caveat
) -> None:
    envelope, public = signed
    ledger = Ledger.open(data / "ledger", LOG, origin="log.example/assay")
    try:
        said = caveat("assay", "record", envelope, "--data", data, "--key", public)
    finally:
        ledger.close()
    assert said.code == 2
    assert "another process writes this log" in said.err
    assert records(data) == []


def test_a_partial_run_is_recorded_as_one(tmp_path: Path, data: Path, caveat: Caveat) -> None:
    private, public = key_files(tmp_path, AUDITOR, "auditor")
    report = tmp_path / "report.json"
    run = journal(tmp_path, complete=False)
    assert caveat("assay", "report", run, "--json", report, "--sign", private).code == 0
    said = caveat("assay", "verify", f"{report}.sig", "--key", public)
    assert "did not come to its end" in said.out
    assert caveat("assay", "record", f"{report}.sig", "--data", data, "--key", public).code == 0
    assert [record.complete for record in records(data)] == [False]


def test_a_signature_needs_a_file_to_stand_beside(tmp_path: Path, caveat: Caveat) -> None:
    private, _ = key_files(tmp_path, AUDITOR, "auditor")
    run = journal(tmp_path)
    assert "--json FILE" in caveat.mistaken("assay", "report", run, "--sign", private)
