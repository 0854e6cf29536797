"""The paths of what waits for people: `/v1/holds/ID` for whoever asked, `/v1/approvals` for overseers."""

from collections.abc import Mapping

import orjson

from caveat.gateway.desk import Desk
from caveat.gateway.errors import FaultError, RequestError
from caveat.gateway.hold_status import find_hold, render_hold, stream_hold, wait_seconds
from caveat.gateway.http import (
    JSON,
    NO_RETRY,
    Receive,
    Scope,
    Send,
    read_body,
    send_piece,
    send_start,
    send_whole,
    while_connected,
)
from caveat.gateway.identity.callers import connection_of
from caveat.gateway.overseeing import MAX_DECISION_BYTES, Overseeing
from caveat.gateway.refusal import HOLDS
from caveat.signing.canonical import JsonObject

APPROVALS = "/v1/approvals"
FIGURES = f"{APPROVALS}/figures"
_EVENTS = (b"content-type", b"text/event-stream")
_NO_STORE = (b"cache-control", b"no-store")


def is_oversight(path: str) -> bool:
    """Whether the path is one of these."""
    return path == APPROVALS or path.startswith((f"{APPROVALS}/", HOLDS))


async def answer_oversight(
    desk: Desk, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
) -> None:
    """Answers one request at such a path; raises `GatewayError`."""
    path, method = scope["path"], scope["method"]
    if desk.overseeing is None:
        raise FaultError(503, "holds_unavailable", "nothing waits for people here", "tell the operator")
    if path.startswith(HOLDS):
        _expect(method, "GET")
        await _answer_hold(desk, desk.overseeing, scope, headers, receive, send)
        return
    law = desk.law_now()
    if method == "POST" and path == APPROVALS:
        decision = await read_body(receive, headers, MAX_DECISION_BYTES)
        await _send_json(send, 201, await desk.overseeing.decide(law, decision))
        return
    _expect(method, "GET", *(["POST"] if path == APPROVALS else []))
    overseer = desk.overseeing.authenticate(law, headers)
    if path == APPROVALS:
        await _send_json(send, 200, desk.overseeing.waiting(overseer))
    elif path == FIGURES:
        await _send_json(send, 200, desk.overseeing.figures(law, overseer))
    else:
        hold = path.removeprefix(f"{APPROVALS}/")
        await _send_json(send, 200, await desk.overseeing.show(overseer, hold))


async def _answer_hold(
    desk: Desk, overseeing: Overseeing, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
) -> None:
    now = desk.gate.now()
    caller = await desk.identities.authenticate(desk.law_now(), dict(headers), connection_of(scope), now)
    holding = overseeing.holding
    entry = find_hold(holding, caller, scope["path"].removeprefix(HOLDS))
    seconds = wait_seconds(scope.get("query_string", b"").decode("latin-1"))
    if "text/event-stream" in headers.get("accept", ""):

        async def stream() -> None:
            await send_start(send, 200, [_EVENTS, _NO_STORE])
            async for event in stream_hold(holding, entry, desk.law_now):
                await send_piece(send, event)
            await send_piece(send, b"", last=True)

        await while_connected(receive, stream())
        return
    if seconds:
        await while_connected(receive, holding.wait(entry.hold.id, seconds))
    await _send_json(send, 200, render_hold(holding, entry, desk.law_now()))


async def _send_json(send: Send, status: int, value: JsonObject) -> None:
    await send_whole(send, status, orjson.dumps(value), [JSON, NO_RETRY, _NO_STORE])


def _expect(method: str, *allowed: str) -> None:
    if method not in allowed:
        raise RequestError(405, "method_not_allowed", f"this path takes {' or '.join(allowed)}")
