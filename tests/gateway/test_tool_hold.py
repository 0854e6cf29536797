"""Holding calls of tools back: nothing is lost, nothing of a refused call is released, however it arrives."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Fact, Grade
from caveat.facts.value import Value
from caveat.gateway.observing import REACH
from caveat.gateway.ruling import Ruling
from caveat.gateway.shape import facts_of_tool_call
from caveat.gateway.stream import Windows
from caveat.gateway.tool_hold import ToolRefusedError, hold_calls, strictest_refusal
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.tool_calls import Arguments, ToolCall, event_data
from caveat.gateway.wire.wire import (
    ANTHROPIC,
    COUNT_TOKENS,
    EMBEDDINGS,
    OPENAI,
    WIRES,
    find_wire,
)
from caveat.policy.tools import Tool
from caveat.policy.workflows import REGISTRATION
from tests.support.tool_world import (
    chat_call_events,
    chat_calls,
    message_call_events,
    message_calls,
)

NAMES = st.lists(st.sampled_from(["good", "bad"]), max_size=3)
ARGUMENTS = '{"text": "SECRET-argument"}'
STREAMS: dict[str, tuple[Wire, Callable[..., tuple[bytes, ...]]]] = {
    "openai": (OPENAI, chat_call_events),
    "anthropic": (ANTHROPIC, message_call_events),
}


def decision(verdict: Verdict) -> Decision:
    return Decision(verdict, Reason.BUDGET, (), (), (), incident=False, steps=0)


class FakeRuling:
    """As much of a ruling as holding back reads."""

    def __init__(self, name: str) -> None:
        self.released = name == "good"
        verdict = Verdict.ALLOW if self.released else Verdict.DENY
        self.decision = decision(verdict)
        self.hold = None


def ruled(name: str) -> Ruling:
    return cast("Ruling", FakeRuling(name))


def decider(seen: list[ToolCall]) -> Callable[[Sequence[ToolCall]], Awaitable[tuple[Ruling, ...]]]:
    async def decide(calls: Sequence[ToolCall]) -> tuple[Ruling, ...]:
        seen.extend(calls)
        await asyncio.sleep(0)
        return tuple(ruled(call.name) for call in calls)

    return decide


def released(wire: Wire, windows: Sequence[bytes]) -> tuple[bytes, list[ToolCall], bool]:
    """What came through, the calls in the order of their decisions, and whether one was refused."""
    seen: list[ToolCall] = []

    async def arriving() -> AsyncIterator[bytes]:
        for window in windows:
            yield window

    async def run() -> tuple[bytes, bool]:
        out = b""
        try:
            async for window in hold_calls(arriving(), wire.tool_reader(), decider(seen)):
                out += window
        except ToolRefusedError:
            return out, True
        return out, False

    out, refused = asyncio.run(run())
    return out, seen, refused


@pytest.mark.parametrize("protocol", STREAMS)
@given(names=NAMES, words=st.lists(st.sampled_from(["a ", "tool_use "]), max_size=2), data=st.data())
def test_however_a_stream_arrives_calls_wait_and_nothing_else_changes(
    protocol: str, names: list[str], words: list[str], data: st.DataObject
) -> None:
    wire, make = STREAMS[protocol]
    events = make(*((name, ARGUMENTS) for name in names), text=words, size=data.draw(st.integers(1, 9)))
    whole = b"".join(events)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=12)))
    cutter = Windows()
    chunks = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    windows = [window for chunk in chunks if (window := cutter.feed(chunk))]
    out, calls, refused = released(wire, windows)
    assert [(call.name, call.arguments.decode()) for call in calls] == [(name, ARGUMENTS) for name in names]
    assert {call.reads for call in calls} <= {Arguments.OBJECT}
    assert refused is ("bad" in names)
    if refused:
        first = next(at for at, event in enumerate(events) if b'"toolu_' in event or b'"call_' in event)
        assert out == b"".join(events[:first])
    else:
        assert out == whole


@pytest.mark.parametrize(("wire", "make"), [(OPENAI, chat_calls), (ANTHROPIC, message_calls)])
@given(names=NAMES)
def test_a_whole_answer_asks_for_what_its_stream_asks_for(
    wire: Wire, make: Callable[..., bytes], names: list[str]
) -> None:
    body = make(*((name, ARGUMENTS) for name in names))
    found = wire.tool_calls(body)
    assert [(call.name, json.loads(call.arguments)) for call in found] == [
        (name, json.loads(ARGUMENTS)) for name in names
    ]
    events = (chat_call_events if wire is OPENAI else message_call_events)(
        *((name, ARGUMENTS) for name in names)
    )
    _, streamed, _ = released(wire, events)
    assert [call.pointer for call in streamed] == [call.pointer for call in found]


@pytest.mark.parametrize("wire", list(WIRES.values()), ids=list(WIRES))
@given(
    body=st.binary(max_size=80), marks=st.lists(st.sampled_from([b"tool_calls", b'{"type":"x"', b"data:"]))
)
def test_no_bytes_make_a_reader_raise(wire: Wire, body: bytes, marks: list[bytes]) -> None:
    noise = b"".join(marks) + body
    wire.tool_calls(noise)
    reader = wire.tool_reader()
    reader.concerns(noise)
    reader.read(b"data: " + noise + b"\n\n")
    assert all(isinstance(call, ToolCall) for call in reader.read(noise).calls)


MEMBERS = (
    *("choices", "delta", "message", "index", "tool_calls", "function_call", "function", "custom", "name"),
    *("arguments", "input", "type", "content", "content_block", "finish_reason", "partial_json"),
)
nested = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.sampled_from(["", "find", "tool_use", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(MEMBERS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(value=nested)
def test_no_json_with_a_call_in_it_is_without_one(value: object) -> None:
    body = json.dumps(value).encode()
    holds = _holds_call(value)
    assert bool(OPENAI.tool_calls(body)) is (
        holds
        or (b"tool_calls" in body and not isinstance(value, dict))
        or (b"function_call" in body and not isinstance(value, dict))
    )
    progress = OPENAI.tool_reader().read(b"data: " + body + b"\n\n")
    if holds:
        assert progress.held or progress.calls


def _holds_call(value: object) -> bool:
    if isinstance(value, list):
        return any(_holds_call(item) for item in value)
    if isinstance(value, dict):
        return bool(value.get("tool_calls") or value.get("function_call")) or any(
            _holds_call(item) for item in value.values()
        )
    return False


def test_events_are_read_as_the_format_has_them() -> None:
    assert list(event_data(b"data: a\ndata:b\n\ndata\n\n: c\nevent: x\ndata:  d\r\n\r\ndata: e")) == [
        b"a\nb", b"", b" d", b"e",
    ]  # fmt: skip


def test_protocols_that_ask_for_no_tool_have_none_and_azure_reads_as_its_base() -> None:
    body = chat_calls(("find", "{}"))
    assert EMBEDDINGS.tool_calls(body) == COUNT_TOKENS.tool_calls(body) == ()
    azure = find_wire("/openai/deployments/gpt/chat/completions")
    assert azure is not None
    assert azure.tool_calls(body) == OPENAI.tool_calls(body) != ()
    assert azure.tool_reader().concerns(b"tool_calls")


def test_the_strictest_of_several_refusals_decides() -> None:
    denied, unproved = FakeRuling("bad"), FakeRuling("bad")
    unproved.decision = decision(Verdict.NEEDS_EVIDENCE)
    for rulings in ([ruled("good"), unproved, denied], [denied, unproved]):
        assert strictest_refusal(cast("list[Ruling]", rulings)) is cast("Ruling", denied)
    assert strictest_refusal([ruled("good")]) is None


def said(name: str, value: Value, role: str = REGISTRATION, source: str = "deployment:d") -> Fact:
    return Fact(name, value, Grade.ATTESTED, role, source)


def test_of_a_prompt_everything_holds_of_its_calls_but_what_holds_without_tools_alone() -> None:
    kept = (said("acquisition_channel", "bought", "data_owner", "key"), said("deployer_verified", value=True))
    dropped = (
        said("task", "answer", source="workflow:d/w"),
        Fact("subject_count", 5, Grade.OBSERVED, REACH),
        said("action_effect", "advisory"),
        said("action_effect", "advisory", "registrar", "key"),
    )
    assert facts_of_tool_call((*kept, *dropped), None) == kept
    assert facts_of_tool_call((*kept, *dropped), Tool("t", {})) == kept


def test_a_registered_effect_replaces_the_deployments_and_stands_beside_an_issuers() -> None:
    issuers = said("action_effect", "kinetic", "registrar", "key")
    found = facts_of_tool_call(
        (said("action_effect", "advisory"), issuers), Tool("t", {"action_effect": "none"})
    )
    assert found == (issuers, said("action_effect", "none", source="tool:t"))
