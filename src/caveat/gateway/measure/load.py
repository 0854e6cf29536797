"""A load generator that costs little: keep-alive connections, one request in flight on each."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


class LoadError(RuntimeError):
    """The server under measurement closed a connection or answered something else than 200."""


@dataclass(frozen=True, slots=True)
class Load:
    """What was sent and how long it took. `seconds` is wall time; `latencies_ms` are in no order."""

    requests: int
    seconds: float
    latencies_ms: list[float] = field(repr=False)

    @property
    def per_second(self) -> float:
        """Requests a second over the whole run."""
        return self.requests / self.seconds

    def percentile_ms(self, share: float) -> float:
        """The latency that `share` of the requests did not exceed."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def post(path: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """The bytes of one HTTP/1.1 request."""
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def _read_answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head[:16]:
        raise LoadError(f"the server answered {head[:60].decode(errors='replace').splitlines()[0]!r}")
    lower = head.lower()
    start = lower.find(b"content-length:")
    if start >= 0:
        await reader.readexactly(int(lower[start + 15 :].split(b"\r\n", 1)[0]))
        return
    while await reader.readline() != b"0\r\n":
        pass
    await reader.readline()


async def run_load(port: int, request: bytes, *, connections: int, seconds: float, warm_up: int = 50) -> Load:
    """Sends `request` over `connections` for about `seconds`; raises `LoadError` unless all are 200."""
    latencies: list[float] = []
    deadline = 0.0

    async def one(count: int | None) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        try:
            done = 0
            while done != count and (count is not None or time.perf_counter() < deadline):
                began = time.perf_counter()
                writer.write(request)
                await _read_answer(reader)
                done += 1
                if count is None:
                    latencies.append((time.perf_counter() - began) * 1e3)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise LoadError("the server under measurement closed the connection") from error
        finally:
            writer.close()

    await one(warm_up)
    started = time.perf_counter()
    deadline = started + seconds
    if seconds > 0:
        await asyncio.gather(*(one(None) for _ in range(connections)))
    return Load(len(latencies), time.perf_counter() - started, latencies)
