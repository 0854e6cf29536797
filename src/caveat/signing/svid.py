"""SPIFFE X.509 identities: a certificate chain is verified to the pinned certificates of one trust domain.

Guarantees: an identity holds only under its own domain's certificates; the leaf is no authority, may sign,
names exactly one SPIFFE id and nothing else by URI; it holds for a period that is checked at every use.
Source: SPIFFE X509-SVID sections 2 to 5, RFC 5280 section 6.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from caveat.signing.digest import Digest, sha256

MAX_PEM_BYTES = 64 * 1024
MAX_CERTIFICATES = 32
MAX_CHAIN = 6
MAX_CERTIFICATE_BYTES = 16 * 1024
_DOMAIN = r"[a-z0-9._-]{1,255}"
_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+"
_ID = re.compile(rf"spiffe://({_DOMAIN})((?:/{_SEGMENT})+)\Z")
_PREFIX = re.compile(rf"spiffe://({_DOMAIN})/((?:{_SEGMENT}/)*)\Z")
_MAX_ID = 2048
# What the library raises for bytes that are no certificate, or one that it does not read.
_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_Kind = TypeVar("_Kind", bound=x509.ExtensionType)


class SvidError(ValueError):
    """No acceptable identity. `code`: malformed, shape, chain, or expired."""

    def __init__(self, code: str) -> None:
        """`code` is one of a closed set, and holds nothing of the certificate."""
        super().__init__(f"no acceptable certificate: {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Anchors:
    """The certificates that a trust domain's identities are verified to."""

    domain: str
    certificates: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class Svid:
    """A verified identity. `thumbprint`: SHA-256 of the leaf, as `cnf` of a token names it. Aware times."""

    id: str
    thumbprint: Digest
    not_before: datetime
    not_after: datetime


def domain_of(text: str) -> str | None:
    """The trust domain of a SPIFFE id; None where `text` is none in its one valid form."""
    found = _ID.match(text) if len(text) <= _MAX_ID else None
    return None if found is None else found.group(1)


def domain_of_prefix(text: str) -> str | None:
    """The trust domain of a prefix of ids, which ends with a slash; None where it is none."""
    found = _PREFIX.match(text) if len(text) <= _MAX_ID else None
    return None if found is None else found.group(1)


def is_domain(text: str) -> bool:
    """Whether this may name a trust domain."""
    return re.fullmatch(_DOMAIN, text) is not None


def parse_authorities(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of authorities in a PEM text, at least one; raises `SvidError` `malformed`."""
    if len(pem) > MAX_PEM_BYTES:
        raise SvidError("malformed")
    try:
        found = tuple(x509.load_pem_x509_certificates(pem))
        good = 0 < len(found) <= MAX_CERTIFICATES and all(_is_authority(entry) for entry in found)
    except _UNREADABLE as error:
        raise SvidError("malformed") from error
    if not good:
        raise SvidError("malformed")
    return found


def render_pem(certificates: Sequence[x509.Certificate]) -> bytes:
    """The certificates as one PEM text."""
    return b"".join(entry.public_bytes(Encoding.PEM) for entry in certificates)


def parse_chain(ders: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    """Certificates as a connection presents them, the leaf first; raises `SvidError` `malformed`."""
    if not 0 < len(ders) <= MAX_CHAIN or any(len(der) > MAX_CERTIFICATE_BYTES for der in ders):
        raise SvidError("malformed")
    try:
        return tuple(x509.load_der_x509_certificate(der) for der in ders)
    except _UNREADABLE as error:
        raise SvidError("malformed") from error


def chain_of_pem(pem: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM text in DER, at least one; raises `SvidError` `malformed`."""
    try:
        return tuple(entry.public_bytes(Encoding.DER) for entry in x509.load_pem_x509_certificates(pem))
    except _UNREADABLE as error:
        raise SvidError("malformed") from error


def claimed_id(leaf: x509.Certificate) -> str:
    """The one SPIFFE id that the leaf names, not verified yet; raises `SvidError` `shape`."""
    try:
        constraints = _extension(leaf, x509.BasicConstraints)
        usage = _extension(leaf, x509.KeyUsage)
        names = _extension(leaf, x509.SubjectAlternativeName)
    except _UNREADABLE as error:
        raise SvidError("shape") from error
    if constraints is not None and constraints.ca:
        raise SvidError("shape")
    if usage is None or not usage.digital_signature or usage.key_cert_sign or usage.crl_sign:
        raise SvidError("shape")
    uris = [] if names is None else names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1 or domain_of(uris[0]) is None:
        raise SvidError("shape")
    return uris[0]


def verify_svid(chain: Sequence[x509.Certificate], anchors: Anchors, now: datetime) -> Svid:
    """The identity of `chain[0]`, verified under `anchors` at `now`; raises `SvidError`, and nothing else."""
    leaf, *others = chain
    identity = claimed_id(leaf)
    if domain_of(identity) != anchors.domain:
        raise SvidError("chain")
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        raise SvidError("expired")
    verifier = (
        PolicyBuilder()
        .store(Store(list(anchors.certificates)))
        .time(now)
        .max_chain_depth(MAX_CHAIN)
        .extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=_leaf_policy())
        .build_client_verifier()
    )
    try:
        path = verifier.verify(leaf, others).chain
    except (VerificationError, *_UNREADABLE) as error:
        raise SvidError("chain") from error
    return Svid(
        identity,
        sha256(leaf.public_bytes(Encoding.DER)),
        max(entry.not_valid_before_utc for entry in path),
        min(entry.not_valid_after_utc for entry in path),
    )


def _leaf_policy() -> ExtensionPolicy:
    """As for the web, whatever kind of name the leaf has: `claimed_id` says which one it must be."""
    return ExtensionPolicy.webpki_defaults_ee().require_present(
        x509.SubjectAlternativeName, Criticality.AGNOSTIC, None
    )


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _extension(certificate: x509.Certificate, kind: type[_Kind]) -> _Kind | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
