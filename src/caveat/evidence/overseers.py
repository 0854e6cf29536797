"""What an overseer signs apart from approvals: opened, verified and admitted in one way for every kind.

Each names one gateway by the origin of its log, so that it counts at no other. Total over all bytes; whatever
is wrong is a defect, never an exception. Passkeys sign these as they sign approvals. Source: attacks 7, 15
and 85 in `THREAT_MODEL.md`, ADR-0041, ADR-0044.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from caveat.evidence.defects import DefectCode
from caveat.evidence.envelope import RejectedEnvelope, SignedPayload
from caveat.evidence.instants import Period, StatementParseError, read_life, render_time
from caveat.evidence.issuer import Issuer, Overseer, Purpose, Trust
from caveat.evidence.life import out_of_life
from caveat.evidence.personal import open_personal
from caveat.evidence.predicates import Predicate, SayingModel
from caveat.evidence.revocation import Revocations, standing_of_key
from caveat.evidence.statement import STATEMENT_TYPE, Subject, read_payload, read_shape, render_payload
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import PrivateKey
from caveat.signing.passkey import Asserted

_GATEWAY = "gateway"


_Model = TypeVar("_Model", bound=SayingModel)


@dataclass(frozen=True, slots=True)
class VerifiedSaying(Generic[_Model]):
    """A statement that `issuer`, an overseer, signed about this gateway. It says nothing about time.

    `payload`: the digest of what was signed. The same words in another envelope are the same statement.
    `asserted`: what the authenticator said, where a passkey signed.
    """

    digest: Digest
    payload: Digest
    issuer: Issuer
    overseer: Overseer
    life: Period
    said: _Model
    asserted: Asserted | None = None


def mint_saying(
    predicate: Predicate,
    origin: str,
    said: JsonObject,
    issued_at: datetime,
    expires_at: datetime,
    key: PrivateKey,
) -> bytes:
    """The signed envelope of a statement at the gateway whose log has this origin."""
    return sign_envelope(render_saying(predicate, origin, said, issued_at, expires_at), IN_TOTO, [key])


def render_saying(
    predicate: Predicate, origin: str, said: JsonObject, issued_at: datetime, expires_at: datetime
) -> bytes:
    """The payload that is signed: with a key in a file, or by a passkey."""
    return render_payload(
        predicate,
        [Subject(_GATEWAY, sha256(origin.encode()))],
        {**said, "issued_at": render_time(issued_at), "expires_at": render_time(expires_at)},
    )


def parse_saying(payload: bytes, predicate: Predicate, model: type[_Model]) -> _Model:
    """What a payload says, whoever signed it; raises `StatementParseError` where it is of another kind."""
    return _read(payload, predicate, model)[1]


def _read(payload: bytes, predicate: Predicate, model: type[_Model]) -> tuple[tuple[Subject, ...], _Model]:
    value = read_payload(payload)
    if value.get("_type") != STATEMENT_TYPE or value.get("predicateType") != predicate.value:
        raise StatementParseError("statement_type")
    subjects, said = read_shape(value, model)
    return tuple(subjects), said


def verify_saying(
    raw: bytes, origin: str, predicate: Predicate, model: type[_Model], trust: Trust
) -> VerifiedSaying[_Model] | RejectedEnvelope:
    """The verified statement in `raw`, or why there is none."""
    opened = open_personal(raw, trust)
    if not isinstance(opened, SignedPayload):
        return opened
    try:
        subjects, said = _read(opened.payload, predicate, model)
        life = read_life(said.issued_at, said.expires_at)
    except StatementParseError as error:
        return opened.rejected(error)
    issuer = opened.signer(said.issuer)
    if issuer is None:
        return RejectedEnvelope(opened.digest, DefectCode.ISSUER, opened.anyone)
    if issuer.purpose is not Purpose.APPROVAL or issuer.overseer is None:
        return RejectedEnvelope(opened.digest, DefectCode.PURPOSE, issuer.keyid)
    if [(one.name, one.digest) for one in subjects] != [(_GATEWAY, sha256(origin.encode()))]:
        return RejectedEnvelope(opened.digest, DefectCode.AUDIENCE, issuer.keyid)
    payload = sha256(opened.payload)
    return VerifiedSaying(opened.digest, payload, issuer, issuer.overseer, life, said, opened.asserted)


def admit_saying(
    raw: bytes,
    origin: str,
    predicate: Predicate,
    model: type[_Model],
    trust: Trust,
    revocations: Revocations,
    first_logged: Callable[[Digest], datetime | None],
    now: datetime,
) -> VerifiedSaying[_Model] | RejectedEnvelope:
    """The statement in `raw` if it may count now: verified, in its time, under a key that is not revoked."""
    found = verify_saying(raw, origin, predicate, model, trust)
    if isinstance(found, RejectedEnvelope):
        return found
    code = out_of_life(found.life, found.issuer, trust, now) or standing_of_key(
        found.issuer, found.digest, now, trust, revocations, first_logged
    )
    return found if code is None else RejectedEnvelope(found.digest, code, found.issuer.keyid)
