"""Signed tokens (JWT): read strictly, verified under keys that were enrolled before, checked in time.

Guarantees: the algorithm comes from a closed list and the key is made for it alone; no key, address or
certificate that stands in a token is ever used; nothing of a token is in an error. The legal order is
`parse_token`, `is_signed_by`, `check_times`: what `parse_token` gives is not verified yet.
Source: RFC 7515, RFC 7519, RFC 8725.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from jwt import PyJWS
from jwt.exceptions import PyJWTError

from caveat.signing.canonical import MAX_INTEGER, JsonObject, StrictJsonError, parse_strict
from caveat.signing.digest import Digest, sha256
from caveat.signing.jwks import TokenAlgorithm, TokenKey

MAX_TOKEN_BYTES = 8192
MAX_KEYS_TRIED = 8
# Members that bring a key, point at one, or change what is signed. Following none is not enough: whoever
# sends one expects a verifier that does.
_REFUSED = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"})
_TYPES = frozenset({"jwt", "jose", "at+jwt", "application/at+jwt"})
_BY_NAME = {algorithm.value: algorithm for algorithm in TokenAlgorithm}
_JWS = PyJWS(
    algorithms=[algorithm.value for algorithm in TokenAlgorithm], options={"enforce_minimum_key_length": True}
)


class TokenParseError(ValueError):
    """The text is no token that may be looked at. `code`: malformed, header, type or algorithm."""

    def __init__(self, code: str) -> None:
        """`code` is one of a closed set, and holds nothing of the token."""
        super().__init__(f"no acceptable token: {code}")
        self.code = code


class TokenTimeError(ValueError):
    """The times of a token do not hold. `code`: claims, expired, not_yet_valid or lifetime."""

    def __init__(self, code: str) -> None:
        """`code` is one of a closed set."""
        super().__init__(f"the token's times do not hold: {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """What a token says, before anybody knows who says it. `kid` is a hint among enrolled keys."""

    algorithm: TokenAlgorithm
    kid: str | None
    claims: JsonObject = field(repr=False)
    compact: str = field(repr=False)

    @property
    def signed_digest(self) -> Digest:
        """Names what was signed. The signature is left out: some have a second valid form."""
        return sha256(self.compact.rpartition(".")[0].encode("ascii"))


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when a token may be used, in seconds since 1970; `expires_at` is outside."""

    issued_at: int
    not_before: int
    expires_at: int


def looks_like_token(text: str) -> bool:
    """Whether this is meant as a compact token: three parts, of which the first begins a JSON object."""
    return text.startswith("ey") and text.count(".") == 2


def parse_token(text: str) -> UnverifiedToken:
    """The token in `text`; raises `TokenParseError`, and nothing else."""
    if len(text) > MAX_TOKEN_BYTES or not text.isascii() or text.count(".") != 2:
        raise TokenParseError("malformed")
    header_part, claims_part, signature_part = text.split(".")
    header, claims = _object(header_part), _object(claims_part)
    _decode(signature_part)
    if not _REFUSED.isdisjoint(header):
        raise TokenParseError("header")
    kid, kind, algorithm = header.get("kid"), header.get("typ", "JWT"), header.get("alg")
    if not isinstance(kid, str | None) or not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise TokenParseError("header" if not isinstance(kid, str | None) else "type")
    known = _BY_NAME.get(algorithm) if isinstance(algorithm, str) else None
    if known is None:
        raise TokenParseError("algorithm")
    return UnverifiedToken(known, kid, claims, text)


def find_keys(token: UnverifiedToken, keys: Iterable[TokenKey]) -> tuple[TokenKey, ...]:
    """The enrolled keys that may have signed it: of its algorithm, and of its `kid` where it names one."""
    fitting = (key for key in keys if token.algorithm in key.by_algorithm)
    if token.kid is None:
        return tuple(fitting)[:MAX_KEYS_TRIED]
    return tuple(key for key in fitting if key.kid == token.kid)[:MAX_KEYS_TRIED]


def is_signed_by(token: UnverifiedToken, keys: Iterable[TokenKey]) -> bool:
    """Whether one of `keys` signed exactly this token. Never raises."""
    for key in keys:
        bound = key.by_algorithm.get(token.algorithm)
        if bound is None:
            continue
        try:
            _JWS.decode_complete(token.compact, bound, algorithms=[token.algorithm.value])
        except (PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
            continue
        return True
    return False


def check_times(
    claims: JsonObject, now: float, *, skew_seconds: int, max_lifetime_seconds: int, nbf_required: bool = True
) -> Validity:
    """The token's period, which `now` lies in; raises `TokenTimeError`.

    The skew excuses a clock ahead of ours and never an expiry. Without `nbf`, where it may be missing, a
    token is good from its `iat` on.
    """
    issued, expires = _moment(claims.get("iat")), _moment(claims.get("exp"))
    begins = issued if not nbf_required and "nbf" not in claims else _moment(claims.get("nbf"))
    if expires <= issued:
        raise TokenTimeError("claims")
    if expires - issued > max_lifetime_seconds:
        raise TokenTimeError("lifetime")
    validity = Validity(issued, begins, expires)
    check_period(validity, now, skew_seconds)
    return validity


def check_period(validity: Validity, now: float, skew_seconds: int) -> None:
    """Raises `TokenTimeError` unless `now` lies in the period, which is checked at every use anew."""
    if now >= validity.expires_at:
        raise TokenTimeError("expired")
    if max(validity.issued_at, validity.not_before) > now + skew_seconds:
        raise TokenTimeError("not_yet_valid")


def _moment(value: object) -> int:
    if type(value) is not int or not 0 < value <= MAX_INTEGER:
        raise TokenTimeError("claims")
    return value


def _object(part: str) -> JsonObject:
    try:
        value = parse_strict(_decode(part), max_bytes=MAX_TOKEN_BYTES, max_depth=8, floats=True)
    except StrictJsonError as error:
        raise TokenParseError("malformed") from error
    if not isinstance(value, dict):
        raise TokenParseError("malformed")
    return value


def _decode(part: str) -> bytes:
    """The bytes of one part, in the one form that base64url without padding has for them."""
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise TokenParseError("malformed") from error
    if not data or base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        raise TokenParseError("malformed")
    return data
