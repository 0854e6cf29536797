"""What finding the caller of a request costs: an API key, a token seen first and again, a certificate again.

One P-256 issuer with a pinned key, one trust domain, the generated bundle of 50 clauses. The lookup alone is
measured, as the gateway makes it for each request; a handshake is made once for each connection.
"""

import asyncio
import base64
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import jwt
import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from caveat.cli.measure_gateway import bundle_files
from caveat.gateway.decisions import Decisions
from caveat.gateway.identity.callers import Connection, Identities
from caveat.gateway.identity.connection import peer_of
from caveat.gateway.identity.tokens import Tokens
from caveat.gateway.issued_keys import IssuedKeys
from caveat.gateway.ports import Law, Witnesses
from caveat.policy.bundle import parse_bundle

_ISSUER, _DOMAIN, _ID = "https://issuer.invalid", "measured.invalid", "spiffe://measured.invalid/caller"


def measure_callers(tokens: int = 400, rounds: int = 5) -> Mapping[str, tuple[float, int]]:
    """Median processor time of one lookup in microseconds, by figure, and how many lookups there were."""
    now = datetime(2030, 1, 1, tzinfo=UTC)
    signer, key = ec.generate_private_key(ec.SECP256R1()), secrets.token_urlsafe(16)
    authority = _certificate(signer, None, now)
    leaf = _certificate(ec.generate_private_key(ec.SECP256R1()), (authority, signer), now)
    law = _law(key, signer, authority)
    texts = [_token(signer, now, number) for number in range(tokens)]
    peer = Connection(peer_of((leaf.public_bytes(Encoding.DER),)))
    found: dict[str, list[float]] = {}
    nothing: list[dict[str, str]] = [{} for _ in texts]
    for _ in range(rounds):
        identities = Identities(IssuedKeys(), Tokens(now))
        bearers = [{"authorization": f"Bearer {text}"} for text in texts]
        keys = [{"authorization": f"Bearer {key}"}] * tokens
        for name, headers, connection in (
            ("caller_key_cpu_us", keys, Connection()),
            ("caller_token_new_cpu_us", bearers, Connection()),
            ("caller_token_known_cpu_us", bearers, Connection()),
            ("caller_certificate_cpu_us", nothing, peer),
        ):
            spent = asyncio.run(_spent(identities, law, headers, connection, now))
            found.setdefault(name, []).append(spent / tokens * 1e6)
    return {name: (sorted(values)[rounds // 2], tokens * rounds) for name, values in found.items()}


async def _spent(
    identities: Identities,
    law: Law,
    headers: Sequence[Mapping[str, str]],
    connection: Connection,
    now: datetime,
) -> float:
    started = time.process_time()
    for sent in headers:
        await identities.authenticate(law, sent, connection, now)
    return time.process_time() - started


def _law(key: str, signer: ec.EllipticCurvePrivateKey, authority: x509.Certificate) -> Law:
    point = signer.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": _base64url(point.x), "y": _base64url(point.y), "kid": "measured"}
    issuer = {
        "issuer": _ISSUER,
        "algorithms": ["ES256"],
        "jwks": orjson.dumps({"keys": [jwk]}).decode(),
    }
    domain = {"ca": authority.public_bytes(Encoding.PEM).decode()}
    caller = {"issuer": "measured", "audience": "caveat", "claims": {"sub": "caller"}}
    files = bundle_files(
        key,
        {"issuers": {"measured": issuer}, "trust_domains": {_DOMAIN: domain}},
        {"oidc": [caller], "spiffe": [_ID]},
    )
    bundle = parse_bundle(files)
    callers = {digest: row for row in bundle.deployments.values() for digest in row.key_digests}
    # Nothing is decided here, so nobody is asked for facts.
    return Law(bundle, Decisions(bundle.policy), cast("Witnesses", None), callers)


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def _token(signer: ec.EllipticCurvePrivateKey, now: datetime, number: int) -> str:
    at = int(now.timestamp())
    claims = {"iss": _ISSUER, "aud": "caveat", "sub": "caller", "iat": at, "nbf": at, "exp": at + 300}
    return jwt.encode({**claims, "jti": f"{number}"}, signer, "ES256", {"kid": "measured"})


def _certificate(
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    now: datetime,
) -> x509.Certificate:
    """An authority, or with `issuer` a leaf under it."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "measured" if issuer else "authority")])
    signer = key if issuer is None else issuer[1]
    is_authority = issuer is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer[0].subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(_ID)]), critical=False)
    )
    return builder.sign(signer, hashes.SHA256())
