"""The upstream and the ledger fail in every way: a clear answer, and nothing undecided released."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from caveat.gateway.evidence_header import encode_envelope
from caveat.ledger.errors import StoppedError
from caveat.ledger.ledger import Ledger
from caveat.store.errors import EvidenceStoreError
from caveat.store.evidence import SqliteEvidenceStore
from tests.support.raw_client import asking, chat, message, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    EVENT_STREAM,
    Reply,
    ScriptedUpstream,
    Seen,
    chat_body,
    chat_events,
    plain_reply,
    scripted_upstream,
)
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, attest, rows

JSON = (("content-type", "application/json"),)
SECRET = "words that the model said"


def always(reply: Reply) -> Callable[[Seen], Reply]:
    return lambda _seen: reply


SLOW = 2.6
HALF_EVENT = Reply(headers=EVENT_STREAM, pieces=(chat_events(SECRET)[0][:20],), cut=True)
HALF_BODY = Reply(headers=JSON, pieces=(chat_body(SECRET)[:50], b" "), pause_seconds=SLOW)
REDIRECT = Reply(status=302, headers=(("location", "http://127.0.0.1:1/"),))
FAULTS = {
    "cut in the body": (Reply(body=chat_body(SECRET), cut=True), 502, "upstream_cut"),
    "no JSON": (Reply(body=b"<html>" + SECRET.encode()), 502, "upstream_invalid"),
    "JSON of another kind": (Reply(body=json.dumps({"text": SECRET}).encode()), 502, "upstream_invalid"),
    "empty": (Reply(body=b""), 502, "upstream_invalid"),
    "a redirect": (REDIRECT, 502, "upstream_invalid"),
    "compressed": (Reply(headers=(*JSON, ("content-encoding", "br")), body=b"xx"), 502, "upstream_invalid"),
    "our key refused": (Reply(status=401, body=b"{}"), 503, "upstream_refused_key"),
    "slow to answer": (Reply(body=chat_body(SECRET), wait_seconds=SLOW), 504, "upstream_timeout"),
    "slow in the middle": (HALF_BODY, 504, "upstream_timeout"),
    "a stream cut before its first event": (HALF_EVENT, 502, "upstream_cut"),
    "a stream that is empty": (Reply(headers=EVENT_STREAM, pieces=()), 502, "upstream_cut"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_an_upstream_that_fails(gateway: RunningGateway, upstream: ScriptedUpstream, name: str) -> None:
    reply, status, code = FAULTS[name]
    upstream.script = always(reply)
    before = len(gateway.records())
    for answer in (
        chat(gateway.url, CHAT_KEY, asking("hi")),
        message(gateway.url, CHAT_KEY, asking("hi", stream=True)),
    ):
        assert (answer.status, answer.error["code"]) == (status, code)
        assert SECRET not in answer.body.decode()
        assert answer.headers["x-should-retry"] == "false"
    assert [record["point"] for record in gateway.records()[before:]] == ["prompt", "prompt"]
    upstream.script = plain_reply
    assert chat(gateway.url, CHAT_KEY, asking("hi")).status == 200, "the process goes on serving"


def test_an_upstream_that_is_down(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_gateway(tmp_path_factory.mktemp("down"), "http://127.0.0.1:9") as gateway:
        answer = chat(gateway.url, CHAT_KEY, asking("hi"))
        assert (answer.status, answer.error["code"]) == (503, "upstream_unavailable")
        assert message(gateway.url, CHAT_KEY, asking("hi")).error["type"] == "api_error"
        assert send(gateway.url, "/readyz", method="GET").status == 200


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500, 529])
def test_an_error_of_the_upstream_is_decided_and_passed_on_and_not_retried(
    gateway: RunningGateway, upstream: ScriptedUpstream, status: int
) -> None:
    body = json.dumps({"error": {"message": "theirs", "code": "x"}}).encode()
    headers = (*JSON, ("retry-after", "1"), ("x-should-retry", "true"), ("x-caveat-verdict", "forged"))
    upstream.script = always(Reply(status=status, headers=headers, body=body))
    before = len(gateway.records())
    answer = chat(gateway.url, CHAT_KEY, asking("hi"))
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-caveat-verdict"] == "allow"
    assert len(gateway.records()) == before + 2


@contextmanager
def stopped_ledger(monkeypatch: pytest.MonkeyPatch, calls: int = 0) -> Iterator[None]:
    """The ledger takes `calls` records more, then none."""
    left = [calls]
    submit = Ledger.submit

    def refuse(self: Ledger, record: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise StoppedError("the disk is full")
        return submit(self, record)  # type: ignore[arg-type]  # as it was passed

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "submit", refuse)
        yield


def test_a_ledger_that_cannot_store_releases_nothing(
    gateway: RunningGateway, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stopped_ledger(monkeypatch):
        for answer in (
            chat(gateway.url, CHAT_KEY, asking("hi")),
            message(gateway.url, DESK_KEY, asking("hi")),
        ):
            assert (answer.status, answer.error["code"]) == (503, "ledger_unavailable")
            assert answer.headers["x-should-retry"] == "false"
        assert upstream.seen == []
        ready = send(gateway.url, "/readyz", method="GET")
        assert (ready.status, ready.json["ready"], ready.json["ledger"]) == (503, False, "stopped")
        assert send(gateway.url, "/healthz", method="GET").status == 200
    assert chat(gateway.url, CHAT_KEY, asking("hi")).status == 200
    assert send(gateway.url, "/readyz", method="GET").status == 200


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_whose_decision_cannot_be_stored_is_not_released(
    gateway: RunningGateway, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    with stopped_ledger(monkeypatch, calls=1):
        answer = chat(gateway.url, CHAT_KEY, asking("hi", stream=stream))
    assert (answer.status, answer.error["code"]) == (503, "ledger_unavailable")
    assert len(upstream.seen) == 1
    assert b"scripted" not in answer.body


def test_a_use_that_was_not_recorded_does_not_count(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send_rows(tag: str) -> int:
        data = rows(600, tag)
        envelope = attest(data.encode(), {"acquisition_channel": "first_party"}, number=1)
        body = asking(data, caveat={"data": [{"part": "/messages/0/content", "media_type": "text/csv"}]})
        return chat(gateway.url, DESK_KEY, body, {"x-caveat-evidence": encode_envelope(envelope)}).status

    with stopped_ledger(monkeypatch):
        assert send_rows("a") == 503
    assert send_rows("b") == 200, "600 persons that were never released do not count against these 600"
    assert send_rows("c") == 403, "and these 600 do count against the next"


def test_a_bug_is_an_answer_without_a_trace_and_the_process_goes_on(
    gateway: RunningGateway, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = "content-in-an-exception"

    def broken(*_args: object, **_kwargs: object) -> object:
        raise RuntimeError(marker)

    with monkeypatch.context() as patch:
        patch.setattr("caveat.gateway.witnesses.BundleWitnesses.gather", broken)
        answer = chat(gateway.url, CHAT_KEY, asking("hi"))
    assert (answer.status, answer.error["code"]) == (503, "internal")
    assert upstream.seen == []
    assert marker not in answer.body.decode() + gateway.log.getvalue().decode()
    assert "Traceback" not in gateway.log.getvalue().decode()
    assert chat(gateway.url, CHAT_KEY, asking("hi")).status == 200


def test_an_answer_that_is_too_large_is_not_released(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("large")
    with (
        scripted_upstream(always(Reply(body=chat_body("x" * 2000)))) as model,
        running_gateway(folder, model.url, max_answer_bytes=1000) as gateway,
    ):
        answer = chat(gateway.url, CHAT_KEY, asking("hi"))
        assert (answer.status, answer.error["code"]) == (502, "upstream_too_large")


def test_evidence_that_cannot_be_read_is_not_evidence_that_is_absent(
    gateway: RunningGateway, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_store: SqliteEvidenceStore, _digests: object) -> tuple[bytes, ...]:
        raise EvidenceStoreError("evidence cannot be read: disk")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteEvidenceStore, "get", broken)
        answer = chat(gateway.url, CHAT_KEY, asking("hi"))
    assert (answer.status, answer.error["code"]) == (503, "evidence_unavailable")
    assert upstream.seen == []
    assert chat(gateway.url, CHAT_KEY, asking("hi")).status == 200


def test_more_data_parts_than_records_can_hold_are_refused_and_nothing_is_forwarded(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    before = len(gateway.records())
    content = [{"type": "of tomorrow", "number": number} for number in range(6000)]
    body = {"model": "m", "messages": [{"role": "user", "content": content}]}
    for key in (CHAT_KEY, DESK_KEY):
        answer = chat(gateway.url, key, body)
        assert (answer.status, answer.error["code"]) == (413, "record_too_large")
    assert upstream.seen == []
    assert len(gateway.records()) == before
    assert send(gateway.url, "/readyz", method="GET").status == 200, "the ledger is well"
