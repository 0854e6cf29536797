"""The paths of what is reviewed after it went through: `/v1/reviews`, for overseers."""

from collections.abc import Mapping

import orjson

from caveat.gateway.desk import Desk
from caveat.gateway.errors import FaultError, RequestError
from caveat.gateway.http import JSON, NO_RETRY, Receive, Scope, Send, read_body, send_whole
from caveat.gateway.power import MAX_SAYING_BYTES
from caveat.signing.canonical import JsonObject

REVIEWS = "/v1/reviews"
_NO_STORE = (b"cache-control", b"no-store")


def is_reviewing(path: str) -> bool:
    """Whether the path is one of these."""
    return path == REVIEWS or path.startswith(f"{REVIEWS}/")


async def answer_reviewing(
    desk: Desk, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
) -> None:
    """Answers one request at such a path; raises `GatewayError`."""
    path, method = scope["path"], scope["method"]
    if desk.reviewing is None or desk.overseeing is None:
        raise FaultError(503, "holds_unavailable", "nothing waits for people here", "tell the operator")
    law = desk.law_now()
    if method == "POST" and path == REVIEWS:
        body = await read_body(receive, headers, MAX_SAYING_BYTES)
        found = await desk.reviewing.find(law, body)
        desk.log.info("finding", record=found["record"], finding=found["finding"])
        await _send(send, 201, found)
        return
    if method != "GET":
        takes = "GET or POST" if path == REVIEWS else "GET"
        raise RequestError(405, "method_not_allowed", f"this path takes {takes}")
    overseer = desk.overseeing.authenticate(law, headers)
    if path == REVIEWS:
        await _send(send, 200, desk.reviewing.due(law, overseer))
        return
    await _send(send, 200, await desk.reviewing.show(law, overseer, path.removeprefix(f"{REVIEWS}/")))


async def _send(send: Send, status: int, value: JsonObject) -> None:
    await send_whole(send, status, orjson.dumps(value), [JSON, NO_RETRY, _NO_STORE])
