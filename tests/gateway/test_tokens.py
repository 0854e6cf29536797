"""Tokens at the gateway: whose they are, until when, and what happens while the issuer's keys change."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from caveat.gateway.errors import FaultError, GatewayError, RequestError
from caveat.gateway.identity import key_source
from caveat.gateway.identity.callers import Caller, Connection, Identities
from caveat.gateway.identity.connection import peer_of
from caveat.gateway.identity.key_source import FetchError, KeySource, fetch_jwks
from caveat.gateway.identity.once import UsedTokens
from caveat.gateway.identity.tokens import Tokens
from caveat.gateway.issued_keys import IssuedKeys
from caveat.gateway.ports import Law
from caveat.policy.bundle import parse_bundle
from caveat.signing.digest import sha256
from caveat.signing.jwt import Validity
from tests.support.credentials import (
    AUDIENCE,
    DOMAIN,
    NOW,
    Registry,
    authority,
    certificate,
    claims_of,
    jwk,
    jwks,
    p256,
    rsa_key,
    spiffe,
    token,
)

KEY, CA = p256(), authority()
PINNED = jwks(jwk(KEY)).decode()
URL = "https://id.example/keys"


def law_of(registry: Registry) -> Law:
    """What the lookup reads of a law."""
    bundle = parse_bundle(registry.files())
    callers = {digest: row for row in bundle.deployments.values() for digest in row.key_digests}
    return cast("Law", SimpleNamespace(bundle=bundle, callers=callers))


def pinned(**issuer: Any) -> Registry:
    return Registry().issuer(jwks=PINNED, **issuer).token("desk").token("chat")


LAW = law_of(pinned())


@dataclass
class Endpoint:
    """An address of keys in memory, with a clock that tests move."""

    content: bytes = PINNED.encode()
    down: bool = False
    asked: int = 0
    at: float = 1000.0

    async def fetch(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        await asyncio.sleep(0)
        if self.down:
            raise FetchError("down")
        return self.content

    def clock(self) -> float:
        return self.at


@dataclass
class Door:
    """The gateway's lookup of callers, without a gateway."""

    endpoint: Endpoint = field(default_factory=Endpoint)
    started: datetime = NOW - timedelta(hours=1)

    def __post_init__(self) -> None:
        tokens = Tokens(self.started, self.endpoint.fetch, self.endpoint.clock)
        self.identities = Identities(IssuedKeys(), tokens)

    async def ask(
        self,
        text: str,
        law: Law = LAW,
        now: datetime = NOW,
        connection: Connection | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Caller:
        sent = {"authorization": f"Bearer {text}", **(headers or {})}
        return await self.identities.authenticate(law, sent, connection or Connection(), now)

    async def code(self, text: str, *args: Any, **more: Any) -> str:
        with pytest.raises(GatewayError) as caught:
            await self.ask(text, *args, **more)
        assert caught.value.status == (503 if isinstance(caught.value, FaultError) else 401)
        assert isinstance(caught.value, (FaultError, RequestError))
        said = f"{caught.value} {caught.value.hint}"
        assert all(piece not in said for piece in text.split(".") if piece)
        assert caught.value.hint
        return caught.value.code


@pytest.fixture
def door() -> Door:
    return Door()


async def test_a_token_speaks_for_the_deployment_of_its_subject(door: Door) -> None:
    desk = await door.ask(token(KEY, claims_of("desk")))
    chat = await door.ask(token(KEY, claims_of("chat", aud=[AUDIENCE])))
    assert (desk.deployment.id, chat.deployment.id) == ("desk", "chat")
    assert desk.principal.startswith("oidc:")
    assert desk.principal != chat.principal
    again = await door.ask(token(KEY, claims_of("desk", extra="other")))
    assert again.principal == desk.principal


async def test_a_token_is_taken_from_any_header_that_takes_a_key(door: Door) -> None:
    text = token(KEY, claims_of("desk"))
    for name in ("x-api-key", "api-key"):
        found = await door.identities.authenticate(LAW, {name: text}, Connection(), NOW)
        assert found.deployment.id == "desk"
    assert await door.code(text, headers={"x-api-key": "key-of-desk"}) == "invalid_api_key"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://id.example/"}, "token_issuer"),
    "no issuer": ({"iss": None}, "token_claims"),
    "another audience": ({"aud": "other"}, "token_audience"),
    "no audience": ({"aud": None}, "token_audience"),
    "two audiences": ({"aud": [AUDIENCE, "other"]}, "token_audience"),
    "audience of another type": ({"aud": {"a": AUDIENCE}}, "token_audience"),
    "another subject": ({"sub": "Desk"}, "token_subject"),
    "no subject": ({"sub": None}, "token_subject"),
    "a subject of another type": ({"sub": ["desk"]}, "token_subject"),
    "expired": ({"iat": int(NOW.timestamp()) - 9, "exp": int(NOW.timestamp())}, "token_expired"),
    "not yet valid": ({"nbf": int(NOW.timestamp()) + 61}, "token_not_yet_valid"),
    "from the future": ({"iat": int(NOW.timestamp()) + 61}, "token_not_yet_valid"),
    "living too long": ({"exp": int(NOW.timestamp()) + 3601}, "token_lifetime"),
    "no end": ({"exp": None}, "token_claims"),
    "no beginning": ({"nbf": None}, "token_claims"),
    "no date": ({"iat": None}, "token_claims"),
    "a binding of another type": ({"cnf": "x"}, "token_claims"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_token_with_a_wrong_claim_is_refused_with_its_own_code(door: Door, name: str) -> None:
    changes, code = REFUSED[name]
    assert await door.code(token(KEY, claims_of(**changes))) == code


async def test_the_algorithm_is_one_that_the_bundle_lists_for_the_issuer(door: Door) -> None:
    both = rsa_key()
    law = law_of(Registry().issuer(jwks=jwks(jwk(both)).decode(), algorithms=["PS256"]).token("desk"))
    assert await door.code(token(both, claims_of(), "RS256"), law) == "token_algorithm"
    assert (await door.ask(token(both, claims_of(), "PS256"), law)).deployment.id == "desk"


async def test_a_token_by_another_key_is_refused(door: Door) -> None:
    assert await door.code(token(p256(), claims_of())) == "token_signature"
    assert await door.code(token(KEY, claims_of(), header={"kid": "gone"})) == "token_key"
    assert await door.code(token(p256(), claims_of(), header={"jwk": jwk(p256())})) == "token_header"
    assert await door.code(token(KEY, claims_of(), header={"typ": "dpop+jwt"})) == "token_type"
    assert await door.code(token(KEY, b'{"iss":1,"iss":2}')) == "token_malformed"


async def test_without_a_registered_issuer_a_token_is_an_unknown_key(door: Door) -> None:
    assert await door.code(token(KEY, claims_of()), law_of(Registry())) == "invalid_api_key"


async def test_an_api_key_that_looks_like_a_token_is_still_a_key(door: Door) -> None:
    files_key = "eyJ.eyJ.x"
    registry = pinned()
    bundle = parse_bundle(registry.files(chat_key=files_key))
    callers = {sha256(files_key.encode()): bundle.deployments["chat"]}
    law = cast("Law", SimpleNamespace(bundle=bundle, callers=callers))
    assert (await door.ask(files_key, law)).principal.startswith("key:")


async def test_a_known_token_ends_at_its_end(door: Door) -> None:
    text = token(KEY, claims_of())
    for seconds in (0, 299):
        assert (await door.ask(text, now=NOW + timedelta(seconds=seconds))).deployment.id == "desk"
    assert await door.code(text, now=NOW + timedelta(seconds=300)) == "token_expired"
    assert await door.code(text, now=NOW - timedelta(seconds=61)) == "token_not_yet_valid"


async def test_a_known_token_is_judged_anew_under_a_new_bundle(door: Door) -> None:
    text = token(KEY, claims_of())
    assert (await door.ask(text)).deployment.id == "desk"
    moved = law_of(Registry().issuer(jwks=PINNED).token("watch", subject="desk"))
    assert (await door.ask(text, moved)).deployment.id == "watch"
    gone = law_of(Registry().issuer(jwks=PINNED).token("chat"))
    assert await door.code(text, gone) == "token_subject"
    other_key = law_of(Registry().issuer(jwks=jwks(jwk(p256())).decode()).token("desk"))
    assert await door.code(text, other_key) == "token_signature"


async def test_the_memory_of_tokens_is_bounded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.gateway.identity.tokens.MAX_KNOWN", 2)
    texts = [token(KEY, claims_of(extra=number)) for number in range(3)]
    for text in texts:
        await door.ask(text)
    tokens = door.identities._tokens
    assert tokens.recall(LAW.bundle, sha256(texts[0].encode()), NOW) is None
    assert tokens.recall(LAW.bundle, sha256(texts[2].encode()), NOW) is not None


# Keys from an address


FETCHED = law_of(Registry().issuer(jwks_url=URL, jwks_max_age_seconds=600).token("desk"))


async def test_keys_are_fetched_once_for_many_callers(door: Door) -> None:
    texts = [token(KEY, claims_of(extra=number)) for number in range(8)]
    found = await asyncio.gather(*(door.ask(text, FETCHED) for text in texts))
    assert {caller.deployment.id for caller in found} == {"desk"}
    assert door.endpoint.asked == 1


async def test_a_new_key_is_looked_for_but_not_at_every_guess(door: Door) -> None:
    text = token(KEY, claims_of())
    await door.ask(text, FETCHED)
    new = p256()
    rotated = token(new, claims_of(), header={"kid": "k2"})
    assert await door.code(rotated, FETCHED) == "token_key"
    door.endpoint.content = jwks(jwk(new, "k2"))
    for number in range(20):
        assert (
            await door.code(token(new, claims_of(), header={"kid": f"guess-{number}"}), FETCHED)
            == "token_key"
        )
    assert door.endpoint.asked == 1
    door.endpoint.at += key_source.UNKNOWN_KEY_SECONDS
    assert (await door.ask(rotated, FETCHED)).deployment.id == "desk"
    assert door.endpoint.asked == 2
    assert await door.code(text, FETCHED) == "token_key"  # withdrawn with its key, although it is remembered


async def test_no_token_holds_while_the_keys_cannot_be_had(door: Door) -> None:
    door.endpoint.down = True
    assert await door.code(token(KEY, claims_of()), FETCHED) == "identity_unavailable"
    assert await door.code(token(KEY, claims_of()), FETCHED) == "identity_unavailable"
    assert door.endpoint.asked == 1
    door.endpoint.down = False
    door.endpoint.at += key_source.RETRY_SECONDS
    assert (await door.ask(token(KEY, claims_of()), FETCHED)).deployment.id == "desk"


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"keys":[]}', b'{"keys":[{"kty":"oct","k":"eA"}]}'])
async def test_an_answer_without_keys_is_none(door: Door, content: bytes) -> None:
    door.endpoint.content = content
    assert await door.code(token(KEY, claims_of()), FETCHED) == "identity_unavailable"


async def test_keys_too_old_are_none_even_for_a_token_that_is_known(door: Door) -> None:
    text = token(KEY, claims_of(exp=int(NOW.timestamp()) + 3600))
    await door.ask(text, FETCHED)
    door.endpoint.down = True
    door.endpoint.at += 599.0
    assert (await door.ask(text, FETCHED)).deployment.id == "desk"
    door.endpoint.at += 1.0
    assert await door.code(text, FETCHED) == "identity_unavailable"


async def test_a_key_that_is_not_there_is_no_verdict_while_nobody_can_look(door: Door) -> None:
    await door.ask(token(KEY, claims_of()), FETCHED)
    door.endpoint.down = True
    door.endpoint.at += key_source.UNKNOWN_KEY_SECONDS
    assert (
        await door.code(token(p256(), claims_of(), header={"kid": "k2"}), FETCHED) == "identity_unavailable"
    )


async def test_keys_are_renewed_before_they_are_too_old() -> None:
    endpoint = Endpoint()
    source = KeySource(URL, 600.0, endpoint.fetch, endpoint.clock)
    first = await source.keys()
    endpoint.at += 300.0
    assert await source.keys() is first
    assert source._renewing is not None
    await source._renewing
    assert endpoint.asked == 2
    await source.close()
    endpoint.at += 400.0
    assert source.holds(first)


async def _keys(_request: web.Request) -> web.Response:
    return web.Response(body=PINNED.encode())


@asynccontextmanager
async def served(answer: Any) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/keys", answer)
    app.router.add_get("/moved", _keys)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    finally:
        await runner.cleanup()


async def test_keys_are_fetched_over_http() -> None:
    async with served(_keys) as url:
        assert await fetch_jwks(url) == PINNED.encode()
        law = law_of(Registry().issuer(jwks_url=url).token("desk"))
        identities = Identities(IssuedKeys(), Tokens(NOW))
        sent = {"authorization": f"Bearer {token(KEY, claims_of())}"}
        assert (await identities.authenticate(law, sent, Connection(), NOW)).deployment.id == "desk"
        await identities.close()
    with pytest.raises(FetchError):
        await fetch_jwks(url)


async def test_what_is_moved_large_failing_or_encoded_is_not_fetched() -> None:
    async def moved(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/moved")

    async def large(_request: web.Request) -> web.Response:
        return web.Response(body=b" " * (64 * 1024 + 1))

    async def failing(_request: web.Request) -> web.Response:
        return web.Response(status=500, body=PINNED.encode())

    async def encoded(_request: web.Request) -> web.Response:
        return web.Response(body=PINNED.encode(), headers={"content-encoding": "gzip"})

    for answer in (moved, large, failing, encoded):
        async with served(answer) as url:
            with pytest.raises(FetchError):
                await fetch_jwks(url)


async def test_a_slow_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_source, "FETCH_SECONDS", 0.05)
    waiting = asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        await waiting.wait()
        return web.Response()

    async with served(slow) as url:
        with pytest.raises(FetchError):
            await fetch_jwks(url)
        waiting.set()


# Tokens for one use


ONCE = law_of(pinned(one_time=True))


async def test_a_token_for_one_use_has_one_use(door: Door) -> None:
    text = token(KEY, claims_of(jti="1"))
    assert (await door.ask(text, ONCE)).deployment.id == "desk"
    assert await door.code(text, ONCE) == "token_replayed"
    again = token(KEY, claims_of(jti="1", extra="signed anew"))
    assert await door.code(again, ONCE) == "token_replayed"
    assert (await door.ask(token(KEY, claims_of(jti="2")), ONCE)).deployment.id == "desk"


@pytest.mark.parametrize("token_id", [None, "", 7, "x" * 257])
async def test_a_token_for_one_use_has_an_id(door: Door, token_id: object) -> None:
    assert await door.code(token(KEY, claims_of(jti=token_id)), ONCE) == "token_claims"


async def test_a_restart_opens_no_second_use() -> None:
    at = int(NOW.timestamp())
    text = token(KEY, claims_of(jti="1"))
    assert (await Door().ask(text, ONCE)).deployment.id == "desk"
    restarted = Door(started=NOW + timedelta(seconds=1))
    assert await restarted.code(text, ONCE, now=NOW + timedelta(seconds=2)) == "token_before_start"
    # One dated ahead of our clock could be used before the restart and after it.
    ahead = token(KEY, claims_of(jti="2", iat=at + 5, nbf=at + 5))
    assert await Door().code(ahead, ONCE) == "token_not_yet_valid"
    fresh = token(KEY, claims_of(jti="3", iat=at + 1, nbf=at + 1))
    assert (await restarted.ask(fresh, ONCE, now=NOW + timedelta(seconds=2))).deployment.id == "desk"


def test_used_ids_are_forgotten_at_their_end_and_never_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.gateway.identity.once.MAX_REMEMBERED", 2)
    used = UsedTokens(0.0)
    used.use_up("i", "1", Validity(10, 10, 20), 11.0)
    used.use_up("j", "1", Validity(10, 10, 30), 11.0)
    with pytest.raises(FaultError, match="cannot be had"):
        used.use_up("i", "2", Validity(10, 10, 30), 11.0)
    used.use_up("i", "2", Validity(10, 10, 30), 20.0)
    with pytest.raises(RequestError, match="has been used"):
        used.use_up("j", "1", Validity(10, 10, 30), 20.0)


async def test_a_jwt_svid_speaks_for_its_spiffe_id(door: Door) -> None:
    registry = Registry().issuer(
        jwks=PINNED, trust_domain=DOMAIN, one_time=True, max_lifetime_seconds=300, nbf_required=False
    )
    law = law_of(registry.token("desk", subject=spiffe("desk")))
    text = token(KEY, claims_of(spiffe("desk"), jti="1", nbf=None))
    assert (await door.ask(text, law)).deployment.id == "desk"
    assert await door.code(text, law) == "token_replayed"
    long = token(KEY, claims_of(spiffe("desk"), jti="2", exp=int(NOW.timestamp()) + 301))
    assert await door.code(long, law) == "token_lifetime"


# Bound to a certificate


LEAF, STOLEN = certificate(CA, [spiffe("desk")]), certificate(CA, [spiffe("desk")])
BOUND = pinned().domain(CA).certificate("desk", spiffe("desk"))
OVER = Connection(peer_of((LEAF.der,)))


async def test_a_token_that_names_a_certificate_is_good_with_that_one_alone(door: Door) -> None:
    law = law_of(BOUND)
    text = token(KEY, claims_of(cnf={"x5t#S256": LEAF.thumbprint}))
    assert (await door.ask(text, law, connection=OVER)).deployment.id == "desk"
    assert await door.code(text, law) == "token_not_bound"
    other = Connection(peer_of((STOLEN.der,)))
    assert await door.code(text, law, connection=other) == "token_not_bound"


@pytest.mark.parametrize(
    "binding", [{"jkt": "x"}, {"x5t#S256": None}, {"x5t#S256": LEAF.thumbprint, "jkt": "x"}]
)
async def test_a_binding_that_cannot_be_checked_is_none(door: Door, binding: object) -> None:
    assert (
        await door.code(token(KEY, claims_of(cnf=binding)), law_of(BOUND), connection=OVER)
        == "token_not_bound"
    )


async def test_where_tokens_must_be_bound_an_unbound_one_is_refused(door: Door) -> None:
    registry = Registry().issuer(jwks=PINNED).domain(CA).certificate("desk", spiffe("desk"))
    law = law_of(registry.token("desk", sender_constrained=True))
    assert await door.code(token(KEY, claims_of()), law, connection=OVER) == "token_not_bound"
    bound = token(KEY, claims_of(cnf={"x5t#S256": LEAF.thumbprint}))
    assert (await door.ask(bound, law, connection=OVER)).deployment.id == "desk"


async def test_an_issuer_that_is_another_at_the_same_address_shares_no_token(door: Door) -> None:
    registry = pinned().issuer("second", issuer="https://second.example", jwks=PINNED)
    law = law_of(registry.token("watch", issuer="second", subject="watch"))
    assert await door.code(token(KEY, claims_of("watch")), law) == "token_subject"
    assert (
        await door.code(token(KEY, claims_of("desk", iss="https://second.example")), law) == "token_subject"
    )
