"""Signatures in CMS SignedData (S/MIME), detached or opaque, against certificates that the reader pins.

Exactly one signer, signed attributes with the digest of exactly this content, SHA-2, and a certificate that
is pinned itself or issued under a pinned one, valid when it signed. Source: RFC 5652, RFC 8551, attack 157 in
`THREAT_MODEL.md`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from caveat.negotiation.errors import CertificateError
from caveat.negotiation.optional import optional_module
from caveat.signing.digest import sha256

MAX_SIGNATURE_BYTES = 1024 * 1024
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


class CmsError(Exception):
    """The signature does not hold. `reason`: a code of `docs/reference/terms.md`."""

    def __init__(self, reason: str) -> None:
        """`reason` repeats nothing of the message."""
        super().__init__(reason)
        self.reason = reason


class UnpinnedError(Exception):
    """The signer has no pinned certificate, so nothing can be said of the signature."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed, by whom. `addresses`: of the certificate, in lower case."""

    content: bytes
    certificate: x509.Certificate
    addresses: frozenset[str]

    @property
    def by(self) -> str:
        """The certificate by subject and digest."""
        name = self.certificate.subject.rfc4514_string()
        digest = sha256(self.certificate.public_bytes(serialization.Encoding.DER))
        return f"{name[:200]} {digest[:16]}"


def parse_certificate(data: bytes) -> x509.Certificate:
    """A certificate in PEM or DER; raises `CertificateError`."""
    try:
        if data.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError("the file is no X.509 certificate", "pass one in PEM or DER form") from error


def verify_cms(
    der: bytes, content: bytes | None, pinned: Sequence[x509.Certificate], moment: datetime
) -> Signed:
    """What the signature in `der` signs; raises `CmsError` or `UnpinnedError`, and nothing else.

    `content`: the detached content; None where it lies within. `moment`: the time at which certificates must
    be valid if the signer named none.
    """
    cms = optional_module("asn1crypto.cms")
    if len(der) > MAX_SIGNATURE_BYTES + (0 if content is not None else 8 * MAX_SIGNATURE_BYTES):
        raise CmsError("too_large")
    try:
        parsed = _parse(cms, der, content)
    except CmsError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CmsError("malformed") from error
    certificate = _certificate(parsed, pinned)
    _verify_digest(parsed)
    _verify_signature(parsed, certificate)
    _verify_chain(certificate, parsed.certificates, pinned, parsed.signed_at or moment)
    return Signed(parsed.content, certificate, _addresses(certificate))


@dataclass(frozen=True, slots=True)
class _Parsed:
    content: bytes
    certificates: tuple[x509.Certificate, ...]
    issuer: bytes | None
    serial: int | None
    key_identifier: bytes | None
    digest_name: str
    message_digest: bytes
    signed_attributes: bytes
    signed_at: datetime | None
    algorithm: str
    signature: bytes


def _parse(cms: Any, der: bytes, content: bytes | None) -> _Parsed:  # noqa: ANN401 - an untyped library
    info = cms.ContentInfo.load(der, strict=True)
    if info["content_type"].native != "signed_data":
        raise CmsError("not_signed_data")
    data = info["content"]
    if len(data["signer_infos"]) != 1:
        raise CmsError("signers")
    within = data["encap_content_info"]["content"].native
    if (within is None) == (content is None):
        raise CmsError("content")  # signed content within and beside: readers would differ on what was signed
    signer = data["signer_infos"][0]
    attributes = signer["signed_attrs"]
    named: dict[str, Any] = {entry["type"].native: entry["values"] for entry in attributes}
    if len(named) != len(attributes) or not {"content_type", "message_digest"} <= named.keys():
        raise CmsError("signed_attributes")
    if named["content_type"][0].native != data["encap_content_info"]["content_type"].native:
        raise CmsError("signed_attributes")
    sid = signer["sid"]
    by_issuer = sid.name == "issuer_and_serial_number"
    return _Parsed(
        content=within if content is None else content,
        certificates=tuple(
            x509.load_der_x509_certificate(choice.chosen.dump()) for choice in (data["certificates"] or ())
        )[:16],
        issuer=sid.chosen["issuer"].dump() if by_issuer else None,
        serial=sid.chosen["serial_number"].native if by_issuer else None,
        key_identifier=None if by_issuer else sid.chosen.native,
        digest_name=signer["digest_algorithm"]["algorithm"].native,
        message_digest=named["message_digest"][0].native,
        signed_attributes=b"\x31" + attributes.dump()[1:],  # signed as a SET, sent under a context tag
        signed_at=named["signing_time"][0].native if "signing_time" in named else None,
        algorithm=signer["signature_algorithm"].signature_algo,
        signature=signer["signature"].native,
    )


def _certificate(parsed: _Parsed, pinned: Sequence[x509.Certificate]) -> x509.Certificate:
    for certificate in (*pinned, *parsed.certificates):
        if parsed.key_identifier is not None:
            if parsed.key_identifier == _key_identifier(certificate):
                return certificate
        elif (certificate.serial_number, certificate.issuer.public_bytes()) == (parsed.serial, parsed.issuer):
            return certificate
    raise UnpinnedError("the signer's certificate is not there")


def _key_identifier(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, ValueError):
        return None


def _verify_digest(parsed: _Parsed) -> None:
    if parsed.digest_name not in _HASHES:
        raise CmsError("weak_algorithm")
    if hashlib.new(parsed.digest_name, parsed.content).digest() != parsed.message_digest:
        raise CmsError("altered_body")


def _verify_signature(parsed: _Parsed, certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    algorithm = _HASHES[parsed.digest_name]
    try:
        if (
            isinstance(key, rsa.RSAPublicKey)
            and parsed.algorithm == "rsassa_pkcs1v15"
            and key.key_size >= 2048
        ):
            key.verify(parsed.signature, parsed.signed_attributes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and parsed.algorithm == "ecdsa":
            key.verify(parsed.signature, parsed.signed_attributes, ec.ECDSA(algorithm))
        else:
            raise CmsError("unsupported_algorithm")
    except InvalidSignature as error:
        raise CmsError("signature") from error


def _verify_chain(
    certificate: x509.Certificate,
    sent: Sequence[x509.Certificate],
    pinned: Sequence[x509.Certificate],
    moment: datetime,
) -> None:
    """The certificate is pinned, or issued under a pinned one, and valid at that moment."""
    if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
        raise CmsError("certificate_expired")
    if not _may_sign(certificate):
        raise CmsError("certificate_purpose")
    if certificate in pinned:
        return
    if not pinned:
        raise UnpinnedError("no certificate is pinned")
    policy = verification.ExtensionPolicy
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store(list(pinned)))
        .time(moment)
        .max_chain_depth(4)
        .extension_policies(ca_policy=policy.webpki_defaults_ca(), ee_policy=policy.permit_all())
        .build_client_verifier()
    )
    try:
        verifier.verify(certificate, [other for other in sent if other != certificate])
    except verification.VerificationError as error:
        raise UnpinnedError("the signer's certificate is not issued under a pinned one") from error


def _may_sign(certificate: x509.Certificate) -> bool:
    """Key usage and extended key usage, where they stand, include signing of mail or documents."""
    try:
        extensions = certificate.extensions
    except ValueError:
        return False
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage) and not (value.digital_signature or value.content_commitment):
            return False
        if isinstance(value, x509.BasicConstraints) and value.ca:
            return False
        if isinstance(value, x509.ExtendedKeyUsage):
            wanted = {
                ExtendedKeyUsageOID.EMAIL_PROTECTION,
                ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
            }
            if not wanted & set(value):
                return False
    return True


def _addresses(certificate: x509.Certificate) -> frozenset[str]:
    found = {
        str(attribute.value)
        for attribute in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    }
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found.update(names.get_values_for_type(x509.RFC822Name))
    except x509.ExtensionNotFound:
        pass
    return frozenset(address.lower() for address in found)
