"""A caller that does not read holds its own stream up, and nothing piles up in between."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.phrase_world import phrase_bundle
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import chat_events
from tests.support.small_bundle import CHAT_KEY, SmallBundle

EVENT = chat_events("garden " * 2000)[0].replace(b"garden", b"garden " * 1000)
EVENTS = 8_000
STANDING_BYTES = 24 * 1024 * 1024
"""More than the buffers of four sockets, the server and the client hold, and much less than the stream."""


class Firehose:
    """An endpoint that sends as fast as it is let."""

    def __init__(self) -> None:
        self.sent = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]))
            kind = b"content-type: text/event-stream\r\ntransfer-encoding: chunked"
            writer.write(b"HTTP/1.1 200 OK\r\n" + kind + b"\r\n\r\n")
            for _ in range(EVENTS):
                writer.write(b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
                await writer.drain()
                self.sent += len(EVENT)
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()


@contextmanager
def firehose() -> Iterator[Firehose]:
    hose, ready = Firehose(), threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        server = await asyncio.start_server(hose.serve, "127.0.0.1", 0)
        hose.port = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    def run() -> None:
        task = loop.create_task(serve())
        loop.call_later(120, task.cancel)
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    yield hose
    loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
    thread.join(10)


@pytest.mark.slow
@pytest.mark.parametrize("reads", [False, True])
def test_a_caller_that_does_not_read_stops_the_upstream(tmp_path: Path, reads: bool) -> None:
    files = phrase_bundle() if reads else SmallBundle().files()
    asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    body = json.dumps(asked).encode()
    with firehose() as hose, running_gateway(tmp_path, f"http://127.0.0.1:{hose.port}", files) as gateway:
        port = int(gateway.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as caller:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {CHAT_KEY}\r\n"
            caller.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            assert caller.recv(64).startswith(b"HTTP/1.1 200")
            before, deadline = -1, time.monotonic() + 30
            while hose.sent != before:  # until nothing moves any more
                assert time.monotonic() < deadline
                before = hose.sent
                time.sleep(0.4)
            assert hose.sent < STANDING_BYTES < EVENTS * len(EVENT)
            caller.settimeout(20)
            taken = 0
            while taken < 2 * STANDING_BYTES:  # it goes on as soon as the caller reads
                taken += len(caller.recv(1 << 20))
            assert hose.sent > before
