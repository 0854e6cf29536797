"""Hundreds of streams at once for minutes: no record is lost, no task left behind, and memory does not grow.

`CAVEAT_LOAD_SECONDS` shortens the run, which then proves as much less.
"""

import asyncio
import json
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.support.phrase_world import phrase_bundle
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import chat_events
from tests.support.small_bundle import CHAT_KEY

SECONDS = float(os.environ.get("CAVEAT_LOAD_SECONDS", "600"))
STREAMS = 500
CHUNKS, PAUSE_SECONDS = 20, 0.4
LEAVES_EARLY = 0.1
REFUSED = 0.1
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_MB


class Upstream:
    """Streams slowly; a request that says so gets a phrase that is refused near its end."""

    def __init__(self) -> None:
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                await self._stream(writer, refused=b"refuse me" in body)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.open -= 1
            writer.close()

    async def _stream(self, writer: asyncio.StreamWriter, *, refused: bool) -> None:
        words = ["garden"] * CHUNKS
        if refused:
            words[-3:] = ["project", "heliotrope", "SECRET"]
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for event in chat_events(" ".join(words)):
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await writer.drain()
            await asyncio.sleep(PAUSE_SECONDS)
        writer.write(b"0\r\n\r\n")
        await writer.drain()


async def one_stream(port: int, dice: random.Random, counts: Counter[str]) -> None:
    """One client: reads to the end, or goes away in the middle."""
    refused, leaves = dice.random() < REFUSED, dice.random() < LEAVES_EARLY
    content = "refuse me" if refused else "hello"
    asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": content}]}
    body = json.dumps(asked).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {CHAT_KEY}\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        if leaves:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(dice.random() * CHUNKS * PAUSE_SECONDS / 2)
            counts["left"] += 1
            return
        received = await reader.readuntil(b"0\r\n\r\n")
        assert b"200 OK" in received
        assert b"SECRET" not in received
        assert (b"heliotrope" in received) is False
        assert received.rstrip().endswith(b"data: [DONE]\n\n\r\n0")
        counts["refused" if b"caveat_refusal" in received else "complete"] += 1
        assert (b"caveat_refusal" in received) is refused
    finally:
        writer.close()


async def client(port: int, dice: random.Random, counts: Counter[str], until: float) -> None:
    await asyncio.sleep(dice.random() * CHUNKS * PAUSE_SECONDS)  # not all at once
    while asyncio.get_running_loop().time() < until:
        await one_stream(port, dice, counts)


async def load(gateway: RunningGateway, counts: Counter[str], memory: list[float]) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    port = int(gateway.url.rpartition(":")[2])

    async def watch() -> None:
        while True:
            await asyncio.sleep(SECONDS / 20)
            memory.append(resident_mb())

    watcher = asyncio.create_task(watch())
    clients = (client(port, random.Random(number), counts, began + SECONDS) for number in range(STREAMS))
    await asyncio.gather(*clients)
    watcher.cancel()


def tasks_of(gateway: RunningGateway) -> int:
    async def count() -> int:
        return len(asyncio.all_tasks()) - 1

    return asyncio.run_coroutine_threadsafe(count(), gateway.loop).result(10)


@pytest.mark.long
def test_five_hundred_streams_at_once_lose_nothing_and_leave_nothing_behind(tmp_path: Path) -> None:
    counts, memory = Counter[str](), list[float]()

    async def run() -> None:
        upstream = Upstream()
        server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        folder = running_gateway(tmp_path, f"http://127.0.0.1:{port}", phrase_bundle(hold_back=16))
        with folder as gateway:
            before = await asyncio.to_thread(tasks_of, gateway)
            await load(gateway, counts, memory)
            for _ in range(200):  # what the last who left had open ends within a moment
                if await asyncio.to_thread(tasks_of, gateway) <= before:
                    break
                await asyncio.sleep(0.05)
            assert await asyncio.to_thread(tasks_of, gateway) <= before
            ends = await asyncio.to_thread(gateway.records, "output_end")
            decisions = await asyncio.to_thread(gateway.records)
        server.close()
        ended = Counter(record["complete"] for record in ends)
        assert ended[True] == counts["complete"]
        assert ended[False] == counts["left"] + counts["refused"]
        points = Counter((record["point"], record["verdict"]) for record in decisions)
        streams = sum(counts.values())
        assert points["prompt", "allow"] == points["output", "allow"] == streams
        assert points["output", "deny"] >= counts["refused"]

    asyncio.run(run())
    assert min(counts["complete"], counts["refused"], counts["left"]) > STREAMS / 25
    settled, last = memory[len(memory) // 4], max(memory[-3:])
    assert last < settled * 1.15 + 20, f"memory grew from {settled:.0f} to {last:.0f} MB"
