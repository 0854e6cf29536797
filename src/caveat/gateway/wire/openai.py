"""OpenAI chat completions: requests in, refusals, errors and ends of streams out.

Source: the published API reference of chat completions, as its official Python client speaks it.
"""

from collections.abc import Iterator, Mapping

import orjson

from caveat.call.parts import Origin, RawPart
from caveat.gateway.errors import GatewayError
from caveat.gateway.wire import openai_tools
from caveat.gateway.wire.form import is_plain, read_form
from caveat.gateway.wire.history import Known, Message
from caveat.gateway.wire.media import Encoding, Place, Places, media_parts
from caveat.gateway.wire.pairing import NOTHING, Exchanged, ids
from caveat.gateway.wire.request import (
    WireRequest,
    invalid_request,
    parse_document,
    read_messages,
    remaining_members,
    structure_part,
    text_part,
)
from caveat.gateway.wire.tool_calls import rows
from caveat.gateway.wire.utterance import chat_utterance
from caveat.signing.canonical import Json, JsonObject

NAME = "openai"
ACTION = "chat.completions"
PATH = "/v1/chat/completions"
OPERATION = "chat"
END_MARK = b"[DONE]"
_TOOL_ROLES = frozenset({"tool", "function"})
_ROLES = frozenset({"system", "developer", "user", "assistant"}) | _TOOL_ROLES
_PLAIN_MEMBERS = frozenset({"role", "content", "audio"})
_CACHED = "prompt_cache_breakpoint"
PLACES: Places = {
    "image_url": (Place(("image_url", "url"), Encoding.DATA_URL, frozenset({"detail", _CACHED})),),
    "input_audio": (Place(("input_audio", "data"), Encoding.BASE64, frozenset({"format", _CACHED})),),
    "file": (Place(("file", "file_data"), Encoding.FILE, frozenset({"filename", _CACHED})),),
}
_SEPARATE = ("tools", "functions", "response_format", "prediction")
_KNOWN_MEMBERS = frozenset({"messages", "model", "stream", *_SEPARATE})
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "insufficient_quota",
    404: "not_found_error",
    429: "rate_limit_error",
}


def parse_request(
    body: bytes, *, max_bytes: int, model: str | None = None, known: Known | None = None
) -> WireRequest:
    """The request in `body`; raises `RequestError`."""
    document = parse_document(body, max_bytes=max_bytes, model=model, member="messages", known=known)
    members = document.members
    messages = read_messages(document, _message)
    parts = list(messages.parts)
    parts += (structure_part(f"/{name}", "request", members[name]) for name in _SEPARATE if members.get(name))
    parts += remaining_members("", "request", members, _KNOWN_MEMBERS)
    form = read_form(members, plain_messages=messages.plain)
    return document.request(parts, form, messages, len(messages.parts))


def _message(pointer: str, message: JsonObject) -> Message:
    parts, said = tuple(_message_parts(pointer, message)), chat_utterance(message)
    return Message(parts, is_plain(message), exchanged=_exchanged(message), utterance=said)


def _exchanged(message: JsonObject) -> Exchanged:
    """The calls of a turn of the model end with its next turn. The old `function` role has no ids."""
    match message["role"]:
        case "assistant":
            calls = ids(call.get("id") for call in rows(message.get("tool_calls")))
            return Exchanged(calls, ends_turn=True)
        case "tool":
            answers = message.get("tool_call_id")
            return Exchanged(results=(answers if isinstance(answers, str) else None,))
        case _:
            return NOTHING


def _message_parts(pointer: str, message: JsonObject) -> Iterator[RawPart]:
    role = str(message["role"])
    # A role that is not known is treated like a tool's: what nobody can place is data.
    origin = Origin.TEXT if role in _ROLES - _TOOL_ROLES else Origin.TOOL
    content = message.get("content")
    if isinstance(content, str):
        yield from text_part(f"{pointer}/content", role, origin, content)
    elif isinstance(content, list):
        for index, item in enumerate(content):
            yield from _content_part(f"{pointer}/content/{index}", role, origin, item)
    elif content is not None:
        raise invalid_request("the content of a message is a string or a list of parts")
    if message.get("audio"):
        # What the endpoint keeps, by its id: nobody here has heard it.
        yield structure_part(f"{pointer}/audio", role, message["audio"], Origin.OPAQUE)
    yield from remaining_members(pointer, role, message, _PLAIN_MEMBERS)


def _content_part(pointer: str, role: str, origin: Origin, item: Json) -> Iterator[RawPart]:
    if isinstance(item, dict) and item.keys() - {_CACHED} == {"type", "text"} and item["type"] == "text":
        text = item["text"]
        if not isinstance(text, str):
            raise invalid_request("the text of a content part is a string")
        yield from text_part(pointer, role, origin, text)
        yield from remaining_members(f"{pointer}/{_CACHED}", role, item, frozenset({"type", "text"}))
    else:
        # Images, files, audio, and text parts with members that nobody here knows.
        yield from media_parts(PLACES, pointer, role, origin, item)


def upstream_headers(key: str | None) -> tuple[tuple[str, str], ...]:
    """How the gateway authenticates itself at an upstream of this protocol."""
    return (("authorization", f"Bearer {key}"),) if key else ()


def render_error(error: GatewayError) -> bytes:
    """The body of an error answer."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    return orjson.dumps({"error": _error(kind, error.code, error.message, {"hint": error.hint})})


def render_refusal(code: str, message: str, members: Mapping[str, Json]) -> bytes:
    """The body of a refusal."""
    return orjson.dumps({"error": _error("caveat_refusal", code, message, members)})


def _error(kind: str, code: str, message: str, members: Mapping[str, Json]) -> JsonObject:
    return {"message": message, "type": kind, "param": None, "code": code, **members}


def is_answer(value: Json) -> bool:
    """Whether a parsed body is a chat completion."""
    return isinstance(value, dict) and isinstance(value.get("choices"), list)


def ends_stream(event: bytes) -> bool:
    """Whether this event is the last of a complete stream."""
    return event.startswith(b"data:") and event[5:].strip() == b"[DONE]"


def end_stream(error_body: bytes) -> bytes:
    """The events that end a stream with the body of an error or a refusal: that, then the end mark."""
    return b"data: " + error_body + b"\n\ndata: [DONE]\n\n"


def render_stream_error(error: GatewayError) -> bytes:
    """The events that end a stream which cannot go on."""
    return end_stream(render_error(error))


tool_calls = openai_tools.tool_calls
tool_reader = openai_tools.tool_reader
