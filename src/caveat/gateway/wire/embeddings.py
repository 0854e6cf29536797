"""OpenAI embeddings: each input string is a part, as a message's words are. Errors are those of chat.

Source: the published API reference of embeddings, as its official Python client speaks it.
"""

from collections.abc import Iterator

from caveat.call.call import Form
from caveat.call.parts import Origin, RawPart
from caveat.gateway.wire import openai
from caveat.gateway.wire.history import Known
from caveat.gateway.wire.request import (
    WireRequest,
    invalid_request,
    parse_document,
    read_model,
    remaining_members,
    structure_part,
    text_part,
)
from caveat.gateway.wire.tool_calls import NoCalls, no_calls
from caveat.signing.canonical import Json

NAME = openai.NAME
ACTION = "embeddings"
PATH = "/v1/embeddings"
OPERATION = "embeddings"
END_MARK = openai.END_MARK
_KNOWN = frozenset({"input", "model"})

upstream_headers = openai.upstream_headers
render_error = openai.render_error
render_refusal = openai.render_refusal
ends_stream = openai.ends_stream
end_stream = openai.end_stream
render_stream_error = openai.render_stream_error
tool_calls = no_calls
tool_reader = NoCalls


def parse_request(
    body: bytes,
    *,
    max_bytes: int,
    model: str | None = None,
    known: Known | None = None,  # noqa: ARG001 - the protocol's signature
) -> WireRequest:
    """The request in `body`; raises `RequestError`. Texts have no history that could be known."""
    document = parse_document(body, max_bytes=max_bytes, model=model)
    members = document.members
    parts = (*_input_parts(members.get("input")), *remaining_members("", "request", members, _KNOWN))
    return WireRequest(
        model=read_model(members),
        stream=False,
        raw_parts=parts,
        extension=document.extension,
        forward=document.forward,
        form=Form(),  # no chat, so no workflow is matched
    )


def _input_parts(value: Json) -> Iterator[RawPart]:
    if isinstance(value, str):
        yield from text_part("/input", "user", Origin.TEXT, value)
    elif isinstance(value, list) and value and all(isinstance(item, int) for item in value):
        yield structure_part("/input", "user", value, Origin.OPAQUE)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield from text_part(f"/input/{index}", "user", Origin.TEXT, item)
            else:
                # Token numbers: words that the gateway cannot read are data.
                yield structure_part(f"/input/{index}", "user", item, Origin.OPAQUE)
    else:
        raise invalid_request("`input` is a text, or a list of texts or token numbers that is not empty")


def is_answer(value: Json) -> bool:
    """Whether a parsed body is a list of embeddings."""
    return isinstance(value, dict) and isinstance(value.get("data"), list)
