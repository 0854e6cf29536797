"""Tokens: the strict reading, keys that serve one algorithm, and times."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from caveat.signing.jwks import JwksError, parse_jwks
from caveat.signing.jwt import (
    MAX_TOKEN_BYTES,
    TokenParseError,
    TokenTimeError,
    check_times,
    find_keys,
    is_signed_by,
    parse_token,
)
from tests.support.credentials import PrivateKey, claims_of, jwk, jwks, p256, part, rsa_key, token

EC, RSA, ED = p256(), rsa_key(), ed25519.Ed25519PrivateKey.generate()
STRANGERS: dict[str, PrivateKey] = {
    "ec": p256(),
    "rsa": rsa_key(),
    "ed": ed25519.Ed25519PrivateKey.generate(),
}
KEYS = parse_jwks(jwks(jwk(EC, "ec"), jwk(RSA, "rsa"), jwk(ED, "ed")))
GOOD = token(EC, claims_of(), header={"kid": "ec"})


def holds(text: str) -> bool:
    parsed = parse_token(text)
    return is_signed_by(parsed, find_keys(parsed, KEYS))


def code_of(text: str) -> str:
    with pytest.raises(TokenParseError) as caught:
        parse_token(text)
    return caught.value.code


@pytest.mark.parametrize(
    ("key", "kid", "algorithm"),
    [(EC, "ec", "ES256"), (RSA, "rsa", "RS256"), (RSA, "rsa", "PS256"), (ED, "ed", "EdDSA")],
)
def test_each_algorithm_of_the_list_holds_under_its_key_alone(
    key: PrivateKey, kid: str, algorithm: str
) -> None:
    text = token(key, claims_of(), algorithm, {"kid": kid})
    assert holds(text)
    assert holds(token(key, claims_of(), algorithm, {"kid": None}))
    assert not holds(token(STRANGERS[kid], claims_of(), algorithm, {"kid": kid}))
    head, _, signature = text.split(".")
    assert not holds(f"{head}.{part(orjson.dumps(claims_of('chat')))}.{signature}")


def test_an_hmac_under_a_public_key_is_no_signature() -> None:
    public = EC.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = GOOD.rpartition(".")[0].split(".")[1]
    head = part(orjson.dumps({"alg": "HS256", "typ": "JWT", "kid": "ec"}))
    mac = hmac.new(public, f"{head}.{signed}".encode(), hashlib.sha256).digest()
    assert code_of(f"{head}.{signed}.{part(mac)}") == "algorithm"


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "nOnE", "HS256", "RS512", "ES256K", "", None, 7, ["ES256"]]
)
def test_an_algorithm_outside_the_list_is_refused(algorithm: object) -> None:
    head = part(orjson.dumps({"alg": algorithm, "typ": "JWT"}))
    assert code_of(f"{head}.{GOOD.split('.')[1]}.{part(b'x')}") == "algorithm"


def test_a_token_without_a_signature_is_refused() -> None:
    head, body, _ = GOOD.split(".")
    assert code_of(f"{head}.{body}.") == "malformed"


def test_the_kid_is_a_hint_among_the_enrolled_keys() -> None:
    assert not holds(token(RSA, claims_of(), "RS256", {"kid": "ec"}))
    assert not holds(token(p256(), claims_of(), header={"kid": "ec"}))
    assert find_keys(parse_token(token(EC, claims_of(), header={"kid": "../../etc/passwd"})), KEYS) == ()


def test_a_key_serves_the_one_algorithm_that_it_is_published_for() -> None:
    only = parse_jwks(jwks(jwk(RSA, "rsa", alg="PS256")))
    text = token(RSA, claims_of(), "RS256", {"kid": "rsa"})
    assert not is_signed_by(parse_token(text), only)
    assert is_signed_by(parse_token(token(RSA, claims_of(), "PS256", {"kid": "rsa"})), only)


@pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"])
def test_a_header_that_brings_a_key_or_an_extension_is_refused(name: str) -> None:
    own = p256()
    value: Any = {"jwk": jwk(own), "crit": ["b64"], "b64": True}.get(name, "https://evil.example/keys")
    assert code_of(token(own, claims_of(), header={name: value})) == "header"


@pytest.mark.parametrize("kind", ["secevent+jwt", "dpop+jwt", "logout+jwt", "", 7])
def test_a_token_of_another_type_is_refused(kind: object) -> None:
    assert code_of(token(EC, claims_of(), header={"typ": kind})) == "type"
    assert holds(token(EC, claims_of(), header={"typ": "at+JWT", "kid": "ec"}))
    assert holds(token(EC, claims_of(), header={"typ": None, "kid": "ec"}))


MALFORMED: dict[str, Callable[[], str]] = {
    "duplicate claim": lambda: token(EC, b'{"sub":"desk","sub":"chat"}'),
    "duplicate header": lambda: token(EC, claims_of(), header=b'{"alg":"ES256","alg":"ES256"}'),
    "claims are a list": lambda: token(EC, b"[]"),
    "not JSON": lambda: token(EC, b"{"),
    "NaN": lambda: token(EC, b'{"exp":NaN}'),
    "trailing bytes": lambda: token(EC, b"{} {}"),
    "padding": lambda: GOOD + "=",
    "four parts": lambda: GOOD + ".x",
    "line break": lambda: GOOD + "\n",
    "not ASCII": lambda: GOOD + "é",
    "other base64": lambda: GOOD.replace("-", "+").replace("_", "/") + "+",
    "oversized": lambda: token(EC, claims_of(more="x" * MAX_TOKEN_BYTES)),
    "oversized in all": lambda: token(EC, claims_of(more="x" * 5000), header={"more": "x" * 2000}),
    "deep": lambda: token(EC, b'{"a":' + b"[" * 40 + b"]" * 40 + b"}"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_parsers_read_differently_is_no_token(name: str) -> None:
    assert code_of(MALFORMED[name]()) == "malformed"


def test_a_second_spelling_of_the_last_character_is_no_token() -> None:
    head, body, signature = GOOD.split(".")
    tail = base64.urlsafe_b64decode(signature + "==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    again = alphabet[(alphabet.index(signature[-1]) + 1)]
    assert base64.urlsafe_b64decode(signature[:-1] + again + "==") == tail
    assert code_of(f"{head}.{body}.{signature[:-1]}{again}") == "malformed"


def test_a_malformed_es256_signature_is_none() -> None:
    head, body, signature = GOOD.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    der = EC.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    r, _ = decode_dss_signature(der)
    for bad in (raw[:-1], raw + b"\0", b"\0" * 64, der, b"\xff" * 64, r.to_bytes(32, "big") + bytes(32)):
        assert not holds(f"{head}.{body}.{part(bad)}")


@given(st.text(max_size=60) | st.builds(lambda cut: GOOD[:cut], st.integers(0, len(GOOD) - 1)))
def test_no_text_makes_the_parser_raise_anything_else(text: str) -> None:
    try:
        parsed = parse_token(text)
    except TokenParseError:
        return
    assert not is_signed_by(parsed, KEYS)


@given(st.binary(max_size=120))
def test_no_bytes_make_the_key_set_parser_raise_anything_else(data: bytes) -> None:
    with pytest.raises(JwksError):
        parse_jwks(data)


@pytest.mark.parametrize(
    "row",
    [
        {"kty": "oct", "k": part(b"x" * 32), "kid": "k1"},
        jwk(EC, use="enc"),
        jwk(EC, key_ops=["sign"]),
        jwk(EC, alg="ES384"),
        jwk(EC, d=part(b"1" * 32)),
        jwk(EC, crv="secp256k1"),
        jwk(EC, x=part(b"1" * 32)),
        {**jwk(EC), "kid": 7},
        {**jwk(ED), "crv": "Ed448"},
        {"kty": "RSA", "n": part(b"\xc1" * 128), "e": "AQAB"},
        {"kty": ["EC"]},
        "text",
    ],
)
def test_what_is_no_public_signing_key_is_left_out(row: Any) -> None:
    with pytest.raises(JwksError):
        parse_jwks(jwks(row))
    assert len(parse_jwks(jwks(row, jwk(EC)))) == 1


def test_a_key_set_with_too_many_keys_is_refused() -> None:
    with pytest.raises(JwksError):
        parse_jwks(jwks(*[jwk(EC)] * 33))


NOW = 1_900_000_000.0
TIMES = {"iat": int(NOW), "nbf": int(NOW), "exp": int(NOW) + 300}


def time_code(**changes: Any) -> str:
    claims = {name: value for name, value in {**TIMES, **changes}.items() if value is not None}
    with pytest.raises(TokenTimeError) as caught:
        check_times(claims, NOW, skew_seconds=60, max_lifetime_seconds=300)
    return caught.value.code


def test_times_are_whole_and_all_there() -> None:
    for name in TIMES:
        for value in (None, "1900000000", 1.9e9, True, 0, -1, 2**60):
            assert time_code(**{name: value}) == "claims"
    assert time_code(exp=int(NOW)) == "claims"


def test_the_skew_excuses_a_clock_ahead_and_never_an_expiry() -> None:
    at = int(NOW)
    ahead: dict[str, Any] = {"iat": at + 60, "nbf": at + 60, "exp": at + 61}
    check_times(ahead, NOW, skew_seconds=60, max_lifetime_seconds=300)
    assert time_code(iat=at + 61, exp=at + 90) == "not_yet_valid"
    assert time_code(nbf=at + 61) == "not_yet_valid"
    assert time_code(iat=at - 300, nbf=at - 300, exp=at) == "expired"
    assert time_code(exp=at + 301) == "lifetime"


def test_nbf_may_be_missing_only_where_the_issuer_may_leave_it_away() -> None:
    claims: dict[str, Any] = {"iat": int(NOW), "exp": int(NOW) + 1}
    found = check_times(claims, NOW, skew_seconds=0, max_lifetime_seconds=300, nbf_required=False)
    assert found.not_before == int(NOW)
    assert time_code(nbf=None) == "claims"
