"""Anthropic messages: requests in, refusals, errors and ends of streams out.

Source: the published API reference of messages, as its official Python client speaks it.
"""

from collections.abc import Iterator, Mapping

import orjson

from caveat.call.parts import Origin, RawPart
from caveat.gateway.errors import GatewayError
from caveat.gateway.wire import anthropic_tools
from caveat.gateway.wire.form import is_plain, read_form
from caveat.gateway.wire.history import Known, Message
from caveat.gateway.wire.media import Encoding, Place, Places, media_parts
from caveat.gateway.wire.pairing import Exchanged, ids
from caveat.gateway.wire.request import (
    WireRequest,
    invalid_request,
    kind_of,
    parse_document,
    read_messages,
    remaining_members,
    structure_part,
    text_part,
)
from caveat.gateway.wire.tool_calls import rows
from caveat.gateway.wire.utterance import message_utterance
from caveat.signing.canonical import Json, JsonObject

NAME = "anthropic"
ACTION = "messages"
PATH = "/v1/messages"
OPERATION = "chat"
END_MARK = b"message_stop"
_ROLES = frozenset({"user", "assistant", "system"})
_PLAIN_MEMBERS = frozenset({"role", "content"})
_MODEL_BLOCKS = frozenset({"tool_use", "thinking"})
_SEPARATE = ("tools", "output_config")
_STORED = "container"
_KNOWN_MEMBERS = frozenset({"messages", "model", "stream", "system", _STORED, *_SEPARATE})
_TEXT_BESIDE = frozenset({"cache_control", "citations"})
_BESIDE = frozenset({"cache_control", "citations", "context", "media_type", "title"})
_ENCODED = Place(("source", "data"), Encoding.BASE64, _BESIDE, (("type", "base64"),))
_WRITTEN = Place(("source", "data"), Encoding.TEXT, _BESIDE, (("type", "text"),))
PLACES: Places = {"image": (_ENCODED,), "document": (_ENCODED, _WRITTEN)}
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
}


def parse_request(
    body: bytes, *, max_bytes: int, model: str | None = None, known: Known | None = None
) -> WireRequest:
    """The request in `body`; raises `RequestError`."""
    document = parse_document(body, max_bytes=max_bytes, model=model, member="messages", known=known)
    members = document.members
    parts = list(_content_parts("/system", "system", Origin.TEXT, members.get("system")))
    messages = read_messages(document, _message)
    parts += messages.parts
    settled = len(parts)
    parts += (structure_part(f"/{name}", "request", members[name]) for name in _SEPARATE if members.get(name))
    if members.get(_STORED):
        # What the endpoint keeps, by its id: nobody here sees what is in it.
        parts.append(structure_part(f"/{_STORED}", "stored", members[_STORED], Origin.OPAQUE))
    parts += remaining_members("", "request", members, _KNOWN_MEMBERS)
    form = read_form(members, plain_messages=messages.plain)
    return document.request(parts, form, messages, settled)


def _message(pointer: str, message: JsonObject) -> Message:
    role = str(message["role"])
    # A role that is not known is treated like a tool's: what nobody can place is data.
    origin = Origin.TEXT if role in _ROLES else Origin.TOOL
    parts = _content_parts(f"{pointer}/content", role, origin, message.get("content"))
    beside = remaining_members(pointer, role, message, _PLAIN_MEMBERS)
    said = message_utterance(message)
    return Message((*parts, *beside), is_plain(message), exchanged=_exchanged(message), utterance=said)


def _exchanged(message: JsonObject) -> Exchanged:
    """The calls of a turn of the model end with its next turn. What the endpoint ran by itself it answers."""
    blocks = rows(message.get("content"))
    calls = ids(block.get("id") for block in blocks if block.get("type") == "tool_use")
    answers = (block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result")
    results = tuple(answer if isinstance(answer, str) else None for answer in answers)
    return Exchanged(calls, results, ends_turn=message["role"] == "assistant")


def _content_parts(pointer: str, role: str, origin: Origin, content: Json) -> Iterator[RawPart]:
    if isinstance(content, str):
        yield from text_part(pointer, role, origin, content)
    elif isinstance(content, list):
        for index, block in enumerate(content):
            yield from _block_parts(f"{pointer}/{index}", role, origin, block)
    elif content is not None:
        raise invalid_request("content is a string or a list of blocks")


def _block_parts(pointer: str, role: str, origin: Origin, block: Json) -> Iterator[RawPart]:
    kind = kind_of(block)
    if isinstance(block, dict) and kind == "text" and block.keys() - _TEXT_BESIDE == {"type", "text"}:
        if not isinstance(block["text"], str):
            raise invalid_request("the text of a block is a string")
        yield from text_part(pointer, role, origin, block["text"])
        if block.get("citations"):
            # Quotes are of a document, whoever sends them.
            yield structure_part(f"{pointer}/citations", role, block["citations"], Origin.OPAQUE)
        yield from remaining_members(
            f"{pointer}/cache_control", role, block, frozenset({"type", "text", "citations"})
        )
    elif isinstance(block, dict) and kind == "tool_result":
        yield from _content_parts(f"{pointer}/content", "tool", Origin.TOOL, block.get("content"))
        yield from remaining_members(pointer, role, block, frozenset({"type", "content"}))
    elif role == "assistant" and kind in _MODEL_BLOCKS:
        yield structure_part(pointer, role, block)
    else:
        # Images, documents, search results, encrypted thinking, and text with members that nobody here knows.
        yield from media_parts(PLACES, pointer, role, origin, block)


def upstream_headers(key: str | None) -> tuple[tuple[str, str], ...]:
    """How the gateway authenticates itself at an upstream of this protocol."""
    return (("x-api-key", key),) if key else ()


def render_error(error: GatewayError) -> bytes:
    """The body of an error answer."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    return orjson.dumps(_error(kind, error.code, error.message, {"hint": error.hint}))


def render_refusal(code: str, message: str, members: Mapping[str, Json]) -> bytes:
    """The body of a refusal."""
    return orjson.dumps(_error("permission_error", code, message, members))


def _error(kind: str, code: str, message: str, members: Mapping[str, Json]) -> JsonObject:
    return {"type": "error", "error": {"type": kind, "message": message, "code": code, **members}}


def is_answer(value: Json) -> bool:
    """Whether a parsed body is a message."""
    return isinstance(value, dict) and isinstance(value.get("content"), list)


def ends_stream(event: bytes) -> bool:
    """Whether this event is the last of a complete stream."""
    return any(line.strip() == b"event: message_stop" for line in event.splitlines())


def end_stream(error_body: bytes) -> bytes:
    """The event that ends a stream with the body of an error or a refusal."""
    return b"event: error\ndata: " + error_body + b"\n\n"


def render_stream_error(error: GatewayError) -> bytes:
    """The event that ends a stream which cannot go on."""
    return end_stream(render_error(error))


tool_calls = anthropic_tools.tool_calls
tool_reader = anthropic_tools.tool_reader
