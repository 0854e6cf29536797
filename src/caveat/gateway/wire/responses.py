"""OpenAI responses: requests in, refusals, errors and ends of streams out.

What an endpoint keeps is content that nobody here sees: a stored response, conversation, item or prompt
template is an opaque part, bound by its id, and so is encrypted content. It is data, and unattested until
somebody attests it. Source: the published API reference of responses, as its official Python client speaks
it; ADR-0025.
"""

from collections.abc import Iterator, Mapping

import orjson

from caveat.call.call import Form
from caveat.call.parts import Origin, RawPart, raw_part
from caveat.gateway.errors import GatewayError, RequestError
from caveat.gateway.wire import openai, responses_tools
from caveat.gateway.wire.form import read_count, tool_names
from caveat.gateway.wire.history import Known, Message, Messages, read_after
from caveat.gateway.wire.items import content_parts, item_parts
from caveat.gateway.wire.pairing import NOTHING, Exchanged, ids
from caveat.gateway.wire.request import (
    Document,
    WireRequest,
    invalid_request,
    kind_of,
    parse_document,
    remaining_members,
    structure_part,
    text_part,
)
from caveat.gateway.wire.tool_calls import member
from caveat.gateway.wire.utterance import input_utterance, item_utterance
from caveat.signing.canonical import Json, JsonObject

NAME = openai.NAME
ACTION = "responses"
PATH = "/v1/responses"
OPERATION = "chat"
END_MARK = b'"response"'
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
_STORED = ("previous_response_id", "conversation", "prompt")
_SEPARATE = ("text",)
_KNOWN = frozenset({"input", "instructions", "model", "stream", "tools", *_STORED, *_SEPARATE})
_OWN_TOOLS = frozenset({"function", "custom"})

upstream_headers = openai.upstream_headers
render_error = openai.render_error
render_refusal = openai.render_refusal


def parse_request(
    body: bytes, *, max_bytes: int, model: str | None = None, known: Known | None = None
) -> WireRequest:
    """The request in `body`; raises `RequestError`."""
    document = parse_document(body, max_bytes=max_bytes, model=model, member="input", known=known)
    members = document.members
    _refuse_background(members)
    parts = [*_stored_parts(members), *_instruction_parts(members.get("instructions"))]
    messages = _read_input(document)
    parts += messages.parts
    settled = len(parts)
    parts += _tool_parts(members.get("tools"))
    parts += (structure_part(f"/{name}", "request", members[name]) for name in _SEPARATE if members.get(name))
    parts += remaining_members("", "request", members, _KNOWN)
    return document.request(parts, _form(members, messages), messages, settled)


def _refuse_background(members: Mapping[str, Json]) -> None:
    """An answer that is fetched later would be fetched past its decision."""
    background = members.get("background")
    if background is not None and background is not False:
        raise RequestError(
            400,
            "background_unsupported",
            "an answer in the background would never be decided, so none is started",
            "send the request without `background`",
        )


def _stored_parts(members: Mapping[str, Json]) -> Iterator[RawPart]:
    for name in _STORED:
        value = members.get(name)
        if isinstance(value, str):
            yield raw_part(f"/{name}", "stored", Origin.OPAQUE, "text/plain", value.encode())
        elif value is not None:
            yield structure_part(f"/{name}", "stored", value, Origin.OPAQUE)


def _instruction_parts(value: Json) -> Iterator[RawPart]:
    if isinstance(value, str):
        yield from text_part("/instructions", "system", Origin.TEXT, value)
    elif value is not None:
        raise invalid_request("`instructions` is a text")


def _read_input(document: Document) -> Messages:
    value = document.members.get("input")
    if isinstance(value, list):
        return read_after(document.before, value, lambda place, item: _item(f"/input/{place}", item))
    words = () if value is None else content_parts("/input", "user", Origin.TEXT, value)
    said = (input_utterance(value),) if isinstance(value, str) else ()
    return Messages(tuple(words), utterances=said)


def _item(pointer: str, item: Json) -> Message:
    tools = tool_names(item) if isinstance(item, dict) else frozenset[str]()
    parts, said = tuple(item_parts(pointer, item)), item_utterance(item)
    return Message(parts, tools=tools, exchanged=_exchanged(item), utterance=said)


def _exchanged(item: Json) -> Exchanged:
    """An output answers a call that stands anywhere before it: a list of items has no turns."""
    kind, answers = kind_of(item), member(item, "call_id")
    if kind.endswith("_call_output"):
        return Exchanged(results=(answers if isinstance(answers, str) else None,))
    return Exchanged(ids([answers])) if kind.endswith("_call") else NOTHING


def _tool_parts(value: Json) -> Iterator[RawPart]:
    """A definition that the caller wrote out is structure. A hosted tool reads what nobody here sees."""
    if isinstance(value, list):
        for index, tool in enumerate(value):
            own = kind_of(tool) in _OWN_TOOLS
            origin = Origin.STRUCTURE if own else Origin.OPAQUE
            yield structure_part(f"/tools/{index}", "request", tool, origin)
    elif value:
        yield structure_part("/tools", "request", value, Origin.OPAQUE)


def _form(members: Mapping[str, Json], messages: Messages) -> Form:
    """Never plain, so no workflow is matched. A stored prompt may bring tools, and items define some too."""
    stored = frozenset(name for name in ("prompt",) if members.get(name))
    defined = stored | tool_names(members) | messages.tools
    return Form(plain=False, tools=defined, max_output_tokens=read_count(members, ("max_output_tokens",)))


def is_answer(value: Json) -> bool:
    """Whether a parsed body is a response."""
    return isinstance(value, dict) and isinstance(value.get("output"), list)


def ends_stream(event: bytes) -> bool:
    """Whether this event is the last of a complete stream: it says what became of the response."""
    if END_MARK not in event:
        return False
    data = b"\n".join(line[5:].strip() for line in event.splitlines() if line.startswith(b"data:"))
    try:
        value: Json = orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return kind_of(value) in _ENDS


def render_stream_error(error: GatewayError) -> bytes:
    """The event that ends a stream which cannot go on, in the documented form and in the one that is sent.

    The reference has code and message in the event itself; the endpoint nests them, and only so does the
    official client raise. The gateway does not number events.
    """
    return end_stream(render_error(error))


def end_stream(error_body: bytes) -> bytes:
    """The event that ends a stream with the body of an error or a refusal, in both forms."""
    nested: JsonObject = orjson.loads(error_body)
    event: JsonObject = {
        "type": "error",
        "code": member(nested.get("error"), "code"),
        "message": member(nested.get("error"), "message"),
        "param": None,
        "sequence_number": 0,
        **nested,
    }
    return b"event: error\ndata: " + orjson.dumps(event) + b"\n\n"


tool_calls = responses_tools.tool_calls
tool_reader = responses_tools.tool_reader
