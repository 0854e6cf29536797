"""Keys: two algorithms, one name for each key, and no weak point enrolled."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from caveat.signing.keys import (
    Algorithm,
    KeyParseError,
    PrivateKey,
    parse_private_key,
    parse_public_key,
    private_key_from_seed,
)

SEEDS = st.binary(min_size=32, max_size=32)
ALGORITHMS = st.sampled_from(Algorithm)
PRIME = 2**255 - 19


def line(raw: bytes, algorithm: str = "ed25519") -> str:
    return f"{algorithm}:{base64.b64encode(raw).decode()}"


@given(ALGORITHMS, SEEDS, st.binary(max_size=50))
def test_a_key_verifies_what_it_signed_and_nothing_else(
    algorithm: Algorithm, seed: bytes, message: bytes
) -> None:
    key = private_key_from_seed(algorithm, seed)
    signature = key.sign(message)
    assert key.public().verifies(signature, message)
    assert not key.public().verifies(signature, message + b"x")
    assert not key.public().verifies(signature[:-1], message)
    assert not key.public().verifies(b"", message)


@given(ALGORITHMS, SEEDS)
def test_keys_are_read_back_as_written(algorithm: Algorithm, seed: bytes) -> None:
    key = private_key_from_seed(algorithm, seed)
    public = parse_public_key(key.public().render())
    assert public == key.public()
    assert public.keyid == key.public().keyid
    assert hash(public) == hash(key.public())
    assert parse_private_key(key.pem()).public() == key.public()


@given(SEEDS, st.binary(max_size=80))
def test_no_bytes_as_signature_raise(seed: bytes, junk: bytes) -> None:
    for algorithm in Algorithm:
        assert not private_key_from_seed(algorithm, seed).public().verifies(junk, b"message")


def test_a_signature_of_one_algorithm_is_nothing_to_the_other() -> None:
    seed = bytes(range(32))
    one, other = (private_key_from_seed(algorithm, seed) for algorithm in Algorithm)
    assert not other.public().verifies(one.sign(b"m"), b"m")
    assert not one.public().verifies(other.sign(b"m"), b"m")
    assert one.public().keyid != other.public().keyid


def test_p256_signatures_are_derived_so_that_equal_input_signs_equally() -> None:
    key = private_key_from_seed(Algorithm.P256, bytes(range(32)))
    assert key.sign(b"m") == key.sign(b"m")


def test_the_representation_of_a_private_key_holds_no_secret() -> None:
    seed = bytes(range(32))
    key = private_key_from_seed(Algorithm.ED25519, seed)
    assert repr(key) == f"PrivateKey({key.public().render()})"
    assert base64.b64encode(seed).decode() not in repr(key)


def test_compressed_and_full_points_are_one_key_with_one_id() -> None:
    public = ec.derive_private_key(12345, ec.SECP256R1()).public_key()
    forms = (
        serialization.PublicFormat.CompressedPoint,
        serialization.PublicFormat.UncompressedPoint,
    )
    keys = [
        parse_public_key(line(public.public_bytes(serialization.Encoding.X962, form), "p256-sha256"))
        for form in forms
    ]
    assert keys[0] == keys[1]
    assert keys[0].keyid == keys[1].keyid


SMALL_ORDER = [
    0,
    1,
    PRIME - 1,
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
    55188659117513257062467267217118295137698188065244968500265048394206261417927,
]


@pytest.mark.parametrize("sign", [0, 1 << 255])
@pytest.mark.parametrize("y", SMALL_ORDER)
def test_points_of_small_order_are_refused_at_enrolment(y: int, sign: int) -> None:
    with pytest.raises(KeyParseError):
        parse_public_key(line((y | sign).to_bytes(32, "little")))


@pytest.mark.parametrize("y", [PRIME, PRIME + 1, PRIME + 3, 2**255 - 1])
def test_non_canonical_points_are_refused_at_enrolment(y: int) -> None:
    with pytest.raises(KeyParseError):
        parse_public_key(line(y.to_bytes(32, "little")))


def test_bytes_that_are_no_point_of_the_curve_are_refused_at_enrolment() -> None:
    refusals = 0
    for y in range(2, 40):
        raw = y.to_bytes(32, "little")
        ed25519.Ed25519PublicKey.from_public_bytes(raw)  # the library takes them all
        try:
            parse_public_key(line(raw))
        except KeyParseError:
            refusals += 1
    assert 10 < refusals < 30  # about every second y has no x


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ed25519",
        "ed25519:",
        "none:AAAA",
        "hs256:AAAA",
        "ED25519:" + "A" * 43 + "=",
        "ed25519:" + "A" * 42,
        "ed25519: " + base64.b64encode(bytes(range(32))).decode(),
        "ed25519:" + base64.b64encode(bytes(range(32))).decode() + "\n",
        "ed25519:" + base64.urlsafe_b64encode(b"\xff" * 32).decode(),
        "ed25519:Ä",
        "p256-sha256:" + base64.b64encode(b"\x04" + b"\x01" * 64).decode(),
        "p256-sha256:" + base64.b64encode(b"\x00").decode(),
        "p256-sha256:AAAA",
    ],
)
def test_a_text_that_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(KeyParseError) as caught:
        parse_public_key(text)
    assert not text or text not in str(caught.value)


def test_base64_with_spare_bits_set_is_refused() -> None:
    good = private_key_from_seed(Algorithm.ED25519, bytes(32)).public().render()
    assert good.endswith("=")
    spare = good[:-2] + chr(ord(good[-2]) + 1) + "="
    assert base64.b64decode(spare.split(":")[1]) == base64.b64decode(good.split(":")[1])
    with pytest.raises(KeyParseError):
        parse_public_key(spare)


def _pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, secret: bytes
) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if secret:
        encryption = serialization.BestAvailableEncryption(secret)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


@pytest.mark.slow
def test_other_private_keys_are_refused() -> None:
    for pem in (
        _pem(rsa.generate_private_key(65537, 2048), b""),
        _pem(ec.derive_private_key(5, ec.SECP384R1()), b""),
        _pem(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)), b"secret"),
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ):
        with pytest.raises(KeyParseError):
            parse_private_key(pem)


def test_a_seed_has_32_bytes() -> None:
    for size in (0, 31, 33):
        with pytest.raises(KeyParseError):
            private_key_from_seed(Algorithm.ED25519, bytes(size))


def test_every_p256_seed_makes_a_key() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for scalar in (0, 1, order - 1, order, order + 1, 2**256 - 1):
        key = private_key_from_seed(Algorithm.P256, scalar.to_bytes(32))
        assert isinstance(key, PrivateKey)
        assert key.public().verifies(key.sign(b"m"), b"m")
