"""What a person signs, with a key in a file or with a passkey: the one place that takes both.

The same statement under the same pre-authentication encoding either way; a passkey signs its digest as the
challenge. A key that belongs to a passkey counts in no other container, and no other key in this one.
Source: ADR-0039, attacks 79, 80 and 291 to 294 in `THREAT_MODEL.md`.
"""

from caveat.evidence.defects import DefectCode
from caveat.evidence.envelope import (
    MAX_ENVELOPE_BYTES,
    RejectedEnvelope,
    SignedPayload,
    envelope_code,
    open_envelope,
)
from caveat.evidence.issuer import Trust
from caveat.signing.digest import sha256
from caveat.signing.dsse import IN_TOTO, EnvelopeParseError, pae
from caveat.signing.passkey import (
    PasskeyDefect,
    is_passkey_envelope,
    parse_passkey_envelope,
    verify_assertion,
)

_CODES = {
    PasskeyDefect.FORGED: DefectCode.FORGED,
    PasskeyDefect.CHALLENGE: DefectCode.PASSKEY_CHALLENGE,
    PasskeyDefect.ORIGIN: DefectCode.PASSKEY_ORIGIN,
    PasskeyDefect.VERIFICATION: DefectCode.PASSKEY_VERIFICATION,
}


def open_personal(raw: bytes, trust: Trust) -> SignedPayload | RejectedEnvelope:
    """The payload that a person signed, or why there is none; total over all bytes."""
    return _open_passkey(raw, trust) if is_passkey_envelope(raw) else open_envelope(raw, trust)


def _open_passkey(raw: bytes, trust: Trust) -> SignedPayload | RejectedEnvelope:
    """In this order: (1) size and shape, (2) an enrolled credential, (3) its assertion, (4) the type."""
    digest = sha256(raw)
    try:
        envelope = parse_passkey_envelope(raw, max_bytes=MAX_ENVELOPE_BYTES)  # 1
    except EnvelopeParseError as error:
        return RejectedEnvelope(digest, envelope_code(error))
    keyid = trust.passkeys.get(envelope.assertion.credential)  # 2
    issuer = None if keyid is None else trust.issuers[keyid]
    if issuer is None or issuer.overseer is None or issuer.overseer.passkey is None:
        return RejectedEnvelope(digest, DefectCode.UNKNOWN_KEY)
    message = pae(envelope.payload_type, envelope.payload)
    found = verify_assertion(envelope.assertion, issuer.overseer.passkey, issuer.key, message)  # 3
    if isinstance(found, PasskeyDefect):
        return RejectedEnvelope(digest, _CODES[found], issuer.keyid)
    if envelope.payload_type != IN_TOTO:  # 4
        return RejectedEnvelope(digest, DefectCode.PAYLOAD_TYPE, issuer.keyid)
    return SignedPayload(digest, envelope.payload, (issuer,), found)
