"""The one pooled client to the model's endpoint.

Guarantees: the caller's credentials never leave; whatever goes wrong beyond this point comes back as an
`UpstreamError` with a status of 502, 503 or 504; an answer is read whole before anybody may release it, or
in chunks that the reader paces.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from caveat.gateway.errors import UpstreamError

# RFC 9110, section 7.6.1, and what names or frames this hop alone.
_HOP_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CREDENTIAL_HEADERS = frozenset(
    {"authorization", "api-key", "cookie", "set-cookie", "x-api-key", "x-forwarded-client-cert"}
)
_OWN_PREFIX = "x-caveat-"
_DROPPED = _HOP_HEADERS | _CREDENTIAL_HEADERS
_UNREADABLE = frozenset({301, 302, 303, 304, 305, 307, 308})


@dataclass(frozen=True, slots=True)
class UpstreamConfig:
    """Where the model is and how long it may take. Seconds and bytes."""

    url: str
    key: str | None = None
    connect_seconds: float = 5.0
    first_byte_seconds: float = 120.0
    idle_seconds: float = 60.0
    max_answer_bytes: int = 32 * 1024 * 1024


def forwardable(headers: Mapping[str, str], secret: str) -> dict[str, str]:
    """The caller's headers that may go on: none of this hop, none of ours, none that holds their key."""
    return {
        name: value
        for name, value in headers.items()
        if name not in _DROPPED and not name.startswith(_OWN_PREFIX) and not (secret and secret in value)
    }


def returnable(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """The upstream's headers that the caller may see."""
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1", errors="replace"))
        for name, value in headers.items()
        if name.lower() not in _DROPPED
        and not name.lower().startswith(_OWN_PREFIX)
        and name.lower() not in {"x-should-retry", "server", "date"}
    ]


class UpstreamAnswer:
    """An answer that has begun: status and headers are known, its body is still to be read."""

    def __init__(self, response: aiohttp.ClientResponse, config: UpstreamConfig) -> None:
        """Owned by the caller, who closes it."""
        self._response = response
        self._config = config

    @property
    def status(self) -> int:
        """The status as received."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers as received."""
        return self._response.headers

    @property
    def is_event_stream(self) -> bool:
        """Whether the body is a stream of server-sent events."""
        return self._response.content_type == "text/event-stream"

    async def read(self) -> bytes:
        """The whole body; raises `UpstreamError` when it is cut, slow or too large."""
        pieces: list[bytes] = []
        size = 0
        async for piece in self.chunks():
            size += len(piece)
            if size > self._config.max_answer_bytes:
                raise UpstreamError(
                    502, "upstream_too_large", "the model's answer is larger than this gateway releases"
                )
            pieces.append(piece)
        return b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; nothing more is read from the socket than the reader takes."""
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except TimeoutError as error:
            raise _slow() from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError(
                502, "upstream_cut", "the model's endpoint broke off its answer", "send the request again"
            ) from error

    def close(self) -> None:
        """Ends the exchange. A body not read to its end closes the connection, so the model can stop."""
        self._response.close()

    def release(self) -> None:
        """Gives the connection back after the body was read to its end."""
        self._response.release()


class Upstream:
    """A pool of connections to one endpoint."""

    def __init__(self, config: UpstreamConfig) -> None:
        """Opens nothing yet; `post` needs a running loop."""
        self._config = config
        self._base = config.url.rstrip("/").removesuffix("/v1")
        self._session: aiohttp.ClientSession | None = None

    @property
    def key(self) -> str | None:
        """The gateway's own credential at the endpoint."""
        return self._config.key

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            config = self._config
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=config.connect_seconds, sock_read=config.idle_seconds
                ),
                auto_decompress=False,
                skip_auto_headers=("user-agent", "accept"),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> UpstreamAnswer:
        """Sends one request; raises `UpstreamError` unless an answer begins in time."""
        return await self._request("POST", path, body, headers)

    async def get(self, path: str, headers: Mapping[str, str]) -> UpstreamAnswer:
        """Asks for a listing; raises `UpstreamError` unless an answer begins in time."""
        return await self._request("GET", path, None, headers)

    async def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> UpstreamAnswer:
        sent = {**headers, "accept-encoding": "identity"}
        try:
            async with asyncio.timeout(self._config.first_byte_seconds):
                response = await self._open().request(
                    method,
                    URL(self._base + path, encoded=True),
                    data=body,
                    headers=sent,
                    allow_redirects=False,
                )
        except TimeoutError as error:
            raise _slow() from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UpstreamError(
                503, "upstream_unavailable", "the model's endpoint cannot be reached", "try again later"
            ) from error
        answer = UpstreamAnswer(response, self._config)
        refused = _unusable(response)
        if refused is not None:
            answer.close()
            raise refused
        return answer

    async def close(self) -> None:
        """Closes every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _unusable(response: aiohttp.ClientResponse) -> UpstreamError | None:
    if response.headers.get("content-encoding", "identity") != "identity":
        return UpstreamError(
            502, "upstream_invalid", "the model's endpoint answered in an encoding not asked for"
        )
    if response.status in (401, 403):
        return UpstreamError(
            503,
            "upstream_refused_key",
            "the model's endpoint does not accept this gateway's key",
            "the operator sets CAVEAT_UPSTREAM_KEY",
        )
    if response.status in _UNREADABLE:
        return UpstreamError(502, "upstream_invalid", "the model's endpoint redirects, which is not followed")
    return None


def _slow() -> UpstreamError:
    return UpstreamError(
        504, "upstream_timeout", "the model's endpoint took too long", "try again later, or ask for less"
    )
