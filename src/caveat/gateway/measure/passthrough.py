"""A bare pass-through on the gateway's own stack: no parsing, decision or record. The limit."""

import argparse
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import uvicorn

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]


class Passthrough:
    """A pure ASGI application that sends every POST on to `upstream` and the answer back."""

    def __init__(self, upstream: str) -> None:
        """`upstream`: scheme, host and port."""
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(
        self,
        scope: Scope,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """One request."""
        if scope["type"] != "http":
            raise RuntimeError("this application serves HTTP alone")
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), auto_decompress=False
            )
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        async with self._session.post(self._upstream + scope["path"], data=body, headers=headers) as answer:
            data = await answer.read()
            await send(
                {
                    "type": "http.response.start",
                    "status": answer.status,
                    "headers": [
                        (b"content-type", b"application/json"),
                        (b"content-length", b"%d" % len(data)),
                    ],
                }
            )
            await send({"type": "http.response.body", "body": data})


def main() -> None:
    """Serves on loopback until it is stopped, as the gateway is served."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    arguments = parser.parse_args()
    uvicorn.run(
        Passthrough(arguments.upstream),
        port=arguments.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
    )


if __name__ == "__main__":
    main()
