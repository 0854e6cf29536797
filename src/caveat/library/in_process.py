"""One request put to an ASGI application in its own loop, and its answer read piece by piece.

Laws: the application waits where its reader does not come for the last piece; a reader that leaves is a
client that has gone; an answer that stops before its end is an error, never a shorter answer.
Source: ASGI, HTTP connection scope.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from caveat.gateway.http import ClientGoneError, Message, Receive, Scope, Send

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class BrokenOffError(Exception):
    """The application ended before its answer did. What was read before stands; nothing follows."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of an answer."""

    status: int
    headers: list[tuple[bytes, bytes]]


class InProcessCall:
    """One request under way. To be used in the loop in which it was made, by one reader."""

    def __init__(
        self,
        application: Application,
        scope: Scope,
        body: bytes,
        when_ended: Callable[["InProcessCall"], None] = lambda _call: None,
    ) -> None:
        """Begins at once. `when_ended` is called when the application has ended, whatever became of it."""
        self._when_ended = when_ended
        self._body: bytes | None = body
        self._message: Message | None = None
        self._arrived, self._taken, self._gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._taken.set()
        self._complete = False
        self._task = asyncio.ensure_future(application(scope, self._receive, self._send))
        self._task.add_done_callback(self._ended)

    async def head(self) -> Head:
        """The head of the answer, as soon as it is there; raises `BrokenOffError`."""
        message = await self._next()
        return Head(message["status"], list(message["headers"]))

    async def piece(self) -> bytes | None:
        """The next piece as it is released, None at the end; raises `BrokenOffError`."""
        while not self._complete:
            message = await self._next()
            self._complete = not message.get("more_body", False)
            piece: bytes = message.get("body", b"")
            if piece:
                return piece
        await asyncio.wait({self._task})
        return None

    def abandon(self) -> None:
        """The reader has gone: the application finds the connection closed."""
        self._gone.set()
        self._taken.set()

    async def leave(self) -> None:
        """Abandons it, and returns when the application has let everything go."""
        self.abandon()
        await asyncio.wait({self._task})

    async def _next(self) -> Message:
        await self._arrived.wait()
        message, self._message = self._message, None
        if message is None:
            raise BrokenOffError
        if not self._task.done():
            self._arrived.clear()
        self._taken.set()
        return message

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self._taken.wait()
        if self._gone.is_set():
            raise ClientGoneError  # or what nobody reads would count as released
        self._taken.clear()
        self._message = message
        self._arrived.set()

    def _ended(self, task: "asyncio.Future[None]") -> None:
        if not task.cancelled():
            task.exception()  # seen: the reader finds an answer without an end
        self._arrived.set()
        self._when_ended(self)
