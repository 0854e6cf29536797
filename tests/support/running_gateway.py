"""The whole gateway on a real socket in a thread: real bundle, ledger, evidence and totals in a folder."""

import asyncio
import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from caveat.gateway.budgets import Budgets
from caveat.gateway.identity.certificates import Authorities
from caveat.gateway.identity.sign_in import Provider
from caveat.gateway.logs import make_logger
from caveat.gateway.routes import Routes
from caveat.gateway.tracing import NO_TRACE, Tracing
from caveat.gateway.upstream import UpstreamConfig
from caveat.monitors.keys import ChainKeys, SubjectKeys
from caveat.service.config import ServiceConfig
from caveat.service.notify_config import NotifyConfig
from caveat.service.opening import open_service
from caveat.service.service import Service
from caveat.service.tls import ServerTls
from tests.support.small_bundle import SmallBundle, following


@dataclass
class RunningGateway:
    """A gateway that answers at `url`. `files` may be changed before `reload`."""

    url: str
    service: Service
    folder: Path
    log: io.BytesIO
    files: dict[str, bytes]
    loop: asyncio.AbstractEventLoop

    def reload(self) -> bool:
        """What SIGHUP does, from the outside of the server's loop."""
        return asyncio.run_coroutine_threadsafe(self.service.reload(), self.loop).result(20)

    def amend(self, files: Mapping[str, bytes]) -> bool:
        """The files put in the place of those in force, with an amendment that the one actor signs."""
        numbers = [record["follows"]["sequence"] for record in self.records("bundle")]
        after = following(files, self.service.law.current.bundle.files, max(numbers, default=0) + 1)
        self.files.clear()
        self.files.update(after)
        return self.reload()

    def records(self, kind: str = "decision") -> list[dict[str, Any]]:
        """The records that are in the ledger by now, in order."""
        ledger = self.service.ledger
        deadline = time.monotonic() + 10
        while ledger.published_size < ledger.size:
            assert time.monotonic() < deadline, "the ledger did not publish"
            time.sleep(0.01)
        found = [json.loads(entry.leaf) for entry in ledger.records()]
        return [record for record in found if record["kind"] == kind]


@contextmanager
def running_gateway(
    folder: Path,
    upstream: str | Routes,
    files: Mapping[str, bytes] | None = None,
    tracing: Tracing = NO_TRACE,
    budgets: Budgets | None = None,
    tls: ServerTls | None = None,
    authorities: Authorities | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    notify: NotifyConfig | None = None,
    port: int = 0,
    sign_in: Provider | None = None,
    subject_keys: SubjectKeys | tuple[bytes, ...] = (),
    **settings: Any,
) -> Iterator[RunningGateway]:
    """A running gateway; stopped gracefully on leaving.

    `port`: any that is free, where it is 0. `settings` go to `UpstreamConfig` of a URL.
    """
    log = io.BytesIO()
    current = dict(files if files is not None else SmallBundle().files())
    service = open_service(
        ServiceConfig(
            read_files=lambda: current,
            data=folder,
            upstream=upstream
            if isinstance(upstream, Routes)
            else UpstreamConfig(upstream, **{"key": "upstream-secret", **settings}),
            log=make_logger(log, "debug"),
            publish_seconds=0.02,
            tracing=tracing,
            budgets=budgets or Budgets(),
            tls=tls,
            authorities=authorities or Authorities(),
            clock=clock,
            notify=notify,
            sign_in=sign_in,
            subject_keys=(ChainKeys(subject_keys) if subject_keys else None)
            if isinstance(subject_keys, tuple)
            else subject_keys,
        )
    )
    server = uvicorn.Server(service.uvicorn_config(host="127.0.0.1", port=port))
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve()

    thread = threading.Thread(target=lambda: uvloop.run(serve()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), log.getvalue().decode()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        scheme = "http" if tls is None else "https"
        yield RunningGateway(f"{scheme}://127.0.0.1:{port}", service, folder, log, current, loops[0])
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the gateway did not stop"
