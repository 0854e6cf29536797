"""Anthropic count_tokens: the same words go to the endpoint as in a message, so it is a use like a message.

Source: the published API reference of messages, as its official Python client speaks it.
"""

from caveat.gateway.wire import anthropic
from caveat.gateway.wire.tool_calls import NoCalls, no_calls
from caveat.signing.canonical import Json

NAME = anthropic.NAME
ACTION = "messages.count_tokens"
PATH = "/v1/messages/count_tokens"
OPERATION: str | None = None
END_MARK = anthropic.END_MARK

parse_request = anthropic.parse_request
upstream_headers = anthropic.upstream_headers
render_error = anthropic.render_error
render_refusal = anthropic.render_refusal
ends_stream = anthropic.ends_stream
end_stream = anthropic.end_stream
render_stream_error = anthropic.render_stream_error
tool_calls = no_calls
tool_reader = NoCalls


def is_answer(value: Json) -> bool:
    """Whether a parsed body is a count."""
    return isinstance(value, dict) and isinstance(value.get("input_tokens"), int)
