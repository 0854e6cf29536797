"""A signed answer: an in-toto statement about one bundle digest, which verifies for no other.

The predicate is the document of the proof with the digests of its formulas, its assumptions and the solver.
A signature says who vouches for the answer; that the answer is right is shown by asking again. Source:
in-toto Statement v1 in DSSE, ADR-0017.
"""

import orjson

from caveat.analysis.errors import CertificateError
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, EnvelopeParseError, parse_envelope, sign_envelope, verify_signers
from caveat.signing.keys import PrivateKey, PublicKey

PROOF = "https://caveat.invalid/predicate/policy-proof/v1"
_STATEMENT = "https://in-toto.io/Statement/v1"
MAX_BYTES = 1 << 26


def sign_proof(document: JsonObject, key: PrivateKey) -> bytes:
    """The envelope over the document's own bundle digest."""
    statement = {
        "_type": _STATEMENT,
        "subject": [{"name": document["name"], "digest": {"sha256": document["bundle"]}}],
        "predicateType": PROOF,
        "predicate": document,
    }
    return sign_envelope(orjson.dumps(statement, option=orjson.OPT_SORT_KEYS), IN_TOTO, [key])


def verify_proof(data: bytes, key: PublicKey, bundle: Digest) -> JsonObject:
    """The document that this key signed about exactly this bundle; raises `CertificateError`."""
    try:
        envelope = parse_envelope(data, max_bytes=MAX_BYTES)
    except EnvelopeParseError as error:
        raise CertificateError(str(error)) from error
    if envelope.payload_type != IN_TOTO:
        raise CertificateError("the envelope holds no in-toto statement")
    if key.keyid not in verify_signers(envelope, {key.keyid: key}).verified:
        raise CertificateError("the signature is not of this key over these bytes")
    statement: object = orjson.loads(envelope.payload)
    match statement:
        case {
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": "https://caveat.invalid/predicate/policy-proof/v1",
            "subject": [{"digest": {"sha256": str(subject)}}],
            "predicate": {"bundle": str(about)},
        }:
            pass
        case _:
            raise CertificateError("the statement is no proof about a policy")
    if subject != bundle or about != bundle:
        raise CertificateError(f"the certificate is about bundle `{subject[:12]}…`, not about this one")
    predicate: JsonObject = statement["predicate"]
    return predicate
