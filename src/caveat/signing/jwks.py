"""The public keys of a token issuer, out of a JWK set: asymmetric signing keys and nothing else.

A member that names a symmetric key, an unknown curve, another use or a private half is no key here. Each
algorithm has its own key object, so no header of a token can make one key serve another algorithm.
Source: RFC 7517, RFC 7518 section 6, RFC 8037, RFC 8725 section 3.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from caveat.signing.canonical import Json, JsonObject, StrictJsonError, parse_strict

MAX_JWKS_BYTES = 64 * 1024
MAX_KEYS = 32
_RSA_BITS = range(2048, 8193)


class TokenAlgorithm(StrEnum):
    """The closed list. `none` and every HMAC are not on it, so they cannot be asked for."""

    RS256 = "RS256"
    PS256 = "PS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"


_RSA = (TokenAlgorithm.RS256, TokenAlgorithm.PS256)
# Type and curve to what they sign with, and the members that make the public key.
_KINDS: Mapping[tuple[str, str | None], tuple[tuple[TokenAlgorithm, ...], tuple[str, ...]]] = {
    ("RSA", None): (_RSA, ("kty", "n", "e")),
    ("EC", "P-256"): ((TokenAlgorithm.ES256,), ("kty", "crv", "x", "y")),
    ("OKP", "Ed25519"): ((TokenAlgorithm.EDDSA,), ("kty", "crv", "x")),
}


class JwksError(ValueError):
    """The bytes are no JWK set with a key that a token may be verified with."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One public key, once for each algorithm that it may verify."""

    kid: str | None
    by_algorithm: Mapping[TokenAlgorithm, PyJWK] = field(repr=False)


def parse_jwks(data: bytes) -> tuple[TokenKey, ...]:
    """The usable keys of a JWK set, at least one; raises `JwksError`, and nothing else.

    Keys that are not for verifying a signature are left out, as RFC 7517 section 5 asks.
    """
    try:
        value = parse_strict(data, max_bytes=MAX_JWKS_BYTES, max_depth=8, floats=True)
    except StrictJsonError as error:
        raise JwksError(f"no JWK set: {error.code}") from error
    rows = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(rows, list):
        raise JwksError("no JWK set: the member `keys` is missing")
    if len(rows) > MAX_KEYS:
        raise JwksError(f"the JWK set has more than {MAX_KEYS} keys")
    keys = tuple(key for row in rows if isinstance(row, dict) and (key := _key(row)) is not None)
    if not keys:
        raise JwksError("the JWK set has no public key for RS256, PS256, ES256 or EdDSA")
    return keys


def _key(row: JsonObject) -> TokenKey | None:
    kind, curve, kid = row.get("kty"), row.get("crv"), row.get("kid")
    if not isinstance(kind, str) or not isinstance(kid, str | None) or not isinstance(curve, str | None):
        return None
    known = _KINDS.get((kind, curve))
    if known is None or not _is_for_verifying(row):
        return None
    algorithms, members = known
    stated = row.get("alg")
    if stated is not None:
        algorithms = tuple(algorithm for algorithm in algorithms if algorithm == stated)
    public: dict[str, Json] = {name: row.get(name) for name in members}
    if not algorithms or not all(isinstance(value, str) for value in public.values()):
        return None
    try:
        keys = {algorithm: PyJWK(public, algorithm.value) for algorithm in algorithms}
    except (PyJWTError, ValueError, TypeError):
        return None
    if any(isinstance(key.key, RSAPublicKey) and key.key.key_size not in _RSA_BITS for key in keys.values()):
        return None
    return TokenKey(kid, keys)


def _is_for_verifying(row: JsonObject) -> bool:
    """Not where it is meant for another use, or where its private half was published with it."""
    operations = row.get("key_ops", ["verify"])
    return (
        row.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in row
    )
