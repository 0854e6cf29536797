"""What every protocol at the door provides."""

from collections.abc import Mapping
from typing import Protocol

from caveat.gateway.errors import GatewayError
from caveat.gateway.wire.history import Known
from caveat.gateway.wire.request import WireRequest
from caveat.gateway.wire.tool_calls import ToolCall, ToolReader
from caveat.signing.canonical import Json


class Wire(Protocol):
    """One protocol. Two similar adapters stay two modules; a contract test holds both to this."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module that implements this
        """The protocol's name in records and metrics."""
        ...

    @property
    def ACTION(self) -> str:  # noqa: N802 - the same
        """What a request does, in records."""
        ...

    @property
    def PATH(self) -> str:  # noqa: N802 - the same
        """Where an upstream of this protocol serves it."""
        ...

    @property
    def OPERATION(self) -> str | None:  # noqa: N802 - the same
        """What the model does, in the words of the GenAI conventions; None where it does not run."""
        ...

    @property
    def END_MARK(self) -> bytes:  # noqa: N802 - the same
        """Bytes that the last event of a complete stream contains, and few others do."""
        ...

    def parse_request(
        self, body: bytes, *, max_bytes: int, model: str | None = None, known: Known | None = None
    ) -> WireRequest:
        """The request in `body`; raises `RequestError` and nothing else.

        `model`: stands in place of the body's own. `known`: of a request of this protocol that began with
        the same bytes; it changes what reading costs and nothing else.
        """
        ...

    def upstream_headers(self, key: str | None) -> tuple[tuple[str, str], ...]:
        """How the gateway authenticates itself at an upstream."""
        ...

    def render_error(self, error: GatewayError) -> bytes:
        """The body of an error answer."""
        ...

    def render_refusal(self, code: str, message: str, members: Mapping[str, Json]) -> bytes:
        """The body of a refusal."""
        ...

    def is_answer(self, value: Json) -> bool:
        """Whether a parsed body is what a successful call answers."""
        ...

    def ends_stream(self, event: bytes) -> bool:
        """Whether this event is the last of a complete stream."""
        ...

    def render_stream_error(self, error: GatewayError) -> bytes:
        """The events that end a stream which cannot go on."""
        ...

    def end_stream(self, error_body: bytes) -> bytes:
        """The events that end a stream with the body of an error or a refusal."""
        ...

    def tool_calls(self, body: bytes) -> tuple[ToolCall, ...]:
        """The calls of tools that a whole answer asks for; never none where a client could see one."""
        ...

    def tool_reader(self) -> ToolReader:
        """What follows the calls of one stream."""
        ...
