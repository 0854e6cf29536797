"""The table of ADR-0009: servers and clients as a bare pass-through of a 1 KB chat, one core each.

Measures what is installed and leaves out the rest: `pip install granian hypercorn httpx` for the whole table.
`python benchmarks/gateway_servers.py [ROUNDS]`; about four seconds a combination and round.
"""

import asyncio
import importlib.util
import os
import random
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from caveat.gateway.measure.figures import chat_request
from caveat.gateway.measure.load import LoadError, run_load
from caveat.gateway.measure.passthrough import Passthrough
from caveat.gateway.measure.processes import cpu_seconds, free_port, running

ECHO_PORT = int(os.environ.get("ECHO_PORT", "0"))
Scope = MutableMapping[str, Any]


class HttpxPassthrough:
    """The same pass-through with httpx as its client."""

    def __init__(self, upstream: str) -> None:
        """`upstream`: scheme, host and port."""
        self._upstream = upstream
        self._client: Any = None

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Scope]], send: Callable[[Scope], Awaitable[None]]
    ) -> None:
        """One request."""
        httpx = importlib.import_module("httpx")
        if self._client is None:
            self._client = httpx.AsyncClient(limits=httpx.Limits(max_connections=None))
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        answer = await self._client.post(self._upstream + scope["path"], content=body, headers=headers)
        length = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer.content))]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": length})
        await send({"type": "http.response.body", "body": answer.content})


aiohttp_client = Passthrough(f"http://127.0.0.1:{ECHO_PORT}")
httpx_client = HttpxPassthrough(f"http://127.0.0.1:{ECHO_PORT}")

_SERVERS = {
    "uvicorn": "-m uvicorn {app} --port {port} --loop uvloop --http httptools --no-access-log --lifespan off",
    "granian": "-m granian --interface asginl --port {port} --loop uvloop --http 1 --no-ws {app}",
    "hypercorn": "-m hypercorn -b 127.0.0.1:{port} -k uvloop -c {config} {app}",
}
_CLIENTS = {"aiohttp": "aiohttp_client", "httpx": "httpx_client"}


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def measure(server: str, client: str, config: Path) -> tuple[float, float, float, float]:
    """Requests a second, CPU ms, p50 and p99 ms of one combination."""
    port = free_port()
    app = f"gateway_servers:{_CLIENTS[client]}"
    arguments = _SERVERS[server].format(app=app, port=port, config=config).split()
    with running(arguments, port, 0) as process:
        pids = family(process.pid)
        before = sum(map(cpu_seconds, pids))
        load = asyncio.run(run_load(port, chat_request("any"), connections=8, seconds=3.0))
        spent = (sum(map(cpu_seconds, pids)) - before) / (load.requests + 50) * 1e3
    return load.per_second, spent, load.percentile_ms(0.5), load.percentile_ms(0.99)


def main() -> None:
    """Prints the best of each combination over the rounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    echo = free_port()
    os.environ.update(ECHO_PORT=str(echo), PYTHONPATH=str(Path(__file__).parent))
    os.sched_setaffinity(0, {1})
    config = Path("/tmp") / f"hypercorn-{os.getpid()}.toml"  # noqa: S108 - removed below, holds one number
    config.write_text("keep_alive_max_requests = 1000000000\n")
    present = [
        (server, client)
        for server in _SERVERS
        for client in _CLIENTS
        if importlib.util.find_spec(server) and importlib.util.find_spec(client)
    ]
    best: dict[tuple[str, str], tuple[float, float, float, float]] = {}
    try:
        with running(["-m", "caveat.gateway.measure.echo", "--port", str(echo)], echo, 1):
            for _ in range(rounds):
                for one in random.sample(present, len(present)):
                    try:
                        best[one] = max(best.get(one, (0.0, 0.0, 0.0, 0.0)), measure(*one, config))
                    except LoadError as error:
                        print(f"{one[0]} with {one[1]}: {error}")
    finally:
        config.unlink()
    for (server, client), (rate, cpu, p50, p99) in sorted(best.items(), key=lambda item: -item[1][0]):
        print(f"{server:10} {client:8} {rate:8.0f}/s {cpu:6.2f} ms CPU   p50 {p50:.2f} ms   p99 {p99:.2f} ms")


if __name__ == "__main__":
    main()
