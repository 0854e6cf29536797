"""Registrations of callers: what may stand in `deployments.toml`, and that no identity speaks for two."""

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caveat.policy.bundle import BundleError, parse_bundle
from caveat.policy.callers import (
    Callers,
    CertificateCaller,
    Registrations,
    TokenCaller,
    caller_findings,
)
from caveat.policy.identity import Identity, TokenIssuer, TrustDomain
from caveat.signing.jwks import TokenAlgorithm
from tests.support.credentials import (
    DOMAIN,
    ISSUER,
    Registry,
    authority,
    certificate,
    jwk,
    jwks,
    p256,
    spiffe,
)

CA = authority()
KEYS = jwks(jwk(p256())).decode()


def good() -> Registry:
    registry = Registry().issuer(jwks=KEYS).domain(CA).token("desk").token("chat")
    registry.certificate("desk", spiffe("desk"), spiffe("pool/")).certificate("chat", spiffe("chat"))
    return registry


def findings(registry: Registry) -> str:
    with pytest.raises(BundleError) as caught:
        parse_bundle(registry.files())
    return "\n".join(caught.value.findings)


def test_callers_are_part_of_what_is_signed() -> None:
    bundle = parse_bundle(good().files())
    assert bundle.identity.issuers[ISSUER].id == "corporate"
    assert bundle.registrations.of_certificate(spiffe("pool/x")) == "desk"
    assert bundle.digest != parse_bundle(Registry().files()).digest
    found = bundle.registrations.of_token("corporate", "caveat", {"sub": "chat", "extra": 1})
    assert found is not None
    assert found.deployment == "chat"
    assert re.fullmatch(r"oidc:[0-9a-f]{16}", found.principal)


def test_a_prefix_holds_ids_below_it_and_none_beside_it() -> None:
    found = parse_bundle(good().files()).registrations
    assert found.of_certificate(spiffe("poolside")) is None
    assert found.of_certificate(spiffe("pool")) is None
    assert found.of_certificate(spiffe("desk/x")) is None


def changed(change: Callable[[Registry], object]) -> Registry:
    registry = copy.deepcopy(good())
    change(registry)
    return registry


def issuer(registry: Registry) -> dict[str, Any]:
    found: dict[str, Any] = registry.identity["issuers"]["corporate"]
    return found


FINDINGS: dict[str, tuple[Callable[[Registry], object], str]] = {
    "one token for two": (
        lambda r: r.token("watch", subject="desk"),
        "deployments `desk` and `watch` share a caller: one token could fit both",
    ),
    "claims that do not tell two apart": (
        lambda r: r.token("watch", claims={"azp": "x"}),
        "share a caller: one token could fit both",
    ),
    "one id for two": (
        lambda r: r.certificate("watch", spiffe("desk")),
        "deployment `desk` and deployment `watch` share a caller: one SPIFFE id fits both",
    ),
    "an id below another's prefix": (
        lambda r: r.certificate("watch", spiffe("pool/a")),
        "one SPIFFE id fits both",
    ),
    "a prefix below another's": (lambda r: r.certificate("watch", spiffe("pool/a/")), "fits both"),
    "a proxy that is a caller": (
        lambda r: r.identity.update(proxies=[spiffe("desk")]),
        "deployment `desk` and `identity.proxies` share a caller",
    ),
    "an HMAC": (
        lambda r: issuer(r).update(algorithms=["HS256"]),
        "`identity.issuers.corporate.algorithms.0`",
    ),
    "none": (lambda r: issuer(r).update(algorithms=["none"]), "`identity.issuers.corporate.algorithms.0`"),
    "no algorithm": (lambda r: issuer(r).update(algorithms=[]), "`identity.issuers.corporate.algorithms`"),
    "keys twice": (lambda r: issuer(r).update(jwks_url="https://id.example/k"), "either pinned in `jwks` or"),
    "no keys": (lambda r: issuer(r).pop("jwks"), "either pinned in `jwks` or"),
    "an HMAC key": (
        lambda r: issuer(r).update(jwks='{"keys":[{"kty":"oct","k":"eA"}]}'),
        "has no public key for",
    ),
    "an issuer twice": (lambda r: r.issuer("again", jwks=KEYS), "have the same `issuer`"),
    "an unknown issuer": (lambda r: r.token("watch", issuer="gone"), "no token issuer `gone`"),
    "no subject": (
        lambda r: r.token("watch", claims={"team": "x"}),
        "registered by `sub`, `azp` or `client_id`",
    ),
    "a checked claim": (
        lambda r: r.token("watch", claims={"sub": "x", "aud": "y"}),
        "`aud` is no claim to register",
    ),
    "a foreign domain": (lambda r: r.certificate("watch", "spiffe://other.org/a"), "holds SPIFFE ids"),
    "an id in another form": (lambda r: r.certificate("watch", spiffe("a/../b")), "holds SPIFFE ids"),
    "a leaf as authority": (
        lambda r: r.domain(certificate(CA, [spiffe("x")])),
        "`ca`: no PEM text of certificates of authorities",
    ),
    "a certificate that nobody can have": (
        lambda r: r.callers.setdefault("watch", {}).update(certificate_required=True),
        "lets nobody in",
    ),
    "a proxy from elsewhere": (
        lambda r: r.identity.update(proxies=["spiffe://other.org/p"]),
        "`identity.proxies`",
    ),
    "a misspelt member": (lambda r: r.identity.update(isuers={}), "`identity.isuers`"),
    "a JWT-SVID for many uses": (lambda r: issuer(r).update(trust_domain=DOMAIN), "so `one_time` is true"),
    "a JWT-SVID that lives long": (
        lambda r: issuer(r).update(trust_domain=DOMAIN, one_time=True),
        "lives at most 300 s",
    ),
    "a JWT-SVID of no SPIFFE id": (
        lambda r: issuer(r).update(trust_domain=DOMAIN, one_time=True, max_lifetime_seconds=300),
        "a JWT-SVID has a `sub` of the trust domain",
    ),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_a_registration_that_may_not_stand_is_a_finding(name: str) -> None:
    change, said = FINDINGS[name]
    assert said in findings(changed(change))


@pytest.mark.parametrize(
    ("url", "holds"),
    [
        ("https://id.example/keys", True),
        ("http://127.0.0.1:9/keys", True),
        ("http://localhost/keys", True),
        ("http://id.example/keys", False),
        ("http://127.0.0.1.id.example/keys", False),
        ("https://user:secret@id.example/keys", False),
        ("https://id.example/keys#x", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("https://id.example:x/", False),
    ],
)
def test_keys_come_over_tls_or_from_this_machine(url: str, *, holds: bool) -> None:
    registry = Registry().issuer(jwks_url=url)
    if holds:
        assert parse_bundle(registry.files()).identity.issuers[ISSUER].jwks_url == url
    else:
        assert "`jwks_url` begins with https://" in findings(registry)


def test_a_jwt_svid_and_a_certificate_of_one_id_speak_for_one_deployment() -> None:
    registry = Registry().domain(CA).certificate("chat", spiffe("pool/"))
    registry.issuer(jwks=KEYS, trust_domain=DOMAIN, one_time=True, max_lifetime_seconds=300)
    registry.token("desk", subject=spiffe("pool/a"))
    assert "deployment `chat` and deployment `desk` share a caller" in findings(registry)


NAMES = ("a", "b", "c")
TEXTS = st.sampled_from(["x", "y"])
CLAIMS = st.dictionaries(st.sampled_from(["sub", "azp", "team"]), TEXTS, min_size=1, max_size=3)
PATHS = st.sampled_from(["a", "a/", "a/b", "a/b/", "b", "b/", "ab"])
CALLERS = st.builds(
    Callers,
    st.lists(st.builds(TokenCaller, st.just("i"), st.sampled_from(["u", "v"]), CLAIMS), max_size=2).map(
        tuple
    ),
    st.lists(PATHS.map(lambda path: CertificateCaller(spiffe(path))), max_size=2).map(tuple),
)
IDENTITY = Identity(
    {
        "https://i": TokenIssuer(
            id="i",
            url="https://i",
            algorithms=frozenset({TokenAlgorithm.ES256}),
            keys=(),
            jwks_url=None,
            jwks_max_age_seconds=60,
            max_lifetime_seconds=60,
            one_time=False,
            nbf_required=True,
            trust_domain=None,
        )
    },
    {DOMAIN: TrustDomain(DOMAIN, None, None)},
)


def _every_token() -> Iterator[dict[str, str]]:
    for sub in (None, "x", "y"):
        for azp in (None, "x", "y"):
            for team in (None, "x", "y"):
                claims = {"sub": sub, "azp": azp, "team": team}
                yield {name: value for name, value in claims.items() if value is not None}


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(NAMES), CALLERS, max_size=3))
def test_where_no_sharing_is_found_no_identity_fits_two_deployments(
    by_deployment: dict[str, Callers],
) -> None:
    shared = [text for text in caller_findings(by_deployment, IDENTITY) if "share" in text]
    registered = Registrations(by_deployment)
    fitting: list[set[str]] = [
        {
            name
            for name, callers in by_deployment.items()
            for caller in callers.tokens
            if caller.audience == audience
            and all(claims.get(claim) == value for claim, value in caller.claims.items())
        }
        for audience in ("u", "v")
        for claims in _every_token()
    ]
    for path in ("a", "a/b", "a/b/c", "a/x", "b", "b/x", "ab"):
        owners = {
            name
            for name, callers in by_deployment.items()
            for caller in callers.certificates
            if spiffe(path) == caller.id or (caller.id[-1] == "/" and spiffe(path).startswith(caller.id))
        }
        assert registered.of_certificate(spiffe(path)) == (owners.pop() if len(owners) == 1 else None)
        fitting.append(owners)
    assert bool(shared) == any(len(owners) > 1 for owners in fitting)
