"""The gate in an asyncio program: it runs in the program's own loop."""

import asyncio
import contextlib
import os
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from caveat.gateway.errors import GatewayError
from caveat.gateway.http import Scope
from caveat.ledger.errors import LedgerError
from caveat.library import direct
from caveat.library.errors import GateError
from caveat.library.in_process import InProcessCall
from caveat.library.loop import closed
from caveat.library.opening import Settings, ledger_fault, open_or_explain, service_config
from caveat.library.optional import require_httpx2
from caveat.library.ruling import Ruling
from caveat.service.config import ServiceConfig
from caveat.service.service import Service
from caveat.service.watch import DEFAULT_HEARTBEAT_SECONDS

if TYPE_CHECKING:
    import httpx2

DEFAULT_DRAIN_SECONDS = 5.0
CHAT = "/v1/chat/completions"


class AsyncGate:
    """Decides each use in this process, by the gateway's own steps and on its own ledger.

    To be opened once, with `async with` or `open`, and used in that loop and process alone. Fails closed: an
    error is never a ruling, and never an answer of the model.
    """

    def __init__(
        self,
        bundle: str | Path,
        *,
        data: str | Path,
        upstream: str | None = None,
        key: str,
        upstream_key: str | None = None,
        routes: str | Path | None = None,
        witnesses: str | Path | None = None,
        known_checkpoint: str | Path | None = None,
        heartbeat_seconds: int = DEFAULT_HEARTBEAT_SECONDS,
        drain_seconds: float = DEFAULT_DRAIN_SECONDS,
    ) -> None:
        """Opens nothing yet.

        `bundle`, `data`, `upstream`, `routes`, `witnesses`, `known_checkpoint`, `heartbeat_seconds`: as of
        `caveat serve`. `key`: the API key of the deployment whose uses these are. `upstream_key`: this gate's
        own at the endpoint, by default from CAVEAT_UPSTREAM_KEY. `drain_seconds`: how long `close` waits for
        what has begun.
        """
        self._settings = Settings(
            Path(bundle),
            Path(data),
            upstream,
            upstream_key,
            _path(routes),
            _path(witnesses),
            _path(known_checkpoint),
            heartbeat_seconds,
        )
        self._key = key
        self._drain_seconds = drain_seconds
        self._process = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._service: Service | None = None
        self._closing: asyncio.Task[None] | None = None
        self._calls: set[InProcessCall] = set()
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def api_key(self) -> str:
        """The key that an SDK sends. It is for this gate, and no upstream sees it."""
        return self._key

    async def open(self) -> Self:
        """Takes the ledger, reads the bundle and begins to serve; raises `GateError`.

        Another process that holds the ledger, a server for instance, keeps this one out.
        """
        if self._loop is not None:
            raise closed() if self._closing else GateError("gate_open", "this gate is open", "open it once")
        self.check_process()
        self._loop = asyncio.get_running_loop()
        try:
            self._service = await _started(service_config(self._settings))
        except BaseException:
            self._loop = None
            raise
        return self

    async def close(self) -> None:
        """Waits for what has begun, at most `drain_seconds`, and gives ledger and connections back.

        Nothing new is decided from here on. A stream that nobody has read to its end by then is recorded as
        left by its client.
        """
        if self._service is None:
            return
        self.check_process()
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._shut(self._service))
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        """`open`."""
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """`close`."""
        await self.close()

    def transport(self) -> "httpx2.AsyncBaseTransport":
        """A transport that puts every request to this gate, whatever its host.

        Raises `GateError` where httpx2 is not installed.
        """
        require_httpx2()
        from caveat.library.transport import AsyncGateTransport

        return AsyncGateTransport(self)

    def http_client(self) -> "httpx2.AsyncClient":
        """A client for the official SDKs, `http_client=`. It reaches this gate and nothing else.

        Raises `GateError` where httpx2 is not installed.
        """
        require_httpx2()
        from caveat.library.transport import async_client

        return async_client(self)

    async def decide_prompt(
        self,
        prompt: str | Sequence[Mapping[str, object]],
        *,
        model: str,
        endpoint: str = CHAT,
        members: Mapping[str, object] | None = None,
        claims: Mapping[str, object] | None = None,
        data: Sequence[Mapping[str, object]] = (),
        targets: Sequence[str] = (),
        workflow: str | None = None,
        evidence: Sequence[bytes] = (),
    ) -> Ruling:
        """The ruling on a prompt, as if it had been sent to `endpoint`; one record, and no call of the model.

        It is a use, not a question about one: an allowed prompt counts its persons and uses up its evidence.
        `prompt`: a text, or messages of that protocol. `members`: what else the request has, as `tools`.
        `claims`, `data`, `targets`, `workflow`: as in the member `caveat` (`docs/reference/http.md`).
        `evidence`: envelopes. Raises `GateError`, and then nothing was decided.
        """
        body = direct.prompt_body(
            prompt,
            endpoint=endpoint,
            model=model,
            caveat={"claims": claims, "data": data, "targets": targets, "workflow": workflow},
            members=members or {},
        )
        return await self.decide_request(endpoint, body, evidence=evidence)

    async def decide_request(
        self, endpoint: str, body: bytes | Mapping[str, object], *, evidence: Sequence[bytes] = ()
    ) -> Ruling:
        """The ruling on a whole request, as sent to this endpoint; as `decide_prompt` otherwise."""
        sent = body if isinstance(body, bytes) else direct.json_bytes(body)
        with self._under_way() as service:
            return await direct.decide_request(service.desk, self._key, endpoint, sent, evidence)

    async def decide_output(self, prompt: Ruling, answer: str | bytes | Mapping[str, object]) -> Ruling:
        """The ruling on the answer to an allowed prompt; raises `GateError`.

        `answer`: its text, or the whole answer in the words of the prompt's protocol. In a whole answer every
        call of a tool is decided first; the ruling is then that on the strictest call that is refused. A text
        asks for no call: `decide_tool` decides those that came beside it.
        """
        said = answer if isinstance(answer, (str, bytes)) else direct.json_bytes(answer)
        with self._under_way() as service:
            return await direct.decide_output(service.desk, prompt, said)

    async def decide_tool(
        self, prompt: Ruling, name: str, arguments: str | Mapping[str, object] = "{}"
    ) -> Ruling:
        """The ruling on one call of a tool that the answer asks for; raises `GateError`.

        `arguments`: the object, or its JSON text as it came.
        """
        with self._under_way() as service:
            return await direct.decide_tool(service.desk, prompt, name, arguments)

    async def reload(self) -> bool:
        """Reads the bundle again; True if a new one came into force. A bad one changes nothing."""
        with self._under_way() as service:
            return await service.reload()

    def fault(self) -> GateError | None:
        """Why nothing can be decided here now; None where it can. From any thread."""
        if os.getpid() != self._process:
            return _forked()
        if self._closing is not None:
            return closed()
        if self._service is None:
            return GateError("gate_not_open", "this gate is not open", "use it within `with`, or call `open`")
        return None

    def begin(self, scope: Scope, body: bytes) -> InProcessCall:
        """Puts one request to the gateway; for the transports, in this gate's loop. Raises `GateError`."""
        service = self._usable()
        self._entered()
        call = InProcessCall(service.app, scope, body, self._ended)
        self._calls.add(call)
        return call

    def _ended(self, call: InProcessCall) -> None:
        self._calls.discard(call)
        self._left()

    def _usable(self) -> Service:
        fault, service = self.fault(), self._service
        if fault is not None or service is None:
            raise fault or closed()
        if asyncio.get_running_loop() is not self._loop:
            raise GateError("gate_loop", "this gate was opened in another event loop", "open one in each")
        return service

    @contextlib.contextmanager
    def _under_way(self) -> Generator[Service]:
        service = self._usable()
        self._entered()
        try:
            yield service
        finally:
            self._left()

    def _entered(self) -> None:
        self._busy += 1
        self._idle.clear()

    def _left(self) -> None:
        self._busy -= 1
        if not self._busy:
            self._idle.set()

    async def _shut(self, service: Service) -> None:
        try:
            async with asyncio.timeout(self._drain_seconds):
                await self._idle.wait()
        except TimeoutError:
            for call in self._calls:
                call.abandon()
            await self._idle.wait()
        await service.stop()

    def check_process(self) -> None:
        """Returns in the process that made this gate alone; raises `GateError` after a fork."""
        if os.getpid() != self._process:
            raise _forked()


async def _started(config: ServiceConfig) -> Service:
    service = await _opened(config)
    try:
        await service.start()
    except BaseException as error:
        await service.stop()
        if isinstance(error, LedgerError):
            raise ledger_fault(error) from error
        if isinstance(error, GatewayError):
            raise GateError(error.code, error.message, error.hint) from error
        raise
    return service


async def _opened(config: ServiceConfig) -> Service:
    """A gateway that was opened in a thread; if nobody waits for it any more, it is closed again."""
    opening = asyncio.ensure_future(asyncio.to_thread(open_or_explain, config))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_again)
        raise


def _close_again(opening: "asyncio.Future[Service]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _forked() -> GateError:
    return GateError(
        "gate_forked",
        "this gate belongs to the process that opened it",
        "open one after the fork, on other data",
    )


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)
