"""A passkey on its way into `trust.toml`: what a browser made, and what its maker's certificate says of it.

The file that a person brings is checked again by whoever enrols it, from the authenticator's own bytes: what
the console said of them counts for nothing. The challenge follows from the log and the person, so that a
file for one cannot serve for another. Needs the library `fido2`, for attestation statements are many and
other people's. Source: W3C Web Authentication Level 3, section 7.1; ADR-0039, attack 292 in
`THREAT_MODEL.md`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.evidence.predicates import ID_PATTERN
from caveat.signing.canonical import StrictJsonError, canonical, parse_strict
from caveat.signing.keys import KeyParseError, PublicKey, p256_public_key
from caveat.signing.passkey import base64url, challenge_of, from_base64url

MAX_BYTES = 32 * 1024
_P256 = -7
Attestation: TypeAlias = Literal["none", "self", "unrooted", "verified"]
"""None was given; the key itself gave it; a certificate that leads to no root that was named; to one."""


class EnrolmentError(ValueError):
    """The file enrols no passkey; the message says why, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a browser made of the challenge for `person` at the gateway whose log is `log`."""

    person: str
    log: str
    rp_id: str
    origin: str
    client_data: bytes
    attestation_object: bytes


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A credential, verified as far as can be. `synced`: its key may be on several devices."""

    made: Made
    credential: str
    key: PublicKey
    aaguid: str
    synced: bool
    attestation: Attestation


class _FileModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    version: Literal[1]
    person: str = Field(pattern=ID_PATTERN)
    log: str = Field(min_length=1, max_length=256)
    rp_id: str = Field(min_length=1, max_length=253)
    origin: str = Field(min_length=1, max_length=300)
    client_data: str
    attestation_object: str


def enrolment_challenge(log: str, person: str) -> str:
    """What the authenticator is asked to sign for this person at the gateway of this log."""
    return challenge_of(canonical({"caveat": "passkey enrolment", "log": log, "person": person}))


def render_made(made: Made) -> bytes:
    """The enrolment file; `parse_made` reads it back."""
    return canonical(
        {
            "version": 1,
            "person": made.person,
            "log": made.log,
            "rp_id": made.rp_id,
            "origin": made.origin,
            "client_data": base64url(made.client_data),
            "attestation_object": base64url(made.attestation_object),
        }
    )


def parse_made(raw: bytes) -> Made:
    """The enrolment file in `raw`, strictly; raises `EnrolmentError`."""
    try:
        model = _FileModel.model_validate(parse_strict(raw, max_bytes=MAX_BYTES, max_depth=4))
        client_data = from_base64url(model.client_data)
        attestation_object = from_base64url(model.attestation_object)
    except (StrictJsonError, ValidationError, ValueError) as error:
        raise EnrolmentError("the file has not the form of an enrolment") from error
    return Made(model.person, model.log, model.rp_id, model.origin, client_data, attestation_object)


def verify_made(made: Made, roots: Sequence[bytes] = ()) -> Enrolment:
    """The credential that was made; raises `EnrolmentError`, and `ImportError` without the library.

    `roots`: certificates of makers, in DER. Without the one that it leads to an attestation is not verified.
    """
    from fido2.webauthn import AttestationObject

    _check_client_data(made)
    try:
        parsed = AttestationObject(made.attestation_object)
        data = parsed.auth_data
        credential = data.credential_data
        said: dict[int, Any] = {} if credential is None else {**credential.public_key}
    except Exception as error:  # a reader of other people's CBOR: whatever it raises, there is no credential
        raise EnrolmentError("the authenticator's answer cannot be read") from error
    if credential is None or said.get(3) != _P256:
        raise EnrolmentError("the credential is not one of ECDSA P-256")
    if bytes(data.rp_id_hash) != hashlib.sha256(made.rp_id.encode()).digest():
        raise EnrolmentError("the credential is for another address")
    if not (data.is_user_present() and data.is_user_verified()):
        raise EnrolmentError("the authenticator did not recognise the person: it needs a PIN or a biometric")
    try:
        key = p256_public_key(bytes(said[-2]), bytes(said[-3]))
    except (KeyParseError, KeyError, TypeError) as error:
        raise EnrolmentError("the credential has no usable key") from error
    return Enrolment(
        made,
        base64url(bytes(credential.credential_id)),
        key,
        bytes(credential.aaguid).hex(),
        data.is_backup_eligible(),
        _attestation(made, roots),
    )


def _check_client_data(made: Made) -> None:
    try:
        said = parse_strict(made.client_data, max_bytes=MAX_BYTES, max_depth=8)
    except StrictJsonError as error:
        raise EnrolmentError("the browser's account cannot be read") from error
    expected = {
        "type": "webauthn.create",
        "challenge": enrolment_challenge(made.log, made.person),
        "origin": made.origin,
    }
    if not isinstance(said, dict) or any(said.get(name) != value for name, value in expected.items()):
        raise EnrolmentError("it was made for another person, gateway or address")
    if said.get("crossOrigin", False) is not False:
        raise EnrolmentError("it was made within a frame")


def _attestation(made: Made, roots: Sequence[bytes]) -> Attestation:
    """What is known of the authenticator's maker; raises `EnrolmentError` for a statement that is false."""
    from cryptography import x509
    from fido2.attestation.base import (
        Attestation as Statement,
    )
    from fido2.attestation.base import (
        AttestationType,
        InvalidAttestation,
        UnsupportedType,
        verify_x509_chain,
    )
    from fido2.webauthn import AttestationObject

    parsed = AttestationObject(made.attestation_object)
    digest = hashlib.sha256(made.client_data).digest()
    try:
        result = Statement.for_type(parsed.fmt)().verify(parsed.att_stmt, parsed.auth_data, digest)
    except UnsupportedType:
        return "none"
    except (InvalidAttestation, ValueError, TypeError, KeyError) as error:
        raise EnrolmentError("the attestation is false") from error
    if result.attestation_type is AttestationType.NONE:
        return "none"
    if not result.trust_path:
        return "self"
    for root in roots:
        chain = list(result.trust_path)
        issuer = x509.load_der_x509_certificate(chain[-1]).issuer
        if chain[-1] != root and x509.load_der_x509_certificate(root).subject != issuer:
            continue
        try:
            verify_x509_chain(chain if chain[-1] == root else [*chain, root])
        except (InvalidAttestation, ValueError):
            continue
        return "verified"
    return "unrooted"
