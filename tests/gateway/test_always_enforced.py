"""In observe mode a clause marked `@always_enforced` holds back what it certainly forbids, and only that."""

from collections.abc import Iterator

import pytest

from caveat.call.call import Point
from caveat.cli.main import run
from caveat.gateway.evidence_header import encode_envelope
from caveat.ledger.disk import RealDisk
from caveat.ledger.finding import Code
from caveat.ledger.folder import Folder
from caveat.ledger.replay import Bundles, ReplayCheck
from caveat.ledger.wire import parse_record
from caveat.signing.canonical import canonical
from tests.support.raw_client import asking, chat
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import WATCH_KEY, SmallBundle, attest, rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bound(
    module_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    bundle = SmallBundle()
    bundle.clauses = bundle.clauses.replace('@id("C2")', '@id("C2") @always_enforced')
    folder = tmp_path_factory.mktemp("bound")
    with running_gateway(folder, module_upstream.url, bundle.files()) as running:
        yield running


def test_what_it_certainly_forbids_is_held_back_and_recorded_as_enforced(
    bound: RunningGateway, upstream: ScriptedUpstream
) -> None:
    body = asking(rows(10), caveat={"claims": {"acquisition_channel": "bulk_purchased"}})
    answer = chat(bound.url, WATCH_KEY, body)
    assert answer.status == 403
    assert answer.error["clauses"] == ["C2"]
    assert answer.headers["x-caveat-mode"] == "observe"
    assert upstream.seen == []
    record = bound.records()[-1]
    assert (record["mode"], record["enforced"], record["reserve"]) == ("observe", True, [])


def test_the_report_and_the_explanation_say_so(
    bound: RunningGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    body = asking(rows(14), caveat={"claims": {"acquisition_channel": "bulk_purchased"}})
    answer = chat(bound.url, WATCH_KEY, body)
    bound.records()
    assert run(["observe", "report", str(bound.folder)]) == 1
    assert "held back: a clause that is always enforced forbids them" in capsys.readouterr().out
    assert run(["explain", "use", answer.error["record"], "--data", str(bound.folder)]) == 0
    said = capsys.readouterr().out
    assert "it was held back although only observed: C2 is always enforced" in said
    assert "C2: No data bought in bulk." in said


def test_a_forged_envelope_does_not_open_it(bound: RunningGateway, upstream: ScriptedUpstream) -> None:
    body = asking(rows(11), caveat={"claims": {"acquisition_channel": "bulk_purchased"}})
    envelope = attest(rows(11).encode(), {"subject_count": 11}, audience="watch")
    forged = envelope.replace(b'"sig":"', b'"sig":"AAAA', 1)
    answer = chat(bound.url, WATCH_KEY, body, {"x-caveat-evidence": encode_envelope(forged)})
    assert answer.status == 403
    assert upstream.seen == []


def test_other_refusals_of_a_watched_deployment_go_through(bound: RunningGateway) -> None:
    assert chat(bound.url, WATCH_KEY, asking(rows(12))).status == 200
    prompts = [record for record in bound.records() if record["point"] == "prompt"]
    assert (prompts[-1]["verdict"], prompts[-1]["enforced"]) == ("needs_evidence", False)


def test_replay_finds_a_release_that_the_clause_forbids(bound: RunningGateway) -> None:
    body = asking(rows(13), caveat={"claims": {"acquisition_channel": "bulk_purchased"}})
    chat(bound.url, WATCH_KEY, body)
    record = bound.records()[-1]
    check = ReplayCheck(Bundles(Folder(RealDisk(), bound.folder / "ledger")))
    honest = parse_record(canonical(record))
    lying = parse_record(canonical({**record, "enforced": False}))
    assert [*check.check(0, honest)] == []
    assert [finding.code for finding in check.check(0, lying)] == [Code.VERDICT_DIFFERS]
    assert record["point"] == Point.PROMPT.value
