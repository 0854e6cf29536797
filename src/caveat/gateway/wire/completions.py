"""OpenAI completions, the older form: each prompt is a part, as a message's words are.

Source: the published API reference of completions, as its official Python client speaks it.
"""

from collections.abc import Iterator

from caveat.call.parts import Origin, RawPart
from caveat.gateway.wire import openai
from caveat.gateway.wire.form import read_form
from caveat.gateway.wire.history import Known
from caveat.gateway.wire.request import (
    WireRequest,
    invalid_request,
    parse_document,
    read_model,
    read_stream,
    remaining_members,
    structure_part,
    text_part,
)
from caveat.gateway.wire.tool_calls import NoCalls, no_calls
from caveat.signing.canonical import Json

NAME = openai.NAME
ACTION = "completions"
PATH = "/v1/completions"
OPERATION = "text_completion"
END_MARK = openai.END_MARK
_KNOWN = frozenset({"model", "prompt", "stream"})

upstream_headers = openai.upstream_headers
render_error = openai.render_error
render_refusal = openai.render_refusal
is_answer = openai.is_answer
ends_stream = openai.ends_stream
render_stream_error = openai.render_stream_error
end_stream = openai.end_stream
tool_calls = no_calls
tool_reader = NoCalls


def parse_request(
    body: bytes,
    *,
    max_bytes: int,
    model: str | None = None,
    known: Known | None = None,  # noqa: ARG001 - the protocol's signature
) -> WireRequest:
    """The request in `body`; raises `RequestError`. A prompt has no history that could be known."""
    document = parse_document(body, max_bytes=max_bytes, model=model)
    members = document.members
    parts = (*_prompt_parts(members.get("prompt")), *remaining_members("", "request", members, _KNOWN))
    return WireRequest(
        read_model(members),
        read_stream(members),
        parts,
        document.extension,
        document.forward,
        read_form(
            members, plain_messages=False
        ),  # never plain, as `prompt` is no setting: no workflow is matched
    )


def _prompt_parts(value: Json) -> Iterator[RawPart]:
    if isinstance(value, str):
        yield from text_part("/prompt", "user", Origin.TEXT, value)
    elif isinstance(value, list) and value and all(isinstance(item, int) for item in value):
        # Token numbers: words that the gateway cannot read are data.
        yield structure_part("/prompt", "user", value, Origin.OPAQUE)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield from text_part(f"/prompt/{index}", "user", Origin.TEXT, item)
            else:
                yield structure_part(f"/prompt/{index}", "user", item, Origin.OPAQUE)
    elif value is not None:
        raise invalid_request("`prompt` is a text, or a list of texts or token numbers that is not empty")
