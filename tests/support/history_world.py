"""Conversations of the official SDKs, turn by turn, with a model that answers each turn otherwise.

`agent` and `watched` compare histories; the model asks for the tool `find` on its first turn.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anthropic
import openai

from tests.support.running_gateway import RunningGateway
from tests.support.scripted_upstream import (
    EVENT_STREAM,
    Reply,
    Seen,
    chat_body,
    chat_events,
    message_body,
    message_events,
    response_body,
    response_events,
)
from tests.support.small_bundle import adopted
from tests.support.tool_world import (
    chat_call_events,
    chat_calls,
    chunk,
    message_call_events,
    message_calls,
    tool_bundle,
)

FIND = ("find", '{"what": "a room", "where": null}')
HISTORY_FACT = """
[facts.history]
type = "enum"
values = ["none", "known", "trimmed", "unrecognised", "changed", "invented"]
about = "use"
grade = "observed"
observed_by = ["history"]
unknown = ["unrecognised"]
severest = "invented"
amend = "operator"
text = "What the earlier messages of a request are."
"""
NOT_INVENTED = """
@id("H1") @text("No turn of the model is made up.") @authority("contract") @amend("operator")
forbid (principal, action, resource) when { context.history == "invented" };
"""


def history_bundle(clauses: str = "", observers: str = '"totals", "counter", "history"') -> dict[str, bytes]:
    """The bundle with tools, whose deployments compare histories."""
    files = tool_bundle(clauses=clauses)
    files["facts.toml"] += HISTORY_FACT.encode()
    files["deployments.toml"] = files["deployments.toml"].replace(b'"totals", "counter"', observers.encode())
    return adopted({name: data for name, data in files.items() if not name.startswith("signatures/")})


def turns_of(body: Any) -> int:
    """How many turns of a model are in a request."""
    messages = body.get("messages") or body["input"]
    if isinstance(messages, str):
        return 0
    return sum(one.get("role") == "assistant" or one.get("type") == "function_call" for one in messages)


def model(seen: Seen) -> Reply:
    """Asks for a tool on the first turn; says something else on each later one."""
    body = seen.json
    turn, stream = turns_of(body), body.get("stream")
    text, calls = f'Answer {turn}: \u00e9\u00e8 and "so".', (FIND,) if turn == 0 else ()
    if seen.path.endswith("/responses"):
        return _response(text, bool(calls), stream=stream)
    chat = seen.path.endswith("/chat/completions")
    if stream:
        if calls:
            pieces = (chat_call_events if chat else message_call_events)(*calls, text=("Let ", "me."))
        else:
            role = chunk({"role": "assistant", "content": ""})
            pieces = (role, *chat_events(text)) if chat else message_events(text)
        return Reply(headers=EVENT_STREAM, pieces=pieces)
    if calls:
        return Reply(body=(chat_calls if chat else message_calls)(*calls, text="Let me."))
    return Reply(body=(chat_body if chat else message_body)(text))


def _response(text: str, call: bool, *, stream: bool) -> Reply:
    whole = json.loads(response_body(text, id_=f"resp_{abs(hash(text)) % 10**6}"))
    if call:
        names = {"id": "fc_1", "call_id": "call_0", "status": "completed"}
        whole["output"].append({"type": "function_call", "name": FIND[0], "arguments": FIND[1], **names})
    if not stream:
        return Reply(body=json.dumps(whole).encode())
    *events, _ = response_events(text, id_=whole["id"])
    last = {"type": "response.completed", "sequence_number": 99, "response": whole}
    end = f"event: response.completed\ndata: {json.dumps(last)}\n\n".encode()
    return Reply(headers=EVENT_STREAM, pieces=(*events, end))


@dataclass
class Talk:
    """One conversation of one protocol. `messages`: all so far, as a program keeps them."""

    gateway: RunningGateway
    key: str
    protocol: str
    stream: bool
    messages: list[Any] = field(default_factory=list)

    def ask(self, *new: Any) -> str:
        """One turn; what the record says of its history. Its answer is kept as the SDK gives it."""
        self.messages += new
        before = len(self.gateway.records())
        answer = _ASK[self.protocol](self)
        self.messages += answer
        prompts = [one for one in self.gateway.records()[before:] if one["point"] == "prompt"]
        return str(prompts[0]["history_state"])

    def user(self, text: str) -> Any:
        """A message of the user."""
        return {"role": "user", "content": text}

    def result(self, text: str) -> Any:
        """What the tool returned."""
        if self.protocol == "chat":
            return {"role": "tool", "tool_call_id": "call_0", "content": text}
        if self.protocol == "responses":
            return {"type": "function_call_output", "call_id": "call_0", "output": text}
        blocks = self.messages[-1]["content"]
        used = next(block["id"] for block in blocks if block["type"] == "tool_use")
        return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": used, "content": text}]}

    def said(self, text: str) -> Any:
        """A turn of the model."""
        return {"role": "assistant", "content": text}

    def long(self, filler: str = "") -> list[str]:
        """Three turns; what each one's history was."""
        first = self.ask(self.user(f"Find it. {filler}"))
        second = self.ask(self.result("room 12"))
        return [first, second, self.ask(self.user("And now?"))]


def _chat(talk: Talk) -> list[Any]:
    asked: Any = {"model": "scripted", "messages": talk.messages}
    with openai.OpenAI(api_key=talk.key, base_url=f"{talk.gateway.url}/v1", max_retries=0) as client:
        if talk.stream:
            with client.chat.completions.stream(**asked) as stream:
                return [stream.get_final_completion().choices[0].message.model_dump(exclude={"parsed"})]
        return [client.chat.completions.create(**asked).choices[0].message.model_dump()]


def _messages(talk: Talk) -> list[Any]:
    asked: Any = {"model": "scripted", "messages": talk.messages, "max_tokens": 99}
    with anthropic.Anthropic(api_key=talk.key, base_url=talk.gateway.url, max_retries=0) as client:
        if talk.stream:
            with client.messages.stream(**asked) as stream:
                answer: Any = stream.get_final_message()
        else:
            answer = client.messages.create(**asked)
        return [{"role": "assistant", "content": [one.model_dump() for one in answer.content]}]


def _responses(talk: Talk) -> list[Any]:
    asked: Any = {"model": "scripted", "input": talk.messages}
    with openai.OpenAI(api_key=talk.key, base_url=f"{talk.gateway.url}/v1", max_retries=0) as client:
        if talk.stream:
            with client.responses.stream(**asked) as stream:
                answer: Any = stream.get_final_response()
        else:
            answer = client.responses.create(**asked)
        return [one.model_dump() for one in answer.output]


_ASK: dict[str, Callable[[Talk], list[Any]]] = {"chat": _chat, "messages": _messages, "responses": _responses}
