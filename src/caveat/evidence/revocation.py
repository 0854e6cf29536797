"""Lists of revoked keys, by the authorities that `trust.toml` names for them.

A key that an authority covers counts only while a fresh list of that authority speaks of it: silence and age
fail closed. Numbers only grow, and a key once revoked stays so. Source: attacks 9, 10 and 163 to 165 in
`THREAT_MODEL.md`, ADR-0021.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from caveat.evidence.defects import DefectCode
from caveat.evidence.envelope import RejectedEnvelope, SignedPayload, open_envelope
from caveat.evidence.instants import StatementParseError, parse_time, read_life, render_time
from caveat.evidence.predicates import Predicate, RevocationsModel
from caveat.evidence.statement import STATEMENT_TYPE, Subject, read_payload, read_shape, render_payload
from caveat.evidence.trust import Authority, Issuer, Purpose, Trust
from caveat.signing.canonical import Json
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import PrivateKey


@dataclass(frozen=True, slots=True)
class RevocationList:
    """One authority's list. `keys`: all that it speaks of, by issuer id; `revoked`: since when, by key."""

    issuer: str
    number: int
    issued_at: datetime
    expires_at: datetime
    keys: tuple[Subject, ...]
    revoked: Mapping[Digest, datetime]


@dataclass(frozen=True, slots=True)
class VerifiedRevocations:
    """A list that the key of its authority signed. Only `verify_revocations` makes one."""

    raw: bytes
    digest: Digest
    authority: Authority
    key: Digest
    list: RevocationList

    def is_fresh(self, now: datetime) -> bool:
        """Whether it may still be relied on: by its own end, and by the age that the trust policy allows."""
        age_seconds = (now - self.list.issued_at).total_seconds()
        return now < self.list.expires_at and age_seconds <= self.authority.max_age_seconds

    def speaks_of(self, issuer: Issuer) -> bool:
        """Whether it says anything of this key, revoked or not."""
        return any(one.digest == issuer.keyid and one.name == issuer.id for one in self.list.keys)


class Revocations(Protocol):
    """The newest list of each authority, as the check needs it."""

    def newest(self, authority: str, trust: Trust) -> VerifiedRevocations | None:
        """The newest known list of this authority that verifies under this trust policy."""
        ...


class NoRevocations:
    """No list is known, so that whoever needs one fails closed."""

    def newest(self, authority: str, trust: Trust) -> VerifiedRevocations | None:  # noqa: ARG002 - a protocol
        """None."""
        return None


def parse_revocations(payload: bytes) -> RevocationList:
    """The list in `payload`; raises `StatementParseError` and nothing else, whatever the bytes."""
    value = read_payload(payload)
    if value.get("_type") != STATEMENT_TYPE or value.get("predicateType") != Predicate.REVOCATIONS.value:
        raise StatementParseError("statement_type")
    subjects, said = read_shape(value, RevocationsModel)
    life = read_life(said.issued_at, said.expires_at)
    try:
        revoked = {Digest(row.key): parse_time(row.at) for row in said.revoked}
    except ValueError as error:
        raise StatementParseError("schema", "predicate.revoked") from error
    named = {subject.digest for subject in subjects}
    if len(revoked) != len(said.revoked) or len(named) != len(subjects) or not revoked.keys() <= named:
        raise StatementParseError("schema", "predicate.revoked")
    return RevocationList(said.issuer, said.number, life.begin, life.end, subjects, MappingProxyType(revoked))


def mint_revocations(said: RevocationList, keys: Sequence[PrivateKey]) -> bytes:
    """The signed envelope of a list; raises `StatementParseError` for one that nobody would read."""
    rows = list[Json]([{"key": key, "at": render_time(at)} for key, at in sorted(said.revoked.items())])
    payload = render_payload(
        Predicate.REVOCATIONS,
        said.keys,
        {
            "issuer": said.issuer,
            "number": said.number,
            "issued_at": render_time(said.issued_at),
            "expires_at": render_time(said.expires_at),
            "revoked": rows,
        },
    )
    parse_revocations(payload)
    return sign_envelope(payload, IN_TOTO, keys)


def verify_revocations(raw: bytes, trust: Trust) -> VerifiedRevocations | RejectedEnvelope:
    """The verified list in `raw`, or why there is none; total over all bytes. Freshness is not asked here."""
    opened = open_envelope(raw, trust)
    if not isinstance(opened, SignedPayload):
        return opened
    try:
        said = parse_revocations(opened.payload)
    except StatementParseError as error:
        return opened.rejected(error)
    signer = opened.signer(said.issuer)
    if signer is None:
        return RejectedEnvelope(opened.digest, DefectCode.ISSUER, opened.anyone)
    authority = trust.authorities.get(signer.id)
    if signer.purpose is not Purpose.REVOCATION or authority is None:
        return RejectedEnvelope(opened.digest, DefectCode.PURPOSE, signer.keyid)
    return VerifiedRevocations(raw, opened.digest, authority, signer.keyid, said)


class RevocationBook:
    """The newest list of each authority. Not for several threads: the gateway's event loop owns it."""

    def __init__(self) -> None:
        """No list is known."""
        self._raw: dict[str, bytes] = {}
        self._verified: dict[tuple[str, Digest], VerifiedRevocations] = {}
        self._floor: dict[str, tuple[int, Digest]] = {}

    def not_before(self, authority: str, number: int, digest: Digest) -> None:
        """The list with this digest was taken: no other of this number or a lower one is admitted."""
        self._floor[authority] = (number, digest)

    def newest(self, authority: str, trust: Trust) -> VerifiedRevocations | None:
        """As the protocol says: a list counts only under the keys of the policy that is asked with."""
        known = self._verified.get((authority, trust.digest))
        if known is not None or authority not in self._raw:
            return known
        found = verify_revocations(self._raw[authority], trust)
        if not isinstance(found, VerifiedRevocations) or found.authority.id != authority:
            return None
        self._verified[authority, trust.digest] = found
        return found

    def admit(self, raw: bytes, trust: Trust, now: datetime) -> VerifiedRevocations | RejectedEnvelope:
        """The list in `raw` if it may follow the one that is known; nothing is kept yet.

        It is fresh, signed by a key that is valid, has a greater number, and gives no key back.
        """
        found = verify_revocations(raw, trust)
        if not isinstance(found, VerifiedRevocations):
            return found
        skewed = (found.list.issued_at - now).total_seconds() > trust.clock_skew_seconds
        signer = trust.issuers[found.key]
        if skewed or not found.is_fresh(now) or not is_valid(signer, now):
            return RejectedEnvelope(found.digest, DefectCode.REVOCATIONS_STALE, found.key)
        number, digest = self._floor.get(found.authority.id, (0, found.digest))
        if found.digest != digest and found.list.number <= number:
            return RejectedEnvelope(found.digest, DefectCode.REVOCATIONS_STALE, found.key)
        known = self.newest(found.authority.id, trust)
        if known is not None and known.digest != found.digest and not _follows(found.list, known.list):
            return RejectedEnvelope(found.digest, DefectCode.REVOCATIONS_STALE, found.key)
        return found

    def keep(self, found: VerifiedRevocations) -> None:
        """Takes it as the newest of its authority."""
        authority = found.authority.id
        self._raw[authority] = found.raw
        self._verified = {key: one for key, one in self._verified.items() if key[0] != authority}

    def load(self, authority: str, raw: bytes) -> None:
        """Takes back what was kept before a restart; it is verified when it is asked for."""
        self._raw[authority] = raw


def _follows(later: RevocationList, earlier: RevocationList) -> bool:
    never = later.issued_at
    return later.number > earlier.number and all(
        key in later.revoked and later.revoked.get(key, never) <= at for key, at in earlier.revoked.items()
    )


def is_valid(issuer: Issuer, now: datetime) -> bool:
    """Whether this key has begun and is not revoked by the trust policy itself."""
    return (issuer.valid_from is None or issuer.valid_from <= now) and (
        issuer.revoked_at is None or now < issuer.revoked_at
    )


def standing_of_key(
    issuer: Issuer,
    envelope: Digest,
    now: datetime,
    trust: Trust,
    lists: Revocations,
    first_logged: Callable[[Digest], datetime | None],
) -> DefectCode | None:
    """Why this envelope does not count for its key's sake; None where the key stands, or stood when logged.

    Whoever stole a key also writes the dates: only the log shows what was there before a revocation.
    """
    if issuer.valid_from is not None and now < issuer.valid_from:
        return DefectCode.KEY_NOT_YET_VALID
    since = [] if issuer.revoked_at is None else [issuer.revoked_at]
    for name in issuer.revoked_by:
        found = lists.newest(name, trust)
        if (
            found is None
            or not found.is_fresh(now)
            or not is_valid(trust.issuers[found.key], now)
            or not found.speaks_of(issuer)
        ):
            return DefectCode.REVOCATIONS_STALE
        if issuer.keyid in found.list.revoked:
            since.append(found.list.revoked[issuer.keyid])
    if not since or now < min(since):
        return None
    logged = first_logged(envelope)
    return None if logged is not None and logged < min(since) else DefectCode.REVOKED
