"""Whom the gateway believes, for what: `trust.toml`, parsed into issuers that own exactly one key each.

A key stands under one issuer, for one purpose, whatever names are given to it. Anything not granted here is
not granted. Source: EVIDENCE attacks 2, 3, 9, 12, 15, 18 and 35 in `THREAT_MODEL.md`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.evidence.statement import ID_PATTERN, FactValue, parse_time
from caveat.facts.fact import Grade
from caveat.facts.registry import FactType, Registry
from caveat.facts.value import Value
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import KeyParseError, PublicKey, parse_public_key

MAX_CLOCK_SKEW_SECONDS = 300
ANY_NAMESPACE = "*"


class TrustError(ValueError):
    """The trust policy is not well-formed. `findings`: one line each, every one of them."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        """`findings` name the place and what to write instead; never a key."""
        super().__init__("; ".join(findings))
        self.findings = findings


class Purpose(StrEnum):
    """What a key may sign. One key, one purpose: a signature made for one never serves another."""

    EVIDENCE = "evidence"
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class ValueRange:
    """The values of one fact that an issuer may attest: words or Booleans, or a range of counts."""

    values: frozenset[str | bool] | None = None
    lo: int | None = None
    hi: int | None = None

    def includes(self, value: Value) -> bool:
        """Whether every part of `value` is granted; a value of another type never is."""
        if isinstance(value, frozenset):
            return self.values is not None and value <= self.values
        if isinstance(value, (str, bool)):
            return self.values is not None and value in self.values
        if not isinstance(value, int) or self.values is not None:
            return False
        return (self.lo is None or self.lo <= value) and (self.hi is None or value <= self.hi)


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer: a key, and all that its signature is good for.

    `party`: whose key it is. `deployment`: the deployment that it belongs to, or empty; towards that
    deployment it is self-attestation. `revoked_at`: from then on nothing of this key counts.
    """

    id: str
    role: str
    party: str
    deployment: str
    key: PublicKey
    keyid: Digest
    purpose: Purpose
    facts: frozenset[str]
    values: Mapping[str, ValueRange]
    namespaces: tuple[str, ...]
    max_age_seconds: int
    max_lifetime_seconds: int
    revoked_at: datetime | None

    def owns(self, subject_name: str) -> bool:
        """Whether a name lies in one of its namespaces: equal to it, or below it by a `/`."""
        return any(
            namespace == ANY_NAMESPACE
            or subject_name == namespace
            or subject_name.startswith(namespace.rstrip("/") + "/")
            for namespace in self.namespaces
        )


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust policy in force. `digest` is over the bytes of the file."""

    digest: Digest
    version: int
    expires_at: datetime
    clock_skew_seconds: int
    issuers: Mapping[Digest, Issuer]
    keys: Mapping[Digest, PublicKey]


_Id = Annotated[str, Field(pattern=ID_PATTERN)]
_Seconds = Annotated[int, Field(gt=0, le=10 * 366 * 86_400)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _RangeModel(_Strict):
    lo: int | None = None
    hi: int | None = None


class _IssuerModel(_Strict):
    role: _Id
    party: _Id
    deployment: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127})?\z")] = ""
    key: str
    purpose: str
    facts: Annotated[list[_Id], Field(min_length=1)]
    namespaces: Annotated[
        list[Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9][!-~]{0,127})\z")]], Field(min_length=1)
    ]
    max_age_seconds: _Seconds
    max_lifetime_seconds: _Seconds
    revoked_at: str | None = None
    values: dict[str, list[str | bool] | _RangeModel] = Field(
        default_factory=dict[str, list[str | bool] | _RangeModel]
    )


class _TrustModel(_Strict):
    version: Annotated[int, Field(ge=1)]
    expires_at: str
    clock_skew_seconds: Annotated[int, Field(ge=0, le=MAX_CLOCK_SKEW_SECONDS)] = 60
    issuers: dict[_Id, _IssuerModel] = Field(default_factory=dict[_Id, _IssuerModel])


def parse_trust(data: bytes, registry: Registry | None = None) -> Trust:
    """The trust policy in the bytes of `trust.toml`; raises `TrustError` with every finding.

    With `registry`, a grant that can never take effect under it is a finding too.
    """
    try:
        model = _TrustModel.model_validate(tomllib.loads(data.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise TrustError(("trust.toml is not TOML in UTF-8",)) from error
    except ValidationError as error:
        raise TrustError(
            tuple(
                f"trust.toml, `{'.'.join(str(step) for step in found['loc'])}`: {found['msg'].lower()}"
                for found in error.errors(include_input=False)
            )
        ) from error
    findings: list[str] = []
    issuers: dict[Digest, Issuer] = {}
    for name, entry in model.issuers.items():
        issuer = _issuer(name, entry, findings)
        if issuer is None:
            continue
        if issuer.keyid in issuers:
            findings.append(f"issuer `{name}` has the key of issuer `{issuers[issuer.keyid].id}`")
        issuers[issuer.keyid] = issuer
    expires_at = _time(model.expires_at, "`expires_at`", findings)
    if findings or expires_at is None:
        raise TrustError(tuple(findings))
    trust = Trust(
        digest=sha256(data),
        version=model.version,
        expires_at=expires_at,
        clock_skew_seconds=model.clock_skew_seconds,
        issuers=MappingProxyType(issuers),
        keys=MappingProxyType({keyid: issuer.key for keyid, issuer in issuers.items()}),
    )
    idle = () if registry is None else lint_trust(trust, registry)
    if idle:
        raise TrustError(idle)
    return trust


def _issuer(name: str, entry: _IssuerModel, findings: list[str]) -> Issuer | None:
    before = len(findings)
    where = f"issuer `{name}`"
    if entry.purpose not in set(Purpose):
        findings.append(f"{where}: `purpose` is one of {', '.join(Purpose)}")
    if not entry.values.keys() <= set(entry.facts):
        findings.append(f"{where}: `values` narrows a fact that `facts` does not grant")
    revoked_at = (
        None if entry.revoked_at is None else _time(entry.revoked_at, f"{where}: `revoked_at`", findings)
    )
    try:
        key = parse_public_key(entry.key)
    except KeyParseError as error:
        findings.append(f"{where}: {error}")
        return None
    if len(findings) > before:
        return None
    return Issuer(
        id=name,
        role=entry.role,
        party=entry.party,
        deployment=entry.deployment,
        key=key,
        keyid=key.keyid,
        purpose=Purpose(entry.purpose),
        facts=frozenset(entry.facts),
        values=MappingProxyType({fact: _range(granted) for fact, granted in entry.values.items()}),
        namespaces=tuple(entry.namespaces),
        max_age_seconds=entry.max_age_seconds,
        max_lifetime_seconds=entry.max_lifetime_seconds,
        revoked_at=revoked_at,
    )


def _range(granted: list[str | bool] | _RangeModel) -> ValueRange:
    if isinstance(granted, _RangeModel):
        return ValueRange(lo=granted.lo, hi=granted.hi)
    return ValueRange(values=frozenset(granted))


def _time(text: str, where: str, findings: list[str]) -> datetime | None:
    try:
        return parse_time(text)
    except ValueError as error:
        findings.append(f"trust.toml, {where}: {error}")
        return None


def lint_trust(trust: Trust, registry: Registry) -> tuple[str, ...]:
    """What in the trust policy can never take effect under this registry; empty where all of it can."""
    findings: list[str] = []
    for issuer in trust.issuers.values():
        if issuer.purpose is not Purpose.EVIDENCE:
            continue
        for name in sorted(issuer.facts):
            spec = registry.facts.get(name)
            if spec is None:
                findings.append(f"issuer `{issuer.id}`: the registry declares no fact `{name}`")
                continue
            if not registry.counts(name, Grade.ATTESTED, issuer.role):
                findings.append(f"issuer `{issuer.id}`: `{name}` is not attested by role `{issuer.role}`")
            granted = issuer.values.get(name)
            if granted is None:
                continue
            if (granted.values is None) != (spec.type is FactType.LONG):
                findings.append(f"issuer `{issuer.id}`: `values.{name}` is for another type of fact")
            elif spec.type is not FactType.BOOL and not (granted.values or frozenset[str]()) <= set(
                spec.values
            ):
                findings.append(f"issuer `{issuer.id}`: `values.{name}` names an undeclared value")
    return tuple(findings)


def is_entitled(issuer: Issuer, name: str, registry: Registry) -> bool:
    """Whether this issuer's word on this fact counts: granted to it here, and to its role by the registry."""
    return (
        name in issuer.facts and name in registry.facts and registry.counts(name, Grade.ATTESTED, issuer.role)
    )


def may_attest_value(issuer: Issuer, name: str, value: FactValue) -> bool:
    """Whether the value lies in what the issuer is narrowed to, where it is narrowed at all."""
    granted = issuer.values.get(name)
    return granted is None or granted.includes(value)
