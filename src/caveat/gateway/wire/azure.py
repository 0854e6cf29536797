"""Azure OpenAI: the requests and answers of OpenAI, with the model's name in the path.

Guarantee: the name in the path is the model that is decided on, recorded and forwarded, whatever the body
says; so one body under two names is two actions. Source: the published reference of the Azure OpenAI data
plane, as `openai.AzureOpenAI` speaks it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from caveat.gateway.errors import GatewayError
from caveat.gateway.wire.history import Known
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.request import WireRequest
from caveat.gateway.wire.tool_calls import ToolCall, ToolReader
from caveat.signing.canonical import Json

NAME = "azure"


@dataclass(frozen=True, slots=True)
class AzureWire:
    """One path of Azure's: `base` is the protocol of its bodies, `name` the model in the path, if any."""

    base: Wire
    name: str | None

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of every protocol
        """As records and metrics say it."""
        return NAME

    @property
    def ACTION(self) -> str:  # noqa: N802 - the same
        """As of the protocol of the bodies."""
        return self.base.ACTION

    @property
    def PATH(self) -> str:  # noqa: N802 - the same
        """Where an upstream that speaks plain OpenAI serves it."""
        return self.base.PATH

    @property
    def OPERATION(self) -> str | None:  # noqa: N802 - the same
        """As of the protocol of the bodies."""
        return self.base.OPERATION

    @property
    def END_MARK(self) -> bytes:  # noqa: N802 - the same
        """As of the protocol of the bodies."""
        return self.base.END_MARK

    def parse_request(
        self, body: bytes, *, max_bytes: int, model: str | None = None, known: Known | None = None
    ) -> WireRequest:
        """The request in `body`, to the model in the path where there is one; raises `RequestError`."""
        return self.base.parse_request(body, max_bytes=max_bytes, model=model or self.name, known=known)

    def upstream_headers(self, key: str | None) -> tuple[tuple[str, str], ...]:
        """How the gateway authenticates itself at an upstream that speaks plain OpenAI."""
        return self.base.upstream_headers(key)

    def render_error(self, error: GatewayError) -> bytes:
        """The body of an error answer."""
        return self.base.render_error(error)

    def render_refusal(self, code: str, message: str, members: Mapping[str, Json]) -> bytes:
        """The body of a refusal."""
        return self.base.render_refusal(code, message, members)

    def is_answer(self, value: Json) -> bool:
        """Whether a parsed body is what a successful call answers."""
        return self.base.is_answer(value)

    def ends_stream(self, event: bytes) -> bool:
        """Whether this event is the last of a complete stream."""
        return self.base.ends_stream(event)

    def render_stream_error(self, error: GatewayError) -> bytes:
        """The events that end a stream which cannot go on."""
        return self.base.render_stream_error(error)

    def end_stream(self, error_body: bytes) -> bytes:
        """The events that end a stream with the body of an error or a refusal."""
        return self.base.end_stream(error_body)

    def tool_calls(self, body: bytes) -> tuple[ToolCall, ...]:
        """The calls of tools that a whole answer asks for."""
        return self.base.tool_calls(body)

    def tool_reader(self) -> ToolReader:
        """What follows the calls of one stream."""
        return self.base.tool_reader()
