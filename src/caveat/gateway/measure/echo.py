"""An upstream that costs almost nothing: fixed answers over raw asyncio, for measurements only.

`python -m caveat.gateway.measure.echo --port N` answers every POST with one chat completion of about 1 KB,
or, where the request asks for a stream, with a fixed number of server-sent events.
"""

import argparse
import asyncio
from typing import cast

import orjson
import uvloop

STREAM_CHUNKS = 200
_WORDS = "the quick brown fox jumps over the lazy dog and writes a careful answer " * 9

_CHAT = orjson.dumps(
    {
        "id": "chatcmpl-echo",
        "object": "chat.completion",
        "created": 1,
        "model": "echo",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": _WORDS},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 200, "completion_tokens": 130, "total_tokens": 330},
    }
)


def _chunk(delta: dict[str, str], finish: str | None) -> bytes:
    body = orjson.dumps(
        {
            "id": "chatcmpl-echo",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "echo",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }
    )
    event = b"data: " + body + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)


_DONE = b"data: [DONE]\n\n"
_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(_CHAT)
) + _CHAT
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_STREAM_CHUNK = _chunk({"content": " careful"}, None)
_STREAM_END = _chunk({}, "stop") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(_DONE), _DONE)


class EchoProtocol(asyncio.Protocol):
    """HTTP/1.1 just far enough for one well-behaved client: content-length bodies, keep-alive."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._streaming: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own type is no subclass

    def data_received(self, data: bytes) -> None:
        """Answers every complete request in the buffer."""
        self._buffer += data
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._answer(stream=b'"stream":true' in body.replace(b" ", b""))

    def _answer(self, *, stream: bool) -> None:
        if self._transport is None:
            return
        if not stream:
            self._transport.write(_ANSWER)
            return
        self._transport.write(_STREAM_HEAD)
        self._streaming = asyncio.get_running_loop().create_task(self._stream())

    async def _stream(self) -> None:
        for _ in range(STREAM_CHUNKS):
            if self._transport is None or self._transport.is_closing():
                return
            self._transport.write(_STREAM_CHUNK)
            await asyncio.sleep(0)  # one write per turn of the loop, so that chunks travel apart
        if self._transport is not None:
            self._transport.write(_STREAM_END)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(EchoProtocol, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
