"""Transports of httpx2 that end in a gate of this process: the official SDKs on top, no socket below.

Laws: a request goes to the gate and nowhere else, whatever its host, the environment's proxies and the
redirects say; a piece is handed over as it is released, and the next one is asked for when it was taken;
closing a response early is a client that has gone; a gate that cannot be used answers with an error of the
caller's protocol that no SDK sends again. Source: ADR-0028.
"""

import asyncio
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

import httpx2

from caveat.gateway.errors import FaultError
from caveat.gateway.http import JSON, NO_RETRY, Scope
from caveat.gateway.wire.wire import wire_for
from caveat.library.errors import GateError
from caveat.library.in_process import BrokenOffError, Head, InProcessCall
from caveat.library.loop import LoopThread


class Opened(Protocol):
    """A gate, as transports use it."""

    def fault(self) -> GateError | None:
        """Why nothing can be decided here now; None where it can. From any thread."""
        ...

    def begin(self, scope: Scope, body: bytes) -> InProcessCall:
        """Puts one request to the gateway, in the gate's own loop. Raises `GateError`."""
        ...


class AsyncGateTransport(httpx2.AsyncBaseTransport):
    """For the loop in which its gate was opened. Closing it leaves the gate open."""

    def __init__(self, gate: Opened) -> None:
        """Opens nothing."""
        self._gate = gate

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The gate's answer, its body still to be read; raises `ReadTimeout` past the request's own time."""
        body = await request.aread()
        try:
            call, head = await _begin(self._gate, request, body)
        except GateError as error:
            return _unusable(error, request)
        return _response(head, _AsyncBody(call, request))


class GateTransport(httpx2.BaseTransport):
    """For any thread: the gate runs in the loop of its own. Closing it leaves the gate open."""

    def __init__(self, gate: Opened, loop: LoopThread) -> None:
        """`loop`: the one in which the gate was opened."""
        self._gate = gate
        self._loop = loop

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The gate's answer, its body still to be read; raises `ReadTimeout` past the request's own time."""
        body = request.read()
        fault = self._gate.fault()
        try:
            if fault is not None:
                raise fault
            call, head = self._loop.run(_begin(self._gate, request, body))
        except GateError as error:
            return _unusable(error, request)
        return _response(head, _Body(call, request, self._loop))


def async_client(gate: Opened) -> httpx2.AsyncClient:
    """A client with nothing but the gate behind it: no proxy, no redirect, nothing from the environment."""
    return httpx2.AsyncClient(transport=AsyncGateTransport(gate), trust_env=False, base_url=_NOWHERE)


def client(gate: Opened, loop: LoopThread) -> httpx2.Client:
    """As `async_client`."""
    return httpx2.Client(transport=GateTransport(gate, loop), trust_env=False, base_url=_NOWHERE)


_NOWHERE = "http://caveat.invalid"


class _AsyncBody(httpx2.AsyncByteStream):
    def __init__(self, call: InProcessCall, request: httpx2.Request) -> None:
        self._call = call
        self._request = request
        loop = asyncio.get_running_loop()
        # A response that is dropped unread must not keep its upstream. Any thread may collect it.
        weakref.finalize(self, _abandon_soon, loop, call).atexit = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await _piece(self._call, self._request)) is not None:
            yield piece

    async def aclose(self) -> None:
        await self._call.leave()


class _Body(httpx2.SyncByteStream):
    def __init__(self, call: InProcessCall, request: httpx2.Request, loop: LoopThread) -> None:
        self._call = call
        self._request = request
        self._loop = loop
        weakref.finalize(self, loop.soon, call.abandon).atexit = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            while (piece := self._loop.run(_piece(self._call, self._request))) is not None:
                yield piece
        except GateError as error:
            raise httpx2.ReadError(error.message, request=self._request) from error

    def close(self) -> None:
        if not self._loop.closed:  # a closed loop has left every call
            self._loop.run(self._call.leave())


async def _begin(gate: Opened, request: httpx2.Request, body: bytes) -> tuple[InProcessCall, Head]:
    call = gate.begin(scope_of(request), body)
    try:
        async with asyncio.timeout(_read_seconds(request)):
            return call, await call.head()
    except TimeoutError as error:
        await call.leave()
        raise _too_slow(request) from error
    except BrokenOffError as error:
        raise _broken_off(request) from error
    except BaseException:
        call.abandon()  # cancelled: the client has gone
        raise


async def _piece(call: InProcessCall, request: httpx2.Request) -> bytes | None:
    try:
        async with asyncio.timeout(_read_seconds(request)):
            return await call.piece()
    except TimeoutError as error:
        await call.leave()
        raise _too_slow(request) from error
    except BrokenOffError as error:
        raise _broken_off(request) from error


def scope_of(request: httpx2.Request) -> Scope:
    """The request as ASGI has it. No client address: nothing here may pass for a proxy that is registered."""
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (url.host, url.port),
        "client": None,
    }


def _response(head: Head, body: httpx2.AsyncByteStream | httpx2.SyncByteStream) -> httpx2.Response:
    return httpx2.Response(head.status, headers=head.headers, stream=body)


def _unusable(error: GateError, request: httpx2.Request) -> httpx2.Response:
    names = {name.decode("latin-1").lower(): "" for name, _ in request.headers.raw}
    fault = FaultError(503, error.code, error.message, error.hint)
    content = wire_for(request.url.path, names).render_error(fault)
    return httpx2.Response(503, headers=[JSON, NO_RETRY], content=content)


def _read_seconds(request: httpx2.Request) -> float | None:
    seconds: float | None = request.extensions.get("timeout", {}).get("read")
    return seconds


def _too_slow(request: httpx2.Request) -> httpx2.ReadTimeout:
    return httpx2.ReadTimeout("the gate did not answer in the time that this client gives", request=request)


def _broken_off(request: httpx2.Request) -> httpx2.ReadError:
    return httpx2.ReadError("the gate was closed before this answer ended", request=request)


def _abandon_soon(loop: asyncio.AbstractEventLoop, call: InProcessCall) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call.abandon)
