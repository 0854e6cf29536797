"""Signature keys: exactly Ed25519 and ECDSA P-256 with SHA-256, each bound to its algorithm at enrolment.

A key's id is the SHA-256 of its canonical public bytes, so two names can never stand for one key and one
name never for two. Weak Ed25519 points are refused when a key is parsed. Source: RFC 8032, FIPS 186-5,
EVIDENCE attacks 11, 12 and 44 in `THREAT_MODEL.md`.
"""

import base64
import binascii
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from caveat.signing.digest import Digest, sha256


class KeyParseError(ValueError):
    """The text is not a key that may be enrolled; the message says why and never repeats the text."""


class Algorithm(StrEnum):
    """The closed set of signature algorithms."""

    ED25519 = "ed25519"
    P256 = "p256-sha256"


_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ED25519_PRIME = 2**255 - 19
_ED25519_D = -121665 * pow(121666, -1, _ED25519_PRIME) % _ED25519_PRIME
# y coordinates of the eight points of small order: 0 (order 4), 1, -1 and two of order 8 (RFC 8032, 5.1).
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _ED25519_PRIME - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that may be enrolled. `raw`: 32 bytes for Ed25519, 65 (uncompressed point) for P-256."""

    algorithm: Algorithm
    raw: bytes
    _key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

    def __eq__(self, other: object) -> bool:
        """Equal when algorithm and bytes are equal."""
        return isinstance(other, PublicKey) and (self.algorithm, self.raw) == (other.algorithm, other.raw)

    def __hash__(self) -> int:
        """The hash of algorithm and bytes."""
        return hash((self.algorithm, self.raw))

    @property
    def keyid(self) -> Digest:
        """SHA-256 over algorithm and bytes: derived from the key, never chosen."""
        return sha256(self.algorithm.value.encode() + b"\0" + self.raw)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """True only if `signature` is this key's over exactly `message`; any other outcome is False."""
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, message)
            else:
                self._key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def render(self) -> str:
        """One line: `ed25519:BASE64` or `p256-sha256:BASE64`, read back by `parse_public_key`."""
        return f"{self.algorithm.value}:{base64.b64encode(self.raw).decode()}"


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A signing key. Never printed: its representation shows the public half alone."""

    algorithm: Algorithm
    _key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

    def __repr__(self) -> str:
        """The public half, so that a log line can't leak the key."""
        return f"PrivateKey({self.public().render()})"

    def sign(self, message: bytes) -> bytes:
        """A signature over exactly `message`; P-256 nonces are derived (RFC 6979)."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        return self._key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    def public(self) -> PublicKey:
        """The public half."""
        return _public(self._key.public_key())

    def pem(self) -> bytes:
        """PKCS#8 PEM, unencrypted: for a file that only its owner may read."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def private_key_from_seed(algorithm: Algorithm, seed: bytes) -> PrivateKey:
    """The key that 32 secret random bytes determine; the caller at the edge draws them."""
    if len(seed) != 32:
        raise KeyParseError("a key seed is 32 bytes")
    match algorithm:
        case Algorithm.ED25519:
            return PrivateKey(algorithm, ed25519.Ed25519PrivateKey.from_private_bytes(seed))
        case Algorithm.P256:
            scalar = int.from_bytes(seed) % (_P256_ORDER - 1) + 1
            return PrivateKey(algorithm, ec.derive_private_key(scalar, ec.SECP256R1()))
        case _:
            assert_never(algorithm)


def parse_private_key(pem: bytes) -> PrivateKey:
    """A PKCS#8 PEM of one of the two algorithms; raises `KeyParseError`."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyParseError("not an unencrypted PKCS#8 private key in PEM form") from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return PrivateKey(Algorithm.ED25519, key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return PrivateKey(Algorithm.P256, key)
    raise KeyParseError("the key is neither Ed25519 nor ECDSA P-256")


def parse_public_key(text: str) -> PublicKey:
    """`ed25519:BASE64` or `p256-sha256:BASE64`, strictly; raises `KeyParseError`."""
    name, _, encoded = text.partition(":")
    try:
        algorithm = Algorithm(name)
        raw = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise KeyParseError("a public key is written `ed25519:BASE64` or `p256-sha256:BASE64`") from error
    if base64.b64encode(raw).decode() != encoded:
        raise KeyParseError("the base64 of the key is not in its canonical form")
    try:
        match algorithm:
            case Algorithm.ED25519:
                _refuse_weak_point(raw)
                return _public(ed25519.Ed25519PublicKey.from_public_bytes(raw))
            case Algorithm.P256:
                return _public(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw))
            case _:
                assert_never(algorithm)
    except ValueError as error:
        raise KeyParseError("the bytes are no usable point of the curve") from error


def _refuse_weak_point(raw: bytes) -> None:
    if len(raw) != 32:
        raise ValueError("length")
    y = int.from_bytes(raw, "little") & ((1 << 255) - 1)
    if y >= _ED25519_PRIME or y in _SMALL_ORDER_Y:
        raise ValueError("non-canonical or of small order")
    # The library takes any 32 bytes: on the curve, (y^2 - 1) / (d y^2 + 1) is a square (RFC 8032, 5.1.3).
    square = (y * y - 1) * pow(_ED25519_D * y * y + 1, -1, _ED25519_PRIME) % _ED25519_PRIME
    if pow(square, (_ED25519_PRIME - 1) // 2, _ED25519_PRIME) != 1:
        raise ValueError("not on the curve")


def _public(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> PublicKey:
    if isinstance(key, ed25519.Ed25519PublicKey):
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return PublicKey(Algorithm.ED25519, raw, key)
    raw = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return PublicKey(Algorithm.P256, raw, key)


def p256_public_key(x: bytes, y: bytes) -> PublicKey:
    """The P-256 key with these coordinates, 32 bytes each; raises `KeyParseError`."""
    if len(x) != 32 or len(y) != 32:
        raise KeyParseError("a coordinate of P-256 has 32 bytes")
    try:
        return _public(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y))
    except ValueError as error:
        raise KeyParseError("the bytes are no usable point of the curve") from error
