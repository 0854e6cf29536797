"""Calls of tools over HTTP: each is a use of its own, decided before the caller sees a byte of it."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest

from caveat.cli.main import run
from tests.support.raw_client import Answer, asking, chat, message
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    EVENT_STREAM,
    TEXT,
    Reply,
    ScriptedUpstream,
    chat_events,
    message_events,
)
from tests.support.small_bundle import CHAT_KEY, rows
from tests.support.tool_world import (
    AGENT_KEY,
    DONE,
    WATCHED_KEY,
    block_events,
    chat_call_events,
    chat_calls,
    chunk,
    event,
    message_call_events,
    message_calls,
    tool_bundle,
)

FIND, FIRE = ("find", '{"what": "a room"}'), ("fire", '{"at": "the-secret-target"}')
ASK: Any = [{"role": "user", "content": "Do it."}]
TOOL: Any = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def module_gateway(
    module_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("tools")
    with running_gateway(folder, module_upstream.url, tool_bundle(), idle_seconds=5.0) as running:
        yield running


WHOLE = pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (chat, lambda *calls: chat_calls(*calls)),
        (chat, lambda *calls: chat_calls(*calls, legacy=True)),
        (message, lambda *calls: message_calls(*calls)),
        (message, lambda *calls: message_calls(*calls, kind="server_tool_use")),
        (message, lambda *calls: message_calls(*calls, kind="of_tomorrow")),
    ],
    ids=["tool_calls", "function_call", "tool_use", "server_tool_use", "unknown block"],
)
STREAMED = pytest.mark.parametrize(
    ("ask", "events"),
    [
        (chat, lambda *calls, **more: chat_call_events(*calls, **more)),
        (chat, lambda *calls, **more: chat_call_events(*calls, legacy=True, **more)),
        (message, lambda *calls, **more: message_call_events(*calls, **more)),
        (message, lambda *calls, **more: message_call_events(*calls, kind="server_tool_use", **more)),
        (message, lambda *calls, **more: message_call_events(*calls, kind="of_tomorrow", **more)),
    ],
    ids=["tool_calls", "function_call", "tool_use", "server_tool_use", "unknown block"],
)


def tool_records(gateway: RunningGateway, since: int = 0) -> list[dict[str, Any]]:
    return [record for record in gateway.records()[since:] if record["point"] == "tool"]


def effects(record: dict[str, Any]) -> set[object]:
    return {
        fact["value"] for case in record["cases"] for fact in case["facts"] if fact["name"] == "action_effect"
    }


@WHOLE
def test_a_permitted_call_passes_unchanged_and_is_recorded(
    gateway: RunningGateway, upstream: ScriptedUpstream, ask: Ask, answer: Callable[..., bytes]
) -> None:
    before = len(gateway.records())
    body = answer(FIND)
    upstream.script = lambda _seen: Reply(body=body)
    got = ask(gateway.url, AGENT_KEY, asking("hi"))
    assert (got.status, got.body) == (200, body)
    prompt, tool, output = gateway.records()[before:]
    assert [one["point"] for one in (prompt, tool, output)] == ["prompt", "tool", "output"]
    assert (tool["verdict"], tool["action"]) == ("allow", "tool:find")
    assert effects(tool) == {"advisory"}
    assert tool["of"] == output["of"] == got.headers["x-caveat-record"]
    assert got.headers["x-caveat-tool-records"].count("-") == 1


@WHOLE
def test_a_call_that_a_clause_on_tools_forbids_is_refused_with_its_whole_answer(
    gateway: RunningGateway, upstream: ScriptedUpstream, ask: Ask, answer: Callable[..., bytes]
) -> None:
    before = len(gateway.records())
    upstream.script = lambda _seen: Reply(body=answer(FIRE))
    got = ask(gateway.url, AGENT_KEY, asking("hi"))
    assert (got.status, got.error["code"], got.error["clauses"]) == (403, "deny", ["T1"])
    assert got.error["point"] == "tool"
    assert got.headers["x-should-retry"] == "false"
    assert b"secret-target" not in got.body
    prompt, tool = gateway.records()[before:]
    assert (prompt["verdict"], tool["verdict"], tool["action"]) == ("allow", "deny", "tool:fire")
    assert got.error["record"] == got.headers["x-caveat-record"]
    assert tool["of"] is not None


@WHOLE
@pytest.mark.parametrize("name", ["unheard_of", "other", "vague", ""])
def test_of_a_tool_that_is_not_registered_the_effect_is_unknown(
    gateway: RunningGateway, upstream: ScriptedUpstream, ask: Ask, answer: Callable[..., bytes], name: str
) -> None:
    upstream.script = lambda _seen: Reply(body=answer((name, "{}")))
    got = ask(gateway.url, AGENT_KEY, asking("hi"))
    assert (got.status, got.error["code"], got.error["needs"]) == (403, "needs_evidence", ["action_effect"])
    record = gateway.records()[-1]
    assert effects(record) == set()
    assert record["action"] == ("tool:vague" if name == "vague" else "tool")
    assert "unheard_of" not in json.dumps(record)


def test_in_a_deployment_without_tools_no_effect_of_a_call_is_known(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda _seen: Reply(body=chat_calls(FIND))
    got = chat(gateway.url, CHAT_KEY, asking("hi"))
    assert (got.status, got.error["code"], got.error["point"]) == (403, "needs_evidence", "tool")


def test_what_a_tool_registers_stands_in_the_place_of_what_its_deployment_does(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda _seen: Reply(body=chat_calls(("alone", "{}")))
    got = chat(gateway.url, AGENT_KEY, asking("hi"))
    assert (got.status, got.error["code"], got.error["clauses"]) == (403, "deny", ["T2"])


@pytest.mark.parametrize("calls", [(FIND, FIRE), (FIRE, FIND), (("unheard_of", "{}"), FIRE, FIND)])
def test_each_of_several_calls_has_its_record_and_the_strictest_verdict_wins(
    gateway: RunningGateway, upstream: ScriptedUpstream, calls: tuple[tuple[str, str], ...]
) -> None:
    for ask, body, events in (
        (chat, chat_calls(*calls), chat_call_events(*calls)),
        (message, message_calls(*calls), message_call_events(*calls)),
    ):
        before = len(gateway.records())
        upstream.script = lambda seen, body=body, events=events: (  # type: ignore[misc]
            Reply(headers=EVENT_STREAM, pieces=events) if seen.json.get("stream") else Reply(body=body)
        )
        got = ask(gateway.url, AGENT_KEY, asking("hi"))
        assert (got.status, got.error["code"], got.error["clauses"]) == (403, "deny", ["T1"])
        assert len(tool_records(gateway, before)) == len(calls)
        streamed = ask(gateway.url, AGENT_KEY, asking("hi", stream=True))
        assert b'"deny"' in streamed.body
        assert b"a room" not in streamed.body
        assert len(tool_records(gateway, before)) == 2 * len(calls)


MALFORMED = {
    "arguments no JSON": chat_calls(("find", '{"what": ')),
    "arguments no object": chat_calls(("find", "[1]")),
    "arguments with a member twice": chat_calls(("find", '{"a": 1, "a": 2}')),
    "no name": chat_calls(FIND).replace(b'"name": "find", ', b""),
    "a list of nothing": chat_calls(FIND).replace(b'"type": "function", "function"', b'"odd"'),
    "calls that are no list": chat_calls(FIND).replace(b'[{"id"', b'{"id"').replace(b"}}]}", b"}}}"),
    "both kinds": chat_calls(FIND).replace(b'"type": "function"', b'"custom": {"name": "x", "input": ""}'),
    "a member twice": chat_calls(FIND)[:-1] + b', "choices": []}',
    "outside its place": json.dumps(
        {**json.loads(chat_calls()), "extra": [{"tool_calls": [{"function": {"name": "find"}}]}]}
    ).encode(),
    "an escaped name": chat_calls(FIRE).replace(b"tool_calls", b"\\u0074ool_calls"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_call_that_cannot_be_read_in_one_way_is_decided_as_nobodys_tool(
    gateway: RunningGateway, upstream: ScriptedUpstream, what: str
) -> None:
    before = len(gateway.records())
    upstream.script = lambda _seen: Reply(body=MALFORMED[what])
    got = chat(gateway.url, AGENT_KEY, asking("hi"))
    assert got.status == 403, got.body
    assert [record["verdict"] for record in tool_records(gateway, before)] == [
        "deny" if what == "an escaped name" else "needs_evidence"
    ]


def test_arguments_are_data_where_they_look_like_it_or_cannot_be_read(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    for arguments, is_data in (
        ('{"what": "a room"}', False),
        (json.dumps({"rows": rows(10)}), True),
        ('{"what": ', True),
    ):
        upstream.script = lambda _seen, arguments=arguments: Reply(body=chat_calls(("find", arguments)))  # type: ignore[misc]
        before = len(gateway.records())
        chat(gateway.url, WATCHED_KEY, asking("hi"))
        (record,) = tool_records(gateway, before)
        assert [part["bytes"] for part in record["parts"]] == ([len(arguments)] if is_data else [])
    assert record["parts"][0]["pointer"] == "/choices/0/message/tool_calls/0/function/arguments"


def test_more_calls_than_are_decided_at_once_are_an_error(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda _seen: Reply(body=chat_calls(*[FIND] * 129))
    got = chat(gateway.url, AGENT_KEY, asking("hi"))
    assert (got.status, got.error["code"]) == (502, "upstream_too_large")


# --- streams ---


@STREAMED
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_permitted_call_streams_through_unchanged(
    gateway: RunningGateway,
    upstream: ScriptedUpstream,
    ask: Ask,
    events: Callable[..., tuple[bytes, ...]],
    size: int,
) -> None:
    before = len(gateway.records())
    sent = events(FIND, text=["Let ", "me ", "look."], size=size)
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=sent)
    got = ask(gateway.url, AGENT_KEY, asking("hi", stream=True))
    assert (got.status, got.body) == (200, b"".join(sent))
    (record,) = tool_records(gateway, before)
    assert (record["verdict"], record["action"]) == ("allow", "tool:find")
    assert record["of"] == got.headers["x-caveat-record"]


@STREAMED
@pytest.mark.parametrize(
    ("call", "code"),
    [(FIRE, "deny"), (("unheard_of", '{"at": "the-secret-target"}'), "needs_evidence")],
    ids=["forbidden", "unregistered"],
)
@pytest.mark.parametrize("together", [1, 4, 1000])
def test_no_byte_of_a_refused_call_is_released_and_the_text_before_it_stays(
    gateway: RunningGateway,
    upstream: ScriptedUpstream,
    ask: Ask,
    events: Callable[..., tuple[bytes, ...]],
    call: tuple[str, str],
    code: str,
    together: int,
) -> None:
    sent = events(call, text=["Let ", "me ", "act."], size=1)
    joined = tuple(b"".join(sent[at : at + together]) for at in range(0, len(sent), together))
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=joined)
    got = ask(gateway.url, AGENT_KEY, asking("hi", stream=True))
    assert got.status == 200
    first = next(at for at, one in enumerate(sent) if call[0].encode() in one)
    head, tail = b"".join(sent[:first]), got.body[len(b"".join(sent[:first])) :]
    assert got.body.startswith(head)
    assert all(word in got.body for word in (b"Let ", b"me ", b"act."))
    lines = [line for line in tail.splitlines() if line.startswith(b"data: {")]
    assert len(lines) == 1
    error = json.loads(lines[0][6:])["error"]
    assert (error["code"], error["point"]) == (code, "tool")
    assert tail.endswith(DONE if ask is chat else lines[0] + b"\n\n")
    for leak in (call[0].encode(), b"partial_json", b"arguments", b"toolu_", b"call_0", b"secret"):
        assert leak not in tail


def test_the_end_of_a_refused_stream_is_recorded(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=chat_call_events(FIRE))
    got = chat(gateway.url, AGENT_KEY, asking("hi", stream=True))
    deadline = time.monotonic() + 10
    ends: list[dict[str, Any]] = []
    while not ends and time.monotonic() < deadline:
        wanted = got.headers["x-caveat-output-record"]
        ends = [end for end in gateway.records("output_end") if end["of"] == wanted]
    (end,) = ends
    assert end["complete"] is False
    assert 0 < end["bytes"] < len(got.body)


PREFIX = chunk({"role": "assistant", "content": "So."})
FIRST = {"index": 0, "id": "c", "type": "function", "function": {"name": "find", "arguments": "{}"}}
HOSTILE_CHATS = {
    "a name in two pieces": (
        chunk({"tool_calls": [{**FIRST, "function": {"name": "fi"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"name": "nd", "arguments": "{}"}}]}),
        chunk({}, "tool_calls"),
    ),
    "arguments after the end of the choice": (
        chunk({"tool_calls": [FIRST]}, "tool_calls"),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ' {"at": 1}'}}]}),
    ),
    "a place that is none": (chunk({"tool_calls": [{**FIRST, "index": -3}]}), chunk({}, "tool_calls")),
    "pieces that are no objects": (chunk({"tool_calls": ["find"]}), chunk({}, "tool_calls")),
    "outside its place": (b'data: {"x": {"function_call": {"name": "find"}}}\n\n',),
    "no JSON": (b'data: {"tool_calls": \n\n',),
    "two members of one name": (b'data: {"choices": [], "choices": [{"delta": {"tool_calls": []}}]}\n\n',),
    "no end of the choice": (chunk({"tool_calls": [{**FIRST, "function": {"name": "fire"}}]}),),
    "a whole message": (
        chunk({}).replace(b'"delta": {}', b'"message": {"function_call": {"name": "fire"}}'),
    ),
    "an escaped name": (
        chunk({"function_call": {"name": "fire"}}, "stop").replace(b"function_call", b"\\u0066unction_call"),
    ),
    "two lines of data": (chunk({"tool_calls": [{**FIRST, "type": "odd"}]}).replace(b", ", b",\ndata: "),),
    "other ends of lines": (
        chunk({"function_call": {"name": "fire"}}, "function_call").replace(b"\n\n", b"\n\r\n"),
    ),
}


@pytest.mark.parametrize("what", HOSTILE_CHATS)
def test_no_shape_of_a_streamed_chat_hides_a_call(
    gateway: RunningGateway, upstream: ScriptedUpstream, what: str
) -> None:
    sent = (PREFIX, *HOSTILE_CHATS[what], DONE)
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=sent)
    got = chat(gateway.url, AGENT_KEY, asking("hi", stream=True))
    assert got.body.startswith(PREFIX)
    assert b"caveat_refusal" in got.body, got.body
    assert got.body.endswith(DONE)


START = message_events()[0]
STOP = event("message_stop")
FIRE_BLOCK = {"type": "tool_use", "id": "t", "name": "fire", "input": {"at": "x"}}
FIND_BLOCK = {**FIRE_BLOCK, "name": "find", "input": {}}
PIECE = {"type": "input_json_delta", "partial_json": '{"at": 1}'}
HOSTILE_MESSAGES = {
    "already in the start": (
        START.replace(b'"content": []', b'"content": [%b]' % json.dumps(FIRE_BLOCK).encode()),
    ),
    "another place": (START, event("content_block_start", index=1, content_block=FIND_BLOCK)),
    "a place twice": (START, *block_events(0, "find", "{}"), *block_events(0, "find", "{}")),
    "input in two ways": (
        START,
        event("content_block_start", index=0, content_block={**FIND_BLOCK, "input": {"a": 1}}),
        event("content_block_delta", index=0, delta=PIECE),
    ),
    "a piece of no block": (START, event("content_block_delta", index=4, delta=PIECE)),
    "no end of the block": (START, *block_events(0, "fire", "{}")[:-1]),
    "a piece after the end": (
        START, *block_events(0, "find", "{}"), event("message_delta", delta={"stop_reason": "tool_use"}),
        event("content_block_delta", index=0, delta=PIECE),
    ),
    "no JSON": (START, b'event: content_block_start\ndata: {"type": "content_block_start", "tool_use\n\n'),
    "another name of the event": (
        START,
        event("content_block_start", index=0, content_block=FIRE_BLOCK).replace(b"event: c", b"event: p"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE_MESSAGES)
def test_no_shape_of_a_streamed_message_hides_a_call(
    gateway: RunningGateway, upstream: ScriptedUpstream, what: str
) -> None:
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=(*HOSTILE_MESSAGES[what], STOP))
    got = message(gateway.url, AGENT_KEY, asking("hi", stream=True))
    assert b"permission_error" in got.body, got.body
    assert STOP not in got.body


def test_a_call_of_the_endpoint_itself_is_released_when_its_block_ends(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    served = block_events(0, "find", "{}", kind="server_tool_use")
    result = {"type": "web_search_tool_result", "tool_use_id": "toolu_0", "content": []}
    more = [
        event("content_block_start", index=1, content_block=result),
        event("content_block_stop", index=1),
        *block_events(2, "fire", "{}", kind="server_tool_use"),
    ]
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=(START, *served, *more, STOP))
    got = message(gateway.url, AGENT_KEY, asking("hi", stream=True))
    assert got.body.startswith(b"".join((START, *served, *more[:2])))
    assert b"fire" not in got.body


def test_calls_that_are_too_large_to_hold_back_end_the_stream(
    gateway: RunningGateway, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caveat.gateway.tool_hold.MAX_HELD_BYTES", 2000)
    for ask, sent in (
        (chat, chat_call_events(("find", json.dumps({"a": "y" * 3000})), size=100)),
        (message, message_call_events(("find", json.dumps({"a": "y" * 3000})), size=100)),
    ):
        upstream.script = lambda _seen, sent=sent: Reply(headers=EVENT_STREAM, pieces=sent)  # type: ignore[misc]
        got = ask(gateway.url, AGENT_KEY, asking("hi", stream=True))
        assert b"upstream_too_large" in got.body
        assert b"yyy" not in got.body


def test_a_stream_that_breaks_off_within_a_call_releases_nothing_of_it(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    for ask, sent in ((chat, chat_call_events(FIND)), (message, message_call_events(FIND))):
        upstream.script = lambda _seen, sent=sent: Reply(headers=EVENT_STREAM, pieces=sent[:-3], cut=True)  # type: ignore[misc]
        got = ask(gateway.url, AGENT_KEY, asking("hi", stream=True))
        assert b"upstream_cut" in got.body
        assert b"find" not in got.body


# --- the official SDKs ---


def test_the_sdks_read_a_permitted_call_whole_and_streamed(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda seen: (
        Reply(headers=EVENT_STREAM, pieces=chat_call_events(FIND))
        if seen.json.get("stream")
        else Reply(body=chat_calls(FIND))
    )
    with openai.OpenAI(api_key=AGENT_KEY, base_url=f"{gateway.url}/v1") as one:
        whole = one.chat.completions.create(model="scripted", messages=ASK, tools=[TOOL])
        (call,) = whole.choices[0].message.tool_calls or []
        assert call.type == "function"
        assert (call.function.name, call.function.arguments) == FIND
        with one.chat.completions.stream(model="scripted", messages=ASK) as stream:
            (streamed,) = stream.get_final_completion().choices[0].message.tool_calls or []
        assert (streamed.function.name, streamed.function.arguments) == FIND
    assert upstream.seen[0].json["tools"] == [TOOL]
    upstream.script = lambda seen: (
        Reply(headers=EVENT_STREAM, pieces=message_call_events(FIND, text=["So."]))
        if seen.json.get("stream")
        else Reply(body=message_calls(FIND, text="So."))
    )
    with anthropic.Anthropic(api_key=AGENT_KEY, base_url=gateway.url) as two:
        answer = two.messages.create(model="scripted", max_tokens=9, messages=ASK)
        assert answer.content[-1].type == "tool_use"
        assert answer.content[-1].input == json.loads(FIND[1])
        with two.messages.stream(model="scripted", max_tokens=9, messages=ASK) as flow:
            last = flow.get_final_message().content[-1]
        assert last.type == "tool_use"
        assert last.input == json.loads(FIND[1])


def test_the_sdks_raise_an_ordinary_error_for_a_refused_call(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda seen: (
        Reply(headers=EVENT_STREAM, pieces=chat_call_events(FIRE, text=["So."]))
        if seen.json.get("stream")
        else Reply(body=chat_calls(FIRE))
    )
    with openai.OpenAI(api_key=AGENT_KEY, base_url=f"{gateway.url}/v1") as one:
        with pytest.raises(openai.PermissionDeniedError) as whole:
            one.chat.completions.create(model="scripted", messages=ASK)
        assert whole.value.code == "deny"
        seen: list[Any] = []
        with pytest.raises(openai.APIError) as caught:
            seen.extend(one.chat.completions.create(model="scripted", messages=ASK, stream=True))
        assert caught.value.code == "deny"
        assert [piece.choices[0].delta.tool_calls for piece in seen] == [None] * len(seen)
    upstream.script = lambda seen: (
        Reply(headers=EVENT_STREAM, pieces=message_call_events(FIRE, text=["So."]))
        if seen.json.get("stream")
        else Reply(body=message_calls(FIRE))
    )
    with anthropic.Anthropic(api_key=AGENT_KEY, base_url=gateway.url) as two:
        with pytest.raises(anthropic.PermissionDeniedError):
            two.messages.create(model="scripted", max_tokens=9, messages=ASK)
        with (
            pytest.raises(anthropic.APIStatusError) as refused,
            two.messages.stream(model="scripted", max_tokens=9, messages=ASK) as flow,
        ):
            assert "".join(flow.text_stream) == "So."
        body = refused.value.body
        assert isinstance(body, dict)
        assert body["error"]["verdict"] == "deny"


# --- observing, results of tools in requests, records ---


def test_in_observe_mode_a_refused_call_goes_through_and_its_verdict_is_shown(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    before = len(gateway.records())
    upstream.script = lambda seen: (
        Reply(headers=EVENT_STREAM, pieces=chat_call_events(FIRE))
        if seen.json.get("stream")
        else Reply(body=chat_calls(FIRE))
    )
    got = chat(gateway.url, WATCHED_KEY, asking("hi"))
    assert (got.status, got.headers["x-caveat-verdict"]) == (200, "deny")
    streamed = chat(gateway.url, WATCHED_KEY, asking("hi", stream=True))
    assert streamed.body == b"".join(chat_call_events(FIRE))
    records = tool_records(gateway, before)
    assert [(one["verdict"], one["enforced"]) for one in records] == [("deny", False)] * 2


@pytest.mark.slow
def test_a_clause_that_is_always_enforced_holds_calls_back_in_observe_mode_too(
    module_upstream: ScriptedUpstream, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> None:
    upstream.script = lambda seen: (
        Reply(headers=EVENT_STREAM, pieces=message_call_events(FIRE))
        if seen.json.get("stream")
        else Reply(body=message_calls(FIRE))
    )
    folder, files = tmp_path_factory.mktemp("always"), tool_bundle(marks="@always_enforced")
    with running_gateway(folder, module_upstream.url, files) as gateway:
        whole = message(gateway.url, WATCHED_KEY, asking("hi"))
        assert (whole.status, whole.headers["x-caveat-mode"]) == (403, "observe")
        streamed = message(gateway.url, WATCHED_KEY, asking("hi", stream=True))
        assert b"permission_error" in streamed.body
        assert b"secret" not in streamed.body
        assert [one["enforced"] for one in tool_records(gateway)] == [True, True]


OUT_OF_ORDER: dict[str, list[Any]] = {
    "a result without a call": [*ASK, {"role": "tool", "tool_call_id": "never", "content": "12 degrees"}],
    "two results of one call": [
        *ASK,
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "find"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "12 degrees"},
        {"role": "tool", "tool_call_id": "c", "content": "30 degrees"},
    ],
    "a result before its call": [
        {"role": "tool", "tool_call_id": "c", "content": "12 degrees"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "find"}}]},
        *ASK,
    ],
}


@pytest.mark.parametrize("what", OUT_OF_ORDER)
def test_results_of_tools_that_match_no_call_are_refused_and_nothing_is_decided(
    gateway: RunningGateway, upstream: ScriptedUpstream, what: str
) -> None:
    before = len(gateway.records())
    answer = chat(gateway.url, AGENT_KEY, {"model": "m", "messages": OUT_OF_ORDER[what]})
    code = "tool_result_twice" if what.startswith("two") else "tool_result_unmatched"
    assert (answer.status, answer.error["code"]) == (400, code)
    assert upstream.seen == []
    assert len(gateway.records()) == before


def test_records_of_calls_verify_and_replay(
    gateway: RunningGateway, upstream: ScriptedUpstream, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream.script = lambda _seen: Reply(body=chat_calls(FIND, FIRE))
    refused = chat(gateway.url, AGENT_KEY, asking("hi"))
    gateway.records()
    assert run(["ledger", "verify", str(gateway.folder / "ledger"), "--replay"]) == 0
    capsys.readouterr()
    assert run(["explain", "use", refused.error["record"], "--data", str(gateway.folder)]) == 0
    said = capsys.readouterr().out
    assert "tool of `agent`" in said
    assert "tool:fire" in said


def test_an_answer_without_calls_makes_no_further_record_and_passes_as_it_came(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    before = len(gateway.records())
    spoken = chat_events(f"{TEXT} tool_calls function_call tool_use")
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=spoken)
    assert chat(gateway.url, AGENT_KEY, asking("hi", stream=True)).body == b"".join(spoken)
    told = message_events("tool_use content_block_start input_json_delta")
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=told)
    assert message(gateway.url, AGENT_KEY, asking("hi", stream=True)).body == b"".join(told)
    assert [one["point"] for one in gateway.records()[before:]] == ["prompt", "output"] * 2
