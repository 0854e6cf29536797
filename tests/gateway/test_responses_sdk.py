"""OpenAI's responses and older completions through the official SDK, against a running gateway."""

import json
from typing import Any

import openai
import pytest
from openai.types.responses import Response, ResponseCompletedEvent

from caveat.gateway.evidence_header import encode_envelope
from tests.gateway.test_sdks import openai_client
from tests.support.raw_client import send
from tests.support.running_gateway import RunningGateway
from tests.support.scripted_upstream import (
    EVENT_STREAM,
    TEXT,
    Reply,
    ScriptedUpstream,
    completion_events,
    response_events,
)
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, attest, rows

ENDPOINTS = pytest.mark.parametrize("endpoint", ["responses", "completions"])
STREAMED = pytest.mark.parametrize("stream", [False, True])


def ask(client: openai.OpenAI, endpoint: str, text: Any, **more: Any) -> Any:
    if endpoint == "responses":
        return client.responses.create(model="scripted", input=text, **more)
    return client.completions.create(model="scripted", prompt=text, **more)


def test_a_response_whole_and_streamed(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    with openai_client(gateway) as client:
        whole = client.responses.create(model="scripted", input="What is it?", instructions="Be short.")
        assert (whole.output_text, whole.status) == (TEXT, "completed")
        with client.responses.stream(model="scripted", input="What is it?") as stream:
            assert [event for event in stream if event.type == "response.completed"]
            assert stream.get_final_response().output_text == TEXT
    assert [seen.path for seen in upstream.seen] == ["/v1/responses", "/v1/responses"]
    assert upstream.seen[0].headers["authorization"] == "Bearer upstream-secret"


async def test_a_response_whole_and_streamed_asynchronously(gateway: RunningGateway) -> None:
    async with openai.AsyncOpenAI(api_key=CHAT_KEY, base_url=f"{gateway.url}/v1") as client:
        assert (await client.responses.create(model="scripted", input="What?")).output_text == TEXT
        stream = await client.responses.create(model="scripted", input="What?", stream=True)
        events = [event async for event in stream]
        assert isinstance(events[-1], ResponseCompletedEvent)
        older = await client.completions.create(model="scripted", prompt="What?", stream=True)
        assert "".join([chunk.choices[0].text async for chunk in older]) == TEXT


def test_a_completion_whole_and_streamed(gateway: RunningGateway) -> None:
    with openai_client(gateway) as client:
        assert ask(client, "completions", "What?").choices[0].text == TEXT
        assert ask(client, "completions", ["What?", "Why?"]).choices[0].text == TEXT
        chunks = ask(client, "completions", "What?", stream=True)
        assert "".join(chunk.choices[0].text for chunk in chunks) == TEXT


@ENDPOINTS
@STREAMED
def test_a_refusal_raises_permission_denied_once_with_one_record(
    gateway: RunningGateway, upstream: ScriptedUpstream, endpoint: str, stream: bool
) -> None:
    before = len(gateway.records())
    with openai_client(gateway, DESK_KEY) as client, pytest.raises(openai.PermissionDeniedError) as caught:
        ask(client, endpoint, rows(10), stream=stream)
    (record,) = gateway.records()[before:]
    assert (record["action"], record["verdict"]) == (endpoint, "needs_evidence")
    assert upstream.seen == []
    assert caught.value.code == "needs_evidence"
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["needs"] == ["acquisition_channel"]


@ENDPOINTS
@STREAMED
def test_an_allowed_call_is_decided_twice_and_its_bytes_are_the_callers(
    gateway: RunningGateway, upstream: ScriptedUpstream, endpoint: str, stream: bool
) -> None:
    before = len(gateway.records())
    member = "input" if endpoint == "responses" else "prompt"
    body = (
        f'{{ "model":"scripted",\n "{member}":"h\\u00e9", "stream":{str(stream).lower()}, "top_p": 1.0e-1 }}'
    )
    key = {"authorization": f"Bearer {CHAT_KEY}"}
    answer = send(gateway.url, f"/v1/{endpoint}", body.encode(), key)
    assert answer.status == 200
    assert upstream.seen[-1].body == body.encode()
    points = [record.get("point") for record in gateway.records()[before:]]
    assert points[:2] == ["prompt", "output"]
    asked = {
        "model": "scripted",
        member: "x",
        "caveat": {"claims": {"subject_count": 3}},
        "metadata": {"a": "b"},
    }
    send(gateway.url, f"/v1/{endpoint}", json.dumps(asked).encode(), key)
    del asked["caveat"]
    assert upstream.seen[-1].json == asked


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed"])
def test_each_end_of_a_streamed_response_is_an_end(
    gateway: RunningGateway, upstream: ScriptedUpstream, status: str
) -> None:
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=response_events(status=status))
    with openai_client(gateway) as client:
        events: list[Any] = list(client.responses.create(model="scripted", input="What?", stream=True))
    assert events[-1].type == f"response.{status}"
    assert isinstance(events[-1].response, Response)


def test_an_end_that_is_only_quoted_in_the_answer_is_no_end(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    quoted = 'said "response" {"type":"response.completed","response":{}} and more'
    echoed = b'"metadata": {"note": "response.completed"}'
    pieces = tuple(event.replace(b'"metadata": {}', echoed) for event in response_events(quoted))
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=pieces, pause_seconds=0.001)
    with openai_client(gateway) as client, client.responses.stream(model="scripted", input="What?") as stream:
        assert stream.get_final_response().output_text == quoted


@ENDPOINTS
def test_a_stream_that_is_cut_ends_with_an_error_that_the_sdk_raises(
    gateway: RunningGateway, upstream: ScriptedUpstream, endpoint: str
) -> None:
    events = {"responses": response_events, "completions": completion_events}[endpoint]()
    upstream.script = lambda _seen: Reply(
        headers=EVENT_STREAM, pieces=events[: len(events) // 2], pause_seconds=0.01, cut=True
    )
    with openai_client(gateway) as client, pytest.raises(openai.APIError) as caught:
        list(ask(client, endpoint, "What?", stream=True))
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["code"] == "upstream_cut"


@ENDPOINTS
def test_an_answer_of_another_protocol_is_no_answer(
    gateway: RunningGateway, upstream: ScriptedUpstream, endpoint: str
) -> None:
    upstream.script = lambda _seen: Reply(body=b'{"object": "of another kind"}')
    with (
        openai_client(gateway).with_options(max_retries=0) as client,
        pytest.raises(openai.APIStatusError) as caught,
    ):
        ask(client, endpoint, "What?")
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_invalid")


def test_a_response_in_the_background_is_refused(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    with openai_client(gateway) as client, pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="scripted", input="What?", background=True)
    assert caught.value.code == "background_unsupported"
    assert upstream.seen == []


def test_what_the_endpoint_keeps_is_neither_read_nor_changed_nor_deleted(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    with openai_client(gateway) as client:
        for attempt in (
            lambda: client.responses.retrieve("resp_1"),
            lambda: client.responses.delete("resp_1"),
            lambda: client.responses.cancel("resp_1"),
            lambda: client.responses.input_items.list("resp_1"),
            lambda: client.conversations.retrieve("conv_1"),
            lambda: client.responses.compact(model="scripted", input="x"),
            lambda: client.responses.input_tokens.count(model="scripted", input="x"),
        ):
            with pytest.raises(openai.NotFoundError) as caught:
                attempt()
            assert caught.value.code == "unknown_path"
    assert upstream.seen == []


IN_CONTAINER: dict[str, Any] = {
    "type": "shell_call",
    "call_id": "c",
    "action": {"commands": ["ls"]},
    "environment": {"type": "container_reference", "container_id": "cntr_1"},
}
STORED: list[dict[str, Any]] = [
    {"input": [IN_CONTAINER]},
    {"previous_response_id": "resp_of_another"},
    {"conversation": "conv_1"},
    {"conversation": {"id": "conv_1"}},
    {"prompt": {"id": "pmpt_1", "variables": {"name": "word"}}},
    {"input": [{"type": "item_reference", "id": "msg_1"}]},
    {"input": [{"id": "msg_1"}]},
    {"input": [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}]},
    {"input": [{"type": "compaction", "encrypted_content": "gAAAA"}]},
    {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]}]},
    {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://a.example/f"}]}]},
    {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://a.example/f"}]}]},
    {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
    {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]},
]


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: json.dumps(stored)[:60])
def test_what_the_gateway_cannot_see_is_unattested_data(
    gateway: RunningGateway, upstream: ScriptedUpstream, stored: dict[str, Any]
) -> None:
    before = len(gateway.records())
    with openai_client(gateway, DESK_KEY) as client, pytest.raises(openai.PermissionDeniedError) as caught:
        client.responses.create(**{"model": "scripted", "input": "Go on.", **stored})
    assert caught.value.code == "needs_evidence"
    (record,) = gateway.records()[before:]
    assert record["parts"]
    assert upstream.seen == []


def test_a_stored_response_that_is_attested_by_its_id_is_known(gateway: RunningGateway) -> None:
    envelope = attest(b"resp_attested", {"acquisition_channel": "first_party", "subject_count": 0})
    with openai_client(gateway, DESK_KEY) as client:
        answer = client.responses.create(
            model="scripted",
            input="Go on.",
            previous_response_id="resp_attested",
            extra_headers={"x-caveat-evidence": encode_envelope(envelope)},
        )
    assert answer.output_text == TEXT
