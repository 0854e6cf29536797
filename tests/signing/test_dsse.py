"""Envelopes: strict in, verified over the exact bytes, keys counted by their bytes."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer._crypto_signer import CryptoSigner

from caveat.signing.digest import Digest, parse_digest, sha256
from caveat.signing.dsse import (
    IN_TOTO,
    MAX_SIGNATURES,
    EnvelopeParseError,
    parse_envelope,
    sign_envelope,
    verify_signers,
)
from caveat.signing.keys import Algorithm, PublicKey, parse_private_key, private_key_from_seed

ONE = private_key_from_seed(Algorithm.ED25519, b"1" * 32)
TWO = private_key_from_seed(Algorithm.P256, b"2" * 32)
ENROLLED: dict[Digest, PublicKey] = {key.public().keyid: key.public() for key in (ONE, TWO)}
PAYLOAD = b'{"a":1}'


def envelope(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(sign_envelope(PAYLOAD, IN_TOTO, [ONE]))
    return value | changes


def parsed(value: Any) -> Any:
    return parse_envelope(json.dumps(value).encode(), max_bytes=100_000)


def code_of(data: bytes, max_bytes: int = 100_000) -> str:
    with pytest.raises(EnvelopeParseError) as caught:
        parse_envelope(data, max_bytes=max_bytes)
    return caught.value.code


def test_an_envelope_is_read_back_and_its_signers_are_known() -> None:
    raw = sign_envelope(PAYLOAD, IN_TOTO, [ONE, TWO])
    read = parse_envelope(raw, max_bytes=10_000)
    assert (read.payload, read.payload_type) == (PAYLOAD, IN_TOTO)
    signers = verify_signers(read, ENROLLED)
    assert signers.verified == ENROLLED.keys()
    assert signers.failed == frozenset()


@pytest.mark.slow
@pytest.mark.parametrize("key", [ONE, TWO], ids=["ed25519", "p256"])
def test_an_independent_library_accepts_our_envelopes_and_we_accept_its_own(key: Any) -> None:
    signer = CryptoSigner(_crypto(key))
    ours = Envelope.from_dict(json.loads(sign_envelope(PAYLOAD, IN_TOTO, [key])))
    # The library looks signatures up by its own key ids: the name is a hint and not signed.
    renamed = Envelope(ours.payload, ours.payload_type, {})
    (signature,) = ours.signatures.values()
    signature.keyid = signer.public_key.keyid
    renamed.signatures[signature.keyid] = signature
    assert renamed.verify([signer.public_key], threshold=1)
    theirs = Envelope(PAYLOAD, IN_TOTO, {})
    theirs.sign(signer)
    value = theirs.to_dict()
    value["signatures"][0]["keyid"] = ""
    assert verify_signers(parsed(value), ENROLLED).verified == {key.public().keyid}


def _crypto(key: Any) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    assert parse_private_key(key.pem()).public() == key.public()
    return load_pem_private_key(key.pem(), None)


def test_a_signature_that_names_an_enrolled_key_and_is_not_its_own_fails() -> None:
    value = envelope()
    value["signatures"][0]["keyid"] = TWO.public().keyid
    signers = verify_signers(parsed(value), ENROLLED)
    assert signers.verified == frozenset()
    assert signers.failed == {TWO.public().keyid}


def test_a_good_signature_does_not_hide_a_forged_one() -> None:
    value = envelope()
    forged = dict(value["signatures"][0], keyid=TWO.public().keyid)
    value["signatures"].append(forged)
    signers = verify_signers(parsed(value), ENROLLED)
    assert signers.verified == {ONE.public().keyid}
    assert signers.failed == {TWO.public().keyid}


def test_a_name_of_no_enrolled_key_counts_for_nobody_even_over_a_good_signature() -> None:
    value = envelope()
    value["signatures"][0]["keyid"] = "somebody"
    signers = verify_signers(parsed(value), ENROLLED)
    assert signers.verified == signers.failed == frozenset()


def test_one_key_counts_once_whatever_names_its_signatures_have() -> None:
    value = envelope()
    unnamed = {"sig": value["signatures"][0]["sig"]}
    other = dict(unnamed, keyid="another-name")
    value["signatures"] += [unnamed, other]
    assert verify_signers(parsed(value), ENROLLED).verified == {ONE.public().keyid}


def test_the_payload_type_is_signed_with_the_payload() -> None:
    switched = envelope(payloadType="application/json")
    assert verify_signers(parsed(switched), ENROLLED).failed == {ONE.public().keyid}


def test_moving_the_border_between_type_and_payload_breaks_the_signature() -> None:
    raw = json.loads(sign_envelope(b"bcd", "a", [ONE]))
    raw |= {"payloadType": "ab", "payload": base64.b64encode(b"cd").decode()}
    assert verify_signers(parsed(raw), ENROLLED).verified == frozenset()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"extra": 1}, "shape"),
        ({"payload": 1}, "shape"),
        ({"payloadType": None}, "shape"),
        ({"signatures": {}}, "shape"),
        ({"signatures": ["x"]}, "shape"),
        ({"signatures": []}, "signatures"),
        ({"signatures": [{"sig": "AAAA"}] * (MAX_SIGNATURES + 1)}, "signatures"),
        ({"signatures": [{"sig": "AAAA"}] * 2}, "signatures"),
        ({"signatures": [{"keyid": "k", "sig": "AAAA"}, {"keyid": "k", "sig": "BBBB"}]}, "signatures"),
        ({"signatures": [{"sig": 1}]}, "shape"),
        ({"signatures": [{"keyid": 1, "sig": "AAAA"}]}, "shape"),
        ({"signatures": [{"keyid": "k"}]}, "shape"),
        ({"signatures": [{"sig": "AAAA", "alg": "none"}]}, "shape"),
        ({"payload": "e30"}, "base64"),
        ({"payload": "e3 0="}, "base64"),
        ({"payload": "e30=\n"}, "base64"),
        ({"payload": "e31="}, "base64"),
        ({"payload": "_-8="}, "base64"),
        ({"payload": "e30=e30="}, "base64"),
        ({"signatures": [{"sig": "!!!!"}]}, "base64"),
    ],
)
def test_an_envelope_of_another_shape_is_refused_by_name(change: dict[str, Any], code: str) -> None:
    assert code_of(json.dumps(envelope(**change)).encode()) == code


def test_the_size_is_judged_before_anything_else() -> None:
    assert code_of(b"\xff" * 100, max_bytes=99) == "too_large"


@pytest.mark.slow
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: json.dumps(text).encode()))
def test_no_bytes_raise_anything_but_the_parsers_own_error(data: bytes) -> None:
    code_of(data)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_never_verified(place: int, change: int) -> None:
    raw = bytearray(sign_envelope(PAYLOAD, IN_TOTO, [ONE]))
    raw[place % len(raw)] ^= change
    try:
        read = parse_envelope(bytes(raw), max_bytes=10_000)
    except EnvelopeParseError:
        return
    # Only the name may change harmlessly: it is not signed, and another name is nobody's.
    assert verify_signers(read, ENROLLED).verified == frozenset() or read.payload == PAYLOAD


@pytest.mark.parametrize("text", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "٣" * 64])
def test_a_digest_is_64_lower_case_hexadecimal_digits(text: str) -> None:
    with pytest.raises(ValueError, match="64 lower-case"):
        parse_digest(text)


def test_a_digest_is_read_as_it_is() -> None:
    assert parse_digest(sha256(b"x")) == sha256(b"x")
