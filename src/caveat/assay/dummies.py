"""Layers that protect nothing, so that the measurement itself is measured: each must have no real protection.

`allow-all` passes everything, `block-all` nothing; `random-flags` refuses a request by the hash of its bytes,
half of them; `words` judges by a list of weighted words.
"""

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from caveat.assay.words import REFUSE_AT, words_score

_MAX_BODY_BYTES = 16 * 1024 * 1024
_BLOCKED = {"error": {"message": "blocked", "type": "guardrail", "code": "content_filter", "param": None}}


def flags(name: str, seed: int) -> Callable[[bytes], bool]:
    """Whether a dummy refuses a body; equal seeds flag equal bodies. Raises `KeyError` for no dummy."""

    def at_random(body: bytes) -> bool:
        return hashlib.sha256(f"{seed} ".encode() + body).digest()[0] < 128

    dummies: dict[str, Callable[[bytes], bool]] = {
        "allow-all": lambda _: False,
        "block-all": lambda _: True,
        "random-flags": at_random,
        "words": lambda body: words_score(body.decode(errors="replace")) >= REFUSE_AT,
    }
    return dummies[name]


@asynccontextmanager
async def dummy(name: str, seed: int, upstream: str) -> AsyncGenerator[str]:
    """Serves the dummy before `upstream` on a free port of the loopback interface; the value is its URL."""
    refuses = flags(name, seed)
    async with aiohttp.ClientSession() as session:

        async def chat(request: web.Request) -> web.Response:
            body = await request.read()
            if refuses(body):
                return web.json_response(_BLOCKED, status=400)
            headers = {"content-type": "application/json"}
            async with session.post(f"{upstream}/v1/chat/completions", data=body, headers=headers) as answer:
                return web.Response(
                    body=await answer.read(), status=answer.status, content_type="application/json"
                )

        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_post("/v1/chat/completions", chat)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
