"""One model call from its bytes to the last byte of its answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field

import orjson
from structlog.types import FilteringBoundLogger

from caveat.call.call import Call, Point
from caveat.call.parts import classify_parts
from caveat.gateway.errors import GatewayError, RequestError, UpstreamError
from caveat.gateway.evidence_header import read_evidence
from caveat.gateway.gate import Gate, Ruling, Use
from caveat.gateway.http import (
    JSON,
    NO_RETRY,
    Caller,
    Send,
    send_piece,
    send_start,
    send_whole,
)
from caveat.gateway.metrics import Metrics
from caveat.gateway.ports import Law
from caveat.gateway.refusal import refusal_code, refusal_members, refusal_message
from caveat.gateway.stream import StreamEnd, release_stream, windows
from caveat.gateway.upstream import Upstream, UpstreamAnswer, forwardable, returnable
from caveat.gateway.wire.request import WireRequest
from caveat.gateway.wire.wire import Wire


@dataclass(frozen=True, slots=True)
class Desk:
    """What every exchange uses. One per process."""

    gate: Gate
    upstream: Upstream
    metrics: Metrics
    log: FilteringBoundLogger
    law_now: Callable[[], Law]
    max_body_bytes: int
    _running: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    def background(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        """Runs what has to finish even if the caller has gone."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def settle(self) -> None:
        """Waits for whatever runs in the background."""
        while self._running:
            await asyncio.wait(self._running)


def read_use(
    desk: Desk, wire: Wire, caller: Caller, headers: Mapping[str, str], body: bytes
) -> tuple[Use, WireRequest]:
    """The use in these bytes; raises `RequestError`. Nothing is decided yet."""
    request = wire.parse_request(body, max_bytes=desk.max_body_bytes)
    evidence = read_evidence(headers)
    law = caller.law
    bundle = law.bundle
    found = law.witnesses.find(evidence, [part.digest for part in request.raw_parts])
    unknown = request.extension.claims.keys() - bundle.registry.facts.keys()
    if unknown:
        raise RequestError(
            400,
            "unknown_claim",
            "`caveat.claims` names a fact that the policy bundle does not declare",
            "facts.toml of the bundle in force declares the facts",
        )
    parts = classify_parts(
        request.raw_parts,
        request.extension.declared,
        found.covered,
        bundle.typed_text_max_bytes,
        caller.deployment.max_identifiers,
    )
    if not request.extension.declared.keys() <= {part.pointer for part in parts}:
        raise RequestError(
            400, "unknown_part", "`caveat.data` names a part that the request has not", "see its pointers"
        )
    deployment = caller.deployment
    call = Call(
        point=Point.PROMPT,
        protocol=wire.NAME,
        deployment=deployment.id,
        model=request.model,
        parts=parts,
        claims=request.extension.claims,
        stream=request.stream,
        action_digest=desk.gate.name(deployment.id, Point.PROMPT, wire.NAME, request.forward),
        evidence=evidence,
        workflow=request.extension.workflow,
        form=request.form,
    )
    return Use(law, deployment, caller.principal, wire.ACTION, call, found.stored), request


async def run_exchange(
    desk: Desk, wire: Wire, caller: Caller, headers: Mapping[str, str], body: bytes, send: Send
) -> None:
    """Decides, forwards, decides again and answers; raises `GatewayError` while nothing was sent."""
    began = time.perf_counter()
    use, request = read_use(desk, wire, caller, headers, body)
    prompt = await desk.gate.decide_prompt(use)
    desk.metrics.gated(time.perf_counter() - began)
    if not prompt.released:
        await _refuse(desk, wire, prompt, send)
        return
    forwarded = forwardable(headers, caller.secret)
    forwarded.update(wire.upstream_headers(desk.upstream.key))
    answer = await desk.upstream.post(wire.PATH, request.forward, forwarded)
    try:
        if answer.is_event_stream:
            await _answer_stream(desk, wire, prompt, answer, send)
        else:
            await _answer_whole(desk, wire, prompt, answer, send)
    finally:
        answer.close()
        desk.metrics.answered(time.perf_counter() - began)


async def _answer_whole(desk: Desk, wire: Wire, prompt: Ruling, answer: UpstreamAnswer, send: Send) -> None:
    body = await answer.read()
    if answer.status == 200 and not _is_answer(wire, body):
        raise UpstreamError(502, "upstream_invalid", "the model's endpoint gave no answer of this protocol")
    output = await desk.gate.decide_output(prompt, desk.law_now(), body)
    if not output.released:
        await _refuse(desk, wire, output, send)
        return
    retry = [NO_RETRY] if answer.status >= 400 else []
    headers = [*returnable(answer.headers), *retry, *_verdict_headers(prompt, output)]
    await send_whole(send, answer.status, body, headers)
    _log_use(desk, prompt, output, answer.status)


async def _answer_stream(desk: Desk, wire: Wire, prompt: Ruling, answer: UpstreamAnswer, send: Send) -> None:
    arriving = windows(answer.chunks(), wire)
    # The first window is awaited before anything is decided or sent: an endpoint that breaks off at once
    # is then an ordinary error, not a broken stream.
    first = await anext(arriving)
    output = await desk.gate.decide_output(prompt, desk.law_now(), None)
    if not output.released:
        await _refuse(desk, wire, output, send)
        return
    await send_start(send, answer.status, [*returnable(answer.headers), *_verdict_headers(prompt, output)])

    async def from_first() -> AsyncIterator[bytes]:
        yield first
        async for window in arriving:
            yield window

    async def release(window: bytes) -> None:
        await send_piece(send, window)

    def finish(end: StreamEnd) -> Awaitable[None]:
        return desk.background(_finish_stream(desk, prompt, output, end))

    await release_stream(from_first(), wire, desk.gate, prompt, output, desk.law_now, release, finish)
    await send_piece(send, b"", last=True)


def _is_answer(wire: Wire, body: bytes) -> bool:
    try:
        return wire.is_answer(orjson.loads(body))
    except orjson.JSONDecodeError:
        return False


async def _refuse(desk: Desk, wire: Wire, ruling: Ruling, send: Send) -> None:
    decision = ruling.decision
    members = refusal_members(
        decision, ruling.use.call, ruling.gathered, ruling.use.law.bundle.registry, ruling.record_id
    )
    body = wire.render_refusal(refusal_code(decision), refusal_message(decision), members)
    await send_whole(send, 403, body, [JSON, NO_RETRY, *_verdict_headers(ruling, None)])
    _log_use(desk, ruling, None, 403)


def _verdict_headers(ruling: Ruling, output: Ruling | None) -> list[tuple[bytes, bytes]]:
    """What was decided and where it stands. In observe mode: what would have been decided."""
    last = output or ruling
    worst = max((ruling, last), key=lambda one: one.decision.verdict.strictness)
    headers = [
        (b"x-caveat-verdict", worst.decision.verdict.value.encode()),
        (b"x-caveat-record", ruling.record_id.encode()),
    ]
    if worst.decision.clauses:
        headers.append((b"x-caveat-clauses", ",".join(worst.decision.clauses).encode()))
    if output is not None:
        headers.append((b"x-caveat-output-record", output.record_id.encode()))
    if ruling.use.deployment.mode == "observe":
        headers.append((b"x-caveat-mode", b"observe"))
    return headers


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


async def _finish_stream(desk: Desk, prompt: Ruling, output: Ruling, end: StreamEnd) -> None:
    desk.metrics.stream_ended(end.end)
    error = end.error
    try:
        await desk.gate.record_end(output, end.released, end.size, complete=end.end == "complete")
    except GatewayError as fault:
        # What was let through stands under a durable decision; readiness turns red.
        error = fault
    if error is not None:
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
