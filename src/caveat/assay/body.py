"""What an adversary's request looks like on the wire: for the gateway, and for whatever knows no claims."""

from collections.abc import Mapping, Sequence

import orjson

from caveat.assay.attacks.ask import Ask
from caveat.assay.attacks.model import TOOLS
from caveat.signing.canonical import Json

EMITS = "assay-emits-"
"""A model of this name calls the tool that follows it, where the model is our scripted one."""

_MODEL = "assay"
DATA_POINTER = "/messages/0/content/1"


def gateway_body(ask: Ask, data: bytes, *, in_text: bool = False) -> bytes:
    """The request with claims as the gateway takes them; `in_text`: and as a model could read them."""
    document = _document(ask, ask.wording(_with_claims(ask) if in_text else ask.text), data)
    document["caveat"] = {
        "claims": dict(ask.claims),
        "data": [{"part": DATA_POINTER, "media_type": "text/csv"}],
    }
    return orjson.dumps(document)


def plain_body(ask: Ask, data: bytes, model: str = _MODEL) -> bytes:
    """The request for an endpoint that knows no claims and no evidence: it is given the claims as text."""
    return orjson.dumps(_document(ask, ask.wording(_with_claims(ask)), data, model))


def outside_body(text: str, model: str = _MODEL) -> bytes:
    """Plain words, as a person would type them."""
    messages = [{"role": "user", "content": text}]
    return orjson.dumps({"model": model, "max_tokens": 16, "messages": messages})


def _with_claims(ask: Ask) -> str:
    said = "; ".join(f"{name}: {_shown(value)}" for name, value in ask.claims.items())
    return f"{ask.text}\n\nAbout this request: {said}." if said else ask.text


def _document(ask: Ask, text: str, data: bytes, model: str = _MODEL) -> dict[str, object]:
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
