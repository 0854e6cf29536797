"""Targets that misbehave: each has a clear state, and none counts for or against anybody."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from caveat.assay.target import Fault, Reply, Target, read_reply

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
COMPLETION = {"choices": [{"message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}


@asynccontextmanager
async def serving(answer: Answer) -> AsyncGenerator[str]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def asked(url: str, seconds: float = 5) -> Reply:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as session:
        return await Target(url, gated=False).ask(session, b"{}", {})


async def test_nobody_there_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.assay.target._FIRST_WAIT_SECONDS", 0.0)

    async def there(_: web.Request) -> web.StreamResponse:
        return web.json_response(COMPLETION)

    async with serving(there) as url:
        gone = url
    assert (await asked(gone)).fault is Fault.UNREACHABLE


async def test_who_is_slow_has_timed_out() -> None:
    hung_up = asyncio.Event()

    async def late(_: web.Request) -> web.StreamResponse:
        await hung_up.wait()
        return web.json_response(COMPLETION)

    async with serving(late) as url:
        assert (await asked(url, 0.05)).fault is Fault.TIMED_OUT
        hung_up.set()


async def test_who_limits_the_rate_is_asked_again() -> None:
    seen: list[int] = []

    async def limiting(_: web.Request) -> web.StreamResponse:
        seen.append(1)
        if len(seen) < 3:
            return web.json_response({}, status=429, headers={"retry-after": "0"})
        return web.json_response(COMPLETION)

    async with serving(limiting) as url:
        assert (await asked(url)).verdict == "allow"
    assert len(seen) == 3


async def test_who_limits_the_rate_for_ever_is_unmeasured() -> None:
    async def limiting(_: web.Request) -> web.StreamResponse:
        return web.json_response({}, status=429, headers={"retry-after": "0"})

    async with serving(limiting) as url:
        reply = await asked(url)
    assert (reply.verdict, reply.fault) == (None, Fault.RATE_LIMITED)


@pytest.mark.parametrize(
    ("status", "body", "gated", "fault"),
    [
        (200, b"<html>", False, Fault.NONSENSE),
        (200, b"{}", False, Fault.NONSENSE),
        (200, json.dumps(COMPLETION).encode(), True, Fault.WRONG_PROTOCOL),
        (404, b"", False, Fault.WRONG_PROTOCOL),
        (405, b"", True, Fault.WRONG_PROTOCOL),
        (500, b"", True, Fault.FAILED),
        (403, b"forbidden", False, Fault.NONSENSE),
        (401, b'{"error": {"code": "unknown_key"}}', True, Fault.REFUSED_INPUT),
        (400, b'{"error": {"code": "context_length"}}', False, Fault.REFUSED_INPUT),
        (403, b'{"error": {"code": "deny"}}', False, Fault.REFUSED_INPUT),
    ],
)
def test_what_is_no_answer_is_no_verdict(status: int, body: bytes, *, gated: bool, fault: Fault) -> None:
    reply = read_reply(status, body, gated=gated, recorded=False)
    assert (reply.verdict, reply.fault) == (None, fault)


def test_verdicts_blocks_and_calls_are_read() -> None:
    refusal = b'{"error": {"code": "deny", "clauses": ["P07"]}}'
    assert read_reply(403, refusal, gated=True, recorded=True) == Reply("deny", clauses=("P07",))
    blocked = b'{"error": {"code": "content_filter"}}'
    assert read_reply(400, blocked, gated=False, recorded=False).verdict == "deny"
    named = b'{"error": {"code": "400", "provider_specific_fields": {"guardrail_name": "content-filter"}}}'
    assert read_reply(400, named, gated=False, recorded=False).verdict == "deny"
    unnamed = b'{"error": {"code": "400", "provider_specific_fields": {"guardrail_name": null}}}'
    assert read_reply(400, unnamed, gated=False, recorded=False).fault is Fault.REFUSED_INPUT
    cut = json.dumps({"choices": [{"message": {"role": "assistant"}, "finish_reason": "content_filter"}]})
    assert read_reply(200, cut.encode(), gated=False, recorded=False).verdict == "deny"
    call = {"message": {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}}
    assert read_reply(200, json.dumps({"choices": [call]}).encode(), gated=True, recorded=True).tools == (
        "f",
    )


@given(st.integers(100, 599), st.binary(), st.booleans(), st.booleans())
def test_no_bytes_raise_or_make_both_a_verdict_and_a_fault(
    status: int, body: bytes, gated: bool, recorded: bool
) -> None:
    reply = read_reply(status, body, gated=gated, recorded=recorded)
    assert (reply.verdict is None) != (reply.fault is None)
