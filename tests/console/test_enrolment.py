"""Enrolment: what an authenticator made, attested or not, and what of it comes into the trust policy."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fido2 import cbor

from caveat.evidence.enrolment import (
    EnrolmentError,
    Made,
    enrolment_challenge,
    parse_made,
    render_made,
    verify_made,
)
from caveat.evidence.trust import parse_trust
from tests.cli.calling import Caveat, Said
from tests.support.browser import private_bytes
from tests.support.passkeys import Authenticator

AAGUID = bytes.fromhex("00112233445566778899aabbccddeeff")
LOG, ORIGIN = "caveat.invalid/log/x", "https://caveat.example"
FRIDA = Authenticator("frida")
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def name(*, unit: bool) -> x509.Name:
    parts = [
        (NameOID.COUNTRY_NAME, "XX"),
        (NameOID.ORGANIZATION_NAME, "Maker"),
        (NameOID.COMMON_NAME, "leaf" if unit else "root"),
    ]
    if unit:
        parts.append((NameOID.ORGANIZATIONAL_UNIT_NAME, "Authenticator Attestation"))
    return x509.Name([x509.NameAttribute(*part) for part in parts])


def certificate(subject: x509.Name, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey) -> bytes:
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(name(unit=False))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=subject == name(unit=False), path_length=None), critical=True)
        .sign(by, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


ROOT, LEAF = (ec.derive_private_key(number, ec.SECP256R1()) for number in (11, 12))
ROOT_DER = certificate(name(unit=False), ROOT, ROOT)
LEAF_DER = certificate(name(unit=True), LEAF, ROOT)


def made(
    kind: str = "rooted", flags: int = 0x45, person: str = "frida", algorithm: int = -7, **said: object
) -> Made:
    """What an authenticator would make, attested as `kind` says."""
    key = serialization.load_der_private_key(private_bytes(FRIDA), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    raw = FRIDA.key.public().raw
    cose = cbor.encode({1: 2, 3: algorithm, -1: 1, -2: raw[1:33], -3: raw[33:]})
    credential = b"c" * 32
    data = hashlib.sha256(b"caveat.example").digest() + bytes([flags]) + b"\0\0\0\1"
    data += AAGUID + len(credential).to_bytes(2) + credential + cose
    account = {"type": "webauthn.create", "challenge": enrolment_challenge(LOG, person), "origin": ORIGIN}
    client = json.dumps({**account, **said}).encode()
    message = data + hashlib.sha256(client).digest()
    sign: Callable[[ec.EllipticCurvePrivateKey], bytes] = lambda by: by.sign(  # noqa: E731 - read beside its use
        message, ec.ECDSA(hashes.SHA256())
    )
    statements: dict[str, dict[str, object]] = {
        "none": {},
        "self": {"alg": -7, "sig": sign(key)},
        "rooted": {"alg": -7, "sig": sign(LEAF), "x5c": [LEAF_DER]},
        "false": {"alg": -7, "sig": sign(ROOT), "x5c": [LEAF_DER]},
    }
    fmt = "none" if kind == "none" else "packed"
    attested = cbor.encode({"fmt": fmt, "attStmt": statements[kind], "authData": data})
    return Made("frida", LOG, "caveat.example", ORIGIN, client, attested)


def test_an_attestation_is_as_good_as_the_root_that_it_leads_to() -> None:
    assert verify_made(made("none")).attestation == "none"
    assert verify_made(made("self")).attestation == "self"
    assert verify_made(made("rooted")).attestation == "unrooted"
    assert verify_made(made("rooted"), [ROOT_DER]).attestation == "verified"
    other = certificate(name(unit=False), LEAF, LEAF)
    assert verify_made(made("rooted"), [other]).attestation == "unrooted"


def test_what_is_enrolled_is_what_the_authenticator_made() -> None:
    found = verify_made(parse_made(render_made(made("rooted", flags=0x4D))))
    assert found.key == FRIDA.key.public()
    assert (found.aaguid, found.synced) == (AAGUID.hex(), True)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (lambda: made("false"), "attestation is false"),
        (lambda: made("none", algorithm=-47), "not one of ECDSA P-256"),
        (lambda: made(flags=0x41), "did not recognise the person"),
        (lambda: made(person="eve"), "another person, gateway or address"),
        (lambda: made(origin="https://evil.example"), "another person, gateway or address"),
        (lambda: made(type="webauthn.get"), "another person, gateway or address"),
        (lambda: made(crossOrigin=True), "within a frame"),
        (lambda: replace(made(), rp_id="evil.example"), "for another address"),
        (lambda: replace(made(), log="another"), "another person, gateway or address"),
        (lambda: replace(made(), attestation_object=b"\xa0"), "cannot be read"),
        (lambda: replace(made(), attestation_object=b"\xff" * 40), "cannot be read"),
        (lambda: replace(made(), client_data=b"{"), "cannot be read"),
    ],
)
def test_a_file_that_does_not_hold_enrols_nothing(bad: Callable[[], Made], why: str) -> None:
    """292"""
    with pytest.raises(EnrolmentError, match=why):
        verify_made(bad())


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b'{"version":1}', render_made(made()).replace(b'"log"', b'"lag"')]
)
def test_a_file_of_another_form_enrols_nothing(raw: bytes) -> None:
    with pytest.raises(EnrolmentError):
        parse_made(raw)


@pytest.fixture
def caveat(capsys: pytest.CaptureFixture[str]) -> Caveat:
    return Caveat(capsys)


def enrol(caveat: Caveat, file: Path, *more: object) -> Said:
    return caveat("keys", "enrol", file, "--role", "officer", "--line", "north", "--party", "customer", *more)


def test_the_rows_that_are_printed_are_rows_of_a_trust_policy(caveat: Caveat, tmp_path: Path) -> None:
    file, root = tmp_path / "frida.json", tmp_path / "maker.pem"
    file.write_bytes(render_made(made()))
    pem = x509.load_der_x509_certificate(ROOT_DER).public_bytes(serialization.Encoding.PEM)
    root.write_bytes(pem)
    done = caveat(
        "keys", "enrol", file, "--role", "officer", "--line", "north", "--party", "customer",
        "--caller", "key:0123456789abcdef", "--attestation-root", root,
    )  # fmt: skip
    assert done.code == 0, done.err
    trust = parse_trust(f'version = 1\nexpires_at = "2100-01-01T00:00:00Z"\n{done.out}'.encode())
    (issuer,) = trust.issuers.values()
    assert issuer.key == FRIDA.key.public()
    assert issuer.overseer is not None
    assert issuer.overseer.passkey is not None
    assert (issuer.overseer.passkey.attested, issuer.overseer.line) == (True, "north")


def test_a_maker_that_is_not_proved_is_refused_unless_somebody_says_so(
    caveat: Caveat, tmp_path: Path
) -> None:
    """292"""
    file = tmp_path / "frida.json"
    for kind in ("none", "self", "rooted"):
        file.write_bytes(render_made(made(kind)))
        done = enrol(caveat, file)
        assert (done.code, done.out) == (1, "")
        taken = enrol(caveat, file, "--unattested")
        assert 'attestation = "none"' in taken.out
    file.write_bytes(render_made(made("false")))
    assert enrol(caveat, file, "--unattested").code == 1
