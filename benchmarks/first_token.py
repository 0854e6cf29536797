"""Time to the first text of a stream, through the gateway and without it, as a ratio in one run.

`python -m benchmarks.first_token` prints, for a bundle that reads no answer and for one that does, the median
time to the first text, the same at the bare endpoint, and for the second what the hold-back itself takes: the
time in which the endpoint says as many characters as wait. The bar is 1.2 times the bare one, plus that.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.support.phrase_world import phrase_bundle, request_of, stream_of
from tests.support.running_gateway import running_gateway
from tests.support.small_bundle import CHAT_KEY, SmallBundle

FIRST_SECONDS, PIECE_SECONDS = 0.25, 0.005
PATH, WORDS, HOLD_BACK = "/v1/chat/completions", 100, 64
ROUNDS = 21


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]))
            kind = b"content-type: text/event-stream\r\ntransfer-encoding: chunked"
            await asyncio.sleep(FIRST_SECONDS)
            writer.write(b"HTTP/1.1 200 OK\r\n" + kind + b"\r\n\r\n")
            for event in stream_of(PATH, ["garden "] * WORDS):
                writer.write(b"%x\r\n%b\r\n" % (len(event), event))
                await writer.drain()
                await asyncio.sleep(PIECE_SECONDS)
            writer.write(b"0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _first_text(port: int) -> float:
    body = json.dumps(request_of(PATH)).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {CHAT_KEY}\r\n"
    began = time.perf_counter()
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await reader.readuntil(b"garden")
    taken = time.perf_counter() - began
    writer.close()
    return taken


async def _median(port: int) -> float:
    return statistics.median([await _first_text(port) for _ in range(ROUNDS)])


async def _measure() -> list[tuple[str, float, float]]:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bare = await _median(port)
    rows = [("bare endpoint", bare, 0.0)]
    bundles = (
        ("reads no answer", SmallBundle().files(), 0),
        ("reads answers", phrase_bundle(HOLD_BACK), HOLD_BACK),
    )
    for name, files, hold_back in bundles:
        stack = ExitStack()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = running_gateway(folder, f"http://127.0.0.1:{port}", files)
        gateway = await asyncio.to_thread(stack.enter_context, running)
        try:
            taken = await _median(int(gateway.url.rpartition(":")[2]))
        finally:
            await asyncio.to_thread(stack.close)  # not here: it waits for the endpoint, which lives here
        rows.append((name, taken, -(-hold_back // len("garden ")) * PIECE_SECONDS))
    server.close()
    return rows


def main() -> int:
    """Prints the rows; 0 if each holds its bar."""
    (_, bare, _), *rows = asyncio.run(_measure())
    print(f"bare endpoint: {bare * 1e3:.1f} ms to the first text")
    good = True
    for name, taken, waits in rows:
        ratio = (taken - waits) / bare
        good &= ratio <= 1.2
        held = f"of which the hold-back takes {waits * 1e3:.0f} ms"
        print(f"{name}: {taken * 1e3:.1f} ms, {held}: {ratio:.3f} times")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
