"""A small bundle with an agent, and answers of a model that asks for its tools.

`agent` registers `find` (advisory), `fire` (kinetic) and `vague` (declared without an effect); `watched` is
the same in observe mode. `other` is declared and named by nobody. Whatever is kinetic is forbidden as a call
of a tool, and as nothing else.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from caveat.signing.digest import sha256
from tests.support.scripted_upstream import chat_body, message_body, message_events
from tests.support.small_bundle import SmallBundle, adopted

AGENT_KEY, WATCHED_KEY = "key-of-agent", "key-of-watched"
_EFFECT = """
[facts.action_effect]
type = "enum"
values = ["none", "advisory", "kinetic"]
about = "use"
attested_by = ["data_owner", "registration"]
severest = "kinetic"
amend = "operator"
text = "What the use causes."
[facts.supervised]
type = "bool"
about = "deployment"
attested_by = ["registration"]
severest = false
amend = "operator"
text = "Whether somebody looks on."
"""
TOOLS = """
version = 1
[tools.find]
effect = "advisory"
text = "Looks something up."
[tools.fire]
effect = "kinetic"
text = "Does what cannot be undone."
[tools.vague]
text = "Nobody says what it does."
[tools.alone]
effect = "advisory"
text = "Works when nobody looks on."
[tools.alone.facts]
supervised = false
[tools.other]
effect = "advisory"
text = "No deployment names it."
"""
_AGENT = """
[deployments.{id}]
kind = "agent"
operator = "customer"
owner_group = "agents"
mode = "{mode}"
observers = ["totals", "counter"]
key_digests = ["{key}"]
tools = ["find", "fire", "vague", "alone"]
[deployments.{id}.facts]
acquisition_channel = "synthetic"
subject_count = 0
action_effect = "advisory"
supervised = true
"""
KINETIC = """
@id("T1") @text("No call of a tool is kinetic.") @authority("contract") @amend("operator") {marks}
forbid (principal, action == Action::"tool", resource) when {{ context.action_effect == "kinetic" }};

@id("T2") @text("No call of a tool that nobody looks on.") @authority("contract") @amend("operator")
forbid (principal, action == Action::"tool", resource) when {{ !context.supervised }};
"""


def tool_bundle(marks: str = "", tools: str = TOOLS, clauses: str = "") -> dict[str, bytes]:
    """The files, signed. `marks`: further annotations of the clause on calls that are kinetic."""
    bundle = SmallBundle(signed=False)
    bundle.clauses += KINETIC.format(marks=marks) + clauses
    files = bundle.files()
    files["facts.toml"] += _EFFECT.encode()
    files["tools.toml"] = tools.encode()
    for name, mode, key in (("agent", "enforce", AGENT_KEY), ("watched", "observe", WATCHED_KEY)):
        files["deployments.toml"] += _AGENT.format(id=name, mode=mode, key=sha256(key.encode())).encode()
    return adopted(files)


Call = tuple[str, str]
"""A tool's name, and the JSON text of its arguments."""


def chat_calls(*calls: Call, text: str | None = None, legacy: bool = False) -> bytes:
    """A chat completion that asks for these calls."""
    body = json.loads(chat_body(""))
    choice = body["choices"][0]
    choice["finish_reason"] = "function_call" if legacy else "tool_calls"
    functions = [{"name": name, "arguments": arguments} for name, arguments in calls]
    choice["message"]["content"] = text
    if legacy:
        choice["message"]["function_call"] = functions[0]
    else:
        choice["message"]["tool_calls"] = [
            {"id": f"call_{at}", "type": "function", "function": function}
            for at, function in enumerate(functions)
        ]
    return json.dumps(body).encode()


def message_calls(*calls: Call, text: str = "", kind: str = "tool_use") -> bytes:
    """A message that asks for these calls."""
    body = json.loads(message_body(text))
    blocks = [
        {"type": kind, "id": f"toolu_{at}", "name": name, "input": json.loads(arguments)}
        for at, (name, arguments) in enumerate(calls)
    ]
    body["content"] = [*(body["content"] if text else []), *blocks]
    body["stop_reason"] = "tool_use"
    return json.dumps(body).encode()


def pieces(text: str, size: int) -> list[str]:
    """The text cut into pieces of this size."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def chunk(delta: Mapping[str, Any], finish: str | None = None, index: int = 0) -> bytes:
    """One event of a chat completion."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def chat_call_events(
    *calls: Call, text: Iterable[str] = (), size: int = 3, legacy: bool = False
) -> tuple[bytes, ...]:
    """The same as a stream, its arguments in pieces of `size` characters."""
    events = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": word}) for word in text)]
    for at, (name, arguments) in enumerate(calls):
        if legacy:
            events.append(chunk({"function_call": {"name": name, "arguments": ""}}))
            events += [chunk({"function_call": {"arguments": piece}}) for piece in pieces(arguments, size)]
            continue
        first = {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": ""}}
        events.append(chunk({"tool_calls": [{"index": at, **first}]}))
        events += [
            chunk({"tool_calls": [{"index": at, "function": {"arguments": piece}}]})
            for piece in pieces(arguments, size)
        ]
    return (*events, chunk({}, "function_call" if legacy else "tool_calls"), DONE)


def event(kind: str, **members: Any) -> bytes:
    """One event of a message."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def block_events(at: int, name: str, arguments: str, size: int = 3, kind: str = "tool_use") -> list[bytes]:
    """One content block that is a call."""
    block = {"type": kind, "id": f"toolu_{at}", "name": name, "input": {}}
    return [
        event("content_block_start", index=at, content_block=block),
        *(
            event("content_block_delta", index=at, delta={"type": "input_json_delta", "partial_json": piece})
            for piece in pieces(arguments, size)
        ),
        event("content_block_stop", index=at),
    ]


def message_call_events(
    *calls: Call, text: Iterable[str] = (), size: int = 3, kind: str = "tool_use"
) -> tuple[bytes, ...]:
    """The same as a stream, its arguments in pieces of `size` characters."""
    start, begin, *_ = message_events("x")
    events, words = [start], list(text)
    if words:
        events.append(begin)
        events += [
            event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
            for word in words
        ]
        events.append(event("content_block_stop", index=0))
    for at, (name, arguments) in enumerate(calls, len(events) > 1):
        events += block_events(at, name, arguments, size, kind)
    end = event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 5})
    return (*events, end, event("message_stop"))
