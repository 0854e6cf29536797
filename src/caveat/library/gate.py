"""The gate for programs without an event loop: `AsyncGate` in a loop and thread of its own."""

import threading
import warnings
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from caveat.library.async_gate import CHAT, DEFAULT_DRAIN_SECONDS, AsyncGate
from caveat.library.errors import GateError
from caveat.library.loop import LoopThread
from caveat.library.optional import require_httpx2
from caveat.library.ruling import Ruling
from caveat.service.watch import DEFAULT_HEARTBEAT_SECONDS

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")


class Gate:
    """Decides each use in this process, by the gateway's own steps and on its own ledger.

    To be opened once, with `with` or `open`; then any number of threads of this process may use it. Fails
    closed: an error is never a ruling, and never an answer of the model.
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
        """Opens nothing yet. The arguments are those of `AsyncGate`."""
        self._gate = AsyncGate(
            bundle,
            data=data,
            upstream=upstream,
            key=key,
            upstream_key=upstream_key,
            routes=routes,
            witnesses=witnesses,
            known_checkpoint=known_checkpoint,
            heartbeat_seconds=heartbeat_seconds,
            drain_seconds=drain_seconds,
        )
        self._lock = threading.Lock()
        self._loop: LoopThread | None = None

    @property
    def api_key(self) -> str:
        """The key that an SDK sends. It is for this gate, and no upstream sees it."""
        return self._gate.api_key

    def open(self) -> Self:
        """Takes the ledger, reads the bundle and begins to serve; raises `GateError`.

        Another process that holds the ledger, a server for instance, keeps this one out.
        """
        with self._lock:
            if self._loop is not None:
                raise self._gate.fault() or GateError("gate_open", "this gate is open", "open it once")
            self._gate.check_process()
            loop = LoopThread()
            try:
                loop.run(self._gate.open())
            except BaseException:
                loop.close()
                raise
            self._loop = loop
        return self

    def close(self) -> None:
        """As `AsyncGate.close`; returns when its thread has ended."""
        self._gate.check_process()
        with self._lock:
            if self._loop is not None and not self._loop.closed:
                self._loop.run(self._gate.close())
                self._loop.close()

    def __enter__(self) -> Self:
        """`open`."""
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """`close`."""
        self.close()

    def __del__(self) -> None:
        """A gate that is dropped open keeps its ledger until the process ends."""
        loop = getattr(self, "_loop", None)
        if loop is not None and not loop.closed and self._gate.fault() is None:
            warnings.warn("a gate was dropped without `close`", ResourceWarning, source=self, stacklevel=2)

    def transport(self) -> "httpx2.BaseTransport":
        """A transport that puts every request to this gate, whatever its host.

        Raises `GateError` where the gate was not opened, or httpx2 is not installed.
        """
        require_httpx2()
        from caveat.library.transport import GateTransport

        return GateTransport(self._gate, self._running())

    def http_client(self) -> "httpx2.Client":
        """A client for the official SDKs, `http_client=`. It reaches this gate and nothing else.

        Raises `GateError` as `transport` does.
        """
        require_httpx2()
        from caveat.library.transport import client

        return client(self._gate, self._running())

    def decide_prompt(
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
        """As `AsyncGate.decide_prompt`."""
        return self._run(
            lambda: self._gate.decide_prompt(
                prompt,
                model=model,
                endpoint=endpoint,
                members=members,
                claims=claims,
                data=data,
                targets=targets,
                workflow=workflow,
                evidence=evidence,
            )
        )

    def decide_request(
        self, endpoint: str, body: bytes | Mapping[str, object], *, evidence: Sequence[bytes] = ()
    ) -> Ruling:
        """As `AsyncGate.decide_request`."""
        return self._run(lambda: self._gate.decide_request(endpoint, body, evidence=evidence))

    def decide_output(self, prompt: Ruling, answer: str | bytes | Mapping[str, object]) -> Ruling:
        """As `AsyncGate.decide_output`."""
        return self._run(lambda: self._gate.decide_output(prompt, answer))

    def decide_tool(self, prompt: Ruling, name: str, arguments: str | Mapping[str, object] = "{}") -> Ruling:
        """As `AsyncGate.decide_tool`."""
        return self._run(lambda: self._gate.decide_tool(prompt, name, arguments))

    def reload(self) -> bool:
        """As `AsyncGate.reload`."""
        return self._run(self._gate.reload)

    def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self._running().run(work())

    def _running(self) -> LoopThread:
        fault, loop = self._gate.fault(), self._loop
        if fault is not None or loop is None:
            raise fault or GateError("gate_not_open", "this gate is not open", "use it within `with`")
        return loop
