"""From bytes that anybody may send to a statement that an enrolled key has signed.

Nothing of the payload is read before a signature over its exact bytes has been verified under a key that the
trust policy pins, with the algorithm of that key's record. Source: EVIDENCE section 5, attacks 1, 11 to 17,
19 to 21, 38, 44 and 45 in `THREAT_MODEL.md`.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from caveat.evidence.defects import DefectCode
from caveat.evidence.statement import Statement, StatementParseError, parse_statement
from caveat.evidence.trust import Issuer, Purpose, Trust
from caveat.signing.digest import Digest, sha256
from caveat.signing.dsse import (
    IN_TOTO,
    EnvelopeParseError,
    parse_envelope,
    verify_signers,
)
from caveat.signing.passkey import Asserted

MAX_ENVELOPE_BYTES = 72 * 1024
_STATEMENT_CODES = {
    "not_json": DefectCode.NOT_JSON,
    "statement_type": DefectCode.STATEMENT_TYPE,
    "schema": DefectCode.SCHEMA,
    "approval": DefectCode.APPROVAL,
    "revocations": DefectCode.REVOCATIONS,
}
_ENVELOPE_CODES = {
    "too_large": DefectCode.TOO_LARGE,
    "base64": DefectCode.NOT_BASE64,
    "signatures": DefectCode.SIGNATURES,
}


@dataclass(frozen=True, slots=True)
class VerifiedEnvelope:
    """An envelope whose signature by `issuer` holds over a well-formed statement of that issuer.

    Only `verify_envelope` makes one. It says nothing about time, audience, entitlement or binding.
    """

    raw: bytes
    digest: Digest
    issuer: Issuer
    statement: Statement


@dataclass(frozen=True, slots=True)
class RejectedEnvelope:
    """An envelope that is not even signed as it should be. `key`: the enrolled key concerned, if any."""

    digest: Digest
    code: DefectCode
    key: Digest | None = None


@dataclass(slots=True)
class VerifiedCache:
    """Envelopes verified before, by the digest of all their bytes and of the trust policy.

    Failures are never kept, so that nobody can fill it without an enrolled key; the eldest goes first.
    """

    limit: int = 4096
    _entries: OrderedDict[tuple[Digest, Digest], VerifiedEnvelope] = field(
        default_factory=OrderedDict[tuple[Digest, Digest], VerifiedEnvelope]
    )

    def get(self, envelope: Digest, trust: Digest) -> VerifiedEnvelope | None:
        """What was verified from exactly these bytes under exactly this trust policy."""
        return self._entries.get((envelope, trust))

    def put(self, verified: VerifiedEnvelope, trust: Digest) -> None:
        """Keeps it, dropping the eldest beyond the limit."""
        self._entries[(verified.digest, trust)] = verified
        if len(self._entries) > self.limit:
            self._entries.popitem(last=False)


@dataclass(frozen=True, slots=True)
class SignedPayload:
    """A payload over whose exact bytes the signatures of `signers` hold; it is not read yet.

    `asserted`: what the authenticator said, where a passkey signed.
    """

    digest: Digest
    payload: bytes
    signers: tuple[Issuer, ...]
    asserted: Asserted | None = None

    @property
    def anyone(self) -> Digest:
        """One of the keys that signed."""
        return min(issuer.keyid for issuer in self.signers)

    def signer(self, issuer: str) -> Issuer | None:
        """The signer with this id, by its newest key where several signed. None where it did not sign.

        A co-signature by somebody else neither helps nor harms.
        """
        return max((one for one in self.signers if one.id == issuer), key=lambda one: one.place, default=None)

    def rejected(self, error: StatementParseError) -> RejectedEnvelope:
        """What its parser said against it."""
        return RejectedEnvelope(self.digest, _STATEMENT_CODES[error.code], self.anyone)


def open_envelope(raw: bytes, trust: Trust, digest: Digest | None = None) -> SignedPayload | RejectedEnvelope:
    """The signed payload in `raw`, of whatever kind, or why there is none; total over all bytes.

    In this order: (1) size, (2) strict base64 and shape, (3) signatures over the raw payload, (4) its type.
    """
    digest = digest or sha256(raw)
    try:
        envelope = parse_envelope(raw, max_bytes=MAX_ENVELOPE_BYTES)  # 1, 2
    except EnvelopeParseError as error:
        return RejectedEnvelope(digest, envelope_code(error))
    signers = verify_signers(envelope, trust.keys)  # 3
    if signers.failed:
        return RejectedEnvelope(digest, DefectCode.FORGED, min(signers.failed))
    if not signers.verified:
        return RejectedEnvelope(digest, DefectCode.UNKNOWN_KEY)
    if envelope.payload_type != IN_TOTO:  # 4
        return RejectedEnvelope(digest, DefectCode.PAYLOAD_TYPE, min(signers.verified))
    return SignedPayload(digest, envelope.payload, tuple(trust.issuers[key] for key in signers.verified))


def verify_envelope(
    raw: bytes, trust: Trust, cache: VerifiedCache | None = None
) -> VerifiedEnvelope | RejectedEnvelope:
    """The verified envelope in `raw`, or why there is none; total over all bytes.

    After what `open_envelope` checks: (5) strict JSON, (6) type and shape, (7) issuer and purpose of the key.
    """
    digest = sha256(raw)
    if cache is not None and (known := cache.get(digest, trust.digest)) is not None:
        return known
    verified = _verify(raw, digest, trust)
    if cache is not None and isinstance(verified, VerifiedEnvelope):
        cache.put(verified, trust.digest)
    return verified


def envelope_code(error: EnvelopeParseError) -> DefectCode:
    """Why the bytes are no envelope, as it is reported."""
    return _ENVELOPE_CODES.get(error.code, DefectCode.NOT_ENVELOPE)


def _verify(raw: bytes, digest: Digest, trust: Trust) -> VerifiedEnvelope | RejectedEnvelope:
    opened = open_envelope(raw, trust, digest)  # 1 to 4
    if not isinstance(opened, SignedPayload):
        return opened
    try:
        statement = parse_statement(opened.payload)  # 5, 6
    except StatementParseError as error:
        return opened.rejected(error)
    issuer = opened.signer(statement.issuer)  # 7
    if issuer is None:
        return RejectedEnvelope(digest, DefectCode.ISSUER, opened.anyone)
    if issuer.purpose is not Purpose.EVIDENCE:
        return RejectedEnvelope(digest, DefectCode.PURPOSE, issuer.keyid)
    return VerifiedEnvelope(raw, digest, issuer, statement)
