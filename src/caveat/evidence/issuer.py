"""Issuers, and what the signature of each key is good for: the values of a trust policy.

Anything not granted here is not granted. Source: attacks 2, 3, 35 and 40 in `THREAT_MODEL.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from caveat.evidence.statement import FactValue
from caveat.facts.fact import Grade
from caveat.facts.registry import Registry
from caveat.facts.value import Value
from caveat.signing.digest import Digest
from caveat.signing.keys import PublicKey
from caveat.signing.passkey import Passkey

ANY_NAMESPACE = "*"
ANY_DEPLOYMENT = "*"


class Purpose(StrEnum):
    """What a key may sign. One key, one purpose: a signature made for one never serves another."""

    EVIDENCE = "evidence"
    APPROVAL = "approval"
    REVOCATION = "revocation"
    OBSERVER = "observer"


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
class Overseer:
    """The person behind a key for approvals, by a name that says nothing about them.

    `roles`: those that the person may approve in. `line`: whom the person answers to; nobody approves a use
    that comes from their own line. `callers`: what the person's own calls are known by (`key:…`, `sub:…`).
    `passkey`: the credential that the key belongs to; such a key signs in no other way. `cleared`: the
    deployments of which the person may read what went through (`*`: all); of none unless it is said.
    `sign_in`: pairs of issuer and subject by which an organisation's own sign-in knows the person; they open
    reading alone.
    """

    person: str
    roles: frozenset[str]
    line: str = ""
    callers: frozenset[str] = frozenset()
    passkey: Passkey | None = None
    cleared: frozenset[str] = frozenset()
    sign_in: frozenset[tuple[str, str]] = frozenset()

    def is_cleared(self, deployment: str) -> bool:
        """Whether the person may read what went through in this deployment."""
        return not self.cleared.isdisjoint({ANY_DEPLOYMENT, deployment})


@dataclass(frozen=True, slots=True)
class Issuer:
    """One key of an issuer, and all that its signature is good for.

    `party`: whose key it is. `deployment`: the deployment that it belongs to, or empty; towards that
    deployment it is self-attestation. `valid_from`: before then nothing of this key counts. `revoked_at`:
    from then on nothing counts but what the log shows before it. `root`: the issuer's first key, `place`:
    this key's among them. `revoked_by`: authorities whose fresh list has to speak of this key.
    `overseer`: who decides with it, where it is a key for approvals.
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
    valid_from: datetime | None
    root: Digest
    place: int
    revoked_by: tuple[str, ...]
    overseer: "Overseer | None" = None

    def owns(self, subject_name: str) -> bool:
        """Whether a name lies in one of its namespaces: equal to it, or below it by a `/`."""
        return any(
            namespace == ANY_NAMESPACE
            or subject_name == namespace
            or subject_name.startswith(namespace.rstrip("/") + "/")
            for namespace in self.namespaces
        )


@dataclass(frozen=True, slots=True)
class Authority:
    """Who lists what is revoked of the issuers that it covers, and how old its list may be."""

    id: str
    covers: frozenset[str]
    max_age_seconds: int


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust policy in force. `digest` is over the bytes of the file; `authorities`: by issuer id.

    `keys`: those that sign envelopes by themselves; `passkeys`: by credential id, those that sign through a
    browser, which count in no other way.
    """

    digest: Digest
    version: int
    expires_at: datetime
    clock_skew_seconds: int
    issuers: Mapping[Digest, Issuer]
    keys: Mapping[Digest, PublicKey]
    authorities: Mapping[str, Authority] = field(default_factory=dict[str, Authority])
    passkeys: Mapping[str, Digest] = field(default_factory=dict[str, Digest])


def is_entitled(issuer: Issuer, name: str, registry: Registry) -> bool:
    """Whether this issuer's word on this fact counts: granted to it here, and to its role by the registry."""
    return (
        name in issuer.facts and name in registry.facts and registry.counts(name, Grade.ATTESTED, issuer.role)
    )


def may_attest_value(issuer: Issuer, name: str, value: FactValue) -> bool:
    """Whether the value lies in what the issuer is narrowed to, where it is narrowed at all."""
    granted = issuer.values.get(name)
    return granted is None or granted.includes(value)
