"""What a caller is told of a use of its own that waits: at once, after a while, or as it happens.

Nothing of who decided, and nothing of anybody else's holds. Source: ADR-0037.
"""

from collections.abc import AsyncIterator, Callable

import orjson

from caveat.gateway.errors import RequestError
from caveat.gateway.holding import Holding
from caveat.gateway.identity.callers import Caller
from caveat.gateway.ports import Law
from caveat.ledger.record import render_time
from caveat.oversight.book import Entry
from caveat.oversight.hold import Status
from caveat.signing.canonical import Json, JsonObject

MAX_WAIT_SECONDS = 60
_KEEP_ALIVE_SECONDS = 15.0
_LONGEST_NUMBER = 3
_BLOCKED = "an earlier emergency under the same clause has to be reviewed before this one can be approved"
_NEXT = {
    Status.OPEN: "wait, or come back; nothing proceeds by default",
    Status.APPROVED: "send the very same request again before it expires; it goes through once",
    Status.REFUSED: "it was refused; ask for something else",
    Status.EXPIRED: "its time is up; send the request again to ask again",
    Status.USED: "it went through; another use has to be asked for again",
}


def find_hold(holding: Holding, caller: Caller, hold: str) -> Entry:
    """The hold, if it is this very caller's own; raises `RequestError` 404 for any other alike."""
    entry = holding.book.find(hold)
    own = (caller.deployment.id, caller.principal)
    if (
        entry is None
        or hold in holding.planted
        or own != (entry.hold.asked.deployment, entry.hold.asked.requester)
    ):
        raise RequestError(
            404,
            "unknown_hold",
            "no such hold is yours",
            "the id stands in the answer that said that the use waits",
        )
    return entry


def render_hold(holding: Holding, entry: Entry, law: Law) -> JsonObject:
    """How the hold stands, in the documented shape."""
    now = holding.clock()
    hold, status = entry.hold, entry.status(now)
    outlook = holding.outlook(hold.id, law, now)
    expected = outlook.expected_at
    return {
        "version": 1,
        "hold": hold.id,
        "status": status.value,
        "roles": dict[str, Json](hold.roles),
        "clauses": list[Json](hold.clauses),
        "opened_at": render_time(hold.opened_at),
        "expires_at": render_time(hold.expires_at),
        "ahead": outlook.ahead,
        "expected_at": None if expected is None else render_time(expected),
        "next": _BLOCKED if _is_blocked(holding, entry, status) else _NEXT[status],
    }


def _is_blocked(holding: Holding, entry: Entry, status: Status) -> bool:
    now = holding.clock()
    return status in {Status.OPEN, Status.APPROVED} and any(
        holding.is_blocked(entry, role, now) for role in entry.hold.roles
    )


def wait_seconds(query: str) -> float:
    """How long the caller wants to wait (`wait=SECONDS`); raises `RequestError` for anything else."""
    if not query:
        return 0.0
    name, _, value = query.partition("=")
    whole = value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER
    if name != "wait" or not whole or int(value) > MAX_WAIT_SECONDS:
        raise RequestError(
            400,
            "wait_invalid",
            "this path takes `wait` alone",
            f"write ?wait=SECONDS, at most {MAX_WAIT_SECONDS}",
        )
    return float(value)


async def stream_hold(holding: Holding, entry: Entry, law_now: Callable[[], Law]) -> AsyncIterator[bytes]:
    """How it stands, as server-sent events: at once, and when it changes; it ends when the hold does."""
    while True:
        yield b"event: hold\ndata: " + orjson.dumps(render_hold(holding, entry, law_now())) + b"\n\n"
        if entry.status(holding.clock()) is not Status.OPEN:
            return
        while entry.status(holding.clock()) is Status.OPEN:
            await holding.wait(entry.hold.id, _KEEP_ALIVE_SECONDS)
            yield b": waiting\n\n"
