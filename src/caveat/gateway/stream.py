"""A stream, window by window: nothing leaves before its decision, and it ends well-formed whatever happens.

Laws: the output decision is durable before the first byte is released; a window holds whole events only,
so a cut upstream never leaves half an event behind; each window leaves under the law in force at that
moment, and none once an overseer has halted it; a call of a tool leaves when it is complete and decided;
after the end, or when the caller has gone, the ledger holds the HMAC of what was let through.
Source: ADR-0008.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from caveat.gateway.errors import FaultError, GatewayError, UpstreamError
from caveat.gateway.gate import Gate
from caveat.gateway.ports import Law
from caveat.gateway.refusal import refusal_body
from caveat.gateway.ruling import Ruling
from caveat.gateway.text_hold import OutputRefusedError
from caveat.gateway.tool_hold import ToolRefusedError
from caveat.gateway.wire.protocol import Wire

MAX_EVENT_BYTES = 1024 * 1024
_BOUNDARIES = (b"\n\n", b"\r\n\r\n", b"\r\r")


class Windows:
    """Cuts a byte stream into windows of whole events."""

    def __init__(self) -> None:
        """Nothing held back yet."""
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """All events that are complete now; empty where none is. Raises `UpstreamError` for a giant event."""
        data = self._held + chunk
        cut = max(at + len(mark) if (at := data.rfind(mark)) >= 0 else 0 for mark in _BOUNDARIES)
        self._held = data[cut:]
        if len(self._held) > MAX_EVENT_BYTES:
            raise UpstreamError(502, "upstream_invalid", "the model's endpoint sent an event without an end")
        return data[:cut]


async def windows(chunks: AsyncIterator[bytes], wire: Wire) -> AsyncIterator[bytes]:
    """The windows of a complete stream; raises `UpstreamError` for one that stops before its end mark.

    What an endpoint sends after the end mark's window is not released.
    """
    cutter = Windows()
    async for chunk in chunks:
        window = cutter.feed(chunk)
        if window:
            yield window
            if wire.END_MARK in window and any(wire.ends_stream(event) for event in _events(window)):
                return
    raise UpstreamError(
        502, "upstream_cut", "the model's endpoint broke off its answer", "send the request again"
    )


def _events(window: bytes) -> list[bytes]:
    return window.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How a stream ended, and what had been let through.

    `end`: `complete`, `cut`, `halted`, `refused` (a call of a tool, or what was said) or `client_gone`.
    """

    end: str
    size: int
    released: bytes
    error: GatewayError | None = None


async def release_stream(
    arriving: AsyncIterator[bytes],
    wire: Wire,
    gate: Gate,
    decide_again: Callable[[Law], Awaitable[Ruling]],
    output: Ruling,
    law_now: Callable[[], Law],
    send: Callable[[bytes], Awaitable[None]],
    finish: Callable[[StreamEnd], Awaitable[None]],
) -> None:
    """Releases the windows under `output`, a ruling that is released, and hands its end to `finish`.

    `decide_again` rules once the law has changed.

    `send` paces this loop, and this loop paces the upstream. Cancelling it, which is how a caller that has
    gone is noticed, does not cancel `finish`.
    """
    digest, size = gate.audit_hmac(), 0
    end, failure = "client_gone", None
    ruling = output
    try:
        async for window in arriving:
            if law_now() is not ruling.use.law or gate.is_halted(ruling):
                ruling = await decide_again(law_now())
                if not ruling.released:
                    raise halted() if ruling.halt is None else stopped_by_overseer()
            digest.update(window)
            size += len(window)
            await send(window)
        end = "complete"
    except GatewayError as error:
        end, failure = _end_of(error), error
        await send(_ending(wire, error))
    finally:
        await asyncio.shield(finish(StreamEnd(end, size, digest.digest(), failure)))


def _end_of(error: GatewayError) -> str:
    if isinstance(error, (ToolRefusedError, OutputRefusedError)):
        return "refused"
    return "cut" if isinstance(error, FaultError) else "halted"


def _ending(wire: Wire, error: GatewayError) -> bytes:
    if isinstance(error, (ToolRefusedError, OutputRefusedError)):
        return wire.end_stream(refusal_body(wire, error.ruling))
    return wire.render_stream_error(error)


def halted() -> GatewayError:
    """What is under way may not go on under the law that is in force now."""
    return GatewayError(
        403,
        "halted",
        "the policy changed while this answer was streaming, and no longer permits it",
        "nothing further is released",
    )


def stopped_by_overseer() -> GatewayError:
    """What is under way was halted by a person."""
    return GatewayError(
        403,
        "halted_by_overseer",
        "an overseer has halted this while its answer was streaming",
        "nothing further is released; ask the overseers, two of whom can release it",
    )
