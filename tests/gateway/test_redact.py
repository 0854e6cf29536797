"""Content is replaced before the endpoint sees it, and restored for those who may read it."""

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.phrase_world import ENDPOINTS, request_of, stream_of, text_in
from tests.support.raw_client import Answer, send
from tests.support.redact_world import CLAUSES, EMAIL, NAME, PHONE, TEXT, VALUES, redact_bundle
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    Reply,
    ScriptedUpstream,
    Seen,
    chat_body,
    completion_body,
    message_body,
    plain_reply,
    response_body,
    scripted_upstream,
)
from tests.support.small_bundle import CHAT_KEY
from tests.support.tool_world import (
    AGENT_KEY,
    chat_call_events,
    chat_calls,
    message_call_events,
    message_calls,
)

PATHS = list(ENDPOINTS)
BODIES: dict[str, Callable[[str], bytes]] = {
    "/v1/chat/completions": chat_body,
    "/v1/completions": completion_body,
    "/v1/messages": message_body,
    "/v1/responses": response_body,
}
SSE = (("content-type", "text/event-stream"),)
PLACEHOLDER = re.compile(r"\[[A-Z_]+_[a-p]{20}\]")


class Scripted:
    """What the endpoint answers next: a text in which it says what it was asked, or a reply."""

    def __init__(self) -> None:
        self.reply: Callable[[Seen], Reply] = plain_reply
        self.seen: list[Seen] = []


@pytest.fixture(scope="module")
def script() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def upstream(script: Scripted) -> Iterator[ScriptedUpstream]:
    def answer(seen: Seen) -> Reply:
        script.seen.append(seen)
        return script.reply(seen)

    with scripted_upstream(answer) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path_factory.mktemp("g"), upstream.url, redact_bundle()) as running:
        yield running


def post(gateway: RunningGateway, path: str, body: dict[str, Any], key: str = AGENT_KEY) -> Answer:
    return send(gateway.url, path, json.dumps(body).encode(), {"authorization": f"Bearer {key}"})


def asked(path: str, body: Any) -> str:
    """The one text of a request that `request_of` made."""
    match ENDPOINTS[path]:
        case "completion":
            return str(body["prompt"])
        case "response":
            return str(body["input"])
        case _:
            return str(body["messages"][0]["content"])


def echo(path: str, *, stream: bool, size: int = 7) -> Callable[[Seen], Reply]:
    """The endpoint says back what it was asked, in pieces of `size`."""

    def reply(seen: Seen) -> Reply:
        text = f"You said: {asked(path, seen.json)} Good bye."
        if not stream:
            return Reply(body=BODIES[path](text))
        return Reply(
            headers=SSE, pieces=stream_of(path, [text[a : a + size] for a in range(0, len(text), size)])
        )

    return reply


def said_by(path: str, answer: Answer, *, stream: bool) -> str:
    if stream:
        return text_in(path, answer.body)
    value = json.loads(answer.body)
    match ENDPOINTS[path]:
        case "chat":
            return str(value["choices"][0]["message"]["content"])
        case "completion":
            return str(value["choices"][0]["text"])
        case "message":
            return str(value["content"][0]["text"])
        case _:
            return str(value["output"][0]["content"][0]["text"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True])
def test_the_endpoint_sees_placeholders_and_the_reader_what_was_meant(
    gateway: RunningGateway, script: Scripted, path: str, *, stream: bool
) -> None:
    script.reply = echo(path, stream=stream)
    answer = post(gateway, path, request_of(path, TEXT, stream=stream))
    upstream = asked(path, script.seen[-1].json)
    assert not any(value in upstream for value in VALUES)
    assert len(PLACEHOLDER.findall(upstream)) == 3
    assert said_by(path, answer, stream=stream) == f"You said: {TEXT} Good bye."
    assert PLACEHOLDER.search(answer.body.decode()) is None


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_reader_who_may_not_know_a_kind_keeps_its_placeholder(
    gateway: RunningGateway, script: Scripted, path: str, *, stream: bool
) -> None:
    script.reply = echo(path, stream=stream)
    answer = post(gateway, path, request_of(path, TEXT, stream=stream), CHAT_KEY)
    said = said_by(path, answer, stream=stream)
    assert EMAIL in said
    assert NAME in said
    assert PHONE not in answer.body.decode()
    assert "170" not in answer.body.decode()
    assert len(PLACEHOLDER.findall(said)) == 1


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("seed", range(3))
def test_of_a_value_that_is_newly_said_nothing_leaves_wherever_it_is_cut(
    gateway: RunningGateway, script: Scripted, path: str, seed: int
) -> None:
    text = f"The garden is open. Call {PHONE} or 0301234567; 240 words follow. " + "word " * 60
    places = sorted(random.Random(seed).sample(range(1, len(text)), 100))
    pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    script.reply = lambda _: Reply(headers=SSE, pieces=stream_of(path, pieces))
    answer = post(gateway, path, request_of(path), CHAT_KEY)
    said = text_in(path, answer.body)
    assert re.sub(PLACEHOLDER, "#", said) == text.replace(PHONE, "#").replace("0301234567", "#")
    body = re.sub(r"\d{10,}", "", answer.body.decode()) if path != PATHS[0] else answer.body.decode()
    assert "170" not in body
    assert "0301234567" not in body


@pytest.mark.parametrize("path", PATHS)
def test_bytes_in_which_nothing_is_found_are_the_same(
    gateway: RunningGateway, script: Scripted, path: str
) -> None:
    body = request_of(path, "How is the garden? [EMAIL_x]", stream=True)
    pieces = stream_of(path, ["It is ", "open [EMA", "IL_abc] and ", "green."])
    script.reply = lambda _: Reply(headers=SSE, pieces=pieces)
    for key in (AGENT_KEY, CHAT_KEY):
        assert post(gateway, path, body, key).body == b"".join(pieces)
        assert script.seen[-1].body == json.dumps(body).encode()
    whole = BODIES[path]("It is open.")
    script.reply = lambda _: Reply(body=whole)
    assert post(gateway, path, request_of(path, stream=False)).body == whole


def test_the_same_value_has_one_placeholder_in_every_turn(gateway: RunningGateway, script: Scripted) -> None:
    path = PATHS[0]
    script.reply = echo(path, stream=False)
    post(gateway, path, request_of(path, EMAIL, stream=False))
    first = asked(path, script.seen[-1].json)
    history = [
        {"role": "user", "content": EMAIL.upper()},
        {"role": "assistant", "content": f"You mean {EMAIL}."},
        {"role": "user", "content": f"Yes, {first}"},
    ]
    answer = post(gateway, path, {"model": "scripted", "messages": history})
    told = [message["content"] for message in script.seen[-1].json["messages"]]
    assert told == [first, f"You mean {first}.", f"Yes, {first}"]
    assert said_by(path, answer, stream=False) == f"You said: {EMAIL.upper()} Good bye."


def test_a_placeholder_that_was_not_made_for_this_use_is_never_restored(
    gateway: RunningGateway, script: Scripted
) -> None:
    path = PATHS[0]
    script.reply = echo(path, stream=False)
    post(gateway, path, request_of(path, EMAIL, stream=False))
    foreign = asked(path, script.seen[-1].json)
    answer = post(gateway, path, request_of(path, f"{foreign} and {PHONE}", stream=False))
    assert foreign in said_by(path, answer, stream=False)
    assert EMAIL not in answer.body.decode()


CHAT = {
    "model": "scripted",
    "user": EMAIL,
    "messages": [
        {"role": "system", "content": f"You serve {EMAIL}."},
        {"role": "user", "content": [{"type": "text", "text": f"Ask {EMAIL}"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_12345678",
                    "type": "function",
                    "function": {
                        "name": "find",
                        "arguments": '{"to": "ada.lovelace\\u0040example.org", '
                        '"say": "a\\n\\"+49 170 123-4567", "n": 491701234567}',
                    },
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_12345678", "content": f'{{"{EMAIL}": ["{PHONE}"]}}'},
    ],
    "tools": [{"type": "function", "function": {"name": "find", "description": f"Writes to {EMAIL}"}}],
}
MESSAGE = {
    "model": "claude-3-5-sonnet-20241022",
    "max_tokens": 100,
    "metadata": {"user_id": EMAIL},
    "system": [{"type": "text", "text": f"You serve {EMAIL}."}],
    "messages": [
        {"role": "user", "content": f"Ask {EMAIL}"},
        {
            "role": "assistant",
            "content": [
                {
                    "type": "tool_use",
                    "id": "toolu_12345678",
                    "name": "find",
                    "input": {EMAIL: [PHONE, 491701234567]},
                }
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_12345678", "content": f"It is {PHONE}"}
            ],
        },
    ],
    "tools": [{"name": "find", "description": EMAIL, "input_schema": {"type": "object"}}],
}
RESPONSE = {
    "model": "scripted",
    "instructions": f"You serve {EMAIL}.",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": EMAIL}]},
        {
            "type": "function_call",
            "call_id": "call_12345678",
            "name": "find",
            "arguments": json.dumps({"to": EMAIL}),
        },
        {"type": "function_call_output", "call_id": "call_12345678", "output": PHONE},
    ],
}
COMPLETION = {"model": "scripted", "prompt": [EMAIL, f"call {PHONE}"], "suffix": EMAIL}
EMBEDDING = {"model": "scripted", "input": [EMAIL, PHONE]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", CHAT),
        ("/v1/messages", MESSAGE),
        ("/v1/messages/count_tokens", {key: value for key, value in MESSAGE.items() if key != "max_tokens"}),
        ("/v1/responses", RESPONSE),
        ("/v1/completions", COMPLETION),
        ("/v1/embeddings", EMBEDDING),
    ],
)
def test_no_value_goes_upstream_in_any_shape(
    gateway: RunningGateway, script: Scripted, path: str, body: dict[str, Any]
) -> None:
    script.reply = plain_reply
    assert post(gateway, path, body).status == 200
    sent = script.seen[-1].body.decode()
    assert EMAIL not in sent
    assert "\\u0040" not in sent
    assert "123-4567" not in sent
    assert "491701234567" not in sent
    told, given = json.loads(sent), json.loads(json.dumps(body))
    assert told["model"] == given["model"]
    if path == "/v1/chat/completions":
        call = told["messages"][2]["tool_calls"][0]
        assert call["id"] == told["messages"][3]["tool_call_id"] == "call_12345678"
        assert json.loads(call["function"]["arguments"])["say"].startswith('a\n"[PHONE_')
        assert json.loads(told["messages"][3]["content"])
    if path == "/v1/messages":
        assert told["messages"][2]["content"][0]["tool_use_id"] == "toolu_12345678"


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
HELD: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [IMAGE]}]}),
    ("/v1/responses", {"input": "x", "previous_response_id": "resp_1"}),
    (
        "/v1/responses",
        {"input": [{"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "AAAA"}]},
    ),
    ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "tomorrow"}]}]}),
    ("/v1/completions", {"prompt": [1, 2, 3]}),
]


@pytest.mark.parametrize(("path", "body"), HELD)
def test_what_cannot_be_read_cannot_be_replaced_and_is_refused(
    gateway: RunningGateway, script: Scripted, path: str, body: dict[str, Any]
) -> None:
    before = len(script.seen)
    answer = post(gateway, path, {"model": "scripted", **body})
    assert answer.status == 403
    assert len(script.seen) == before
    assert "cannot be read" in answer.body.decode()
    last = gateway.records()[-1]
    assert (last["verdict"], last["reason"], last["clauses"]) == ("deny", "obligation", ["R1"])
    assert last["redaction"]["unreadable"] >= 1


def test_a_record_counts_and_names_no_value(gateway: RunningGateway, script: Scripted) -> None:
    path = PATHS[0]
    script.reply = echo(path, stream=False)
    post(gateway, path, request_of(path, TEXT, stream=False), CHAT_KEY)
    prompt, output = gateway.records()[-2:]
    assert prompt["redaction"] == {
        "clauses": ["R1"],
        "kinds": ["email", "phone", "phrases:names"],
        "counts": {"replaced": {"email": 1, "phone": 1, "phrases:names": 1}, "restored": {}},
        "unreadable": 0,
    }
    assert output["redaction"]["clauses"] == ["R2"]
    assert output["redaction"]["counts"] == {"replaced": {}, "restored": {"email": 1, "phrases:names": 1}}
    script.reply = echo(path, stream=True)
    post(gateway, path, request_of(path, TEXT), CHAT_KEY)
    assert gateway.records()[-1]["redaction"]["counts"] is None
    ended = gateway.records("output_end")[-1]["redaction"]
    assert ended == {"replaced": {}, "restored": {"email": 1, "phrases:names": 1}}
    leaves = json.dumps([gateway.records(), gateway.records("output_end")])
    assert not any(value in leaves for value in VALUES)
    assert PLACEHOLDER.search(leaves) is None
    assert "caveat_redactions_total" in send(gateway.url, "/metrics", method="GET").body.decode()


def test_the_screens_read_what_the_caller_would_see(
    tmp_path: Path, upstream: ScriptedUpstream, script: Scripted
) -> None:
    named = """
@id("N1") @text("No answer holds a code name.") @authority("contract") @amend("operator")
forbid (principal, action == Action::"output", resource) when { context.code_names > 50 };
"""
    with running_gateway(tmp_path, upstream.url, redact_bundle(CLAUSES + named)) as gateway:
        for path in PATHS:
            for stream in (False, True):
                script.reply = echo(path, stream=stream)
                answer = post(gateway, path, request_of(path, TEXT, stream=stream))
                assert "Heliotrope" not in answer.body.decode()
                assert gateway.records()[-1]["clauses"] == ["N1"]


def test_observing_replaces_nothing_and_says_what_would_have_been(
    tmp_path: Path, upstream: ScriptedUpstream, script: Scripted
) -> None:
    path = PATHS[0]
    with running_gateway(tmp_path, upstream.url, redact_bundle(mode="observe")) as gateway:
        script.reply = echo(path, stream=True)
        body = request_of(path, TEXT)
        assert text_in(path, post(gateway, path, body).body) == f"You said: {TEXT} Good bye."
        assert script.seen[-1].body == json.dumps(body).encode()
        prompt = gateway.records()[-2]
        assert prompt["redaction"]["counts"]["replaced"] == {"email": 1, "phone": 1, "phrases:names": 1}
        script.reply = plain_reply
        assert post(gateway, *_with_model(HELD[0])).status == 200
        assert gateway.records()[-2]["reason"] == "obligation"


def _with_model(shape: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    return shape[0], {"model": "scripted", **shape[1]}


ARGUMENTS = ("find", "alone")
CALLS: dict[str, tuple[Callable[..., bytes], Callable[..., tuple[bytes, ...]]]] = {
    "/v1/chat/completions": (chat_calls, chat_call_events),
    "/v1/messages": (message_calls, message_call_events),
}


def placeholder_of(gateway: RunningGateway, script: Scripted, value: str) -> str:
    script.reply = plain_reply
    post(gateway, PATHS[0], request_of(PATHS[0], value, stream=False))
    return asked(PATHS[0], script.seen[-1].json)


@pytest.mark.parametrize("path", list(CALLS))
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("tool", ARGUMENTS)
def test_arguments_are_restored_for_the_tools_that_may_have_them(
    gateway: RunningGateway, script: Scripted, path: str, tool: str, *, stream: bool
) -> None:
    email, name = (placeholder_of(gateway, script, value) for value in (EMAIL, 'project "heliotrope'))
    arguments = json.dumps({"to": email, "about": f"it\n{name}"})
    whole, events = CALLS[path]
    made = (
        Reply(headers=SSE, pieces=events((tool, arguments)))
        if stream
        else Reply(body=whole((tool, arguments)))
    )
    script.reply = lambda _: made
    text = f'{EMAIL} and project "heliotrope'
    answer = post(gateway, path, request_of(path, text, stream=stream))
    given = json.loads(_arguments_in(path, answer.body, stream=stream))
    assert given == {"to": EMAIL if tool == "find" else email, "about": 'it\nproject "heliotrope'}
    record = gateway.records()[-1 if stream else -2]
    assert record["point"] == "tool"
    assert ("redaction" in record) == (tool == "alone")


def _arguments_in(path: str, body: bytes, *, stream: bool) -> str:
    if not stream:
        value = json.loads(body)
        if path == "/v1/messages":
            return json.dumps(value["content"][0]["input"])
        return str(value["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"])
    pieces: list[str] = []
    for line in body.split(b"\n"):
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            if path == "/v1/messages":
                pieces.append(event.get("delta", {}).get("partial_json", ""))
            else:
                calls = event["choices"][0]["delta"].get("tool_calls", [])
                pieces += [call["function"].get("arguments", "") for call in calls]
    return "".join(pieces)


def test_tokens_do_not_say_what_the_text_does_not(gateway: RunningGateway, script: Scripted) -> None:
    path = PATHS[0]
    body = json.loads(chat_body(f"Call {PHONE}"))
    body["choices"][0]["logprobs"] = {
        "content": [{"token": "170", "logprob": -1.0, "bytes": [49], "top_logprobs": []}]
    }
    script.reply = lambda _: Reply(body=json.dumps(body).encode())
    value = json.loads(post(gateway, path, request_of(path, stream=False), CHAT_KEY).body)
    assert value["choices"][0]["logprobs"] is None


def test_sound_in_an_answer_is_held_where_something_is_to_be_replaced(
    gateway: RunningGateway, script: Scripted
) -> None:
    path = PATHS[0]
    body = json.loads(chat_body("x"))
    body["choices"][0]["message"]["audio"] = {"id": "a", "data": "AAAA", "expires_at": 1, "transcript": "x"}
    script.reply = lambda _: Reply(body=json.dumps(body).encode())
    answer = post(gateway, path, request_of(path, stream=False), CHAT_KEY)
    assert answer.status == 502
    assert "answer_unreadable" in answer.body.decode()
    assert post(gateway, path, request_of(path, stream=False)).status == 200
