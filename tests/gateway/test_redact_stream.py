"""Streams of every protocol, cut wherever it may be: what leaves is what a whole answer would have been."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from caveat.gateway.errors import UpstreamError
from caveat.gateway.redact_stream import redact_stream, redact_whole
from caveat.gateway.redacting import AnswerRedaction
from caveat.gateway.wire.wire import OPENAI, find_wire
from caveat.screens.placeholders import Placeholders, Table
from caveat.screens.redaction import Finder, Replacing
from tests.support.phrase_world import ENDPOINTS, stream_of, text_in
from tests.support.redact_world import EMAIL, PHONE
from tests.support.scripted_upstream import response_body, response_events
from tests.support.tool_world import DONE, block_events, chat_call_events, chunk, message_call_events

PATHS = list(ENDPOINTS)
LISTED = "phrases:names"
FINDER = Finder({LISTED: ["project heliotrope"]})
QUOTED = 'project "heliotrope'
NOTHING: frozenset[str] = frozenset()


def keyed(data: bytes) -> str:
    return hmac.new(b"k", data, hashlib.sha256).hexdigest()


NAMES = Placeholders("desk", keyed)


def prompt(*values: str) -> tuple[list[str], Table]:
    """The placeholders of these values."""
    table = Table()
    replacing = Replacing(FINDER, NAMES, frozenset({"email", "phone", LISTED}), table)
    return [replacing(value) for value in values], table


def redaction(
    table: Table, kinds: frozenset[str] = NOTHING, tools: dict[str, frozenset[str]] | None = None
) -> AnswerRedaction:
    return AnswerRedaction(FINDER, NAMES, table, kinds, lambda name: (tools or {}).get(name, NOTHING))


def run(events: Sequence[bytes], rule: AnswerRedaction, path: str = PATHS[0]) -> bytes:
    async def arriving() -> AsyncIterator[bytes]:
        for event in events:
            yield event

    async def collect() -> bytes:
        wire = find_wire(path) or OPENAI
        return b"".join([window async for window in redact_stream(arriving(), wire, rule)])

    return asyncio.run(collect())


VALUES, TABLE = prompt(EMAIL, PHONE, QUOTED)
words = st.sampled_from(
    [*VALUES, EMAIL, PHONE, "hello", " ", "\n", "0", "[", "[EMAIL_", "é", '"', "project "]
)


@given(
    st.sampled_from(PATHS),
    st.lists(words, min_size=2, max_size=10),
    st.lists(st.integers(min_value=1, max_value=300), max_size=30),
    st.sets(st.sampled_from(["email", "phone", LISTED])),
)
def test_a_stream_says_what_the_whole_answer_would(
    path: str, parts: list[str], places: list[int], kinds: set[str]
) -> None:
    text = "".join(parts)
    # A number that nothing replaces goes with the address that it grows into, unless it has left by then.
    assume("phone" in kinds or PHONE + EMAIL not in text)
    at = sorted({place % len(text) for place in places} - {0})
    pieces = [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]
    rule = redaction(TABLE, frozenset(kinds))
    expected = rule.words(text)
    rule = redaction(TABLE, frozenset(kinds))
    out = run(stream_of(path, pieces), rule, path)
    assert text_in(path, out) == expected
    for event in out.split(b"\n\n"):
        for line in event.split(b"\n"):
            if line.startswith(b"data: {"):
                json.loads(line[6:])


@pytest.mark.parametrize("path", PATHS)
def test_no_event_holds_a_part_of_what_is_replaced(path: str) -> None:
    text = f"one {PHONE} two {EMAIL} three {VALUES[1]} four"
    out = run(stream_of(path, list(text)), redaction(TABLE, frozenset({"phone", "email"})), path)
    said = text_in(path, out)
    assert "170" not in out.decode()
    assert "lovelace" not in out.decode()
    assert said.startswith("one [PHONE_")
    assert said.endswith("] four")


@pytest.mark.parametrize("path", PATHS)
def test_text_flows_while_nothing_is_open(path: str) -> None:
    events = stream_of(path, ["one ", "two ", "three ", "[EMAIL", " four ", "five "])
    rule = redaction(TABLE, frozenset({"phone", "email"}))

    async def check() -> None:
        given = b""
        taken = b""

        async def arriving() -> AsyncIterator[bytes]:
            nonlocal given
            for event in events:
                yield event
                given += event
                assert len(text_in(path, given)) - len(text_in(path, taken)) <= len("[EMAIL") + 2

        async for window in redact_stream(arriving(), find_wire(path) or OPENAI, rule):
            taken += window
        assert taken == given

    asyncio.run(check())


def test_texts_of_two_choices_are_never_joined() -> None:
    half = len(VALUES[0]) // 2
    events = [
        chunk({"content": VALUES[0][:half]}, index=0),
        chunk({"content": VALUES[0][half:]}, index=1),
        chunk({"content": "ada.lovelace@"}, index=2),
        chunk({"content": "example.org"}, index=3),
        DONE,
    ]
    assert run(events, redaction(TABLE)) == b"".join(events)


ARGUMENTS = json.dumps({"to": VALUES[0], "about": f"it\n{VALUES[2]}", "said": "Ann"})
RESTORED = {"to": EMAIL, "about": f"it\n{QUOTED}", "said": "Ann"}


def response_call(name: str, arguments: str, kind: str = "function_call") -> tuple[bytes, ...]:
    member = "arguments" if kind == "function_call" else "input"
    sort = "function_call_arguments" if kind == "function_call" else "custom_tool_call_input"
    item = {"id": "fc_1", "type": kind, "call_id": "call_1", "status": "completed", "name": name}

    def event(sort: str, **members: Any) -> bytes:
        return f"event: {sort}\ndata: {json.dumps({'type': sort, **members})}\n\n".encode()

    at = {"item_id": "fc_1", "output_index": 1}
    document = json.loads(response_body("Let me act."))
    document["output"].append({**item, member: arguments})
    return (
        *response_events("Let me act.")[:-1],
        event("response.output_item.added", output_index=1, item={**item, member: ""}),
        *(event(f"response.{sort}.delta", **at, delta=piece) for piece in arguments),
        event(f"response.{sort}.done", **at, **{member: arguments}),
        event("response.output_item.done", output_index=1, item={**item, member: arguments}),
        event("response.completed", response=document),
    )


def arguments_in(out: bytes) -> list[str]:
    """Every spelling of the arguments of the one call: its pieces, and whatever repeats them."""
    pieces = ""
    repeated: list[str] = []
    for line in out.split(b"\n"):
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line[6:])
        kind = event.get("type", "")
        if kind.endswith((".delta",)) and "output_text" not in kind:
            pieces += event["delta"]
        pieces += event.get("delta", {}).get("partial_json", "") if kind == "content_block_delta" else ""
        for choice in event.get("choices", []):
            for call in choice["delta"].get("tool_calls", []):
                pieces += call.get("function", {}).get("arguments", "")
            pieces += choice["delta"].get("function_call", {}).get("arguments", "")
        items = [event, event.get("item", {}), *event.get("response", {}).get("output", [])]
        repeated += [one.get("arguments") or one.get("input") for one in items]
    return [pieces, *(one for one in repeated if one)]


def streams(protocol: str, name: str, arguments: str = ARGUMENTS) -> tuple[bytes, ...]:
    """A stream that asks for one call."""
    match protocol:
        case "chat":
            return chat_call_events((name, arguments), text=("Let ", "me."))
        case "legacy":
            return chat_call_events((name, arguments), legacy=True)
        case "message":
            return message_call_events((name, arguments), text=("Let ", "me."))
        case _:
            return response_call(name, arguments)


PROTOCOLS = ["chat", "legacy", "message", "response"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arguments_of_a_streamed_call_are_those_of_its_tool(protocol: str) -> None:
    tools = {"alone": frozenset({"email"})}
    for name, expected in (("find", RESTORED), ("alone", {**RESTORED, "to": VALUES[0]})):
        found = arguments_in(run(streams(protocol, name), redaction(TABLE, tools=tools)))
        assert len(found) == (4 if protocol == "response" else 1)
        assert all(json.loads(one) == expected for one in found)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stream_with_a_call_in_which_nothing_changes_is_the_same_bytes(protocol: str) -> None:
    events = streams(protocol, "find")
    assert run(events, redaction(Table())) == b"".join(events)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_a_model_newly_says_in_arguments_is_replaced_also_where_it_is_a_number(protocol: str) -> None:
    events = streams(
        protocol, "alone", '{"n": 491701234567, "s": "\\u002b49 170 123-4567", "a@example.org": 1}'
    )
    tools = {"alone": frozenset({"phone", "email"})}
    for one in arguments_in(run(events, redaction(Table(), tools=tools))):
        assert "170" not in one
        assert "example" not in one
        value = json.loads(one)
        assert value["n"] == value["s"]


def test_arguments_that_are_a_text_are_restored_as_they_are() -> None:
    text = f"to {VALUES[0]}\nabout {VALUES[2]}"
    for one in arguments_in(run(response_call("find", text, "custom_tool_call"), redaction(TABLE))):
        assert one == f"to {EMAIL}\nabout {QUOTED}"


def test_nothing_is_restored_in_arguments_that_have_no_one_reading() -> None:
    arguments = f'{{"to": "{VALUES[0]}", "to": "{EMAIL}"'
    rule = redaction(TABLE, tools={"": frozenset({"email"})})
    out = run(chat_call_events(("find", arguments)), rule).decode()
    assert EMAIL not in "".join(arguments_in(out.encode()))


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (b"data: {not json\n\n", "upstream_invalid"),
        (b'data: {"a": "x"}\n\r\ndata: {"a": "y"}\n\n', "upstream_invalid"),
        (chunk({"audio": {"id": "a", "data": "AAAA"}}), "answer_unreadable"),
        (chunk({"content": "1" * 9000}), "upstream_too_large"),
        (b"data: " + b'{"a":' * 300 + b"1" + b"}" * 300 + b"\n\n", "upstream_invalid"),
    ],
)
def test_what_cannot_be_read_ends_the_stream(event: bytes, code: str) -> None:
    with pytest.raises(UpstreamError) as raised:
        run([chunk({"content": "hello "}), event, DONE], redaction(TABLE, frozenset({"phone"})))
    assert raised.value.code == code


def test_a_call_that_never_ends_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.gateway.redact_stream.MAX_HELD_BYTES", 4096)
    with pytest.raises(UpstreamError) as raised:
        run(block_events(0, "find", '{"a": "' + "x" * 5000, size=50), redaction(TABLE))
    assert raised.value.code == "upstream_too_large"


def test_comments_and_other_lines_of_an_event_stay() -> None:
    events = [
        b": still there\n\n",
        b"event: x\nid: 7\r\ndata: " + json.dumps({"t": VALUES[0]}).encode() + b"\n\n",
    ]
    assert run(events, redaction(TABLE)) == b": still there\n\n" + (
        b"event: x\nid: 7\r\ndata: " + json.dumps({"t": EMAIL}, separators=(",", ":")).encode() + b"\n\n"
    )


def test_an_answer_that_is_no_json_is_one_text() -> None:
    assert redact_whole(f"no: {VALUES[0]}".encode(), redaction(TABLE)) == f"no: {EMAIL}".encode()
    assert redact_whole(b"\xff\xfe", redaction(TABLE)) == b"\xff\xfe"
    assert redact_whole(b"x", None) == b"x"
