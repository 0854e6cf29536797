"""A scripted model: answers every chat request with one short fixed sentence, or with what the name of the
model asks for: the call of a tool, or the digest of the words that it read. It never refuses.

The assay measures what is let through to a model, not what a model makes of it, so the model behind the
gateway may be this one: it costs nothing and always answers.
"""

import hashlib
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import orjson
from aiohttp import web

ANSWER = "This is a scripted answer."
_READS = re.compile(rb'"model":\s?"assay-reads"')
_EMITTED = re.compile(rb'"model":\s?"assay-emits-([a-z_]+)"')
_MAX_BODY_BYTES = 16 * 1024 * 1024


async def _chat(request: web.Request) -> web.Response:
    body = await request.read()
    emitted = _EMITTED.search(body)
    if emitted is not None:
        return web.json_response(_calling(emitted[1].decode()))
    return web.json_response(_saying(_read(body) if _READS.search(body) else ANSWER))


def _read(body: bytes) -> str:
    """The digest of the first words of a request, and nothing of the words."""
    words: str = orjson.loads(body)["messages"][0]["content"][0]["text"]
    return f"{ANSWER} {hashlib.sha256(words.encode()).hexdigest()}"


def _saying(text: str) -> dict[str, object]:
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 6, "total_tokens": 7},
    }


def _calling(tool: str) -> dict[str, object]:
    """An answer that calls a tool: what a model gives that does whatever it is told."""
    call = {"id": "call_scripted", "type": "function", "function": {"name": tool, "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 6, "total_tokens": 7},
    }


@asynccontextmanager
async def scripted_upstream() -> AsyncGenerator[str]:
    """Serves on a free port of the loopback interface; the value is its URL."""
    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app.router.add_post("/v1/chat/completions", _chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
