"""Passkeys made by the tests: an authenticator in software that does exactly what it is told, lies too."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

from caveat.signing.dsse import IN_TOTO, pae
from caveat.signing.keys import Algorithm, PrivateKey, private_key_from_seed
from caveat.signing.passkey import (
    Assertion,
    PasskeyEnvelope,
    base64url,
    challenge_of,
    render_passkey_envelope,
)

PRESENT_AND_VERIFIED = 0x05
_ISSUER = """
[issuers.{person}]
role = "{role}"
party = "customer"
key = "{key}"
purpose = "approval"
namespaces = ["*"]
max_age_seconds = 3600
max_lifetime_seconds = 3600
{revoked}
[issuers.{person}.overseer]
person = "{person}"
line = "{line}"
callers = [{callers}]
sign_in = [{sign_in}]
cleared = [{cleared}]
roles = [{roles}]
[issuers.{person}.overseer.passkey]
credential = "{credential}"
rp_id = "{rp_id}"
origin = "{origin}"
aaguid = "{aaguid}"
attestation = "{attestation}"
"""


@dataclass
class Authenticator:
    """Holds one credential. `counter` goes on with each signature; 0 stays 0."""

    person: str
    role: str = "officer"
    line: str = ""
    callers: tuple[str, ...] = ()
    sign_in: tuple[tuple[str, str], ...] = ()
    cleared: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    origin: str = "https://caveat.example"
    rp_id: str = "caveat.example"
    aaguid: str = "00112233445566778899aabbccddeeff"
    attestation: str = "verified"
    revoked_at: str = ""
    counter: int = 1
    flags: int = PRESENT_AND_VERIFIED
    members: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def key(self) -> PrivateKey:
        return private_key_from_seed(Algorithm.P256, self.person.encode().ljust(32, b"+"))

    @property
    def credential(self) -> str:
        return base64url(hashlib.sha256(self.person.encode()).digest())

    def enrolled(self) -> str:
        """The rows of `trust.toml`."""
        return _ISSUER.format(
            person=self.person,
            role=self.role,
            revoked=f'revoked_at = "{self.revoked_at}"' if self.revoked_at else "",
            key=self.key.public().render(),
            line=self.line,
            callers=", ".join(f'"{caller}"' for caller in self.callers),
            sign_in=", ".join(f'{{ issuer = "{one}", subject = "{two}" }}' for one, two in self.sign_in),
            cleared=", ".join(f'"{one}"' for one in self.cleared),
            roles=", ".join(f'"{one}"' for one in self.roles),
            credential=self.credential,
            rp_id=self.rp_id,
            origin=self.origin,
            aaguid=self.aaguid,
            attestation=self.attestation,
        )

    def lying(self, **changed: Any) -> "Authenticator":
        """The same credential in an authenticator, or a browser, that says something else."""
        return replace(self, **changed)

    def asserted(self, message: bytes) -> Assertion:
        """What it makes of the challenge for `message`."""
        said = {"type": "webauthn.get", "challenge": challenge_of(message), "origin": self.origin}
        client = json.dumps({**said, "crossOrigin": False, **self.members}).encode()
        data = hashlib.sha256(self.rp_id.encode()).digest() + bytes([self.flags])
        data += self.counter.to_bytes(4)
        if self.counter:
            self.counter += 1
        signature = self.key.sign(data + hashlib.sha256(client).digest())
        return Assertion(self.credential, data, client, signature)

    def envelope(self, payload: bytes, payload_type: str = IN_TOTO) -> bytes:
        """The signed container of a payload."""
        assertion = self.asserted(pae(payload_type, payload))
        return render_passkey_envelope(PasskeyEnvelope(payload_type, payload, assertion))
