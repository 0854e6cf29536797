"""Whoever may approve may read what waits: a short signed statement in place of a password.

It names one gateway by the origin of its log, so that it opens no other, and lives for minutes.
Source: attacks 7, 15 and 85 in `THREAT_MODEL.md`, ADR-0037.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from caveat.evidence.defects import DefectCode
from caveat.evidence.envelope import RejectedEnvelope, SignedPayload, open_envelope
from caveat.evidence.instants import StatementParseError, read_life, render_time
from caveat.evidence.issuer import Issuer, Purpose, Trust
from caveat.evidence.life import out_of_life
from caveat.evidence.predicates import Predicate, ReadingModel
from caveat.evidence.revocation import Revocations, standing_of_key
from caveat.evidence.statement import STATEMENT_TYPE, Subject, read_payload, read_shape, render_payload
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import PrivateKey

MAX_LIFE = timedelta(minutes=15)
OVERSEERS = frozenset({Purpose.APPROVAL})
OBSERVERS = OVERSEERS | {Purpose.OBSERVER}
"""Whose keys read counts, and never content."""


def mint_reading(
    issuer: str, origin: str, now: datetime, key: PrivateKey, life: timedelta = MAX_LIFE
) -> bytes:
    """The signed envelope by which `issuer` reads at the gateway whose log has this origin."""
    payload = render_payload(
        Predicate.READING,
        [Subject("gateway", sha256(origin.encode()))],
        {"issuer": issuer, "issued_at": render_time(now), "expires_at": render_time(now + life)},
    )
    return sign_envelope(payload, IN_TOTO, [key])


def admit_reading(
    raw: bytes,
    origin: str,
    trust: Trust,
    revocations: Revocations,
    first_logged: Callable[[Digest], datetime | None],
    now: datetime,
    purposes: frozenset[Purpose] = OVERSEERS,
) -> Issuer | RejectedEnvelope:
    """Whoever reads with these bytes, at the gateway whose log has this origin; or why nobody does.

    `purposes`: of keys that may read what is asked for.
    """
    opened = open_envelope(raw, trust)
    if not isinstance(opened, SignedPayload):
        return opened
    try:
        value = read_payload(opened.payload)
        if value.get("_type") != STATEMENT_TYPE or value.get("predicateType") != Predicate.READING.value:
            raise StatementParseError("statement_type")
        subjects, said = read_shape(value, ReadingModel)
        life = read_life(said.issued_at, said.expires_at)
    except StatementParseError as error:
        return opened.rejected(error)
    reader = opened.signer(said.issuer)
    if reader is None:
        return RejectedEnvelope(opened.digest, DefectCode.ISSUER, opened.anyone)
    if reader.purpose not in purposes or (reader.purpose is Purpose.APPROVAL and reader.overseer is None):
        return RejectedEnvelope(opened.digest, DefectCode.PURPOSE, reader.keyid)
    if [one.digest for one in subjects] != [sha256(origin.encode())]:
        return RejectedEnvelope(opened.digest, DefectCode.AUDIENCE, reader.keyid)
    code = out_of_life(life, reader, trust, now)
    if code is None and life.end - life.begin > MAX_LIFE:
        code = DefectCode.LIFETIME
    code = code or standing_of_key(reader, opened.digest, now, trust, revocations, first_logged)
    return reader if code is None else RejectedEnvelope(opened.digest, code, reader.keyid)
