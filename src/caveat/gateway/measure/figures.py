"""The figures of the gateway, each from processes of its own on loopback, each within ten seconds.

`serve` arguments are those of the command that starts the gateway under measurement: this room knows no
command line. The caller passes a running set-up; see `Stage`.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import orjson

from caveat.gateway.measure.echo import STREAM_CHUNKS
from caveat.gateway.measure.load import Load, post, run_load
from caveat.gateway.measure.processes import cpu_seconds, free_port, resident_mb, running

CONNECTIONS = 8
_WARM_UP = 50
_SECONDS = 3.0
_EVENTS = STREAM_CHUNKS + 2


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. `n`: how many requests, chunks or starts stand behind it."""

    name: str
    value: float
    unit: str
    n: int


@dataclass(frozen=True, slots=True)
class Stage:
    """How to start the gateway: `arguments` after the interpreter, with `{port}` and `{upstream}` in them.

    `key` belongs to a deployment that is allowed without evidence.
    """

    arguments: Sequence[str]
    key: str

    def command(self, port: int, upstream: str) -> list[str]:
        """The arguments for one run."""
        return [one.format(port=port, upstream=upstream) for one in self.arguments]


def chat_request(key: str, *, stream: bool = False) -> bytes:
    """One chat request of about 1 KB."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello there " * 75}]
    body: dict[str, object] = {"model": "echo", "messages": messages}
    if stream:
        body["stream"] = True
    return post("/v1/chat/completions", orjson.dumps(body), [("authorization", f"Bearer {key}")])


def _cores() -> tuple[int | None, int | None]:
    """One core for the server under measurement, another for client and upstream, where there are two."""
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[1]) if len(available) > 1 else (None, None)


@contextlib.contextmanager
def _echo() -> Generator[str]:
    """The upstream, and this process as the client, on a core that the server does not use."""
    _, own = _cores()
    before = os.sched_getaffinity(0)
    port = free_port()
    try:
        if own is not None:
            os.sched_setaffinity(0, {own})
        with running(["-m", "caveat.gateway.measure.echo", "--port", str(port)], port, own):
            yield f"http://127.0.0.1:{port}"
    finally:
        os.sched_setaffinity(0, before)


def _load(port: int, request: bytes, connections: int = CONNECTIONS, warm_up: int = _WARM_UP) -> Load:
    load = run_load(port, request, connections=connections, seconds=_SECONDS, warm_up=warm_up)
    return asyncio.run(load)


def measure_passthrough() -> list[Figure]:
    """`passthrough_rps` and its CPU: the same server and client, with nothing between them."""
    port = free_port()
    server, _ = _cores()
    with _echo() as upstream:
        arguments = ["-m", "caveat.gateway.measure.passthrough", "--port", str(port), "--upstream", upstream]
        with running(arguments, port, server) as process:
            before = cpu_seconds(process.pid)
            load = _load(port, chat_request("any"))
            spent = cpu_seconds(process.pid) - before
    requests = load.requests + _WARM_UP
    return [
        Figure("passthrough_rps", load.per_second, "requests/s", load.requests),
        Figure("passthrough_cpu_ms", spent / requests * 1e3, "ms", requests),
    ]


def measure_gateway(stage: Stage) -> list[Figure]:
    """Rate and CPU of a 1 KB chat with two decisions and two records, CPU of a chunk, idle memory."""
    port = free_port()
    server, _ = _cores()
    with _echo() as upstream, running(stage.command(port, upstream), port, server) as process:
        idle = resident_mb(process.pid)
        before = cpu_seconds(process.pid)
        load = _load(port, chat_request(stage.key))
        spent = cpu_seconds(process.pid) - before
        whole_ms = spent / (load.requests + _WARM_UP) * 1e3
        before = cpu_seconds(process.pid)
        streams = _load(port, chat_request(stage.key, stream=True), connections=4, warm_up=2)
        spent = cpu_seconds(process.pid) - before
        # What a stream costs beyond an ordinary use is what its chunks cost.
        chunks = (streams.requests + 2) * _EVENTS
        chunk_ms = max(0.0, spent * 1e3 - whole_ms * (streams.requests + 2)) / chunks
    return [
        Figure("gateway_rps", load.per_second, "requests/s", load.requests),
        Figure("gateway_cpu_ms", whole_ms, "ms", load.requests + _WARM_UP),
        Figure("gateway_p50_ms", load.percentile_ms(0.5), "ms", load.requests),
        Figure("gateway_p99_ms", load.percentile_ms(0.99), "ms", load.requests),
        Figure("stream_chunk_cpu_ms", chunk_ms, "ms", chunks),
        Figure("idle_rss_mb", idle, "MB", 1),
    ]


def measure_cold_start(stage: Stage, starts: int = 3) -> list[Figure]:
    """From starting the process to its first decided answer; the median of `starts`."""
    seconds: list[float] = []
    with _echo() as upstream:
        for _ in range(starts):
            port = free_port()
            began = time.perf_counter()
            with running(stage.command(port, upstream), port):
                asyncio.run(run_load(port, chat_request(stage.key), connections=1, seconds=0.0, warm_up=1))
                seconds.append(time.perf_counter() - began)
    return [Figure("cold_start_s", sorted(seconds)[len(seconds) // 2], "s", starts)]
