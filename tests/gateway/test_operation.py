"""What an operator sees: health, readiness, metrics, logs without content; and many callers at once."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from caveat.gateway.evidence_header import encode_envelope
from tests.support.raw_client import asking, chat, message, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import Reply, ScriptedUpstream, chat_body, scripted_upstream
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, WATCH_KEY, attest, rows

MARKER = "zanzibar-marker-7731"


def test_health_readiness_and_metrics_need_no_key(gateway: RunningGateway) -> None:
    assert send(gateway.url, "/healthz", method="GET").json == {"alive": True}
    ready = send(gateway.url, "/readyz", method="GET")
    assert ready.json == {
        "ready": True,
        "bundle": gateway.service.law.current.bundle.digest,
        "ledger": "ok",
        "clock": "ok",
        "log": gateway.service.ledger.origin,
        "paths": "unmeasured",
    }
    chat(gateway.url, CHAT_KEY, asking("hi"))
    chat(gateway.url, DESK_KEY, asking(rows(10)))
    chat(gateway.url, "nobody", asking("hi"))
    text = send(gateway.url, "/metrics", method="GET").body.decode()
    for line in (
        'caveat_decisions_total{mode="enforce",point="output",reason="permitted",verdict="allow"}',
        'caveat_decisions_total{mode="enforce",point="prompt",reason="unverified",verdict="needs_evidence"}',
        'caveat_bad_requests_total{code="invalid_api_key"}',
        "caveat_gate_seconds_bucket",
        "caveat_uses_in_flight 1.0",
    ):
        assert line in text
    assert send(gateway.url, "/metrics", method="POST").status == 405


def test_no_content_reaches_logs_or_records_or_metrics(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda _seen: Reply(body=chat_body(MARKER + " answers"))
    table = rows(20, MARKER)
    requests = [
        asking(MARKER),
        asking(table, tools=[{"type": "function", "function": {"name": MARKER}}]),
        asking(MARKER, **{MARKER: MARKER}),
        asking(MARKER, user=MARKER, metadata={MARKER: MARKER}),
        {"model": "m", "messages": [{"role": MARKER, "content": MARKER, "name": MARKER}]},
        {"model": MARKER + " as a text", "messages": [{"role": "user", "content": MARKER}]},
        asking(MARKER, caveat={"claims": {"subject_count": MARKER + " "}}),
        asking(MARKER, caveat={"data": [{"part": "/messages/0/content", "id_column": MARKER}]}),
        asking(MARKER, caveat={"data": [{"part": f"/{MARKER}"}]}),
        asking(MARKER, caveat={MARKER: MARKER}),
    ]
    for body in requests:
        for key in (CHAT_KEY, DESK_KEY, WATCH_KEY, MARKER):
            for answer in (chat(gateway.url, key, body), message(gateway.url, key, body)):
                assert answer.status in (200, 400, 401, 403, 502)
    chat(gateway.url, CHAT_KEY, MARKER.encode())
    send(gateway.url, f"/v1/{MARKER}?{MARKER}", MARKER.encode(), {"x-api-key": MARKER})
    chat(gateway.url, CHAT_KEY, asking("x"), {"x-caveat-evidence": MARKER, MARKER: MARKER})
    upstream.script = lambda _seen: Reply(body=MARKER.encode())
    chat(gateway.url, CHAT_KEY, asking(MARKER))
    envelope = attest(table.encode(), {"acquisition_channel": "first_party"})
    chat(gateway.url, DESK_KEY, asking(table), {"x-caveat-evidence": encode_envelope(envelope)})
    assert gateway.log.getvalue().decode().count("\n") > 50
    assert MARKER not in gateway.log.getvalue().decode()
    assert CHAT_KEY not in gateway.log.getvalue().decode()
    for line in gateway.log.getvalue().decode().splitlines():
        assert {"event", "level", "timestamp"} <= json.loads(line).keys()
    for kind in ("decision", "output_end", "start", "evidence"):
        assert MARKER not in json.dumps(gateway.records(kind))
    assert MARKER not in send(gateway.url, "/metrics", method="GET").body.decode()


def test_evidence_is_uploaded_once_and_found_again_by_digest(gateway: RunningGateway) -> None:
    data = rows(33, "up")
    assert chat(gateway.url, DESK_KEY, asking(data)).status == 403
    envelope = attest(data.encode(), {"acquisition_channel": "first_party"})
    stored = send(gateway.url, "/v1/evidence", envelope, {"authorization": f"Bearer {DESK_KEY}"})
    assert stored.status == 201
    (record,) = [one for one in gateway.records("evidence") if one["envelope"] == stored.json["envelope"]]
    assert record["deployment"] == "desk"
    assert chat(gateway.url, DESK_KEY, asking(data)).status == 200


def test_evidence_that_does_not_hold_is_not_stored(gateway: RunningGateway) -> None:
    data = rows(34, "down")
    envelope = json.loads(attest(data.encode(), {"acquisition_channel": "first_party"}))
    envelope["signatures"][0]["sig"] = "A" * 86 + "=="
    forged = json.dumps(envelope).encode()
    answer = send(gateway.url, "/v1/evidence", forged, {"authorization": f"Bearer {DESK_KEY}"})
    assert (answer.status, answer.error["code"]) == (400, "evidence_forged")
    assert chat(gateway.url, DESK_KEY, asking(data)).error["code"] == "needs_evidence"
    denied = chat(gateway.url, DESK_KEY, asking(data), {"x-caveat-evidence": encode_envelope(forged)})
    assert (denied.error["code"], denied.error["reason"]) == ("deny", "forged_evidence")
    junk = send(gateway.url, "/v1/evidence", b"junk", {"authorization": f"Bearer {DESK_KEY}"})
    assert junk.status == 400


@pytest.mark.slow
def test_128_callers_at_once_get_128_answers_and_256_records(gateway: RunningGateway) -> None:
    before = len(gateway.records())
    with ThreadPoolExecutor(128) as pool:
        answers = list(pool.map(lambda n: chat(gateway.url, CHAT_KEY, asking(f"hi {n}")), range(128)))
    assert {answer.status for answer in answers} == {200}
    found = gateway.records()[before:]
    assert len(found) == 256
    assert len({answer.headers["x-caveat-record"] for answer in answers}) == 128


@pytest.mark.slow
def test_128_parallel_uses_of_999_persons_do_not_slip_under_a_limit_of_1000(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tables = [rows(999, f"p{n}-") for n in range(128)]
    envelopes = [
        attest(table.encode(), {"acquisition_channel": "first_party"}, number=n)
        for n, table in enumerate(tables)
    ]

    def one(number: int) -> int:
        body = asking(
            tables[number], caveat={"data": [{"part": "/messages/0/content", "media_type": "text/csv"}]}
        )
        header = {"x-caveat-evidence": encode_envelope(envelopes[number])}
        return chat(gateway.url, DESK_KEY, body, header).status

    folder = tmp_path_factory.mktemp("parallel")
    with scripted_upstream() as model, running_gateway(folder, model.url) as gateway:
        with ThreadPoolExecutor(128) as pool:
            statuses = list(pool.map(one, range(128)))
        assert sorted(statuses) == [200] + [403] * 127
        released = [record for record in gateway.records() if record["reserve"]]
        assert len(released) == 1
        number = statuses.index(200)
        assert one(number) == 200, "the same data again are the same persons"
    # The total outlives the process.
    with scripted_upstream() as model, running_gateway(folder, model.url) as gateway:
        assert one((number + 1) % 128) == 403
        assert one(number) == 200
