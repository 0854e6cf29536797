"""Calls of tools between their endpoint and the caller: each decided before a byte of it is released.

Laws: what waits for a decision is released whole or not at all, in the order in which it came; what came
before it has been released and stays; a stream that keeps more waiting than the cap ends with an error.
Source: DESIGN section 4, LABELS R8, ADR-0026.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from caveat.gateway.errors import GatewayError, UpstreamError
from caveat.gateway.refusal import refusal_message
from caveat.gateway.ruling import Ruling
from caveat.gateway.wire.tool_calls import ToolCall, ToolReader

MAX_CALLS = 128
MAX_HELD_BYTES = 8 * 1024 * 1024
_EVENT = re.compile(rb"(?<=\n\n)|(?<=\r\r)|(?<=\r\n\r\n)")


class ToolRefusedError(GatewayError):
    """A call of a tool was refused while its stream was under way. `ruling`: the strictest one.

    The caller gets the refusal of the ruling; the code stands in the log.
    """

    def __init__(self, ruling: Ruling) -> None:
        """Of a ruling that is not released."""
        super().__init__(403, "tool_refused", refusal_message(ruling.decision))
        self.ruling = ruling


DecideCalls = Callable[[Sequence[ToolCall]], Awaitable[tuple[Ruling, ...]]]
"""A durable ruling on each call of one answer, in their order."""


async def decide_calls(calls: Sequence[ToolCall], decide: DecideCalls) -> tuple[Ruling, ...]:
    """A durable ruling on each call, in their order; raises `UpstreamError` where they are too many."""
    if len(calls) > MAX_CALLS:
        raise UpstreamError(
            502,
            "upstream_too_large",
            f"the model's endpoint asked for more than {MAX_CALLS} calls of tools at once",
        )
    return await decide(calls) if calls else ()


def strictest_refusal(rulings: Sequence[Ruling]) -> Ruling | None:
    """The ruling that decides over an answer with these calls; None where every one is released.

    Of calls that wait it is one that people have still to approve.
    """
    refused = [ruling for ruling in rulings if not ruling.released]
    return max(refused, key=_severity, default=None)


def _severity(ruling: Ruling) -> tuple[int, bool]:
    return ruling.decision.verdict.strictness, ruling.hold is None or not ruling.hold.is_approved


async def hold_calls(
    arriving: AsyncIterator[bytes], reader: ToolReader, decide: DecideCalls
) -> AsyncIterator[bytes]:
    """The windows of a stream, each as it comes while no call is under way.

    From the first event of a call on everything waits until the call is decided. Raises `ToolRefusedError`
    for one that is not released, and `UpstreamError` where more waits than may.
    """
    waiting: list[bytes] = []
    held = 0  # over the whole stream: a reader keeps what it has seen of every call
    async for window in arriving:
        if not reader.concerns(window):
            yield window
            continue
        for event in _EVENT.split(window):
            if not event:
                continue
            progress = reader.read(event)
            if progress.held or progress.calls:
                waiting.append(event)
                held += len(event)
                if held > MAX_HELD_BYTES:
                    raise UpstreamError(
                        502,
                        "upstream_too_large",
                        "the model's endpoint sent calls of tools that are too large",
                    )
            if progress.calls:
                refused = strictest_refusal(await decide_calls(progress.calls, decide))
                if refused is not None:
                    raise ToolRefusedError(refused)
                yield b"".join(waiting)
                waiting.clear()
            elif not progress.held:
                if waiting:
                    raise UpstreamError(
                        502,
                        "upstream_invalid",
                        "the model's endpoint sent a call of a tool that nobody can read",
                    )
                yield event
