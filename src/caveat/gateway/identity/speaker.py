"""A verified identity, and whether it still speaks for its deployment under a newer law."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from caveat.policy.bundle import Bundle
from caveat.signing.canonical import Json
from caveat.signing.digest import Digest


@dataclass(frozen=True, slots=True)
class TokenSpeaker:
    """Whom a verified token is about. `issuer` is its `iss`."""

    issuer: str
    audience: str
    claims: Mapping[str, Json] = field(repr=False)

    def speaks_for(self, bundle: Bundle, deployment: str) -> bool:
        """Whether the bundle still registers it there. The token's end is looked at when it comes in."""
        issuer = bundle.identity.issuers.get(self.issuer)
        if issuer is None:
            return False
        found = bundle.registrations.of_token(issuer.id, self.audience, self.claims)
        return found is not None and found.deployment == deployment


@dataclass(frozen=True, slots=True)
class CertificateSpeaker:
    """Whom a verified certificate is about. `thumbprint`: SHA-256 of the certificate."""

    id: str
    thumbprint: Digest

    def speaks_for(self, bundle: Bundle, deployment: str) -> bool:
        """Whether the bundle still registers it there."""
        return bundle.registrations.of_certificate(self.id) == deployment


Speaker: TypeAlias = TokenSpeaker | CertificateSpeaker
