"""Reading with what is known of the messages is reading: the same request, or the same error."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caveat.gateway.errors import RequestError
from caveat.gateway.wire import anthropic, openai, responses
from caveat.gateway.wire.azure import AzureWire
from caveat.gateway.wire.history import MIN_BYTES, Known
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.request import WireRequest

CAP = 200_000
WIRES: Mapping[str, tuple[Wire, str]] = {
    "chat": (openai, "messages"),
    "messages": (anthropic, "messages"),
    "responses": (responses, "input"),
    "azure": (AzureWire(openai, "of-the-path"), "messages"),
}
_LONG = "x" * MIN_BYTES
_TEXT = st.text(max_size=8) | st.sampled_from(
    ['"', "\\", "]}", '{"role":', "\u2028", "é", "\ud83d\ude00", _LONG]
)
_BLOCK = st.fixed_dictionaries({"type": st.sampled_from(["text", "tool_use", "image"]), "text": _TEXT})
_MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "system", "tool", "nobody"]),
        "content": _TEXT | st.lists(_BLOCK, max_size=2),
    },
    optional={
        "name": _TEXT,
        "tool_calls": st.lists(st.fixed_dictionaries({"id": _TEXT}), max_size=2),
        "n": st.integers(-3, 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False),
        "tools": st.lists(st.fixed_dictionaries({"name": _TEXT}), max_size=2),
    },
)
_BESIDE = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["m", 7]),
        "stream": st.booleans(),
        "tools": st.lists(st.fixed_dictionaries({"type": st.just("function"), "name": _TEXT}), max_size=2),
        "caveat": st.just({"claims": {"task": "x"}}) | st.just({"odd": 1}),
        "system": _TEXT,
        "temperature": st.floats(0, 2),
    },
)
# What may follow known messages: other members, broken ones, the list once more, anything at all.
_TAIL = st.sampled_from(
    [
        "]}", "],", "]", "}", "]} ", "]}x", ",", ", ", " \n", '"', "\\", "{}", "{", "[", "null", "0",
        ".5", "e5",
        '"model":"m"', '"messages":[]', '"input":"x"', '"input":[{}]', '"\\u006dessages":[]', '"model":"n"',
        '{"role":"user","content":"new"}', '{"role":"user","role":"user"}', '{"role":5}', '"text"', "7",
        "NaN",
        '"\\ud800"', "1e999", "99999999999999999999", "[" * 50, "]" * 50, "\ufeff", '{"type":"message"}',
        '"caveat":{}', '"caveat":{"data":[{"part":"/messages/0/content"}]}', "-0", "\x00", "é", "x" * CAP,
    ]
)  # fmt: skip


def outcome(read: Callable[[], WireRequest]) -> object:
    try:
        return read()
    except RequestError as error:
        return error.status, error.code, error.message, error.hint


def known_after(wire: Wire, body: bytes) -> Known | None:
    try:
        return wire.parse_request(body, max_bytes=CAP).known
    except RequestError:
        return None


def body_of(
    member: str, messages: list[Any], before: Mapping[str, Any], after: Mapping[str, Any], indent: int | None
) -> bytes:
    document = {**before, member: messages, **{k: v for k, v in after.items() if k not in before}}
    return json.dumps(document, ensure_ascii=False, indent=indent).encode(errors="surrogatepass")


@pytest.mark.parametrize("name", WIRES)
@settings(deadline=None)
@given(
    messages=st.lists(_MESSAGE, min_size=1, max_size=4),
    more=st.lists(_MESSAGE, max_size=3),
    members=st.tuples(_BESIDE, _BESIDE, _BESIDE),
    indent=st.sampled_from([None, 1]),
)
def test_a_longer_conversation_reads_alike_whatever_is_known_of_it(
    name: str,
    messages: list[Any],
    more: list[Any],
    members: tuple[dict[str, Any], dict[str, Any], dict[str, Any]],
    indent: int | None,
) -> None:
    wire, member = WIRES[name]
    before, after, then = members
    messages = [{"role": "user", "content": _LONG}, *messages]
    first = body_of(member, messages, {"model": "m", **before}, after, indent)
    known = known_after(wire, first)
    for body in (first, body_of(member, messages + more, {"model": "m", **before}, then, indent)):
        if known is None or not known.prefix.begins(body):
            continue
        read = outcome(partial(wire.parse_request, body, max_bytes=CAP))
        again = outcome(partial(wire.parse_request, body, max_bytes=CAP, known=known))
        assert again == read
        if isinstance(read, WireRequest) and isinstance(again, WireRequest):
            assert again.settled == read.settled
            plain = read.known
            assert again.known is not None
            assert plain is not None
            assert again.known.prefix.begins(body)
            assert again.known.prefix.joined() == plain.prefix.joined()
            assert (again.known.count, again.known.parts) == (plain.count, plain.parts)
            assert again.known.rendering() == plain.rendering()
            assert again.forward[: again.settled_bytes] == read.forward[: read.settled_bytes]


@pytest.mark.parametrize("name", WIRES)
@settings(deadline=None, max_examples=300)
@given(
    before=_BESIDE,
    pieces=st.lists(_TAIL, max_size=6),
    cut=st.integers(0, 3),
)
def test_whatever_follows_known_messages_is_read_as_if_nothing_were_known(
    name: str, before: dict[str, Any], pieces: list[str], cut: int
) -> None:
    wire, member = WIRES[name]
    head = body_of(member, [{"role": "user", "content": _LONG}] * 2, {"model": "m"} | before, {}, None)
    known = known_after(wire, head)
    if known is None:
        return
    body = known.prefix.joined() + "".join(pieces).encode(errors="surrogatepass")
    body = body[: len(body) - cut] if len(body) - cut >= known.prefix.size else body
    read = outcome(lambda: wire.parse_request(body, max_bytes=CAP))
    assert outcome(lambda: wire.parse_request(body, max_bytes=CAP, known=known)) == read


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize("tail", [".5]}", "5]}", "e5]}", "x]}", '"]}', "{}]}", "[]]}", "null]}", "\\u0020]}"])
def test_nothing_that_follows_a_known_message_can_become_a_part_of_it(name: str, tail: str) -> None:
    wire, member = WIRES[name]
    known = known_after(wire, body_of(member, [{"role": "user", "content": _LONG}], {"model": "m"}, {}, None))
    assert known is not None
    body = known.prefix.joined() + tail.encode()
    with pytest.raises(RequestError, match="JSON"):
        wire.parse_request(body, max_bytes=CAP, known=known)


@pytest.mark.parametrize("name", WIRES)
def test_known_messages_are_not_read_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wire, member = WIRES[name]
    many = [{"role": "user", "content": f"{place} {_LONG}"} for place in range(9)]
    known = known_after(wire, body_of(member, many[:8], {}, {"model": "m"}, None))
    assert known is not None
    assert known.count == 8
    parsed: list[int] = []

    def counted(data: bytes, **_limits: Any) -> Any:
        parsed.append(len(data))
        return json.loads(data)

    monkeypatch.setattr("caveat.gateway.wire.request.parse_strict", counted)
    body = body_of(member, many, {}, {"model": "m"}, None)
    again = wire.parse_request(body, max_bytes=CAP, known=known)
    assert len(again.raw_parts) == 9
    assert max(parsed) < 2 * MIN_BYTES < len(body)


def test_a_short_body_or_one_with_items_that_are_no_objects_is_never_known() -> None:
    assert (
        openai.parse_request(b'{"model":"m","messages":[{"role":"user","content":"x"}]}', max_bytes=CAP).known
        is None
    )
    odd = {"model": "m", "input": [{"role": "user", "content": _LONG}, "text"]}
    assert responses.parse_request(json.dumps(odd).encode(), max_bytes=CAP).known is None
