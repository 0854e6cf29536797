"""The keys of a token issuer from its address: fetched within caps, renewed, and unusable once too old.

Fails closed: without keys that are younger than the bundle allows there is no answer but a fault. Nothing
in a token moves the address, and no token makes this fetch more often than once in a while.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from caveat.gateway.identity.refused import identity_unavailable
from caveat.signing.jwks import MAX_JWKS_BYTES, JwksError, TokenKey, parse_jwks

FETCH_SECONDS = 5.0
RETRY_SECONDS = 5.0
UNKNOWN_KEY_SECONDS = 30.0

Fetch = Callable[[str], Awaitable[bytes]]
Clock = Callable[[], float]


class FetchError(Exception):
    """The address gave no JWK set. Its text is for the operator's log."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys as fetched at one moment, by a clock that never goes back."""

    keys: tuple[TokenKey, ...] = field(repr=False)
    fetched_at: float


class KeySource:
    """One address. Used by one event loop; fetches at most once at a time."""

    def __init__(self, url: str, max_age_seconds: float, fetch: Fetch, clock: Clock) -> None:
        """Fetches nothing yet."""
        self._url = url
        self._max_age = max_age_seconds
        self._fetch = fetch
        self._clock = clock
        self._set: KeySet | None = None
        self._content = b""
        self._tried_at = float("-inf")
        self._failed = False
        self._lock = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None

    def holds(self, keys: tuple[TokenKey, ...]) -> bool:
        """Whether these are still the issuer's keys, and young enough to say so."""
        current = self._set
        return current is not None and current.keys is keys and self._age(current) < self._max_age

    async def keys(self) -> tuple[TokenKey, ...]:
        """The issuer's keys; raises `FaultError` where there are none that are young enough."""
        current = self._set
        if current is None or self._age(current) >= self._max_age:
            await self._renew(RETRY_SECONDS)
            current = self._set
            if current is None or self._age(current) >= self._max_age:
                raise identity_unavailable()
        elif self._age(current) >= self._max_age / 2 and self._may_try(UNKNOWN_KEY_SECONDS):
            self._renew_behind()
        return current.keys

    async def keys_anew(self) -> tuple[TokenKey, ...]:
        """The keys, after a look for one that is not among them; raises `FaultError` if it cannot look.

        A look is made once in `UNKNOWN_KEY_SECONDS`; until the next, the last one counts.
        """
        await self._renew(UNKNOWN_KEY_SECONDS)
        current = self._set
        if self._failed or current is None or self._age(current) >= self._max_age:
            raise identity_unavailable()
        return current.keys

    async def close(self) -> None:
        """Ends a renewal that is under way."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait({self._renewing})

    def _age(self, current: KeySet) -> float:
        return self._clock() - current.fetched_at

    def _may_try(self, pause_seconds: float) -> bool:
        return self._clock() - self._tried_at >= pause_seconds

    def _renew_behind(self) -> None:
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().create_task(self._renew(UNKNOWN_KEY_SECONDS))

    async def _renew(self, pause_seconds: float) -> None:
        async with self._lock:
            if not self._may_try(pause_seconds):
                return
            self._tried_at = self._clock()
            try:
                content = await self._fetch(self._url)
                keys = self._set.keys if self._set and content == self._content else parse_jwks(content)
            except (FetchError, JwksError):
                self._failed = True
                return
            self._failed = False
            self._content = content
            # Keys are as old as the question, not as the answer.
            self._set = KeySet(keys, self._tried_at)


async def fetch_jwks(url: str) -> bytes:
    """What stands at `url`; raises `FetchError` for anything but a plain, small and timely answer."""
    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    headers = {"accept": "application/jwk-set+json, application/json", "accept-encoding": "identity"}
    try:
        async with (
            aiohttp.ClientSession(
                timeout=timeout, trust_env=False, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.get(URL(url), headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status != 200 or answer.headers.get("content-encoding", "identity") != "identity":
                raise FetchError(f"status {answer.status}")
            content = b""
            async for piece in answer.content.iter_chunked(16 * 1024):
                content += piece
                if len(content) > MAX_JWKS_BYTES:
                    raise FetchError("too large")
            return content
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise FetchError(type(error).__name__) from error
