"""The gateway of this process with everything around it replaced: no socket, no file, no operator's ledger.

Guarantee: what runs between the request's bytes and the answer's is the code that serves, from the path on.
Source: ADR-0030.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from caveat.gateway.app import Gateway
from caveat.gateway.coverage.planted_law import planted_law
from caveat.gateway.desk import Desk
from caveat.gateway.gate import Gate
from caveat.gateway.http import Message, Scope
from caveat.gateway.identity.callers import Identities
from caveat.gateway.issued_keys import IssuedKeys
from caveat.gateway.logs import make_logger
from caveat.gateway.metrics import Metrics
from caveat.gateway.ports import Law
from caveat.gateway.routes import single_route
from caveat.gateway.routing import Answer, Router
from caveat.gateway.upstream import UpstreamConfig
from caveat.signing.canonical import Json, JsonObject

_NOW = datetime(2030, 1, 1, tzinfo=UTC)
_MAX_BODY_BYTES = 1024 * 1024
_STREAM, _WHOLE = "text/event-stream", "application/json"


@dataclass(frozen=True, slots=True)
class PlantedAnswer:
    """What the endpoint is made to answer: one piece is a whole answer, several are chunks of a stream."""

    pieces: tuple[bytes, ...]
    stream: bool
    status: int = 200

    @property
    def headers(self) -> Mapping[str, str]:
        """Its type alone."""
        return {"content-type": _STREAM if self.stream else _WHOLE}

    @property
    def is_event_stream(self) -> bool:
        """As the endpoint says."""
        return self.stream

    async def read(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Piece by piece."""
        for piece in self.pieces:
            yield piece

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class Said:
    """What became of one planted use.

    `rulings`: point and verdict of each record, in order. `asked`: the body that went on to the endpoint,
    None where none did. `answered`: every byte that the caller got. `records`: of each decision, whole.
    """

    status: int
    rulings: tuple[tuple[str, str], ...]
    asked: bytes | None
    answered: bytes
    records: tuple[JsonObject, ...] = ()

    @property
    def refused_at(self) -> str | None:
        """The point of control that refused it; None where none did."""
        return next((point for point, verdict in self.rulings if verdict != "allow"), None)


@dataclass(frozen=True, slots=True)
class _Kept:
    record_id: str
    checkpoint: bytes = b""


@dataclass(slots=True)
class _Memory:
    """A ledger that forgets with the stage."""

    records: list[JsonObject] = field(default_factory=list[JsonObject])

    def submit(self, record: JsonObject) -> "asyncio.Future[_Kept]":
        """Keeps it for as long as one use takes."""
        self.records.append(record)
        kept: asyncio.Future[_Kept] = asyncio.get_running_loop().create_future()
        kept.set_result(_Kept(f"planted-{len(self.records)}"))
        return kept


class _Endpoint:
    """The model's endpoint: remembers what it was asked, and answers what was planted."""

    def __init__(self, _config: UpstreamConfig | None = None) -> None:
        self.asked: bytes | None = None
        self.answer = PlantedAnswer((), stream=False)

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:  # noqa: ARG002 - a protocol's
        """The planted answer."""
        self.asked = body
        return self.answer

    async def get(self, path: str, headers: Mapping[str, str]) -> Answer:  # noqa: ARG002 - the same
        """The same: nothing of a use is listed."""
        return self.answer

    async def close(self) -> None:
        """Nothing is open."""


class Stage:
    """One gateway for planted uses, one after the other. Made within a running loop."""

    def __init__(self, law: Law | None = None) -> None:
        """With a ledger and a log of its own. `law`: that of planted uses, if no other."""
        law = law or planted_law()
        self._ledger, self._endpoint, self._log = _Memory(), _Endpoint(), io.BytesIO()
        issued = IssuedKeys()
        log = make_logger(self._log, "critical")
        router = Router(
            single_route(UpstreamConfig("http://planted.invalid")),
            lambda _name, _code: None,
            lambda _config: self._endpoint,
        )
        metrics = Metrics()
        gate = Gate(self._ledger, metrics, lambda: _NOW, b"planted")

        def law_now() -> Law:
            return law

        desk = Desk(gate, router, metrics, log, law_now, _MAX_BODY_BYTES, Identities(issued))
        self._desk = desk
        self._app = Gateway(desk, _nothing, _nothing)

    async def play(
        self,
        path: str,
        key: str,
        body: bytes,
        answer: PlantedAnswer,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> Said:
        """One use from its first byte to the last of its answer."""
        self._ledger.records.clear()
        self._endpoint.asked, self._endpoint.answer = None, answer
        sent: list[bytes] = []
        status = 0
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if waiting:
                return waiting.pop()
            gone: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
            return await gone  # the caller stays

        async def send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            sent.append(message.get("body", b""))

        shown = [(b"authorization", b"Bearer " + key.encode()), *headers]
        scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": shown}
        await self._app(scope, receive, send)
        await self._desk.settle()
        records = tuple(record for record in self._ledger.records if record["kind"] == "decision")
        rulings = tuple(map(_ruling, records))
        return Said(status, rulings, self._endpoint.asked, b"".join(sent), records)


def _ruling(record: JsonObject) -> tuple[str, str]:
    point, verdict = record["point"], record["verdict"]
    return _text(point), _text(verdict)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


async def _nothing() -> None:
    """Nothing begins or ends here."""
