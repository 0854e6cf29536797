"""A small OpenID provider on a real socket, with a real key, which says what a test has it say."""

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.small_bundle import SmallBundle

CLIENT, SECRET = "caveat-console", "a secret of the client"


@dataclass
class Provider:
    """What it would say, to be changed by tests. `claims` are put over those of every token."""

    clock: Callable[[], datetime]
    subject: str = "248289761001"
    claims: dict[str, Any] = field(default_factory=dict[str, Any])
    error: str = ""
    answer: tuple[int, bytes] | None = None
    url: str = ""
    seen: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    signs_with: ec.EllipticCurvePrivateKey | None = None
    iss_in_answer: str = ""
    _asked: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    @property
    def jwks(self) -> str:
        """Its public key."""
        numbers = self.key.public_key().public_numbers()
        x, y = (_b64(one.to_bytes(32)) for one in (numbers.x, numbers.y))
        return json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "k"}]})

    def enrolled(self) -> bytes:
        """The rows of `deployments.toml` by which a bundle believes it."""
        return (
            f'\n[identity.issuers.work]\nissuer = "{self.url}"\nalgorithms = ["ES256"]\n'
            f"jwks = '{self.jwks}'\n"
        ).encode()

    async def authorize(self, request: web.Request) -> web.Response:
        """Everybody who comes here consents at once."""
        asked = dict(request.query)
        self.seen.append(asked)
        said = {"state": asked["state"]}
        if self.iss_in_answer:
            said["iss"] = self.iss_in_answer
        if self.error:
            said["error"] = self.error
        else:
            said["code"] = f"code-{len(self._asked)}"
            self._asked[said["code"]] = asked
        raise web.HTTPSeeOther(f"{asked['redirect_uri']}?{urlencode(said)}")

    async def token(self, request: web.Request) -> web.Response:
        """Checks what a provider has to check, and gives a code away once."""
        if self.answer is not None:
            return web.Response(status=self.answer[0], body=self.answer[1])
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked = self._asked.pop(form.get("code", ""), None)
        basic = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        challenge = _b64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (
            asked is None
            or basic != f"{CLIENT}:{SECRET.replace(' ', '%20')}"
            or challenge != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
            or form["grant_type"] != "authorization_code"
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {"access_token": "x", "token_type": "Bearer", "id_token": self.minted(asked)}
        )

    def minted(self, asked: dict[str, str]) -> str:
        """An id token for who was asked."""
        now = int(self.clock().timestamp())
        said = {
            "iss": self.url,
            "aud": asked["client_id"],
            "sub": self.subject,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        claims = {name: value for name, value in {**said, **self.claims}.items() if value is not None}
        return jwt.encode(claims, self.signs_with or self.key, "ES256", {"kid": "k"})

    async def leave(self, _request: web.Request) -> web.Response:
        """Where people sign out."""
        return web.Response(text="signed out", content_type="text/plain")


@contextmanager
def oidc_provider(clock: Callable[[], datetime]) -> Iterator[Provider]:
    """A provider that answers until the end."""
    provider, started, loop = Provider(clock), threading.Event(), asyncio.new_event_loop()
    application = web.Application()
    application.add_routes(
        [
            web.get("/authorize", provider.authorize),
            web.post("/token", provider.token),
            web.get("/leave", provider.leave),
        ]
    )
    runner = web.AppRunner(application)

    async def serve() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        provider.url = f"http://localhost:{port}"
        started.set()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(20)
    try:
        yield provider
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


def believing(bundle: SmallBundle, provider: Provider) -> dict[str, bytes]:
    """The bundle's files, in which the provider's key is enrolled, signed."""
    files = SmallBundle(signed=False).files()
    bundle.extra["deployments.toml"] = files["deployments.toml"] + provider.enrolled()
    return bundle.files()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
