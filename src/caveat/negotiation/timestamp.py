"""RFC 3161 time-stamps over a document, against a pinned certificate of the time-stamping authority.

A time-stamp proves that these bytes existed by then. It says nothing of who wrote them.
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from caveat.negotiation.document import Check, CheckKind, Outcome
from caveat.negotiation.optional import optional_module
from caveat.signing.digest import sha256

MAX_TOKEN_BYTES = 256 * 1024


def check_timestamp(document: bytes, response: bytes, pinned: Sequence[x509.Certificate]) -> Check:
    """What the response proves of exactly these bytes; never raises for what it holds."""
    if not pinned:
        return Check(CheckKind.TIMESTAMP, Outcome.NOT_CHECKED, "no_pinned_key", "")
    if len(response) > MAX_TOKEN_BYTES:
        return Check(CheckKind.TIMESTAMP, Outcome.FAILED, "too_large", "")
    client = optional_module("rfc3161_client")
    builder = client.VerifierBuilder()
    for certificate in pinned:
        builder = builder.add_root_certificate(certificate)
    try:
        token = client.decode_timestamp_response(response)
        moment = token.tst_info.gen_time
        builder.build().verify_message(token, document)
    except client.VerificationError as error:
        altered = "Mismatch between messages" in str(error)
        return Check(CheckKind.TIMESTAMP, Outcome.FAILED, "altered_body" if altered else "signature", "")
    except ValueError:
        return Check(CheckKind.TIMESTAMP, Outcome.FAILED, "malformed", "")
    digest = sha256(pinned[0].public_bytes(serialization.Encoding.DER))
    by = f"{pinned[0].subject.rfc4514_string()[:160]} {digest[:16]} at {moment:%Y-%m-%dT%H:%M:%SZ}"
    return Check(CheckKind.TIMESTAMP, Outcome.PASSED, "ok", by, ("existence",))
