"""A scripted model: answers every chat request with one short fixed sentence, or with the call of a tool that
the name of the model asks for. It never refuses.

The assay measures what is let through to a model, not what a model makes of it, so the model behind the
gateway may be this one: it costs nothing and always answers.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

ANSWER = "This is a scripted answer."
_EMITTED = re.compile(rb'"model":\s?"assay-emits-([a-z_]+)"')
_MAX_BODY_BYTES = 16 * 1024 * 1024


async def _chat(request: web.Request) -> web.Response:
    body = await request.read()
    emitted = _EMITTED.search(body)
    if emitted is not None:
        return web.json_response(_calling(emitted[1].decode()))
    return web.json_response(
        {
            "id": "chatcmpl-scripted",
            "object": "chat.completion",
            "created": 1,
            "model": "scripted",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": ANSWER},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 6, "total_tokens": 7},
        }
    )


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
