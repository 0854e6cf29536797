"""Fuzzing of everything that callers and issuers send, at length: only the parser's own error escapes."""

import random
from collections.abc import Callable

import pytest

from caveat.gateway.identity.forwarded import HEADER, ForwardedError, parse_forwarded
from caveat.signing.jwks import JwksError, parse_jwks
from caveat.signing.jwt import TokenParseError, find_keys, is_signed_by, parse_token
from caveat.signing.svid import SvidError, claimed_id, parse_authorities, parse_chain
from tests.gateway.test_certificates import CA, DESK, forwarded
from tests.support.credentials import claims_of, jwk, jwks, p256, rsa_key, token

SEED, ROUNDS = 20_260_102, 30_000
KEY = p256()
SET = jwks(jwk(KEY), jwk(rsa_key(), "k2"))
KEYS = parse_jwks(SET)
TOKEN = token(KEY, claims_of()).encode()


def _token(data: bytes) -> None:
    parsed = parse_token(data.decode("latin-1"))
    assert data == TOKEN or not is_signed_by(parsed, find_keys(parsed, KEYS))


PARSERS: dict[str, tuple[bytes, Callable[[bytes], object], type[ValueError]]] = {
    "token": (TOKEN, _token, TokenParseError),
    "JWK set": (SET, parse_jwks, JwksError),
    "certificate": (DESK.der, lambda data: claimed_id(parse_chain([data])[0]), SvidError),
    "authorities": (CA.pem, parse_authorities, SvidError),
    "forwarded": (
        forwarded(DESK)[HEADER].encode(),
        lambda data: parse_forwarded(data.decode("latin-1")),
        ForwardedError,
    ),
}
_PIECES = [b'"', b"{", b"}", b"\\", b"\x00", b"\xff", b"9", b"=", b".", b";", b",", b"-", b"_"]


def _mutated(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(changed) + 1)
        match dice.randrange(4):
            case 0:
                changed[at : at + dice.randint(0, 8)] = b""
            case 1:
                changed[at:at] = dice.randbytes(dice.randint(1, 4))
            case 2:
                changed[at : at + 1] = dice.choice(_PIECES)
            case _:
                changed[at:at] = changed[dice.randrange(len(changed) + 1) :][:40]
    return bytes(changed)


@pytest.mark.long
@pytest.mark.parametrize("name", PARSERS)
def test_no_changed_credential_makes_its_parser_raise_anything_else(name: str) -> None:
    good, parse, refusal = PARSERS[name]
    dice, refused = random.Random(SEED), 0
    parse(good)
    for _ in range(ROUNDS):
        try:
            parse(_mutated(good, dice))
        except refusal:
            refused += 1
    assert refused > ROUNDS // 10
