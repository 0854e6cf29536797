"""A small bundle that lists phrases, and streams of every protocol whose text is cut wherever a test likes.

`chat` may hear and ask anything, and is told nothing that holds a code name. Nobody at all may ask about the
password, and no tool may be told it.
"""

import json
from collections.abc import Sequence
from typing import Any

from tests.support.scripted_upstream import chat_events, completion_events, message_events, response_events
from tests.support.small_bundle import adopted
from tests.support.tool_world import TOOLS, tool_bundle

FACTS = """
[facts.code_names]
type = "long"
grade = "estimated"
hi = 100
severest = 100
about = "use"
amend = "operator"
text = "Names that are not announced."
[facts.passwords]
type = "long"
grade = "estimated"
hi = 100
severest = 100
about = "use"
amend = "operator"
text = "Words that open something."
"""
PHRASES = """
version = 1
hold_back_chars = {hold_back}
[phrases.names]
fact = "code_names"
score = 100
phrases = ["project heliotrope", "heliotrope two"]
text = "Projects that are not announced."
[phrases.doors]
fact = "passwords"
score = 60
phrases = ["open sesame"]
"""
CLAUSES = """
@id("N1") @text("No answer holds a code name.") @authority("contract") @amend("operator") {marks}
forbid (principal, action == Action::"output", resource) when {{ context.code_names > 50 }};

@id("N2") @text("Nobody asks for what opens a door.") @authority("contract") @amend("operator")
forbid (principal, action in [Action::"prompt", Action::"tool"], resource) when {{ context.passwords > 50 }};
"""


def phrase_bundle(hold_back: int = 64, marks: str = "", phrases: str = PHRASES) -> dict[str, bytes]:
    """The files, signed. `marks`: further annotations of the clause on answers."""
    files = tool_bundle(tools=TOOLS, clauses=CLAUSES.format(marks=marks))
    files = {name: data for name, data in files.items() if not name.startswith("signatures/")}
    files["facts.toml"] += FACTS.encode()
    files["phrases.toml"] = phrases.format(hold_back=hold_back).encode()
    return adopted(files)


ENDPOINTS = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completion",
    "/v1/messages": "message",
    "/v1/responses": "response",
}


def request_of(path: str, text: str = "hello", *, stream: bool = True) -> dict[str, Any]:
    """A request with one text, in the protocol of this path."""
    body: dict[str, Any] = {"model": "scripted"}
    match ENDPOINTS[path]:
        case "completion":
            body["prompt"] = text
        case "response":
            body["input"] = text
        case _:
            body["messages"] = [{"role": "user", "content": text}]
    if ENDPOINTS[path] == "message":
        body["max_tokens"] = 2000
    return body | ({"stream": True} if stream else {})


def stream_of(path: str, pieces: Sequence[str]) -> tuple[bytes, ...]:
    """A whole stream of this path's protocol whose text comes in exactly these pieces."""
    made = {
        "chat": chat_events,
        "completion": completion_events,
        "message": message_events,
        "response": response_events,
    }[ENDPOINTS[path]]
    # One word an event: as many words as there are pieces, each then put in the place of its word.
    events = made(" ".join(f"w{at:04}x" for at in range(len(pieces))))
    found: list[bytes] = []
    at = 0
    whole = json.dumps("".join(pieces))[1:-1].encode()
    placeholder = " ".join(f"w{n:04}x" for n in range(len(pieces))).encode()
    for event in events:
        if placeholder in event and len(pieces) > 1:
            found.append(event.replace(placeholder, whole))
            continue
        mark = b"w%04dx" % at
        if at < len(pieces) and mark in event:
            piece = json.dumps(pieces[at])[1:-1].encode()
            last = at == len(pieces) - 1
            found.append(event.replace(mark if last else mark + b" ", piece))
            at += 1
        else:
            found.append(event)
    return tuple(found)


def text_in(path: str, received: bytes) -> str:
    """All text that a client of this protocol takes for the model's, from the bytes of a stream."""
    out: list[str] = []
    for line in received.split(b"\n"):
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line[6:])
        match ENDPOINTS[path]:
            case "chat":
                out += [choice["delta"].get("content") or "" for choice in event.get("choices", [])]
            case "completion":
                out += [choice["text"] for choice in event.get("choices", [])]
            case "message":
                out.append(event.get("delta", {}).get("text", ""))
            case _:
                if event["type"] == "response.output_text.delta":
                    out.append(event["delta"])
    return "".join(out)
