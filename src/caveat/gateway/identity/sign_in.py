"""People who sign in at their organisation: OpenID Connect's code flow with PKCE, and nothing of it kept.

Laws: an answer counts in the browser that asked, once and for ten minutes; the id token's key is one that the
bundle enrols; every address is the operator's, and none is read from an answer; whatever cannot be checked
signs nobody in. Source: OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9207; RFC 9700; ADR-0044.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from caveat.gateway.errors import FaultError, RequestError
from caveat.gateway.identity.tokens import Tokens
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import StrictJsonError, parse_strict
from caveat.signing.digest import Digest, sha256

LIFE_SECONDS = 600
ANSWER_SECONDS = 10.0
MAX_ANSWER_BYTES = 64 * 1024
_AT_ONCE = 8
_MAX_CODE = 2048
BACK = "/console/sign-in/back"


class ProviderError(Exception):
    """The provider gave no answer that can be read. Its text is for the operator's log."""


@dataclass(frozen=True, slots=True)
class Provider:
    """An organisation's sign-in. `issuer`: its `iss`, whose keys the bundle enrols; `name`: as people say it.

    `console_url`: where browsers reach the console, without a path. `secret`: empty of a public client.
    `end_session_url`: where somebody signs out there too; empty for nowhere.
    """

    issuer: str
    name: str
    authorization_url: str
    token_url: str
    client_id: str
    console_url: str
    secret: str = field(default="", repr=False)
    scope: str = "openid"
    end_session_url: str = ""

    @property
    def back(self) -> str:
        """Where the provider sends browsers back to: never an address that a request names."""
        return self.console_url + BACK

    @property
    def leave(self) -> str:
        """Where somebody signs out of the organisation as well; empty where there is no such place."""
        if not self.end_session_url:
            return ""
        back = {
            "client_id": self.client_id,
            "post_logout_redirect_uri": f"{self.console_url}/console/sign-in",
        }
        return _with_query(self.end_session_url, back)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address answered to a form."""

    status: int
    body: bytes


Post = Callable[[str, Mapping[str, str], Mapping[str, str]], Awaitable[Answer]]


class SignIn:
    """The sign-in of one organisation. What a browser is to bring back follows from a secret of this process,
    so that starting a thousand sign-ins keeps nothing."""

    def __init__(self, provider: Provider, tokens: Tokens, post: "Post | None" = None) -> None:
        """`tokens`: verifies under the keys that the bundle enrols. `post`: sends a form."""
        self.provider = provider
        self._tokens = tokens
        self._post = post or post_form
        self._secret = secrets.token_bytes(32)
        self._used: dict[Digest, float] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def begin(self, now: datetime) -> tuple[str, str]:
        """Where to send the browser, and the state that it keeps in a cookie."""
        body = f"{int(now.timestamp()) + LIFE_SECONDS}.{secrets.token_urlsafe(32)}"
        state = f"{body}.{self._derived('state', body)}"
        challenge = hashlib.sha256(self._derived("verifier", state).encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.provider.back,
            "scope": self.provider.scope,
            "state": state,
            "nonce": self._derived("nonce", state),
            "code_challenge": _base64url(challenge),
            "code_challenge_method": "S256",
        }
        return _with_query(self.provider.authorization_url, asked), state

    async def complete(self, bundle: Bundle, query: Mapping[str, str], kept: str, now: datetime) -> str:
        """The subject who comes back with this query, to the browser that kept this state.

        Raises `RequestError` 401 where nobody is signed in, and `FaultError` where nobody can tell.
        """
        state = query.get("state", "")
        self._check_state(state, kept, now)
        if query.get("iss", self.provider.issuer) != self.provider.issuer:
            raise not_signed_in("the answer names another issuer")
        if "error" in query:
            raise not_signed_in("the organisation's sign-in said no")
        code = query.get("code", "")
        if not 0 < len(code) <= _MAX_CODE:
            raise not_signed_in("the answer has no code")
        if self.provider.issuer not in bundle.identity.issuers:
            raise _unavailable("the policy bundle in force enrols no keys of it")
        token = await self._redeem(code, self._derived("verifier", state))
        claims = await self._tokens.verify_person(
            bundle, token, self.provider.issuer, self.provider.client_id, now
        )
        nonce, subject = claims.get("nonce"), claims.get("sub")
        if not isinstance(nonce, str) or not _same(nonce, self._derived("nonce", state)):
            raise not_signed_in("the token answers another request")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise not_signed_in("the token names nobody")
        return subject

    def _check_state(self, state: str, kept: str, now: datetime) -> None:
        """The state is this process's, this browser's, young, and not used before."""
        body, _, mac = state.rpartition(".")
        until = body.partition(".")[0]
        if not (kept and _same(state, kept) and _same(mac, self._derived("state", body))):
            raise not_signed_in("this sign-in did not begin in this browser")
        if now.timestamp() >= int(until):
            raise not_signed_in("this sign-in began too long ago")
        self._used = {one: end for one, end in self._used.items() if end > now.timestamp()}
        digest = sha256(state.encode())
        if digest in self._used:
            raise not_signed_in("this sign-in was completed before")
        self._used[digest] = float(until)

    async def _redeem(self, code: str, verifier: str) -> str:
        """The id token for a code; the access token beside it is dropped."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.provider.back,
            "client_id": self.provider.client_id,
            "code_verifier": verifier,
        }
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        if self.provider.secret:
            pair = f"{quote(self.provider.client_id, safe='')}:{quote(self.provider.secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        try:
            async with self._at_once:
                answer = await self._post(self.provider.token_url, form, headers)
        except ProviderError as error:
            raise _unavailable("it cannot be reached, or does not answer in time") from error
        if answer.status in {400, 401}:
            raise not_signed_in("the organisation's sign-in does not know the code")
        try:
            said = parse_strict(answer.body, max_bytes=MAX_ANSWER_BYTES, floats=True)
        except StrictJsonError as error:
            raise _unavailable("its answer cannot be read") from error
        token = said.get("id_token") if isinstance(said, dict) else None
        if answer.status != 200 or not isinstance(token, str):
            raise _unavailable("its answer has no id token")
        return token

    def _derived(self, purpose: str, text: str) -> str:
        return _base64url(hmac.new(self._secret, f"{purpose}\0{text}".encode(), hashlib.sha256).digest())


async def post_form(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
    """Sends a form; raises `ProviderError` for anything but a plain, small and timely answer."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(
                timeout=timeout, trust_env=False, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.post(URL(url), data=dict(form), headers=dict(headers), allow_redirects=False) as answer,
        ):
            content = b""
            async for piece in answer.content.iter_chunked(16 * 1024):
                content += piece
                if len(content) > MAX_ANSWER_BYTES:
                    raise ProviderError("too large")
            return Answer(answer.status, content)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise ProviderError(type(error).__name__) from error


def not_signed_in(why: str) -> RequestError:
    """Nobody is signed in, and why, in words that repeat nothing of the request."""
    return RequestError(
        401, "not_signed_in", f"nobody was signed in: {why}", "sign in again, or ask who enrols keys"
    )


def _unavailable(why: str) -> FaultError:
    return FaultError(
        503,
        "sign_in_unavailable",
        f"the organisation's sign-in cannot be used, so nobody was signed in: {why}",
        "sign in with your passkey, or try again later; the operator looks at the file of `--console`",
    )


def _with_query(url: str, values: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(values)}"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
