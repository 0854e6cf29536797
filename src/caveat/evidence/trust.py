"""Whom the gateway believes, for what: `trust.toml`, parsed into issuers, one for each key.

A key stands under one issuer, for one purpose, whatever names are given to it; an issuer that changes its
key has several for a while. Anything not granted here is not granted. Source: attacks 2, 3, 9, 10, 12, 15,
18, 35 and 40 in `THREAT_MODEL.md`, ADR-0021.
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.evidence.issuer import (
    Authority,
    Issuer,
    Overseer,
    Purpose,
    Trust,
    ValueRange,
    is_entitled,
    may_attest_value,
)
from caveat.evidence.statement import ID_PATTERN, parse_time
from caveat.facts.fact import Grade
from caveat.facts.registry import FactType, Registry
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import KeyParseError, PublicKey, parse_public_key

__all__ = [
    "Authority",
    "Issuer",
    "Overseer",
    "Purpose",
    "Trust",
    "ValueRange",
    "is_entitled",
    "may_attest_value",
]

MAX_CLOCK_SKEW_SECONDS = 300
MAX_KEYS = 512
"""Of all issuers together: each stands in the record that puts a trust policy in force."""
MAX_KEYS_OF_ISSUER = 16


class TrustError(ValueError):
    """The trust policy is not well-formed. `findings`: one line each, every one of them."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        """`findings` name the place and what to write instead; never a key."""
        super().__init__("; ".join(findings))
        self.findings = findings


_Id = Annotated[str, Field(pattern=ID_PATTERN)]
_Seconds = Annotated[int, Field(gt=0, le=10 * 366 * 86_400)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _RangeModel(_Strict):
    lo: int | None = None
    hi: int | None = None


class _KeyModel(_Strict):
    key: str
    valid_from: str | None = None
    revoked_at: str | None = None


class _AuthorityModel(_Strict):
    covers: Annotated[list[_Id], Field(min_length=1)]
    max_age_seconds: _Seconds


class _OverseerModel(_Strict):
    person: _Id
    roles: list[_Id] = Field(default_factory=list[_Id])
    line: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127})?\z")
    callers: list[Annotated[str, Field(pattern=r"^[!-~]{1,256}\z")]] = Field(default_factory=list[str])


class _IssuerModel(_Strict):
    role: _Id
    party: _Id
    deployment: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127})?\z")] = ""
    key: str | None = None
    keys: Annotated[list[_KeyModel], Field(max_length=MAX_KEYS_OF_ISSUER)] = Field(
        default_factory=list[_KeyModel]
    )
    purpose: str
    facts: list[_Id] = Field(default_factory=list[_Id])
    namespaces: Annotated[
        list[Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9][!-~]{0,127})\z")]], Field(min_length=1)
    ]
    max_age_seconds: _Seconds
    max_lifetime_seconds: _Seconds
    revoked_at: str | None = None
    values: dict[str, list[str | bool] | _RangeModel] = Field(
        default_factory=dict[str, list[str | bool] | _RangeModel]
    )
    overseer: _OverseerModel | None = None


class _TrustModel(_Strict):
    version: Annotated[int, Field(ge=1)]
    expires_at: str
    clock_skew_seconds: Annotated[int, Field(ge=0, le=MAX_CLOCK_SKEW_SECONDS)] = 60
    issuers: dict[_Id, _IssuerModel] = Field(default_factory=dict[_Id, _IssuerModel])
    revocations: dict[_Id, _AuthorityModel] = Field(default_factory=dict[_Id, _AuthorityModel])


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
    authorities = _authorities(model, findings)
    issuers = _issuers(model, authorities, findings)
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
        authorities=MappingProxyType(authorities),
    )
    idle = () if registry is None else lint_trust(trust, registry)
    if idle:
        raise TrustError(idle)
    return trust


def _authorities(model: _TrustModel, findings: list[str]) -> dict[str, Authority]:
    authorities: dict[str, Authority] = {}
    for name, entry in model.revocations.items():
        issuer = model.issuers.get(name)
        if issuer is None or issuer.purpose != Purpose.REVOCATION:
            findings.append(f"`revocations.{name}`: no issuer `{name}` with purpose `revocation`")
        if not set(entry.covers) <= model.issuers.keys() - {name}:
            findings.append(f"`revocations.{name}`: `covers` names other issuers of this file")
        authorities[name] = Authority(name, frozenset(entry.covers), entry.max_age_seconds)
    return authorities


def _issuers(
    model: _TrustModel, authorities: Mapping[str, Authority], findings: list[str]
) -> dict[Digest, Issuer]:
    issuers: dict[Digest, Issuer] = {}
    for name, entry in model.issuers.items():
        covered = tuple(one.id for one in authorities.values() if name in one.covers)
        for issuer in _keys_of(name, entry, covered, findings):
            if issuer.keyid in issuers:
                findings.append(f"issuer `{name}` has the key of issuer `{issuers[issuer.keyid].id}`")
            issuers[issuer.keyid] = issuer
    if len(issuers) > MAX_KEYS:
        findings.append(f"trust.toml enrols {len(issuers)} keys; at most {MAX_KEYS}")
    return issuers


def _keys_of(
    name: str, entry: _IssuerModel, covered: tuple[str, ...], findings: list[str]
) -> tuple[Issuer, ...]:
    """The issuer once for each of its keys, in their order; none where anything is wrong with it."""
    before = len(findings)
    where = f"issuer `{name}`"
    if entry.purpose not in set(Purpose):
        findings.append(f"{where}: `purpose` is one of {', '.join(Purpose)}")
    if (entry.purpose == Purpose.EVIDENCE and not entry.facts) or (
        entry.purpose in {Purpose.REVOCATION, Purpose.OBSERVER} and entry.facts
    ):
        findings.append(f"{where}: `facts` is for purpose `evidence`, which grants at least one")
    if entry.overseer is not None and entry.purpose != Purpose.APPROVAL:
        findings.append(f"{where}: `overseer` is for purpose `approval`")
    if not entry.values.keys() <= set(entry.facts):
        findings.append(f"{where}: `values` narrows a fact that `facts` does not grant")
    rows = list(entry.keys)
    if entry.key is not None:
        rows.insert(0, _KeyModel(key=entry.key, revoked_at=entry.revoked_at))
    if not rows or (entry.key is not None and entry.keys) or (entry.key is None and entry.revoked_at):
        findings.append(f"{where}: it has either one `key`, or `keys` with a row for each")
    keys = [_key(row, where, findings) for row in rows]
    if len(findings) > before:
        return ()
    root = keys[0][0].keyid if keys[0] is not None else Digest("")
    return tuple(
        _issuer(name, entry, found, root, place, covered)
        for place, found in enumerate(keys)
        if found is not None
    )


_Key = tuple[PublicKey, datetime | None, datetime | None]


def _key(row: _KeyModel, where: str, findings: list[str]) -> _Key | None:
    """A key, when it begins to be valid, and when it is revoked."""
    times = [
        None if text is None else _time(text, f"{where}: `{name}`", findings)
        for name, text in (("valid_from", row.valid_from), ("revoked_at", row.revoked_at))
    ]
    try:
        return parse_public_key(row.key), times[0], times[1]
    except KeyParseError as error:
        findings.append(f"{where}: {error}")
        return None


def _issuer(
    name: str, entry: _IssuerModel, key: _Key, root: Digest, place: int, covered: tuple[str, ...]
) -> Issuer:
    return Issuer(
        id=name,
        role=entry.role,
        party=entry.party,
        deployment=entry.deployment,
        key=key[0],
        keyid=key[0].keyid,
        purpose=Purpose(entry.purpose),
        facts=frozenset(entry.facts),
        values=MappingProxyType({fact: _range(granted) for fact, granted in entry.values.items()}),
        namespaces=tuple(entry.namespaces),
        max_age_seconds=entry.max_age_seconds,
        max_lifetime_seconds=entry.max_lifetime_seconds,
        revoked_at=key[2],
        valid_from=key[1],
        root=root,
        place=place,
        revoked_by=covered,
        overseer=_overseer(name, entry),
    )


def _overseer(name: str, entry: _IssuerModel) -> Overseer | None:
    """Who decides with a key for approvals; who is not named goes by the issuer's id."""
    if entry.purpose != Purpose.APPROVAL:
        return None
    said = entry.overseer or _OverseerModel(person=name)
    return Overseer(said.person, frozenset({entry.role, *said.roles}), said.line, frozenset(said.callers))


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
