"""Credentials that tests make themselves: authorities, certificates, token issuers, and what they sign."""

import base64
import hashlib
import ssl
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import orjson
import tomli_w
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from caveat.signing.digest import Digest, sha256
from tests.support.small_bundle import SmallBundle, adopted

NOW = datetime.now(UTC).replace(microsecond=0)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
ISSUER, AUDIENCE = "https://id.example", "caveat"
DOMAIN = "example.org"


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(key: PrivateKey, kid: str | None = "k1", **more: Any) -> dict[str, Any]:
    """The public key as a JWK."""
    public = key.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        row = jwt.algorithms.ECAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, rsa.RSAPublicKey):
        row = jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)
    else:
        row = jwt.algorithms.OKPAlgorithm.to_jwk(public, as_dict=True)
    row.pop("key_ops", None)
    return {**row, **({} if kid is None else {"kid": kid}), "use": "sig", **more}


def jwks(*rows: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"keys": list(rows)})


def claims_of(subject: str = "desk", now: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """Good claims for five minutes; a change to None leaves the claim away."""
    at = int(now.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "iat": at,
        "nbf": at,
        "exp": at + 300,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def claims_now(subject: str = "desk", **changes: Any) -> dict[str, Any]:
    """The same from this moment on, for a gateway that goes by the machine's clock."""
    return claims_of(subject, datetime.now(UTC).replace(microsecond=0), **changes)


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def token(
    key: PrivateKey,
    claims: Mapping[str, Any] | bytes,
    algorithm: str = "ES256",
    header: Mapping[str, Any] | bytes | None = None,
) -> str:
    """A signed token. Header and claims may be any bytes; a header member of None is left away."""
    if isinstance(header, bytes):
        head = header
    else:
        members = {"alg": algorithm, "typ": "JWT", "kid": "k1", **(header or {})}
        head = orjson.dumps({name: value for name, value in members.items() if value is not None})
    body = claims if isinstance(claims, bytes) else orjson.dumps(claims)
    signed = f"{part(head)}.{part(body)}"
    signature = jwt.get_algorithm_by_name(algorithm).sign(signed.encode(), key)
    return f"{signed}.{part(signature)}"


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def thumbprint(self) -> str:
        """As `cnf` names it."""
        return part(hashlib.sha256(self.der).digest())

    def write(self, folder: Path, name: str, *chain: "Issued") -> tuple[Path, Path]:
        """Certificate chain and key, as files."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(self.pem + b"".join(entry.pem for entry in chain))
        key.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, key


def certificate(
    issuer: Issued | None,
    uris: Sequence[str] = (),
    *,
    is_authority: bool = False,
    certifies: bool | None = None,
    signs: bool = True,
    hosts: Sequence[str] = (),
    begins: datetime = NOW - timedelta(hours=1),
    ends: datetime = NOW + timedelta(hours=12),
    name: str = "test",
) -> Issued:
    """A certificate by `issuer`, or of an authority by itself. `certifies`: by its key usage."""
    key = p256()
    signer = key if issuer is None else issuer.key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=signs,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=not signs and not is_authority,
                key_cert_sign=is_authority if certifies is None else certifies,
                crl_sign=is_authority if certifies is None else certifies,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
    names += [x509.DNSName(host) for host in hosts]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if not is_authority:
        both = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    return Issued(builder.sign(signer, hashes.SHA256()), key)


def authority(name: str = "authority") -> Issued:
    return certificate(None, is_authority=True, name=name)


def spiffe(path: str, domain: str = DOMAIN) -> str:
    return f"spiffe://{domain}/{path}"


@dataclass
class Registry:
    """What `deployments.toml` of the small bundle says of callers; becomes a bundle with `files`."""

    identity: dict[str, Any] = field(default_factory=dict)
    callers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def issuer(self, name: str = "corporate", **members: Any) -> "Registry":
        row = {"issuer": ISSUER, "algorithms": ["ES256"], **members}
        self.identity.setdefault("issuers", {})[name] = row
        return self

    def domain(self, ca: Issued, name: str = DOMAIN) -> "Registry":
        self.identity.setdefault("trust_domains", {})[name] = {"ca": ca.pem.decode()}
        return self

    def token(self, deployment: str, *, subject: str | None = None, **members: Any) -> "Registry":
        row = {
            "issuer": "corporate",
            "audience": AUDIENCE,
            "claims": {"sub": subject or deployment},
            **members,
        }
        self.callers.setdefault(deployment, {}).setdefault("oidc", []).append(row)
        return self

    def certificate(self, deployment: str, *ids: str) -> "Registry":
        self.callers.setdefault(deployment, {}).setdefault("spiffe", []).extend(ids)
        return self

    def files(self, **bundle: Any) -> dict[str, bytes]:
        """The small bundle with these callers, signed."""
        files = SmallBundle(signed=False, **bundle).files()
        found = tomllib.loads(files["deployments.toml"].decode())
        for name, table in self.callers.items():
            found["deployments"][name]["callers"] = table
        found["identity"] = self.identity
        files["deployments.toml"] = tomli_w.dumps(found).encode()
        return adopted(files)


def client_context(ca: Issued, shown: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """A client's context that trusts `ca` and shows a certificate, if any."""
    context = ssl.create_default_context(cadata=ca.pem.decode())
    if shown is not None:
        context.load_cert_chain(*shown)
    return context


def digest_of(secret: str) -> Digest:
    return sha256(secret.encode())
