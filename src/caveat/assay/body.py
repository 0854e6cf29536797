"""What an adversary's request looks like on the wire: for the gateway, and for whatever knows no claims."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from caveat.assay.attacks.ask import Ask
from caveat.assay.attacks.model import TOOLS
from caveat.assay.target import Reply
from caveat.signing.canonical import Json
from caveat.signing.digest import sha256

EMITS = "assay-emits-"
"""A model of this name calls the tool that follows it, where the model is our scripted one."""

READS = "assay-reads"
"""A model of this name answers with the digest of the words that it read, where it is our scripted one."""

_MODEL = "assay"
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
DATA_POINTER = "/messages/0/content/1"


def gateway_body(ask: Ask, data: bytes, workflow: str = "", *, in_text: bool = False) -> bytes:
    """The request with claims as the gateway takes them, and the workflow that it says it is; `in_text`: and
    with the claims as a model could read them."""
    document = _document(ask, ask.wording(_with_claims(ask) if in_text else ask.text), data)
    extension: dict[str, object] = {
        "claims": dict(ask.claims),
        "data": [{"part": DATA_POINTER, "media_type": "text/csv"}],
    }
    document["caveat"] = {**extension, "workflow": workflow} if workflow else extension
    return orjson.dumps(document)


def plain_body(ask: Ask, data: bytes, model: str = _MODEL) -> bytes:
    """The request for an endpoint that knows no claims and no evidence: it is given the claims as text."""
    document = _document(ask, ask.wording(_with_claims(ask)), data, model)
    if ask.typed:
        document["messages"] = [{"role": "user", "content": [{"type": "text", "text": ask.text}]}]
    return orjson.dumps(document)


def outside_body(text: str, model: str = _MODEL) -> bytes:
    """Plain words, as a person would type them."""
    messages = [{"role": "user", "content": text}]
    return orjson.dumps({"model": model, "max_tokens": 16, "messages": messages})


def _with_claims(ask: Ask) -> str:
    said = "; ".join(f"{name}: {_shown(value)}" for name, value in ask.claims.items())
    return f"{ask.text}\n\nAbout this request: {said}." if said else ask.text


def watched(body: bytes) -> bytes:
    """The same request to the model that says what it read; one for the call of a tool stays as it is."""
    document = orjson.loads(body)
    if str(document["model"]).startswith(EMITS):
        return body
    return orjson.dumps({**document, "model": READS})


def with_arrival(reply: Reply, body: bytes) -> Reply:
    """The reply, and whether the words of `body` arrived as they were sent; None where no model said."""
    read = _DIGEST.search(reply.said)
    if read is None:
        return reply
    words = orjson.loads(body)["messages"][0]["content"][0]["text"]
    return replace(reply, arrived=read[0] == sha256(words.encode()))


def _document(ask: Ask, text: str, data: bytes, model: str = _MODEL) -> dict[str, object]:
    text = text.replace("{data}", sha256(data))
    messages: list[object] = [
        {
            "role": "user",
            "content": [{"type": "text", "text": text}, {"type": "text", "text": data.decode()}],
        }
    ]
    if ask.result:
        messages += _tool_turn(ask.result)
    document: dict[str, object] = {"model": model, "max_tokens": 16, "messages": messages}
    if ask.emits or ask.result:
        document["tools"] = [_definition(name) for name in TOOLS]
    if ask.emits:
        document["model"] = f"{EMITS}{ask.emits}"
    return document


def _tool_turn(result: str) -> Sequence[Mapping[str, object]]:
    call = {"id": "call_1", "type": "function", "function": {"name": "record_note", "arguments": "{}"}}
    return (
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
    )


def _definition(name: str) -> Mapping[str, object]:
    return {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {}}},
    }


def _shown(value: Json) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
