"""One model call from its bytes to the last byte of its answer."""

import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import orjson

from caveat.gateway.answer_headers import answer_headers, verdict_headers
from caveat.gateway.desk import Desk
from caveat.gateway.errors import GatewayError, UpstreamError
from caveat.gateway.heard import hear_answer, hear_prompt
from caveat.gateway.http import JSON, NO_RETRY, Send, send_piece, send_start, send_whole
from caveat.gateway.identity.callers import Caller
from caveat.gateway.ports import Law
from caveat.gateway.redact_stream import redact_stream, redact_whole
from caveat.gateway.redacting import AnswerRedaction, redacts_alike
from caveat.gateway.refusal import refusal_body
from caveat.gateway.requested import read_use
from caveat.gateway.routes import Target
from caveat.gateway.routing import Opened
from caveat.gateway.ruling import Ruling
from caveat.gateway.said import Said, scores_of_answer
from caveat.gateway.screening import Scores
from caveat.gateway.stream import StreamEnd, halted, release_stream
from caveat.gateway.text_hold import hold_texts
from caveat.gateway.tool_hold import decide_calls, hold_calls, strictest_refusal
from caveat.gateway.tracing import Trace
from caveat.gateway.upstream import forwardable
from caveat.gateway.usage import StreamUsage, Usage, estimated, usage_in
from caveat.gateway.wire.answered import StreamedAnswer
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.request import WireRequest
from caveat.gateway.wire.tool_calls import ToolCall
from caveat.signing.canonical import Json


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One allowed call under way. `metered`: whether anybody wants to know its tokens."""

    desk: Desk
    wire: Wire
    caller: Caller
    request: WireRequest
    trace: Trace
    metered: bool

    def settle(self, said: Usage | None, received: int) -> None:
        """Counts what the answer used up, whatever became of it."""
        if not self.metered:
            return
        usage = said or estimated(len(self.request.forward), received)
        self.trace.used(usage)
        self.desk.budgets.spend(self.caller.principal, usage.total, self.desk.gate.now().date())


async def run_exchange(
    desk: Desk, wire: Wire, caller: Caller, headers: Mapping[str, str], body: bytes, send: Send
) -> None:
    """Decides, forwards, decides again and answers; raises `GatewayError` while nothing was sent."""
    began = time.perf_counter()
    use, request = read_use(desk, wire, caller, headers, body)
    targets = desk.router.targets(wire, request.model)
    served = tuple(target.model for target in targets if target.model is not None)
    use = replace(use, served=served) if served else use
    trace = desk.tracing.begin(wire, request.model, caller.deployment.id, headers)
    limited = caller.deployment.budget.tokens_per_day is not None
    metered = wire.OPERATION is not None and (limited or desk.tracing.on)
    exchange = _Exchange(desk, wire, caller, request, trace, metered)
    code: str | None = "interrupted"
    try:
        prompt = await desk.gate.decide_prompt(use)
        trace.ruled(prompt)
        desk.metrics.gated(time.perf_counter() - began)
        if prompt.released:
            hear_prompt(desk, prompt)
            await _ask(exchange, targets, prompt, headers, send)
            desk.metrics.answered(time.perf_counter() - began)
        else:
            await _refuse(desk, wire, prompt, send)
        code = None
    except GatewayError as error:
        code = error.code
        raise
    finally:
        trace.end(code)


async def _ask(
    exchange: _Exchange,
    targets: tuple[Target, ...],
    prompt: Ruling,
    headers: Mapping[str, str],
    send: Send,
) -> None:
    forwarded = forwardable(headers, exchange.caller.secret)
    forwarded.update(exchange.trace.headers())
    asked = exchange.request
    if prompt.redacted is not None and prompt.redacted.forward is not None:
        asked = replace(asked, forward=prompt.redacted.forward)
    opened = await exchange.desk.router.ask(targets, exchange.wire, asked, forwarded)
    exchange.trace.answered(opened.target.name, opened.answer.status)
    try:
        if opened.arriving is None:
            await _answer_whole(exchange, prompt, opened, send)
        else:
            await _answer_stream(exchange, prompt, opened, opened.arriving, send)
    finally:
        opened.answer.close()


async def _answer_whole(exchange: _Exchange, prompt: Ruling, opened: Opened, send: Send) -> None:
    desk, wire, answer, body = exchange.desk, exchange.wire, opened.answer, opened.first
    if answer.status == 200:
        value = _parsed(body)
        if not wire.is_answer(value):
            raise UpstreamError(
                502, "upstream_invalid", "the model's endpoint gave no answer of this protocol"
            )
        if exchange.metered:
            exchange.settle(usage_in(value), len(body))
    law = desk.law_now()
    redaction = desk.gate.redaction_of_answer(prompt, law, len(body))
    body = redact_whole(body, redaction)
    # No client looks for a call in an error.
    calls = wire.tool_calls(body) if answer.status < 400 else ()
    tools = await decide_calls(calls, partial(_decide_calls, exchange, prompt, redaction is not None))
    refused = strictest_refusal(tools)
    if refused is not None:
        await _refuse(desk, wire, refused, send)
        return
    law = _law_now(desk, law)
    output = await desk.gate.decide_output(prompt, law, body, await scores_of_answer(law, body), redaction)
    exchange.trace.ruled(output)
    if not output.released:
        await _refuse(desk, wire, output, send)
        return
    retry = [NO_RETRY] if answer.status >= 400 else []
    headers = [*answer_headers(opened, prompt, output, tools), *retry]
    if answer.status < 400:
        hear_answer(desk, prompt, _parsed(body))
    await send_whole(send, answer.status, body, headers)
    _log_use(desk, prompt, output, answer.status)


def _law_now(desk: Desk, before: Law) -> Law:
    """The law in force now. Raises where other content has to be replaced than was under the one before."""
    law = desk.law_now()
    if law is not before and not redacts_alike(before.bundle, law.bundle):
        raise halted()
    return law


async def _decide_calls(
    exchange: _Exchange, prompt: Ruling, redacted: bool, calls: Sequence[ToolCall]
) -> tuple[Ruling, ...]:
    desk = exchange.desk
    rulings = await desk.gate.decide_tools(prompt, desk.law_now(), calls, redacted=redacted)
    for ruling in rulings:
        exchange.trace.ruled(ruling)
    return rulings


async def _answer_stream(
    exchange: _Exchange, prompt: Ruling, opened: Opened, arriving: AsyncIterator[bytes], send: Send
) -> None:
    desk, wire = exchange.desk, exchange.wire
    law = desk.law_now()
    said = Said(law)
    redaction = desk.gate.redaction_of_answer(prompt, law, None)
    output = await desk.gate.decide_output(prompt, law, None, said.scores(law), redaction)
    exchange.trace.ruled(output)
    if not output.released:
        exchange.settle(None, len(opened.first))
        await _refuse(desk, wire, output, send)
        return
    await send_start(send, opened.answer.status, answer_headers(opened, prompt, output))
    usage = StreamUsage()

    def metered(window: bytes) -> bytes:
        if exchange.metered:
            usage.feed(window)  # whether it is released or refused: the endpoint has used it up
        return window

    async def from_first() -> AsyncIterator[bytes]:
        yield metered(opened.first)
        async for window in arriving:
            yield metered(window)

    heard = StreamedAnswer()

    async def release(window: bytes) -> None:
        heard.feed(window)
        if heard.ended:  # before its last byte, with which a caller may go on at once
            hear_answer(desk, prompt, heard.value())
        await send_piece(send, window)

    def finish(end: StreamEnd) -> Awaitable[None]:
        # The record first: whatever else could fail here must not keep it from being made.
        recorded = desk.background(_finish_stream(desk, prompt, output, end, redaction))
        exchange.settle(usage.result(), end.size)
        if not heard.ended:
            hear_answer(desk, prompt, heard.value())
        return recorded

    async def decide_said(scores: Scores) -> Ruling:
        current = _law_now(desk, law)
        said.found(scores)
        ruling = await desk.gate.decide_output(prompt, current, None, said.scores(current), redaction)
        exchange.trace.ruled(ruling)
        return ruling

    async def decide_again(current: Law) -> Ruling:
        _law_now(desk, law)
        return await desk.gate.decide_output(prompt, current, None, said.scores(current), redaction)

    # The screens read what the caller would see: placeholders are restored before, not after.
    first = from_first()
    replaced = first if redaction is None else redact_stream(first, wire, redaction)
    read = hold_texts(replaced, wire, said.screening, decide_said)
    decided = hold_calls(
        read, wire.tool_reader(), partial(_decide_calls, exchange, prompt, redaction is not None)
    )
    await release_stream(decided, wire, desk.gate, decide_again, output, desk.law_now, release, finish)
    await send_piece(send, b"", last=True)


def _parsed(body: bytes) -> Json:
    try:
        value: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value


async def _refuse(desk: Desk, wire: Wire, ruling: Ruling, send: Send) -> None:
    body = refusal_body(wire, ruling)
    await send_whole(send, 403, body, [JSON, NO_RETRY, *verdict_headers(ruling, None)])
    _log_use(desk, ruling, None, 403)


def _log_use(desk: Desk, ruling: Ruling, output: Ruling | None, status: int) -> None:
    decision = (output or ruling).decision
    desk.log.info(
        "use",
        deployment=ruling.use.deployment.id,
        protocol=ruling.use.call.protocol,
        point=(output or ruling).use.call.point.value,
        verdict=decision.verdict.value,
        reason=decision.reason.value,
        clauses=decision.clauses,
        incident=decision.incident,
        record=ruling.record_id,
        status=status,
    )


async def _finish_stream(
    desk: Desk, prompt: Ruling, output: Ruling, end: StreamEnd, redaction: AnswerRedaction | None
) -> None:
    desk.metrics.stream_ended(end.end)
    error = end.error
    try:
        complete = end.end == "complete"
        await desk.gate.record_end(output, end.released, end.size, complete=complete, redaction=redaction)
    except GatewayError as fault:
        # What was let through stands under a durable decision; readiness turns red.
        error = fault
    if error is not None and end.end != "refused":
        desk.metrics.fault(error.code)
    desk.log.info(
        "stream",
        deployment=prompt.use.deployment.id,
        protocol=prompt.use.call.protocol,
        verdict=output.decision.verdict.value,
        record=prompt.record_id,
        output_record=output.record_id,
        end=end.end,
        bytes=end.size,
        code=None if error is None else error.code,
    )
