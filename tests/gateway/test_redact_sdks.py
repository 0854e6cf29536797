"""The official SDKs as clients of a gateway that has content replaced, and its ledger read afterwards."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from click.testing import CliRunner

from caveat.cli.explain import explain_command
from caveat.cli.ledger import ledger_group
from caveat.cli.observe import observe_command
from caveat.ledger.record import record_id_of
from tests.support.phrase_world import request_of, stream_of, text_in
from tests.support.redact_world import CLAUSES, EMAIL, NAME, PHONE, TEXT, redact_bundle
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    EVENT_STREAM,
    Reply,
    ScriptedUpstream,
    Seen,
    chat_body,
    completion_body,
    completion_events,
    message_body,
    message_events,
    response_body,
    response_events,
    scripted_upstream,
)
from tests.support.small_bundle import CHAT_KEY
from tests.support.tool_world import AGENT_KEY, chat_call_events, chat_calls, chunk, message_call_events

MESSAGES: Any = [{"role": "user", "content": TEXT}]
PATH = "/v1/chat/completions"


def echoed(seen: Seen) -> Reply:
    """The endpoint says back what it was asked; asked for tools, it calls one with it."""
    asked = seen.json
    text = asked.get("input") or asked.get("prompt") or asked["messages"][-1]["content"]
    stream = asked.get("stream", False)
    spoken: dict[str, Any] = {
        "completions": (completion_body, completion_events),
        "messages": (message_body, message_events),
        "responses": (response_body, response_events),
    }
    if asked.get("tools"):
        call = ("find", json.dumps({"say": text}))
        if seen.path.endswith("messages"):
            return Reply(headers=EVENT_STREAM, pieces=message_call_events(call))
        if stream:
            return Reply(headers=EVENT_STREAM, pieces=chat_call_events(call))
        return Reply(body=chat_calls(call))
    if seen.path.endswith("chat/completions"):
        pieces = (*(chunk({"content": piece}) for piece in text), chunk({}, "stop"), b"data: [DONE]\n\n")
        return Reply(headers=EVENT_STREAM, pieces=pieces) if stream else Reply(body=chat_body(text))
    whole, events = spoken[seen.path.rpartition("/")[2]]
    return Reply(headers=EVENT_STREAM, pieces=events(text)) if stream else Reply(body=whole(text))


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream(echoed) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path_factory.mktemp("g"), upstream.url, redact_bundle()) as running:
        yield running


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=AGENT_KEY, base_url=f"{gateway.url}/v1", max_retries=0) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_went_upstream(upstream: ScriptedUpstream) -> Iterator[None]:
    before = len(upstream.seen)
    yield

    for seen in upstream.seen[before:]:
        assert not any(value.encode() in seen.body for value in (EMAIL, PHONE, NAME))


def test_openai_chats_whole_and_streamed(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="scripted", messages=MESSAGES)
    assert whole.choices[0].message.content == TEXT
    stream = client.chat.completions.create(model="scripted", messages=MESSAGES, stream=True)
    assert "".join(one.choices[0].delta.content or "" for one in stream) == TEXT


def test_openai_responses_whole_and_streamed_say_the_same_everywhere(client: openai.OpenAI) -> None:
    assert client.responses.create(model="scripted", input=TEXT).output_text == TEXT
    with client.responses.stream(model="scripted", input=TEXT) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == TEXT
    assert final.output_text == TEXT


def test_openai_completions_whole_and_streamed(client: openai.OpenAI) -> None:
    assert client.completions.create(model="scripted", prompt=TEXT).choices[0].text == TEXT
    stream = client.completions.create(model="scripted", prompt=TEXT, stream=True)
    assert "".join(one.choices[0].text for one in stream) == TEXT


def test_openai_arguments_of_tools(client: openai.OpenAI) -> None:
    tools: Any = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]
    whole = client.chat.completions.create(model="scripted", messages=MESSAGES, tools=tools)
    call: Any = (whole.choices[0].message.tool_calls or [])[0]
    assert json.loads(call.function.arguments) == {"say": TEXT}
    stream = client.chat.completions.create(model="scripted", messages=MESSAGES, tools=tools, stream=True)
    given = [one.choices[0].delta.tool_calls for one in stream]
    said = [(call[0].function.arguments or "") for call in given if call and call[0].function]
    assert json.loads("".join(said)) == {"say": TEXT}


def test_anthropic_messages_and_arguments(gateway: RunningGateway) -> None:
    with anthropic.Anthropic(api_key=AGENT_KEY, base_url=gateway.url, max_retries=0) as client:
        whole = client.messages.create(model="scripted", max_tokens=9, messages=MESSAGES)
        assert whole.model_dump()["content"][0]["text"] == TEXT
        with client.messages.stream(model="scripted", max_tokens=9, messages=MESSAGES) as stream:
            assert "".join(stream.text_stream) == TEXT
        tools: Any = [{"name": "find", "input_schema": {"type": "object"}}]
        with client.messages.stream(model="scripted", max_tokens=9, messages=MESSAGES, tools=tools) as stream:
            assert stream.get_final_message().model_dump()["content"][0]["input"] == {"say": TEXT}


def test_a_refusal_for_what_cannot_be_read_is_an_ordinary_exception(client: openai.OpenAI) -> None:
    client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "x"}])
    url = {"url": "data:image/png;base64,AAAA"}
    asked: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": url}]}]
    with pytest.raises(openai.PermissionDeniedError, match="cannot be read"):
        client.chat.completions.create(model="scripted", messages=asked)


def test_the_ledger_replays_and_says_what_was_redacted(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with running_gateway(tmp_path, upstream.url, redact_bundle()) as gateway:
        with openai.OpenAI(api_key=CHAT_KEY, base_url=f"{gateway.url}/v1", max_retries=0) as client:
            raw = client.chat.completions.with_raw_response.create(model="scripted", messages=MESSAGES)
            list(client.chat.completions.create(model="scripted", messages=MESSAGES, stream=True))
            with pytest.raises(openai.PermissionDeniedError):
                client.completions.create(model="scripted", prompt=[1, 2])
        gateway.records()
        refused = next(
            record_id_of(index, entry.leaf)
            for index, entry in enumerate(gateway.service.ledger.records())
            if json.loads(entry.leaf).get("reason") == "obligation"
        )
    checked = CliRunner().invoke(ledger_group, ["verify", "--replay", str(tmp_path / "ledger")])
    assert checked.output.endswith("holds\n"), checked.output
    said = CliRunner().invoke(
        explain_command, ["use", raw.headers["x-caveat-record"], "--data", str(tmp_path)]
    )
    assert said.exit_code == 0
    assert "email, phone, phrases:names is redacted by R1: 1 email replaced" in said.output
    assert EMAIL not in said.output
    held = CliRunner().invoke(explain_command, ["use", refused, "--data", str(tmp_path)])
    assert held.exit_code == 0, held.output
    assert "1 pieces cannot be read" in held.output


def test_observing_reports_what_would_be_refused_for_it(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with running_gateway(tmp_path, upstream.url, redact_bundle(mode="observe")) as gateway:
        with openai.OpenAI(api_key=CHAT_KEY, base_url=f"{gateway.url}/v1", max_retries=0) as client:
            client.completions.create(model="scripted", prompt=[1, 2])
        gateway.records()
    report = CliRunner().invoke(observe_command, ["report", str(tmp_path)])
    assert report.exit_code in (0, 1), report.output
    assert "deny" in report.output


def test_a_stream_ends_when_other_content_is_to_be_replaced(tmp_path: Path) -> None:
    upstream_pieces = stream_of(PATH, [f"word{number} " for number in range(60)])
    reply = Reply(headers=EVENT_STREAM, pieces=upstream_pieces, pause_seconds=0.05)
    with (
        scripted_upstream(lambda _: reply) as slow,
        running_gateway(tmp_path, slow.url, redact_bundle()) as gateway,
        closing(http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=30)) as connection,
    ):
        headers = {"authorization": f"Bearer {CHAT_KEY}"}
        connection.request("POST", PATH, json.dumps(request_of(PATH)), headers)
        answer, received = connection.getresponse(), b""
        while piece := answer.read1(65536):
            if not received:
                assert gateway.amend(
                    redact_bundle(CLAUSES.replace('@redact("phone")', '@redact("phone, code")'))
                )
            received += piece
    assert b"halted" in received
    assert not text_in(PATH, received).endswith("word59 ")
