"""Calls of tools in responses: each is decided before the caller sees a byte of it, whole and streamed."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.support.raw_client import Answer, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    EVENT_STREAM,
    Reply,
    ScriptedUpstream,
    response_body,
    response_events,
)
from tests.support.tool_world import AGENT_KEY, tool_bundle

SECRET = "the-secret-target"
FIND, FIRE = ("find", '{"what": "a room"}'), ("fire", json.dumps({"at": SECRET}))


@pytest.fixture(scope="module")
def module_gateway(
    module_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    folder = tmp_path_factory.mktemp("responses")
    with running_gateway(folder, module_upstream.url, tool_bundle(), idle_seconds=5.0) as running:
        yield running


def ask(gateway: RunningGateway, *, stream: bool = False) -> Answer:
    body = json.dumps({"model": "scripted", "input": "Do it.", "stream": stream}).encode()
    return send(gateway.url, "/v1/responses", body, {"authorization": f"Bearer {AGENT_KEY}"})


def item(name: str, arguments: str, kind: str = "function_call") -> dict[str, Any]:
    """One call as an output item."""
    common: dict[str, Any] = {"id": "fc_1", "type": kind, "call_id": "call_1", "status": "completed"}
    if kind in ("function_call", "mcp_call"):
        return {**common, "name": name, "arguments": arguments}
    if kind == "custom_tool_call":
        return {**common, "name": name, "input": arguments}
    return {**common, "action": {"type": "search", "query": arguments}}


def whole(*items: dict[str, Any]) -> bytes:
    document = json.loads(response_body("Let me act."))
    document["output"] += items
    return json.dumps(document).encode()


def event(kind: str, **members: Any) -> bytes:
    data = json.dumps({"type": kind, "sequence_number": 99, **members})
    return f"event: {kind}\ndata: {data}\n\n".encode()


def streamed(call: dict[str, Any], *, announced: bool = True) -> tuple[bytes, ...]:
    """The words, then the call in small pieces, then the last event that repeats everything."""
    *words, _ = response_events("Let me act.")
    arguments = call.get("arguments", call.get("input", ""))
    pieces: list[bytes] = []
    if announced:
        begun = {**call, "status": "in_progress", "arguments": ""}
        pieces.append(event("response.output_item.added", output_index=1, item=begun))
        pieces += [
            event("response.function_call_arguments.delta", item_id="fc_1", output_index=1, delta=piece)
            for piece in arguments
        ]
        pieces.append(event("response.output_item.done", output_index=1, item=call))
    return (*words, *pieces, event("response.completed", response=json.loads(whole(call))))


def tools(gateway: RunningGateway, since: int) -> list[tuple[str, str]]:
    records = gateway.records()[since:]
    return [(one["action"], one["verdict"]) for one in records if one["point"] == "tool"]


def test_a_permitted_call_passes_unchanged_whole_and_streamed(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    before = len(gateway.records())
    body, sent = whole(item(*FIND)), streamed(item(*FIND))
    upstream.script = lambda _seen: Reply(body=body)
    assert (ask(gateway).status, ask(gateway).body) == (200, body)
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=sent)
    assert ask(gateway, stream=True).body == b"".join(sent)
    assert tools(gateway, before) == [("tool:find", "allow")] * 3


KINDS = pytest.mark.parametrize(
    ("call", "code"),
    [
        (item(*FIRE), "deny"),
        (item(*FIRE, kind="custom_tool_call"), "deny"),
        (item(*FIRE, kind="mcp_call"), "deny"),
        (item("unheard_of", FIRE[1]), "needs_evidence"),
        (item(*FIRE, kind="web_search_call"), "needs_evidence"),
        (item(*FIRE, kind="of_tomorrow"), "needs_evidence"),
    ],
    ids=["function", "custom", "mcp", "unregistered", "hosted", "unknown"],
)


@KINDS
def test_a_call_that_may_not_be_is_refused_with_its_whole_answer(
    gateway: RunningGateway, upstream: ScriptedUpstream, call: dict[str, Any], code: str
) -> None:
    upstream.script = lambda _seen: Reply(body=whole(call))
    got = ask(gateway)
    assert (got.status, got.error["code"], got.error["point"]) == (403, code, "tool")
    assert SECRET.encode() not in got.body


@KINDS
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "only at the end"])
@pytest.mark.parametrize("together", [1, 5, 1000])
def test_no_byte_of_a_refused_call_leaves_a_stream(
    gateway: RunningGateway,
    upstream: ScriptedUpstream,
    call: dict[str, Any],
    code: str,
    announced: bool,
    together: int,
) -> None:
    sent = streamed(call, announced=announced)
    joined = tuple(b"".join(sent[at : at + together]) for at in range(0, len(sent), together))
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=joined)
    got = ask(gateway, stream=True)
    *_, last = [line for line in got.body.splitlines() if line.startswith(b"data: {")]
    assert (json.loads(last[6:])["type"], json.loads(last[6:])["error"]["code"]) == ("error", code)
    for leak in (SECRET.encode(), b"fc_1", b"arguments", b"response.completed"):
        assert leak not in got.body.removesuffix(last + b"\n\n")


def test_a_call_that_is_announced_and_never_said_is_decided(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    before = len(gateway.records())
    *words, end = response_events("Let me act.")
    begun = event("response.output_item.added", output_index=1, item=item(*FIRE))
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=(*words, begun, end))
    got = ask(gateway, stream=True)
    assert SECRET.encode() not in got.body
    assert b"response.completed" not in got.body
    assert tools(gateway, before) == [("tool", "needs_evidence")]
    said_later = streamed(item(*FIND))
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=said_later)
    assert ask(gateway, stream=True).body == b"".join(said_later)


STRAY = {
    "arguments of no call": event(
        "response.function_call_arguments.delta", item_id="x", output_index=3, delta=SECRET
    ),
    "an event that nobody knows": event("response.of_tomorrow", say=SECRET),
    "data that is no JSON": f"data: {{{SECRET}\n\n".encode(),
    "an item that is no object": event("response.output_item.done", output_index=1, item=[SECRET]),
}


@pytest.mark.parametrize("what", STRAY)
def test_what_cannot_be_placed_is_decided_as_nobodys_tool(
    gateway: RunningGateway, upstream: ScriptedUpstream, what: str
) -> None:
    *words, last = response_events("Let me act.")
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=(*words, STRAY[what], last))
    got = ask(gateway, stream=True)
    assert SECRET.encode() not in got.body
    assert b"needs_evidence" in got.body


def test_the_sdk_reads_a_permitted_call_and_raises_for_a_refused_one(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=AGENT_KEY, max_retries=0) as client:
        upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=streamed(item(*FIND)))
        with client.responses.create(model="scripted", input="Do it.", stream=True) as events:
            kinds = [each.type for each in events]
        assert kinds[-1] == "response.completed"
        assert "response.function_call_arguments.delta" in kinds
        upstream.script = lambda _seen: Reply(body=whole(item(*FIRE)))
        with pytest.raises(openai.PermissionDeniedError):
            client.responses.create(model="scripted", input="Do it.")


def test_words_alone_make_no_record_of_a_tool(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    before = len(gateway.records())
    sent = response_events("Just words.")
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=sent)
    assert ask(gateway, stream=True).body == b"".join(sent)
    assert tools(gateway, before) == []
