"""Who vouches for callers: token issuers, trust domains and proxies, by `[identity]` of `deployments.toml`.

All of it is signed with the bundle. Keys and certificates are pinned here, or an address is; nothing that a
caller sends can add to them. Source: ADR-0023.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.signing.digest import Digest, parse_digest
from caveat.signing.jwks import JwksError, TokenAlgorithm, TokenKey, parse_jwks
from caveat.signing.svid import Anchors, SvidError, domain_of, is_domain, parse_authorities

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SVID_MAX_LIFETIME_SECONDS = 300
_ISSUER = re.compile(r"[!-~]{1,512}\Z")


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Whose tokens are believed. `keys` are pinned, or None where they stand at `jwks_url`.

    `one_time`: each token is good for one request. `trust_domain`: its tokens are JWT-SVIDs of this domain.
    """

    id: str
    url: str
    algorithms: frozenset[TokenAlgorithm]
    keys: tuple[TokenKey, ...] | None
    jwks_url: str | None
    jwks_max_age_seconds: int
    max_lifetime_seconds: int
    one_time: bool
    nbf_required: bool
    trust_domain: str | None


@dataclass(frozen=True, slots=True)
class TrustDomain:
    """Whose certificates are believed. `anchors` are pinned, or None for a file with `ca_digest`."""

    name: str
    anchors: Anchors | None
    ca_digest: Digest | None


@dataclass(frozen=True, slots=True)
class Identity:
    """The whole section. Issuers go by their `iss`. `proxies`: SPIFFE ids that may forward certificates."""

    issuers: Mapping[str, TokenIssuer] = field(default_factory=dict[str, TokenIssuer])
    domains: Mapping[str, TrustDomain] = field(default_factory=dict[str, TrustDomain])
    proxies: frozenset[str] = frozenset()
    loopback_proxy: bool = False


class _IssuerModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    issuer: str
    algorithms: list[Literal["RS256", "PS256", "ES256", "EdDSA"]] = Field(min_length=1)
    jwks: str | None = None
    jwks_url: str | None = None
    jwks_max_age_seconds: int = Field(default=3600, ge=60, le=86_400)
    max_lifetime_seconds: int = Field(default=3600, ge=1, le=86_400)
    one_time: bool = False
    nbf_required: bool = True
    trust_domain: str | None = None


class _TrustDomainModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    ca: str | None = None
    ca_digest: str | None = None


class _IdentityModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    issuers: dict[str, _IssuerModel] = Field(default_factory=dict[str, _IssuerModel])
    trust_domains: dict[str, _TrustDomainModel] = Field(default_factory=dict[str, _TrustDomainModel])
    proxies: list[str] = Field(default_factory=list[str])
    loopback_proxy: bool = False


def parse_identity(table: Mapping[str, object]) -> tuple[Identity, list[str]]:
    """The section `[identity]`, and a finding for whatever in it may not be relied on."""
    try:
        model = _IdentityModel.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        return Identity(), [f"`identity.{'.'.join(map(str, first['loc']))}`: {first['msg'].lower()}"]
    findings: list[str] = []
    issuers: dict[str, TokenIssuer] = {}
    for name, row in model.issuers.items():
        findings.extend(f"token issuer `{name}`: {finding}" for finding in _issuer_findings(row))
        if row.issuer in issuers:
            findings.append(f"token issuers `{issuers[row.issuer].id}` and `{name}` have the same `issuer`")
        issuers[row.issuer] = _issuer(name, row, findings)
    domains = {name: _domain(name, row, findings) for name, row in model.trust_domains.items()}
    if any(domain_of(proxy) not in domains for proxy in model.proxies):
        findings.append("`identity.proxies`: each is a SPIFFE id of a trust domain in this file")
    identity = Identity(
        MappingProxyType(issuers), MappingProxyType(domains), frozenset(model.proxies), model.loopback_proxy
    )
    return identity, findings


def _issuer(name: str, row: _IssuerModel, findings: list[str]) -> TokenIssuer:
    keys: tuple[TokenKey, ...] | None = None
    if row.jwks is not None:
        try:
            keys = parse_jwks(row.jwks.encode())
        except JwksError as error:
            findings.append(f"token issuer `{name}`, `jwks`: {error}")
    return TokenIssuer(
        id=name,
        url=row.issuer,
        algorithms=frozenset(TokenAlgorithm(text) for text in row.algorithms),
        keys=keys,
        jwks_url=row.jwks_url,
        jwks_max_age_seconds=row.jwks_max_age_seconds,
        max_lifetime_seconds=row.max_lifetime_seconds,
        one_time=row.one_time,
        nbf_required=row.nbf_required,
        trust_domain=row.trust_domain,
    )


def _issuer_findings(row: _IssuerModel) -> list[str]:
    findings: list[str] = []
    if _ISSUER.match(row.issuer) is None:
        findings.append("`issuer` is the exact text of `iss`: printable ASCII, at most 512 characters")
    if (row.jwks is None) == (row.jwks_url is None):
        findings.append("its keys are either pinned in `jwks` or found at `jwks_url`")
    if row.jwks_url is not None and not _is_safe_url(row.jwks_url):
        findings.append("`jwks_url` begins with https://, or leads to this machine alone")
    if row.trust_domain is None:
        return findings
    if not is_domain(row.trust_domain):
        findings.append("`trust_domain` is no name of a trust domain")
    if not row.one_time:
        findings.append("a JWT-SVID is good for whoever holds it, so `one_time` is true")
    if row.max_lifetime_seconds > SVID_MAX_LIFETIME_SECONDS:
        findings.append(f"a JWT-SVID lives at most {SVID_MAX_LIFETIME_SECONDS} s, by `max_lifetime_seconds`")
    return findings


def _is_safe_url(text: str) -> bool:
    """Whether what is fetched there can only be what its host serves."""
    try:
        parts = urlsplit(text)
        port_holds = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not port_holds or not parts.hostname or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def _domain(name: str, row: _TrustDomainModel, findings: list[str]) -> TrustDomain:
    where = f"trust domain `{name}`"
    if not is_domain(name):
        findings.append(f"{where}: its name has lower-case letters, digits, `.`, `_` and `-` alone")
    if (row.ca is None) == (row.ca_digest is None):
        findings.append(f"{where}: its certificates are either pinned in `ca` or named by `ca_digest`")
    anchors: Anchors | None = None
    digest: Digest | None = None
    try:
        if row.ca is not None:
            anchors = Anchors(name, parse_authorities(row.ca.encode()))
        elif row.ca_digest is not None:
            digest = parse_digest(row.ca_digest)
    except SvidError:
        findings.append(f"{where}, `ca`: no PEM text of certificates of authorities")
    except ValueError as error:
        findings.append(f"{where}, `ca_digest`: {error}")
    return TrustDomain(name, anchors, digest)
