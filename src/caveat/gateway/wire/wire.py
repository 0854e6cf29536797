"""What every protocol at the door provides, and which protocol speaks at which path."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from caveat.gateway.errors import GatewayError
from caveat.gateway.wire import anthropic, openai
from caveat.gateway.wire.request import WireRequest
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
        """Where it is served, here and at the upstream."""
        ...

    @property
    def END_MARK(self) -> bytes:  # noqa: N802 - the same
        """Bytes that the last event of a complete stream contains, and few others do."""
        ...

    def parse_request(self, body: bytes, *, max_bytes: int) -> WireRequest:
        """The request in `body`; raises `RequestError` and nothing else."""
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


_PROTOCOLS: tuple[Wire, Wire] = (openai, anthropic)
OPENAI, ANTHROPIC = _PROTOCOLS
WIRES: Mapping[str, Wire] = MappingProxyType({wire.PATH: wire for wire in _PROTOCOLS})


def wire_for(path: str, headers: Mapping[str, str]) -> Wire:
    """The protocol whose error form a caller will understand, at any path."""
    known = WIRES.get(path)
    if known is not None:
        return known
    return ANTHROPIC if "anthropic-version" in headers else OPENAI
