"""Models that refuse by a rule, as servers of the protocol. What they refuse is decided by the test."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from caveat.assay.briefing import Model

REFUSAL = "I'm sorry, but I can't help with that request."
ANSWER = "The rows are in order, and the third column is a sum."


def answer(text: str, stop: str = "stop") -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "message": message, "finish_reason": stop}]}


@asynccontextmanager
async def model(reply: Callable[[dict[str, Any]], dict[str, Any]]) -> AsyncGenerator[Model]:
    async def chat(request: web.Request) -> web.Response:
        assert request.headers["authorization"] == "Bearer of-the-model"
        return web.json_response(reply(await request.json()))

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Model("test-model", f"http://127.0.0.1:{runner.addresses[0][1]}", "of-the-model", "as-asked")
    finally:
        await runner.cleanup()


def refusing(when: Callable[[str, bool], bool]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Refuses when `when(what the user says, whether it was told rules)`."""

    def reply(body: dict[str, Any]) -> dict[str, Any]:
        told = body["messages"][0]["role"] == "system"
        said = next(one["content"] for one in body["messages"] if one["role"] == "user")
        return answer(REFUSAL if when(said, told) else ANSWER)

    return reply
