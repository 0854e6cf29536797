"""Whatever either side sends: decided or refused in its own protocol, and never passed on unseen."""

import gzip
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import anthropic
import openai
import pytest

from tests.support.phrase_world import phrase_bundle
from tests.support.raw_client import Answer, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    Reply,
    ScriptedUpstream,
    Seen,
    chat_body,
    chat_events,
    completion_body,
    completion_events,
    message_body,
    message_events,
    plain_reply,
    response_body,
    response_events,
    scripted_upstream,
)
from tests.support.small_bundle import CHAT_KEY

Make = Callable[[str], Any]
STREAMS: Mapping[str, tuple[Make, Make]] = {
    "/v1/chat/completions": (chat_body, chat_events),
    "/v1/responses": (response_body, response_events),
    "/v1/completions": (completion_body, completion_events),
    "/v1/messages": (message_body, message_events),
    "/openai/v1/chat/completions": (chat_body, chat_events),
    "/openai/v1/responses": (response_body, response_events),
}
PATHS = [*STREAMS, "/v1/embeddings", "/v1/messages/count_tokens"]
SECRET = "SECRET-of-the-endpoint"
SSE = (("content-type", "text/event-stream"),)


def request_of(path: str, text: str = "hello") -> dict[str, Any]:
    if path.endswith("/completions") and not path.endswith("/chat/completions"):
        return {"model": "scripted", "prompt": text}
    if path.endswith(("/responses", "/embeddings")):
        return {"model": "scripted", "input": text}
    return {"model": "scripted", "max_tokens": 9, "messages": [{"role": "user", "content": text}]}


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("bad")
    with running_gateway(folder, upstream.url, phrase_bundle(), idle_seconds=2.0) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(upstream: ScriptedUpstream) -> None:
    upstream.script = plain_reply
    upstream.seen.clear()


def post(gateway: RunningGateway, path: str, body: bytes | dict[str, Any], **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(gateway.url, path, data, {"authorization": f"Bearer {CHAT_KEY}", **names})


def is_error_of(path: str, answer: Answer) -> bool:
    """Whether a body is an error of the protocol that is spoken at this path."""
    body = answer.json
    if "messages" in path:
        return bool(body["type"] == "error") and isinstance(body["error"]["message"], str)
    return {"message", "type", "code"} <= set(body["error"])


deep = b'{"model":"scripted","x":' + b"[" * 100 + b"]" * 100 + b"}"
REQUESTS: Mapping[str, tuple[Callable[[str], bytes], dict[str, str], int]] = {
    "not utf-8": (lambda _: b'{"model":"scripted","messages":"\xff\xfe"}', {}, 400),
    "deep": (lambda _: deep, {}, 400),
    "cut off": (lambda path: json.dumps(request_of(path)).encode()[:-3], {}, 400),
    "no json": (lambda _: b"model=scripted", {"content_type": "application/x-www-form-urlencoded"}, 400),
    "compressed": (
        lambda path: gzip.compress(json.dumps(request_of(path)).encode()),
        {"content_encoding": "gzip"},
        415,
    ),
    "oversized history": (
        lambda path: json.dumps(request_of(path, "x" * (9 * 1024 * 1024))).encode(),
        {},
        413,
    ),
    "a lone surrogate": (
        lambda path: json.dumps(request_of(path, "x")).encode().replace(b'"x"', b'"\\ud800"'),
        {},
        400,
    ),
}


@pytest.mark.parametrize("what", REQUESTS)
@pytest.mark.parametrize("path", PATHS)
def test_a_request_that_cannot_be_read_is_an_error_of_its_protocol(
    gateway: RunningGateway, upstream: ScriptedUpstream, path: str, what: str
) -> None:
    make, headers, status = REQUESTS[what]
    before = len(gateway.records())
    answer = post(gateway, path, make(path), **headers)
    assert answer.status == status
    assert is_error_of(path, answer)
    assert upstream.seen == []
    assert len(gateway.records()) == before


WHOLE: Mapping[str, Callable[[bytes], Reply]] = {
    "compressed": lambda body: Reply(
        headers=(("content-type", "application/json"), ("content-encoding", "gzip")), body=gzip.compress(body)
    ),
    "a page": lambda _: Reply(headers=(("content-type", "text/html"),), body=f"<p>{SECRET}</p>".encode()),
    "not utf-8": lambda _: Reply(body=b'{"choices":["\xff' + SECRET.encode() + b'"]}'),
    "cut off": lambda body: Reply(body=body, cut=True),
    "another protocol": lambda _: Reply(body=json.dumps({"result": SECRET}).encode()),
    "empty": lambda _: Reply(body=b""),
    "a redirect": lambda _: Reply(
        status=307, headers=(("location", "http://127.0.0.1:9/"),), body=SECRET.encode()
    ),
}


@pytest.mark.parametrize("what", WHOLE)
@pytest.mark.parametrize("path", PATHS)
def test_a_whole_answer_that_cannot_be_read_is_withheld(
    gateway: RunningGateway, upstream: ScriptedUpstream, path: str, what: str
) -> None:
    body = (
        STREAMS[path][0](SECRET) if path in STREAMS else json.dumps({"data": [], "input_tokens": 1}).encode()
    )
    upstream.script = lambda _: WHOLE[what](body)
    before = len(gateway.records())
    answer = post(gateway, path, request_of(path))
    assert answer.status in (502, 503)
    assert is_error_of(path, answer)
    assert SECRET.encode() not in answer.body
    assert [record["point"] for record in gateway.records()[before:]] == ["prompt"]


def planted(events: tuple[bytes, ...], between: bytes) -> Reply:
    return Reply(headers=SSE, pieces=(*events[:-1], between, events[-1]))


BETWEEN: Mapping[str, bytes] = {
    "no json": b"data: {SECRET-of-the-endpoint\n\n",
    "not utf-8": b'data: {"a": "\xff SECRET-of-the-endpoint"}\n\n',
    "deep": b"data: " + b"[" * 5000 + b'"SECRET-of-the-endpoint"' + b"]" * 5000 + b"\n\n",
    "a phrase in an error": b'event: error\ndata: {"type": "error", "error": {"type": "x", "message": '
    b'"project heliotrope SECRET-of-the-endpoint"}}\n\n',
    "a phrase in a comment that is data": b'data: "project heliotrope SECRET-of-the-endpoint"\n\n',
    "a phrase in an unknown event": b'event: tomorrow\ndata: {"type": "tomorrow", "say": '
    b'"project heliotrope SECRET-of-the-endpoint"}\n\n',
    "a phrase in a name": b'data: {"type": "tomorrow", "project heliotrope SECRET-of-the-endpoint": 1}\n\n',
}


@pytest.mark.parametrize("what", BETWEEN)
@pytest.mark.parametrize("path", STREAMS)
def test_what_stands_between_the_events_of_a_stream_is_read_or_ends_it(
    gateway: RunningGateway, upstream: ScriptedUpstream, path: str, what: str
) -> None:
    events = STREAMS[path][1]("It goes on for a while.")
    upstream.script = lambda _: planted(events, BETWEEN[what])
    answer = post(gateway, path, {**request_of(path), "stream": True})
    assert SECRET.encode() not in answer.body
    assert b"error" in answer.body
    assert [end["complete"] for end in gateway.records("output_end")][-1:] != [True]


@pytest.mark.parametrize("path", STREAMS)
def test_an_error_of_the_endpoint_in_mid_stream_reaches_the_caller_and_the_ledger(
    gateway: RunningGateway, upstream: ScriptedUpstream, path: str
) -> None:
    events = STREAMS[path][1]("It goes on.")
    said = (
        b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}\n\n'
    )
    upstream.script = lambda _: Reply(headers=SSE, pieces=(*events[:-2], said))  # and the connection ends
    answer = post(gateway, path, {**request_of(path), "stream": True})
    assert answer.status == 200
    assert b"upstream_cut" in answer.body or b"busy" in answer.body
    assert gateway.records("output_end")[-1]["complete"] is False


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_where_a_whole_answer_was_asked_for_is_decided_all_the_same(
    gateway: RunningGateway, upstream: ScriptedUpstream, path: str
) -> None:
    upstream.script = lambda _: Reply(headers=SSE, pieces=STREAMS[path][1]("About project heliotrope."))
    assert b"heliotrope" not in post(gateway, path, request_of(path)).body
    upstream.script = lambda _: Reply(body=STREAMS[path][0]("About project heliotrope."))
    assert post(gateway, path, {**request_of(path), "stream": True}).status == 403


@pytest.mark.parametrize("path", PATHS)
def test_an_error_of_the_endpoint_is_read_like_an_answer(
    gateway: RunningGateway, upstream: ScriptedUpstream, path: str
) -> None:
    upstream.script = lambda _: Reply(status=422, body=b'{"error": {"message": "project heliotrope"}}')
    assert post(gateway, path, request_of(path)).status == 403
    upstream.script = lambda _: Reply(status=422, body=b'{"error": {"message": "the model is unknown"}}')
    assert post(gateway, path, request_of(path)).status == 422


@pytest.mark.parametrize("path", PATHS)
def test_a_caller_that_closes_its_half_of_the_connection_gets_its_answer_or_leaves_a_record(
    gateway: RunningGateway, path: str
) -> None:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    body = json.dumps(request_of(path)).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "host: x",
        f"authorization: Bearer {CHAT_KEY}",
        f"content-length: {len(body)}",
    ]
    head = "\r\n".join(lines) + "\r\n\r\n"
    before = len(gateway.records())
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert all(record["verdict"] == "allow" for record in gateway.records()[before:])


def test_the_sdks_raise_their_own_errors_for_a_stream_that_is_refused(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    refused = "It is about project heliotrope."

    def script(seen: Seen) -> Reply:
        path = seen.path.partition("?")[0]
        return Reply(headers=SSE, pieces=STREAMS[path][1](refused))

    upstream.script = script
    with openai.OpenAI(api_key=CHAT_KEY, base_url=f"{gateway.url}/v1", max_retries=0) as client:
        with pytest.raises(openai.APIError):
            list(
                client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "x"}], stream=True
                )
            )
        with pytest.raises(openai.APIError):
            list(client.responses.create(model="m", input="x", stream=True))
        with pytest.raises(openai.APIError):
            list(client.completions.create(model="m", prompt="x", stream=True))
    with anthropic.Anthropic(api_key=CHAT_KEY, base_url=gateway.url, max_retries=0) as client_:
        ask: Any = [{"role": "user", "content": "x"}]
        with pytest.raises(anthropic.APIError):
            list(client_.messages.create(model="m", max_tokens=9, messages=ask, stream=True))


def test_azure_of_the_v1_api_is_openai_at_other_paths(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    base = f"{gateway.url}/openai/v1"
    with openai.OpenAI(api_key=CHAT_KEY, base_url=base) as client:
        chat = client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "x"}])
        response = client.responses.create(model="scripted", input="x")
        client.completions.create(model="scripted", prompt="x")
        client.embeddings.create(model="scripted", input="x")
    assert chat.choices[0].message.content
    assert response.output_text
    assert [seen.path for seen in upstream.seen] == [
        "/v1/chat/completions", "/v1/responses", "/v1/completions", "/v1/embeddings",
    ]  # fmt: skip
    assert {record["protocol"] for record in gateway.records()[-8:]} == {"azure"}
