"""Mails, certificates and time-stamps made by the tests, each with keys of their own."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from typing import Any

import dkim
from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHOR = "counsel@provider.example"
NAME = "mail._domainkey.provider.example"
MOMENT = datetime(2030, 1, 1, 12, tzinfo=UTC)
PAGE = b"# Terms\r\n\r\nNo use of acquired data.\r\n"
HEADERS = (b"from", b"date", b"subject", b"to", b"message-id", b"mime-version", b"content-type")


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """One of a few keys of the tests."""
    assert number < 8
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def mail(author: str = AUTHOR, subject: str = "Our terms", attach: bool = True) -> bytes:
    """A mail with a page of terms attached."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = author, "office@customer.example", subject
    message["Date"], message["Message-ID"] = "Tue, 01 Jan 2030 12:00:00 +0000", "<1@provider.example>"
    message.set_content("Please find our terms attached.\n")
    if attach:
        message.add_attachment(PAGE, maintype="text", subtype="markdown", filename="../../etc/terms.md")
    return message.as_bytes()


def dkim_record(key: rsa.RSAPrivateKey) -> bytes:
    """The TXT record of a key."""
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)


def dkim_signed(
    raw: bytes, headers: tuple[bytes, ...] = HEADERS, domain: bytes = b"provider.example", **given: Any
) -> bytes:
    """The mail with a DKIM signature before it."""
    pem = rsa_key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    signer = dkim.DKIM(raw, signature_algorithm=given.pop("algorithm", b"rsa-sha256"))
    line: bytes = signer.sign(
        b"mail", domain, pem, include_headers=list(headers), canonicalize=(b"relaxed", b"relaxed"), **given
    )
    return line + raw


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def authority(number: int = 1) -> Identity:
    """A certificate that issues others."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {number}")])
    key = rsa_key(number)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)  # noqa: FBT003
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        _builder(name, name, key, 40_000)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(own, critical=False)
    )
    return Identity(builder.sign(key, hashes.SHA256()), key)


def issued(
    by: Identity,
    address: str = AUTHOR,
    number: int = 2,
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
    days: int = 365,
) -> Identity:
    """A certificate for this address and purpose."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"signer {number}")])
    key = rsa_key(number)
    builder = (
        _builder(name, by.certificate.subject, key, days)
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False
        )
    )
    return Identity(builder.sign(by.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, days: int = 365
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(subject.public_bytes()[-8:]) + days)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(MOMENT + timedelta(days=days))
    )


def signed_data(
    content: bytes,
    by: Identity,
    *,
    detached: bool,
    signed_at: datetime = MOMENT,
    signers: int = 1,
    named: str = "data",
) -> bytes:
    """CMS SignedData over the content; `named`: the type of content that the signed attributes name."""
    return _signed_data(
        content,
        by,
        "data",
        detached=detached,
        signed_at=signed_at,
        digest_of=content,
        signers=signers,
        named=named,
    )


def _signed_data(
    content: bytes,
    by: Identity,
    kind: str,
    *,
    detached: bool,
    signed_at: datetime,
    digest_of: bytes,
    signers: int = 1,
    named: str | None = None,
) -> bytes:
    certificate = asn1_x509.Certificate.load(by.certificate.public_bytes(serialization.Encoding.DER))
    digest = hashes.Hash(hashes.SHA256())
    digest.update(digest_of)
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": [named or kind]},
            {"type": "signing_time", "values": [cms.Time({"utc_time": core.UTCTime(signed_at)})]},
            {"type": "message_digest", "values": [digest.finalize()]},
        ]
    )
    signature = by.key.sign(attributes.dump(), padding.PKCS1v15(), hashes.SHA256())
    sid = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
    signer = {
        "version": "v1",
        "sid": cms.SignerIdentifier("issuer_and_serial_number", sid),
        "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
        "signed_attrs": attributes,
        "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_rsa"}),
        "signature": signature,
    }
    within: dict[str, Any] = {"content_type": kind}
    if not detached:
        within["content"] = core.ParsableOctetString(content) if kind != "data" else core.OctetString(content)
    data = cms.SignedData(
        {
            "version": "v1" if kind == "data" else "v3",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": within,
            "certificates": [certificate],
            "signer_infos": [signer] * signers,
        }
    )
    dumped: bytes = cms.ContentInfo({"content_type": "signed_data", "content": data}).dump()
    return dumped


@cache
def smime_entity() -> bytes:
    """What an S/MIME mail signs: an entity with a page of terms attached."""
    message = EmailMessage(policy=SMTP)
    message.set_content("Please find our terms attached.\n")
    message.add_attachment(PAGE, maintype="text", subtype="markdown", filename="terms.md")
    return message.as_bytes()


_HEAD = (
    f"From: {AUTHOR}\r\nTo: office@customer.example\r\nSubject: Our terms\r\n"
    "Date: Tue, 01 Jan 2030 12:00:00 +0000\r\nMessage-ID: <2@provider.example>\r\nMIME-Version: 1.0\r\n"
).encode()


def smime_mail(
    by: Identity, *, opaque: bool = False, entity: bytes | None = None, der: bytes | None = None
) -> bytes:
    """A mail whose whole body is signed."""
    content = smime_entity() if entity is None else entity
    signature = der or signed_data(content, by, detached=not opaque)
    encoded = base64.encodebytes(signature).replace(b"\n", b"\r\n")
    if opaque:
        kind = b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n"
        return _HEAD + kind + b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded
    return (
        _HEAD
        + b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256;'
        + b' boundary="edge"\r\n\r\n'
        + b"--edge\r\n"
        + content
        + b"\r\n--edge\r\nContent-Type: application/pkcs7-signature\r\n"
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + encoded
        + b"\r\n--edge--\r\n"
    )


def foreign_signature(content: bytes, by: Identity) -> bytes:
    """A detached signature made by another implementation than `signed_data`."""
    builder = (
        pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(by.certificate, by.key, hashes.SHA256())
    )
    return builder.sign(
        serialization.Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    )


def stamp(document: bytes, by: Identity, moment: datetime = MOMENT) -> bytes:
    """An RFC 3161 response over the document."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(document)
    info = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": "1.2.3.4",
            "message_imprint": {
                "hash_algorithm": {"algorithm": "sha256"},
                "hashed_message": digest.finalize(),
            },
            "serial_number": 1,
            "gen_time": core.GeneralizedTime(moment),
        }
    ).dump()
    token = _signed_data(info, by, "tst_info", detached=False, signed_at=moment, digest_of=info)
    response = tsp.TimeStampResp(
        {"status": {"status": "granted"}, "time_stamp_token": cms.ContentInfo.load(token)}
    )
    dumped: bytes = response.dump()
    return dumped
