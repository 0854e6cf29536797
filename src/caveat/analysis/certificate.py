"""A signed answer: an in-toto statement about one bundle digest, which verifies for no other.

The predicate is the document of the proof with the digests of its formulas, its assumptions and the solver.
A signature says who vouches for the answer; that the answer is right is shown by asking again. Source:
in-toto Statement v1 in DSSE, ADR-0017.
"""

from typing import Annotated, Literal, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.analysis.errors import CertificateError
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, EnvelopeParseError, parse_envelope, sign_envelope, verify_signers
from caveat.signing.keys import PrivateKey, PublicKey

PROOF = "https://caveat.invalid/predicate/policy-proof/v1"
_STATEMENT = "https://in-toto.io/Statement/v1"
MAX_BYTES = 1 << 26


class _Digest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    sha256: str


class _Subject(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    digest: _Digest


class _Statement(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[list[_Subject], Field(min_length=1, max_length=1)]
    predicateType: Literal["https://caveat.invalid/predicate/policy-proof/v1"]  # noqa: N815 - in-toto's
    predicate: dict[str, object]


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
    try:
        statement = _Statement.model_validate_json(envelope.payload)
    except ValidationError as error:
        raise CertificateError("the statement is no proof about a policy") from error
    document = cast("JsonObject", statement.predicate)
    if {entry.digest.sha256 for entry in statement.subject} != {bundle} or document.get("bundle") != bundle:
        about = statement.subject[0].digest.sha256
        raise CertificateError(f"the certificate is about bundle `{about[:12]}…`, not about this one")
    return document
