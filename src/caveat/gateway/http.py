"""The edge of HTTP: headers and bodies read within caps, answers sent whole."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping, Sequence
from typing import Any, TypeAlias, TypeVar

from caveat.gateway.errors import RequestError
from caveat.gateway.wire.request import body_too_large

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]
T = TypeVar("T")

MAX_HEADERS = 100
MAX_HEADER_BYTES = 256 * 1024
JSON = (b"content-type", b"application/json")
NO_RETRY = (b"x-should-retry", b"false")
RETRY = (b"x-should-retry", b"true")


class ClientGoneError(Exception):
    """The caller closed the connection before it was answered. Nobody is left to tell."""


def read_headers(scope: Scope) -> dict[str, str]:
    """The headers by lower-case name, repeated ones joined; raises `RequestError` beyond the caps."""
    raw: RawHeaders = scope["headers"]
    if len(raw) > MAX_HEADERS or sum(len(name) + len(value) for name, value in raw) > MAX_HEADER_BYTES:
        raise RequestError(
            431, "headers_too_large", "the headers are too many or too large", "upload evidence instead"
        )
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


async def read_body(receive: Receive, headers: Mapping[str, str], max_bytes: int) -> bytes:
    """The whole body; raises `RequestError` 413 as soon as it must be too large, `ClientGoneError` if cut."""
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestError(415, "unsupported_encoding", "the body is compressed", "send it uncompressed")
    length = headers.get("content-length", "")
    if length.isdigit() and (len(length) > 18 or int(length) > max_bytes):
        raise body_too_large(max_bytes)
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > max_bytes:
            raise body_too_large(max_bytes)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled as soon as the caller is gone (`ClientGoneError`)."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGoneError
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_whole(send: Send, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """One answer with a known length."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def send_start(send: Send, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """The head of a stream."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def send_piece(send: Send, piece: bytes, *, last: bool = False) -> None:
    """One piece of a stream; returns when the connection takes more."""
    await send({"type": "http.response.body", "body": piece, "more_body": not last})
