"""Which identities speak for a deployment, and that none speaks for two.

A caller is an API key, a token of an issuer with exact claims, or a certificate with a SPIFFE id.
Source: ADR-0023; THREAT_MODEL attack 41.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from caveat.policy.identity import Identity, TokenIssuer
from caveat.signing.canonical import Json, canonical
from caveat.signing.digest import sha256
from caveat.signing.svid import domain_of, domain_of_prefix

SUBJECT_CLAIMS = ("sub", "azp", "client_id")
_CHECKED = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "cnf"})


@dataclass(frozen=True, slots=True)
class TokenCaller:
    """Tokens that speak for a deployment: of this issuer, for this audience, with exactly these claims.

    `sender_constrained`: only over a connection whose certificate the token names (`cnf`).
    """

    issuer: str
    audience: str
    claims: Mapping[str, str]
    sender_constrained: bool = False

    @property
    def principal(self) -> str:
        """The caller in records: a digest of what is registered, and of nothing else in a token."""
        return f"oidc:{sha256(canonical([self.issuer, self.audience, dict(self.claims)]))[:16]}"

    def matches(self, claims: Mapping[str, Json]) -> bool:
        """Whether a token with these claims has every registered one, equal as text."""
        return all(claims.get(name) == value for name, value in self.claims.items())


@dataclass(frozen=True, slots=True)
class CertificateCaller:
    """Certificates that speak for a deployment. `id` ends with a slash where it is a prefix of ids."""

    id: str

    def matches(self, spiffe_id: str) -> bool:
        """Whether it is this id, or one below it."""
        return spiffe_id.startswith(self.id) if self.id.endswith("/") else spiffe_id == self.id


@dataclass(frozen=True, slots=True)
class Callers:
    """Everyone who speaks for one deployment, beside API keys.

    `certificate_required`: whatever else a caller shows, it also comes with a certificate of this deployment.
    """

    tokens: tuple[TokenCaller, ...] = ()
    certificates: tuple[CertificateCaller, ...] = ()
    certificate_required: bool = False


def certificate_principal(spiffe_id: str) -> str:
    """The caller in records: a digest of its SPIFFE id."""
    return f"mtls:{sha256(spiffe_id.encode())[:16]}"


@dataclass(frozen=True, slots=True)
class TokenMatch:
    """What a token's claims lead to. `sender_constrained` if any registration that fits says so."""

    deployment: str
    principal: str
    sender_constrained: bool


@dataclass(frozen=True, slots=True)
class Registrations:
    """Every registration of a bundle, to look callers up in."""

    by_deployment: Mapping[str, Callers] = field(default_factory=dict[str, Callers])

    def audiences(self, issuer: str) -> frozenset[str]:
        """What tokens of this issuer may be for."""
        return frozenset(
            caller.audience
            for callers in self.by_deployment.values()
            for caller in callers.tokens
            if caller.issuer == issuer
        )

    def of_token(self, issuer: str, audience: str, claims: Mapping[str, Json]) -> TokenMatch | None:
        """Whom a verified token speaks for; None for nobody, and where two could be meant."""
        fitting = [
            (deployment, caller)
            for deployment, callers in self.by_deployment.items()
            for caller in callers.tokens
            if caller.issuer == issuer and caller.audience == audience and caller.matches(claims)
        ]
        if len({deployment for deployment, _ in fitting}) != 1:
            return None
        deployment, first = fitting[0]
        return TokenMatch(
            deployment, first.principal, any(caller.sender_constrained for _, caller in fitting)
        )

    def of_certificate(self, spiffe_id: str) -> str | None:
        """Whom a verified certificate speaks for; None for nobody, and where two could be meant."""
        found = {
            deployment
            for deployment, callers in self.by_deployment.items()
            if any(caller.matches(spiffe_id) for caller in callers.certificates)
        }
        return found.pop() if len(found) == 1 else None


class TokenCallerModel(BaseModel):
    """One row of `callers.oidc`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    issuer: str
    audience: str = Field(min_length=1, max_length=256)
    claims: dict[str, str] = Field(min_length=1, max_length=16)
    sender_constrained: bool = False


class CallersModel(BaseModel):
    """The table `callers` of a deployment."""

    model_config = ConfigDict(extra="forbid", strict=True)
    oidc: list[TokenCallerModel] = Field(default_factory=list[TokenCallerModel])
    spiffe: list[str] = Field(default_factory=list[str])
    certificate_required: bool = False


def build_callers(model: CallersModel) -> Callers:
    """The callers as they are written. `caller_findings` says which of them may not stand."""
    return Callers(
        tuple(
            TokenCaller(row.issuer, row.audience, MappingProxyType(row.claims), row.sender_constrained)
            for row in model.oidc
        ),
        tuple(CertificateCaller(text) for text in model.spiffe),
        model.certificate_required,
    )


def caller_findings(by_deployment: Mapping[str, Callers], identity: Identity) -> list[str]:
    """Why these registrations may not stand: an unknown issuer, no subject, or one identity for two."""
    issuers = {issuer.id: issuer for issuer in identity.issuers.values()}
    findings: list[str] = []
    for deployment, callers in by_deployment.items():
        where = f"deployment `{deployment}`, `callers`"
        findings.extend(
            f"{where}: {text}" for row in callers.tokens for text in _token_findings(row, issuers)
        )
        for row in callers.certificates:
            domain = domain_of_prefix(row.id) if row.id.endswith("/") else domain_of(row.id)
            if domain not in identity.domains:
                text = "`spiffe` holds SPIFFE ids of a trust domain here, or prefixes that end with `/`"
                findings.append(f"{where}: {text}")
        if callers.certificate_required and not callers.certificates:
            findings.append(
                f"{where}: `certificate_required` without a certificate in `spiffe` lets nobody in"
            )
    findings.extend(_shared_tokens(by_deployment))
    findings.extend(_shared_certificates(_spiffe_claims(by_deployment, issuers, identity)))
    return findings


def _token_findings(caller: TokenCaller, issuers: Mapping[str, TokenIssuer]) -> list[str]:
    findings: list[str] = []
    if not set(SUBJECT_CLAIMS) & caller.claims.keys():
        findings.append("a token is registered by `sub`, `azp` or `client_id`, and further claims")
    if checked := sorted(_CHECKED & caller.claims.keys()):
        findings.append(f"`{checked[0]}` is no claim to register: it is checked by itself")
    if not caller.audience.isascii() or not all(name.isascii() for name in caller.claims):
        findings.append("audiences and names of claims are ASCII")
    issuer = issuers.get(caller.issuer)
    if issuer is None:
        findings.append(f"no token issuer `{caller.issuer}` in `identity.issuers`")
    elif issuer.trust_domain is not None and domain_of(caller.claims.get("sub", "")) != issuer.trust_domain:
        findings.append(f"a JWT-SVID has a `sub` of the trust domain `{issuer.trust_domain}`")
    return findings


def _shared_tokens(by_deployment: Mapping[str, Callers]) -> list[str]:
    """Pairs of deployments for which one token could speak: no claim tells the two apart."""
    rows = [(name, caller) for name, callers in by_deployment.items() for caller in callers.tokens]
    return [
        f"deployments `{one}` and `{other}` share a caller: one token could fit both"
        for (one, first), (other, second) in combinations(rows, 2)
        if one != other
        and (first.issuer, first.audience) == (second.issuer, second.audience)
        and all(
            first.claims[name] == second.claims[name] for name in first.claims.keys() & second.claims.keys()
        )
    ]


def _spiffe_claims(
    by_deployment: Mapping[str, Callers], issuers: Mapping[str, TokenIssuer], identity: Identity
) -> list[tuple[str, CertificateCaller]]:
    """Who says to be which SPIFFE id, by certificate, by JWT-SVID or as a proxy."""
    rows: list[tuple[str, CertificateCaller]] = []
    for name, callers in by_deployment.items():
        rows.extend((f"deployment `{name}`", caller) for caller in callers.certificates)
        for caller in callers.tokens:
            issuer = issuers.get(caller.issuer)
            if issuer is not None and issuer.trust_domain is not None and "sub" in caller.claims:
                rows.append((f"deployment `{name}`", CertificateCaller(caller.claims["sub"])))
    return rows + [("`identity.proxies`", CertificateCaller(proxy)) for proxy in sorted(identity.proxies)]


def _shared_certificates(rows: Sequence[tuple[str, CertificateCaller]]) -> Iterable[str]:
    for (one, first), (other, second) in combinations(rows, 2):
        if one != other and (first.matches(second.id) or second.matches(first.id)):
            yield f"{one} and {other} share a caller: one SPIFFE id fits both"
