"""The gateway as a pure ASGI application: routes, and the outermost frame that every failure ends at.

Laws: a path that is not listed is refused, never passed on; whatever goes wrong is an answer of the
caller's protocol without content or stack trace; the process goes on serving.
"""

import asyncio
from collections.abc import Awaitable, Callable

import orjson

from caveat.evidence.check import Checked
from caveat.evidence.defects import EXPLANATIONS, DefectCode
from caveat.evidence.envelope import RejectedEnvelope
from caveat.evidence.manifest import MAX_MANIFEST_BYTES
from caveat.evidence.manifest import MEDIA_TYPE as MANIFEST
from caveat.gateway.console.door import ROOT as CONSOLE
from caveat.gateway.console.door import is_console
from caveat.gateway.desk import Desk
from caveat.gateway.errors import FaultError, GatewayError, LedgerError, RequestError
from caveat.gateway.exchange import run_exchange
from caveat.gateway.http import (
    JSON,
    NO_RETRY,
    RETRY,
    ClientGoneError,
    Message,
    Receive,
    Scope,
    Send,
    read_body,
    read_headers,
    send_whole,
    while_connected,
)
from caveat.gateway.identity.callers import Caller, connection_of
from caveat.gateway.metrics import CONTENT_TYPE
from caveat.gateway.oversight_paths import APPROVALS, answer_oversight, is_oversight
from caveat.gateway.power_paths import DISSENTS, HALTS, OVERSIGHT, answer_power, is_power
from caveat.gateway.refusal import HOLDS
from caveat.gateway.reviewing_paths import REVIEWS, answer_reviewing, is_reviewing
from caveat.gateway.upstream import forwardable, returnable
from caveat.gateway.wire.azure import AzureWire
from caveat.gateway.wire.listing import render_models
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.wire import AZURE_PATHS, WIRES, find_wire, wire_for

MAX_EVIDENCE_BYTES = 72 * 1024
DEVELOPMENT = (b"x-caveat-bundle", b"dev")
"""On every answer under a development bundle: nobody takes it for one that parties signed."""


class Gateway:
    """The application. `on_start` and `on_stop` run inside the server's loop, once each."""

    def __init__(
        self,
        desk: Desk,
        on_start: Callable[[], Awaitable[None]],
        on_stop: Callable[[], Awaitable[None]],
    ) -> None:
        """Opens nothing by itself."""
        self._desk = desk
        self._on_start = on_start
        self._on_stop = on_stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's scope, as ASGI has it."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._on_start()
                except (GatewayError, OSError) as error:
                    self._desk.log.critical("start", outcome="failed", cause=type(error).__name__)
                    await send({"type": "lifespan.startup.failed", "message": ""})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._on_stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def tracked(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start" and self._desk.law_now().bundle.manifest.development:
                message = {**message, "headers": [*message["headers"], DEVELOPMENT]}
            await send(message)

        metrics = self._desk.metrics
        metrics.began()
        try:
            await self._route(scope, receive, tracked)
        except ClientGoneError:
            self._desk.log.info("client_gone", path=_known_path(scope["path"]))
        except GatewayError as error:
            await self._fail(scope, tracked, error, started=started)
        except Exception as error:  # the outermost frame: refuse, tell the operator, go on
            self._desk.log.critical("internal", cause=type(error).__name__, where=_where(error))
            fault = FaultError(
                503, "internal", "the gateway failed, and released nothing undecided", "tell the operator"
            )
            await self._fail(scope, tracked, fault, started=started)
        finally:
            metrics.finished()

    async def _fail(self, scope: Scope, send: Send, error: GatewayError, *, started: bool) -> None:
        self._count(error)
        headers = {name.decode("latin-1").lower(): "" for name, _ in scope["headers"]}
        wire = wire_for(scope["path"], headers)
        if started:
            # A stream is under way: it ends with an error of its protocol, never in silence.
            body = wire.render_stream_error(error)
            await send({"type": "http.response.body", "body": body, "more_body": False})
            return
        retry = [NO_RETRY]
        if error.retry_after is not None:
            retry = [RETRY, (b"retry-after", b"%d" % error.retry_after)]
        await send_whole(send, error.status, wire.render_error(error), [JSON, *retry])

    def _count(self, error: GatewayError) -> None:
        desk = self._desk
        if isinstance(error, RequestError):  # a caller's mistake: nothing here needs anybody
            desk.metrics.bad_request(error.code)
            desk.log.info("refused", status=error.status, code=error.code)
            return
        desk.metrics.fault(error.code)
        cause = desk.gate.recorder.fault if isinstance(error, LedgerError) else None
        desk.log.warning("refused", status=error.status, code=error.code, cause=cause)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path in _OPEN:
            _expect(method, "GET", "HEAD")
            await self._operate(path, send)
            return
        headers = read_headers(scope)
        if is_oversight(path):
            await answer_oversight(self._desk, scope, headers, receive, send)
            return
        if is_reviewing(path):
            await answer_reviewing(self._desk, scope, headers, receive, send)
            return
        if is_power(path):
            await answer_power(self._desk, scope, headers, receive, send)
            return
        if is_console(path):
            await self._console(scope, headers, receive, send)
            return
        wire = find_wire(path)
        if wire is None and path not in _OWN:
            raise RequestError(
                404,
                "unknown_path",
                "this gateway decides no use at this path, so it passes nothing on",
                f"it serves {', '.join((*WIRES, *AZURE_PATHS, *_OWN, *_OVERSIGHT))}, {HOLDS}ID",
            )
        _expect(method, "GET" if path == "/v1/models" else "POST")
        desk = self._desk
        now = desk.gate.now()
        caller = await desk.identities.authenticate(desk.law_now(), headers, connection_of(scope), now)
        if wire is not None:
            desk.budgets.admit(caller.principal, caller.deployment.budget, desk.gate.now().date())
            body = await read_body(receive, headers, desk.max_body_bytes)
            await while_connected(receive, run_exchange(desk, wire, caller, headers, body, send))
        elif path == "/v1/revocations":
            envelope = await read_body(receive, headers, MAX_EVIDENCE_BYTES)
            await self._take_revocations(envelope, caller, send)
        elif path == "/v1/evidence":
            if headers.get("content-type", "").partition(";")[0].strip().lower() == MANIFEST:
                manifest = await read_body(receive, headers, MAX_MANIFEST_BYTES)
                await self._take_manifest(manifest, caller, send)
                return
            envelope = await read_body(receive, headers, MAX_EVIDENCE_BYTES)
            await self._take_evidence(envelope, caller, send)
        else:
            forwarded = forwardable(headers, caller.secret)
            await while_connected(receive, self._list_models(wire_for(path, headers), forwarded, send))

    async def _console(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        if self._desk.console is None:
            raise RequestError(
                404,
                "no_console",
                "this gateway serves no console",
                "pip install 'caveat[console]', and start again",
            )
        fault = await self._desk.console.answer(scope, headers, receive, send)
        if fault is not None:
            self._count(fault)

    async def _operate(self, path: str, send: Send) -> None:
        desk = self._desk
        if path == "/metrics":
            await send_whole(send, 200, desk.metrics.render(), [(b"content-type", CONTENT_TYPE)])
            return
        if path == "/healthz":
            await send_whole(send, 200, orjson.dumps({"alive": True}), [JSON])
            return
        fault, clock = desk.gate.recorder.fault, desk.gate.recorder.clock_fault
        ready = fault is None and clock is None
        state = {
            "ready": ready,
            "bundle": desk.law_now().bundle.digest,
            "ledger": "ok" if fault is None else "stopped",
            "clock": clock or "ok",
            "paths": desk.paths_state(),
            **({} if desk.overseeing is None else {"log": desk.overseeing.origin}),
        }
        await send_whole(send, 200 if ready else 503, orjson.dumps(state), [JSON])

    async def _list_models(self, wire: Wire, headers: dict[str, str], send: Send) -> None:
        """The aliases of the routes, or the one upstream's list as it is.

        It carries no content of a use, so there is nothing to decide.
        """
        names = self._desk.router.names(wire.NAME)
        if names is not None:
            await send_whole(send, 200, render_models(wire.NAME, names), [JSON])
            return
        answer = await self._desk.router.list_models(wire, headers)
        try:
            body = await answer.read()
        finally:
            answer.close()
        retry = [NO_RETRY] if answer.status >= 400 else []
        await send_whole(send, answer.status, body, [*returnable(answer.headers), *retry])

    async def _take_revocations(self, envelope: bytes, caller: Caller, send: Send) -> None:
        """A newer list of an authority that the trust policy names: in the log, on disk, then it counts."""
        desk, witnesses = self._desk, caller.law.witnesses
        found = witnesses.admit_revocations(envelope, desk.gate.now())
        if isinstance(found, RejectedEnvelope):
            raise RequestError(
                400,
                f"revocations_{found.code.value}",
                f"this list of revocations does not hold, so it changes nothing: {_meaning(found.code)}",
                _remedy(found.code),
            )
        record = await desk.gate.recorder.revocations(found)
        witnesses.keep_revocations(found)
        authority, number = found.authority.id, found.list.number
        desk.log.info("revocations", authority=authority, number=number, record=record)
        body = orjson.dumps({"authority": authority, "number": number, "record": record})
        await send_whole(send, 201, body, [JSON])

    async def _take_evidence(self, envelope: bytes, caller: Caller, send: Send) -> None:
        desk, witnesses = self._desk, caller.law.witnesses
        admitted = witnesses.admit(envelope, desk.gate.now())
        if isinstance(admitted, Checked):
            code = (admitted.code or admitted.outcome).value
            desk.metrics.uploaded(code)
            raise RequestError(
                400,
                f"evidence_{code}",
                f"this envelope does not hold, so it was not stored: {_meaning(admitted.code)}",
                _remedy(admitted.code),
            )
        await asyncio.to_thread(witnesses.keep, admitted)
        record = await desk.gate.recorder.evidence(
            caller.deployment.id, admitted.digest, admitted.issuer.keyid, "stored"
        )
        desk.metrics.uploaded("stored")
        desk.log.info("evidence", deployment=caller.deployment.id, envelope=admitted.digest, record=record)
        subjects = [subject.digest for subject in admitted.statement.subjects]
        body = orjson.dumps({"envelope": admitted.digest, "subjects": subjects, "record": record})
        await send_whole(send, 201, body, [JSON])

    async def _take_manifest(self, data: bytes, caller: Caller, send: Send) -> None:
        desk, witnesses = self._desk, caller.law.witnesses
        kept = await asyncio.to_thread(witnesses.keep_manifest, data, desk.gate.now())
        record = await desk.gate.recorder.evidence(
            caller.deployment.id, kept.digest, kept.key, "manifest" if kept.new else "manifest_known"
        )
        desk.metrics.uploaded("manifest")
        desk.log.info("evidence", deployment=caller.deployment.id, manifest=kept.digest, record=record)
        body = orjson.dumps({"manifest": kept.digest, "kind": kept.kind, "n": kept.n, "record": record})
        await send_whole(send, 201, body, [JSON])


_OVERSIGHT = (APPROVALS, REVIEWS, HALTS, DISSENTS, OVERSIGHT)
_OWN = ("/v1/models", "/v1/evidence", "/v1/revocations")
_OPEN = frozenset({"/healthz", "/readyz", "/metrics"})


def _meaning(code: DefectCode | None) -> str:
    return "" if code is None else EXPLANATIONS[code].meaning


def _remedy(code: DefectCode | None) -> str:
    return "" if code is None else f"{EXPLANATIONS[code].who}: {EXPLANATIONS[code].remedy}"


def _expect(method: str, *allowed: str) -> None:
    if method not in allowed:
        raise RequestError(405, "method_not_allowed", f"this path takes {' or '.join(allowed)}")


def _known_path(path: str) -> str:
    """The path if it is one of ours: any other is the caller's own text."""
    if isinstance(wire := find_wire(path), AzureWire):
        return f"azure:{wire.PATH}"
    if is_console(path):
        return CONSOLE
    if is_oversight(path):
        return APPROVALS if path.startswith(APPROVALS) else HOLDS
    return path if wire or path in _OPEN or path in _OWN or is_power(path) else "other"


def _where(error: BaseException) -> str:
    """File and line of a bug, without its message, which might repeat content."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
