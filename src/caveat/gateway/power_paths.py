"""The paths of what overseers stop and object to, `/v1/halts` and `/v1/dissents`, and of `/v1/oversight`."""

from collections.abc import Mapping

import orjson

from caveat.gateway.desk import Desk
from caveat.gateway.errors import FaultError, RequestError
from caveat.gateway.http import JSON, NO_RETRY, Receive, Scope, Send, read_body, send_whole
from caveat.gateway.observer import size_of
from caveat.gateway.overseeing import Overseeing
from caveat.gateway.power import MAX_SAYING_BYTES, Power
from caveat.signing.canonical import JsonObject

HALTS = "/v1/halts"
DISSENTS = "/v1/dissents"
OVERSIGHT = "/v1/oversight"
_NO_STORE = (b"cache-control", b"no-store")


def is_power(path: str) -> bool:
    """Whether the path is one of these."""
    return path in {HALTS, DISSENTS, OVERSIGHT}


async def answer_power(
    desk: Desk, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
) -> None:
    """Answers one request at such a path; raises `GatewayError`."""
    path, method = scope["path"], scope["method"]
    if desk.power is None or desk.overseeing is None:
        raise FaultError(503, "holds_unavailable", "nothing waits for people here", "tell the operator")
    if path == OVERSIGHT:
        if method != "GET":
            raise RequestError(405, "method_not_allowed", "this path takes GET")
        desk.overseeing.check_observer(desk.law_now(), headers)
        size = size_of(scope.get("query_string", b"").decode("latin-1"))
        found = await desk.power.observer.view(size)
        await _send(send, 200, {"version": 1, "digest": found.digest, "view": found.shown})
        return
    if method == "POST":
        body = await read_body(receive, headers, MAX_SAYING_BYTES)
        await _send(send, 201, await _taken(desk, desk.power, path, body))
        return
    if method != "GET":
        raise RequestError(405, "method_not_allowed", "this path takes GET or POST")
    _authenticate(desk, desk.overseeing, headers)
    await _send(send, 200, desk.power.list_halts() if path == HALTS else desk.power.list_dissents())


def _authenticate(desk: Desk, overseeing: Overseeing, headers: Mapping[str, str]) -> None:
    overseeing.authenticate(desk.law_now(), headers)


async def _taken(desk: Desk, power: Power, path: str, body: bytes) -> JsonObject:
    law = desk.law_now()
    if path == DISSENTS:
        done = await power.dissent(law, body)
        desk.log.warning("dissent", record=done["dissent"], number=done["number"])
        return done
    done = await power.halt(law, body)
    desk.log.warning("halt", act=done["act"], record=done["halt"], in_force=done["in_force"])
    return done


async def _send(send: Send, status: int, value: JsonObject) -> None:
    await send_whole(send, status, orjson.dumps(value), [JSON, NO_RETRY, _NO_STORE])
