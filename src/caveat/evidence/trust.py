"""Whom the gateway believes, for what: `trust.toml`, parsed into issuers, one for each key.

A key stands under one issuer, for one purpose, whatever names are given to it; an issuer that changes its
key has several for a while. Anything not granted here is not granted. Source: attacks 2, 3, 9, 10, 12, 15,
18, 35 and 40 in `THREAT_MODEL.md`, ADR-0021.
"""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from pydantic import ValidationError

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
from caveat.evidence.statement import parse_time
from caveat.evidence.trust_file import (
    IssuerModel,
    KeyModel,
    OverseerModel,
    PasskeyModel,
    RangeModel,
    TrustModel,
)
from caveat.facts.fact import Grade
from caveat.facts.registry import FactType, Registry
from caveat.signing.digest import Digest, sha256
from caveat.signing.keys import Algorithm, KeyParseError, PublicKey, parse_public_key
from caveat.signing.passkey import Passkey, from_base64url

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

MAX_KEYS = 512
"""Of all issuers together: each stands in the record that puts a trust policy in force."""


class TrustError(ValueError):
    """The trust policy is not well-formed. `findings`: one line each, every one of them."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        """`findings` name the place and what to write instead; never a key."""
        super().__init__("; ".join(findings))
        self.findings = findings


def parse_trust(data: bytes, registry: Registry | None = None) -> Trust:
    """The trust policy in the bytes of `trust.toml`; raises `TrustError` with every finding.

    With `registry`, a grant that can never take effect under it is a finding too.
    """
    try:
        model = TrustModel.model_validate(tomllib.loads(data.decode()))
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
    passkeys = _passkeys(issuers, findings)
    findings.extend(_shared_sign_ins(issuers))
    expires_at = _time(model.expires_at, "`expires_at`", findings)
    if findings or expires_at is None:
        raise TrustError(tuple(findings))
    trust = Trust(
        digest=sha256(data),
        version=model.version,
        expires_at=expires_at,
        clock_skew_seconds=model.clock_skew_seconds,
        issuers=MappingProxyType(issuers),
        keys=MappingProxyType({one.keyid: one.key for one in issuers.values() if _passkey_of(one) is None}),
        authorities=MappingProxyType(authorities),
        passkeys=MappingProxyType(passkeys),
    )
    idle = () if registry is None else lint_trust(trust, registry)
    if idle:
        raise TrustError(idle)
    return trust


def _authorities(model: TrustModel, findings: list[str]) -> dict[str, Authority]:
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
    model: TrustModel, authorities: Mapping[str, Authority], findings: list[str]
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


def _passkey_of(issuer: Issuer) -> Passkey | None:
    return None if issuer.overseer is None else issuer.overseer.passkey


def _passkeys(issuers: Mapping[Digest, Issuer], findings: list[str]) -> dict[str, Digest]:
    found: dict[str, Digest] = {}
    for issuer in issuers.values():
        passkey = _passkey_of(issuer)
        if passkey is None:
            continue
        if passkey.credential in found:
            findings.append(f"issuer `{issuer.id}` has the passkey of another issuer")
        found[passkey.credential] = issuer.keyid
    return found


def _shared_sign_ins(issuers: Mapping[Digest, Issuer]) -> Iterator[str]:
    """A sign-in that two persons share is nobody's. Source: ADR-0044."""
    persons: dict[tuple[str, str], str] = {}
    for issuer in issuers.values():
        overseer = issuer.overseer
        for pair in () if overseer is None else sorted(overseer.sign_in):
            if overseer is not None and persons.setdefault(pair, overseer.person) != overseer.person:
                yield f"issuer `{issuer.id}` has the `sign_in` of another person"


def _keys_of(
    name: str, entry: IssuerModel, covered: tuple[str, ...], findings: list[str]
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
    if entry.overseer is not None and entry.overseer.passkey is not None:
        findings += [f"{where}: {why}" for why in _against_passkey(entry, entry.overseer.passkey)]
    if not entry.values.keys() <= set(entry.facts):
        findings.append(f"{where}: `values` narrows a fact that `facts` does not grant")
    rows = list(entry.keys)
    if entry.key is not None:
        rows.insert(0, KeyModel(key=entry.key, revoked_at=entry.revoked_at))
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


def _against_passkey(entry: IssuerModel, said: PasskeyModel) -> Iterator[str]:
    if entry.key is None or not entry.key.startswith(Algorithm.P256.value):
        yield "a passkey goes with exactly one `key`, of P-256"
    try:
        from_base64url(said.credential)
    except ValueError:
        yield "`passkey.credential` is base64url without padding"
    scheme, _, place = said.origin.partition("://")
    host = place.partition(":")[0]
    if host != said.rp_id and not host.endswith(f".{said.rp_id}"):
        yield "`passkey.rp_id` is the host of `passkey.origin`, or what it ends in"
    if scheme != "https" and host != "localhost":
        yield "`passkey.origin` begins with https://, save on localhost"
    if said.attestation == "verified" and not said.aaguid:
        yield "`passkey.attestation` is `verified` of a model that `passkey.aaguid` names"


_Key = tuple[PublicKey, datetime | None, datetime | None]


def _key(row: KeyModel, where: str, findings: list[str]) -> _Key | None:
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
    name: str, entry: IssuerModel, key: _Key, root: Digest, place: int, covered: tuple[str, ...]
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


def _overseer(name: str, entry: IssuerModel) -> Overseer | None:
    """Who decides with a key for approvals; who is not named goes by the issuer's id."""
    if entry.purpose != Purpose.APPROVAL:
        return None
    said = entry.overseer or OverseerModel(person=name)
    key = said.passkey
    passkey = (
        None
        if key is None
        else Passkey(key.credential, key.rp_id, key.origin, key.aaguid, key.attestation == "verified")
    )
    roles = frozenset({entry.role, *said.roles})
    callers, cleared = frozenset(said.callers), frozenset(said.cleared)
    sign_in = frozenset((one.issuer, one.subject) for one in said.sign_in)
    return Overseer(said.person, roles, said.line, callers, passkey, cleared, sign_in)


def _range(granted: list[str | bool] | RangeModel) -> ValueRange:
    if isinstance(granted, RangeModel):
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
