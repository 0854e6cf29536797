"""From an allowed call to an answer of some upstream that speaks its protocol.

Laws: nothing here decides; whoever asks has a durable prompt decision already, and however many upstreams
are tried it stays that one; another attempt is made only while nothing of an answer was released, which is
why an answer is handed over with its body, or with the first window of its stream; an upstream that says
4xx has answered. Source: ADR-0016.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import orjson

from caveat.gateway.errors import RequestError, UpstreamError
from caveat.gateway.routes import Routes, Target
from caveat.gateway.stream import windows
from caveat.gateway.upstream import Upstream, UpstreamConfig
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.request import WireRequest

_FAMILY_PATHS = {
    "chat.completions": "chat/completions",
    "completions": "completions",
    "embeddings": "embeddings",
}
_ANOTHER = frozenset({"upstream_unavailable", "upstream_timeout", "upstream_cut"})
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 1.0


class Answer(Protocol):
    """An answer that has begun, as `UpstreamAnswer` is one."""

    @property
    def status(self) -> int:
        """As received."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """As received."""
        ...

    @property
    def is_event_stream(self) -> bool:
        """Whether the body is a stream of server-sent events."""
        ...

    async def read(self) -> bytes:
        """The whole body; raises `UpstreamError`."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises `UpstreamError`."""
        ...

    def close(self) -> None:
        """Ends the exchange."""
        ...


class Pool(Protocol):
    """Connections to one upstream, as `Upstream` keeps them. Whatever fails is an `UpstreamError`."""

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Sends one request."""
        ...

    async def get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Asks for a listing."""
        ...

    async def close(self) -> None:
        """Closes every connection."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer of which nothing was released yet. `arriving` is a stream's rest, after `first`."""

    target: Target
    answer: Answer
    first: bytes
    arriving: AsyncIterator[bytes] | None


class Router:
    """Pools of connections to every upstream of the routes."""

    def __init__(
        self,
        routes: Routes,
        failed_over: Callable[[str, str], None],
        open_pool: Callable[[UpstreamConfig], Pool] = Upstream,
    ) -> None:
        """Opens nothing yet. `failed_over` is told the target's name and the code before another attempt."""
        self._routes = routes
        self._failed_over = failed_over
        # Targets that differ in retries or in the model's name alone share their connections.
        self._pools: dict[UpstreamConfig, Pool] = {}
        for target in routes.every:
            self._pools.setdefault(target.config, open_pool(target.config))

    @property
    def routes(self) -> Routes:
        """Where calls go."""
        return self._routes

    def targets(self, wire: Wire, model: str) -> tuple[Target, ...]:
        """The upstreams for this model, in order; raises `RequestError` where there is none.

        To be called before anything is decided: a name that leads nowhere is a bad request, and no use.
        """
        aliases = self._routes.aliases
        if aliases is None:
            return self._routes.every
        found = tuple(target for target in aliases.get(model, ()) if target.speaks(wire.NAME))
        if not found:
            raise RequestError(
                404,
                "unknown_model",
                "this gateway has no upstream for this model in this protocol",
                "GET /v1/models lists the names; the operator sets the routes",
            )
        return found

    def names(self, protocol: str) -> list[str] | None:
        """The aliases of this protocol; None where the one upstream itself is to be asked."""
        aliases = self._routes.aliases
        if aliases is None:
            return None
        return [name for name, targets in aliases.items() if any(one.speaks(protocol) for one in targets)]

    async def list_models(self, wire: Wire, headers: Mapping[str, str]) -> Answer:
        """The list of the one upstream."""
        target = self._routes.every[0]
        sent = {**headers, **_credentials(target, wire)}
        return await self._pools[target.config].get("/v1/models", sent)

    async def ask(
        self, targets: tuple[Target, ...], wire: Wire, request: WireRequest, headers: Mapping[str, str]
    ) -> Opened:
        """The first answer that is no failure; raises the last attempt's `UpstreamError` if there is none."""
        attempts = [(target, again) for target in targets for again in range(target.retries + 1)]
        for target, again in attempts[:-1]:
            try:
                return await self._open(target, wire, request, headers, last=False)
            except UpstreamError as error:
                if error.code not in _ANOTHER:
                    raise
                self._failed_over(target.name, error.code)
            if again < target.retries:
                await asyncio.sleep(min(_FIRST_PAUSE_SECONDS * 2**again, _LONGEST_PAUSE_SECONDS))
        return await self._open(attempts[-1][0], wire, request, headers, last=True)

    async def _open(
        self, target: Target, wire: Wire, request: WireRequest, headers: Mapping[str, str], *, last: bool
    ) -> Opened:
        sent = {**headers, **_credentials(target, wire)}
        body = _renamed(request, target)
        answer = await self._pools[target.config].post(upstream_path(target, wire, request.model), body, sent)
        try:
            if answer.status >= 500 and not last:
                raise UpstreamError(503, "upstream_unavailable", "the model's endpoint failed")
            if answer.is_event_stream:
                # The first window is awaited before anything is decided or sent: an endpoint that breaks off
                # at once is then an ordinary error, not a broken stream.
                arriving = windows(answer.chunks(), wire)
                return Opened(target, answer, await anext(arriving), arriving)
            return Opened(target, answer, await answer.read(), None)
        except BaseException:
            answer.close()
            raise

    async def close(self) -> None:
        """Closes every connection."""
        for pool in self._pools.values():
            await pool.close()


def upstream_path(target: Target, wire: Wire, model: str) -> str:
    """Where this upstream serves this protocol."""
    if target.protocol != "azure":
        return wire.PATH
    action = _FAMILY_PATHS.get(wire.ACTION)
    if action is None:
        return f"/openai/{wire.ACTION}?api-version={target.api_version}"  # the model stands in the body
    return f"/openai/deployments/{target.model or model}/{action}?api-version={target.api_version}"


def _credentials(target: Target, wire: Wire) -> Mapping[str, str]:
    """The gateway's own key, as this upstream takes it."""
    key = target.config.key
    if target.protocol == "azure":
        return {"api-key": key} if key else {}
    return dict(wire.upstream_headers(key))


def _renamed(request: WireRequest, target: Target) -> bytes:
    """The request with the name by which the upstream knows the model; else the very bytes."""
    if target.model is None or target.model == request.model:
        return request.forward
    members: dict[str, object] = orjson.loads(request.forward)
    return orjson.dumps({**members, "model": target.model})
