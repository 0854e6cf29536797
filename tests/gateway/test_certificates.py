"""Client certificates, shown or forwarded by a registered proxy, alone and with keys and tokens."""

import contextlib
import itertools
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.gateway.errors import RequestError
from caveat.gateway.identity.callers import Caller, Connection, Identities
from caveat.gateway.identity.certificates import Authorities, AuthoritiesError
from caveat.gateway.identity.connection import peer_of
from caveat.gateway.identity.forwarded import HEADER, MAX_BYTES, ForwardedError, parse_forwarded
from caveat.gateway.identity.tokens import Tokens
from caveat.gateway.issued_keys import IssuedKeys
from caveat.gateway.ports import Law
from caveat.policy.bundle import parse_bundle
from caveat.signing.digest import sha256
from tests.support.credentials import (
    NOW,
    Issued,
    Registry,
    authority,
    certificate,
    claims_of,
    jwk,
    jwks,
    p256,
    spiffe,
    token,
)
from tests.support.small_bundle import CHAT_KEY, DESK_KEY

CA, KEY = authority(), p256()
DESK, CHAT, PROXY = (certificate(CA, [spiffe(name)]) for name in ("desk", "chat", "proxy"))
NOBODY = certificate(CA, [spiffe("nobody")])
FOREIGN = certificate(authority("foreign"), [spiffe("desk")])


def registry(**desk: Any) -> Registry:
    found = Registry().issuer(jwks=jwks(jwk(KEY)).decode()).domain(CA).token("desk").token("chat")
    found.certificate("desk", spiffe("desk"), spiffe("pool/")).certificate("chat", spiffe("chat"))
    found.callers["desk"].update(desk)
    found.identity["proxies"] = [spiffe("proxy")]
    return found


def law_of(found: Registry) -> Law:
    bundle = parse_bundle(found.files())
    callers = {digest: row for row in bundle.deployments.values() for digest in row.key_digests}
    return cast("Law", SimpleNamespace(bundle=bundle, callers=callers))


LAW = law_of(registry())


def over(*chain: Issued, host: str = "203.0.113.9") -> Connection:
    return Connection(peer_of(tuple(entry.der for entry in chain)) if chain else None, host)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def forwarded(leaf: Issued, *others: Issued, **members: str) -> dict[str, str]:
    pem = quote((leaf.pem + b"".join(entry.pem for entry in others)).decode(), safe="")
    pairs = {"By": spiffe("proxy"), "Hash": sha256(leaf.der), "Chain": f'"{pem}"', **members}
    return {HEADER: ";".join(f"{name}={value}" for name, value in pairs.items() if value)}


async def ask(
    connection: Connection,
    headers: Mapping[str, str] | None = None,
    law: Law = LAW,
    now: datetime = NOW,
    identities: Identities | None = None,
) -> Caller:
    found = identities or Identities(IssuedKeys(), Tokens(NOW))
    return await found.authenticate(law, headers or {}, connection, now)


async def code(*args: Any, **more: Any) -> str:
    with pytest.raises(RequestError) as caught:
        await ask(*args, **more)
    assert caught.value.status == 401
    assert caught.value.hint
    return caught.value.code


async def test_a_certificate_alone_speaks_for_its_deployment() -> None:
    found = await ask(over(DESK))
    assert (found.deployment.id, found.secret) == ("desk", "")
    assert found.principal.startswith("mtls:")
    below = await ask(over(certificate(CA, [spiffe("pool/a/b")])))
    assert below.deployment.id == "desk"
    assert below.principal != found.principal


async def test_a_certificate_that_does_not_hold_is_refused_whatever_else_is_shown() -> None:
    for headers in ({}, bearer(DESK_KEY)):
        assert await code(over(FOREIGN), headers) == "certificate_invalid"
        assert await code(over(NOBODY), headers) == "certificate_unknown"
        assert (
            await code(over(certificate(CA, [spiffe("desk"), spiffe("x")])), headers) == "certificate_invalid"
        )
        assert await code(over(certificate(CA, [spiffe("x", "other.org")])), headers) == "certificate_invalid"
        assert await code(over(DESK), headers, now=NOW + timedelta(hours=12)) == "certificate_expired"


async def test_a_certificate_is_looked_at_in_time_at_every_request_of_a_connection() -> None:
    identities = Identities(IssuedKeys(), Tokens(NOW))
    assert (await ask(over(DESK), identities=identities)).deployment.id == "desk"
    late = NOW + timedelta(hours=12)
    assert await code(over(DESK), identities=identities, now=late) == "certificate_expired"
    early = NOW - timedelta(hours=2)
    assert await code(over(DESK), identities=identities, now=early) == "certificate_expired"


async def test_a_certificate_is_verified_anew_under_a_new_bundle() -> None:
    identities = Identities(IssuedKeys(), Tokens(NOW))
    await ask(over(DESK), identities=identities)
    replaced = registry().domain(authority("new"))
    assert await code(over(DESK), law=law_of(replaced), identities=identities) == "certificate_invalid"


async def test_key_and_certificate_of_two_deployments_are_refused() -> None:
    assert (await ask(over(DESK), bearer(DESK_KEY))).principal.startswith("key:")
    assert await code(over(CHAT), bearer(DESK_KEY)) == "identity_conflict"
    assert await code(over(DESK), bearer("unknown")) == "invalid_api_key"


async def test_a_stolen_token_over_the_thiefs_own_certificate_is_refused() -> None:
    text = token(KEY, claims_of("desk"))
    assert (await ask(over(DESK), bearer(text))).deployment.id == "desk"
    assert await code(over(CHAT), bearer(text)) == "identity_conflict"


async def test_where_a_certificate_is_required_a_stolen_key_is_not_enough() -> None:
    law = law_of(registry(certificate_required=True))
    assert await code(over(), bearer(DESK_KEY), law=law) == "certificate_required"
    assert await code(over(), bearer(token(KEY, claims_of("desk"))), law=law) == "certificate_required"
    assert (await ask(over(DESK), bearer(DESK_KEY), law=law)).deployment.id == "desk"
    assert (await ask(over(), bearer(CHAT_KEY), law=law)).deployment.id == "chat"


async def test_without_any_credential_nobody_is_calling() -> None:
    assert await code(over()) == "invalid_api_key"


async def test_a_caller_still_speaks_only_while_it_is_registered() -> None:
    found = await ask(over(DESK), bearer(token(KEY, claims_of("desk"))))
    assert len(found.speakers) == 2
    assert all(speaker.speaks_for(LAW.bundle, "desk") for speaker in found.speakers)
    assert not any(speaker.speaks_for(LAW.bundle, "chat") for speaker in found.speakers)
    without = law_of(Registry().domain(CA)).bundle
    assert not any(speaker.speaks_for(without, "desk") for speaker in found.speakers)


async def test_a_registered_proxy_speaks_for_nobody_but_whom_it_forwards() -> None:
    assert (await ask(over(PROXY), forwarded(DESK))).deployment.id == "desk"
    assert (await ask(over(PROXY), bearer(DESK_KEY))).deployment.id == "desk"
    assert await code(over(PROXY)) == "invalid_api_key"
    assert await code(over(PROXY), forwarded(CHAT) | bearer(DESK_KEY)) == "identity_conflict"
    assert await code(over(PROXY), forwarded(FOREIGN)) == "certificate_invalid"
    assert await code(over(PROXY), forwarded(PROXY)) == "forwarded_certificate"


async def test_nobody_else_forwards_a_certificate() -> None:
    for connection in (over(), over(host="127.0.0.1"), over(CHAT), over(NOBODY)):
        assert await code(connection, forwarded(DESK)) == "proxy_untrusted"
        assert await code(connection, forwarded(DESK) | bearer(DESK_KEY)) == "proxy_untrusted"
    assert await code(over(FOREIGN), forwarded(DESK)) == "certificate_invalid"


async def test_a_proxy_on_this_machine_forwards_only_where_the_bundle_says_so() -> None:
    found = registry()
    found.identity["loopback_proxy"] = True
    law = law_of(found)
    for host in ("127.0.0.1", "::1"):
        assert (await ask(over(host=host), forwarded(DESK), law=law)).deployment.id == "desk"
    for host in ("203.0.113.9", "", "127.0.0.1.example"):
        assert await code(over(host=host), forwarded(DESK), law=law) == "proxy_untrusted"
    assert await code(over(CHAT, host="127.0.0.1"), forwarded(DESK), law=law) == "proxy_untrusted"


async def test_where_no_domain_is_registered_the_header_means_nothing() -> None:
    found = await ask(over(), forwarded(DESK) | bearer(DESK_KEY), law=law_of(Registry()))
    assert found.deployment.id == "desk"
    assert found.speakers == ()


def test_a_chain_is_forwarded_with_the_leaf_first() -> None:
    assert parse_forwarded(forwarded(DESK, CA)[HEADER]).chain == (DESK.der, CA.der)
    only = forwarded(DESK, Chain="", Cert=forwarded(DESK)[HEADER].rpartition("Chain=")[2])
    assert parse_forwarded(only[HEADER]).chain == (DESK.der,)
    named = forwarded(DESK, Subject='"CN=a\\"b,O=c;d"', URI=spiffe("desk"), DNS="desk")
    assert parse_forwarded(named[HEADER]).chain == (DESK.der,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "Hash",
        forwarded(DESK)[HEADER] + "," + forwarded(CHAT)[HEADER],
        forwarded(DESK)[HEADER] + ", " + forwarded(CHAT)[HEADER],
        forwarded(DESK)[HEADER] + ";Hash=" + sha256(DESK.der),
        forwarded(DESK)[HEADER] + ";",
        forwarded(DESK)[HEADER] + ";Extra=1",
        forwarded(DESK, Hash=sha256(CHAT.der))[HEADER],
        forwarded(DESK, Hash="")[HEADER],
        forwarded(DESK, Chain="")[HEADER],
        forwarded(DESK, Chain='"x"')[HEADER],
        forwarded(DESK, By='"a')[HEADER],
        forwarded(DESK, By="é")[HEADER],
        forwarded(DESK, By="a" * MAX_BYTES)[HEADER],
        forwarded(DESK)[HEADER].replace("Hash", "hash"),
    ],
    ids=itertools.count(),
)
async def test_a_header_with_two_readings_is_refused(text: str) -> None:
    with pytest.raises(ForwardedError):
        parse_forwarded(text)
    assert await code(over(PROXY), {HEADER: text}) == "forwarded_certificate"


@given(st.text(max_size=80) | st.text(alphabet='By=Hash;,"\\ChainURI', max_size=80))
def test_no_header_makes_the_parser_raise_anything_else(text: str) -> None:
    with pytest.raises(ForwardedError):
        parse_forwarded(text)


async def test_authorities_may_stand_in_a_file_that_the_bundle_names() -> None:
    found = registry()
    found.identity["trust_domains"]["example.org"] = {"ca_digest": sha256(CA.pem)}
    law = law_of(found)
    at_hand = Authorities(CA.pem)
    assert [entry.subject for entry in at_hand.all(law.bundle)] == [CA.certificate.subject]
    identities = Identities(IssuedKeys(), Tokens(NOW), at_hand)
    assert (await ask(over(DESK), law=law, identities=identities)).deployment.id == "desk"
    for missing in (Authorities(), Authorities(authority().pem)):
        with pytest.raises(AuthoritiesError, match="--client-ca"):
            missing.all(law.bundle)
    with pytest.raises(AuthoritiesError):
        Authorities(b"nothing")


# The whole rule, against the rule written naively

SECRETS: dict[str, tuple[str, str | None]] = {
    "none": ("", None),
    "key of desk": (DESK_KEY, "desk"),
    "key of chat": (CHAT_KEY, "chat"),
    "unknown key": ("unknown", "?"),
    "token of desk": (token(KEY, claims_of("desk")), "desk"),
    "token of chat": (token(KEY, claims_of("chat")), "chat"),
    "token of nobody": (token(KEY, claims_of("nobody")), "?"),
    "forged token": (token(p256(), claims_of("desk")), "?"),
    "token bound to desk": (token(KEY, claims_of("desk", cnf={"x5t#S256": DESK.thumbprint})), "desk"),
}
LEAVES: dict[str, tuple[Issued | None, str | None]] = {
    "none": (None, None),
    "desk": (DESK, "desk"),
    "chat": (CHAT, "chat"),
    "nobody": (NOBODY, "?"),
    "foreign": (FOREIGN, "?"),
    "proxy": (PROXY, "proxy"),
}
REQUIRED = law_of(registry(certificate_required=True))


def naive(secret: str, peer: str, behind: str, *, required: bool) -> str | None:
    """The deployment, or None: every credential holds, and all of them say the same."""
    said = {owner for owner in (SECRETS[secret][1],) if owner is not None}
    if behind == "none":
        shown = peer if peer != "proxy" else "none"
    elif peer != "proxy" or behind == "proxy":
        return None
    else:
        shown = behind
    if LEAVES[shown][1] is not None:
        said.add(LEAVES[shown][1] or "")
    if len(said) != 1 or "?" in said:
        return None
    if secret == "token bound to desk" and shown != "desk":
        return None
    found = said.pop()
    return None if required and found == "desk" and shown != "desk" else found


@pytest.mark.parametrize("remembers", [False, True])
async def test_the_caller_is_whom_every_credential_names(*, remembers: bool) -> None:
    combined = list(itertools.product(SECRETS, LEAVES, LEAVES, (False, True)))
    random.Random(1).shuffle(combined)
    one = Identities(IssuedKeys(), Tokens(NOW))
    for secret, peer, behind, required in combined:
        leaf, inner = LEAVES[peer][0], LEAVES[behind][0]
        headers = bearer(SECRETS[secret][0]) if SECRETS[secret][0] else {}
        headers |= {} if inner is None else forwarded(inner)
        connection = over() if leaf is None else over(leaf)
        law = REQUIRED if required else LAW
        named: str | None = None
        with contextlib.suppress(RequestError):
            named = (await ask(connection, headers, law, identities=one if remembers else None)).deployment.id
        assert named == naive(secret, peer, behind, required=required), (secret, peer, behind, required)
