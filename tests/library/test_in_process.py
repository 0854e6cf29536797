"""One request through an application in this process: piece by piece, as it is read, never cut short."""

import asyncio
from typing import Any

import pytest

from caveat.gateway.http import Receive, Scope, Send, read_body, send_piece, send_start, send_whole
from caveat.library.in_process import Application, BrokenOffError, InProcessCall

SCOPE: Scope = {"type": "http", "path": "/", "headers": []}


def call_of(application: Application, body: bytes = b"") -> InProcessCall:
    return InProcessCall(application, SCOPE, body)


async def turn() -> None:
    """Lets everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_application_gets_the_body_and_its_answer_arrives_whole() -> None:
    async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
        await send_whole(send, 201, await read_body(receive, {}, 100), [(b"a", b"b")])

    call = call_of(echo, b"said")
    head = await call.head()
    assert (head.status, head.headers) == (201, [(b"a", b"b"), (b"content-length", b"4")])
    assert [await call.piece(), await call.piece(), await call.piece()] == [b"said", None, None]


async def test_a_piece_is_handed_over_before_the_next_one_is_there() -> None:
    more = asyncio.Event()

    async def waits(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_start(send, 200, [])
        await send_piece(send, b"one")
        await more.wait()
        await send_piece(send, b"two", last=True)

    call = call_of(waits)
    await call.head()
    assert await call.piece() == b"one"
    more.set()
    assert await call.piece() == b"two"
    assert await call.piece() is None


async def test_the_application_waits_for_its_reader() -> None:
    sent: list[int] = []

    async def hurries(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_start(send, 200, [])
        for number in range(100):
            await send_piece(send, b"x")
            sent.append(number)
        await send_piece(send, b"", last=True)

    call = call_of(hurries)
    await call.head()
    await turn()
    assert len(sent) == 1
    await call.piece()
    await turn()
    assert len(sent) == 2
    await call.leave()


async def test_a_reader_that_leaves_is_a_client_that_has_gone() -> None:
    found: list[str] = []

    async def endless(_scope: Scope, receive: Receive, send: Send) -> None:
        await send_start(send, 200, [])
        assert (await receive())["type"] == "http.request"
        await send_piece(send, b"x")
        found.append((await receive())["type"])
        await send_piece(send, b"y", last=True)

    ended: list[Any] = []
    call = InProcessCall(endless, SCOPE, b"", ended.append)
    await call.head()
    await turn()
    await call.leave()
    assert found == ["http.disconnect"]
    await turn()
    assert ended == [call]


@pytest.mark.parametrize("pieces", [None, 0, 2])
async def test_an_answer_that_stops_before_its_end_is_an_error(pieces: int | None) -> None:
    async def breaks(_scope: Scope, _receive: Receive, send: Send) -> None:
        if pieces is None:
            return
        await send_start(send, 200, [])
        for _ in range(pieces):
            await send_piece(send, b"x")
        raise RuntimeError("a bug")

    call = call_of(breaks)
    if pieces is not None:
        await call.head()
    for _ in range(pieces or 0):
        assert await call.piece() == b"x"
    with pytest.raises(BrokenOffError):
        await (call.head() if pieces is None else call.piece())


async def test_nothing_is_sent_to_a_reader_that_has_left() -> None:
    sent: list[int] = []

    async def hurries(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_start(send, 200, [])
        for number in range(100):
            await send_piece(send, b"x")
            sent.append(number)

    call = call_of(hurries)
    await call.head()
    await call.piece()
    await call.leave()
    assert len(sent) <= 2
