"""The caller of a request, out of everything that it shows.

Order: the certificate of the connection, or the one that a registered proxy forwards; then the key or
token. Each that is there must hold, and both must speak for one deployment. Source: ADR-0023;
THREAT_MODEL attacks 41 and 180 to 189.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address

from caveat.gateway.errors import RequestError
from caveat.gateway.identity.certificates import Authorities, Certificates
from caveat.gateway.identity.connection import KEY, Peer
from caveat.gateway.identity.forwarded import HEADER, ForwardedError, parse_forwarded
from caveat.gateway.identity.refused import (
    certificate_refused,
    certificate_required,
    forwarded_refused,
    identities_conflict,
    token_not_bound,
)
from caveat.gateway.identity.speaker import CertificateSpeaker, Speaker
from caveat.gateway.identity.tokens import KnownToken, Tokens
from caveat.gateway.issued_keys import IssuedKeys
from caveat.gateway.ports import Law
from caveat.policy.callers import certificate_principal
from caveat.policy.deployments import Deployment
from caveat.signing.digest import Digest, sha256
from caveat.signing.jwt import looks_like_token
from caveat.signing.svid import Svid


@dataclass(frozen=True, slots=True)
class Caller:
    """Who speaks: the deployment that every credential belongs to under `law`.

    `secret`: the key or token, to keep it in. `speakers`: identities beside API keys, to ask again later.
    """

    law: Law
    deployment: Deployment
    principal: str
    secret: str
    speakers: tuple[Speaker, ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a request comes from, as the transport knows it and no header can say."""

    peer: Peer | None = None
    host: str = ""


def connection_of(scope: Mapping[str, object]) -> Connection:
    """The connection of an ASGI scope."""
    peer, client = scope.get(KEY), scope.get("client")
    host = client[0] if isinstance(client, tuple) and client else ""  # pyright: ignore[reportUnknownVariableType]
    return Connection(peer if isinstance(peer, Peer) else None, host if isinstance(host, str) else "")


class Identities:
    """Finds the caller of a request. One for each process."""

    def __init__(
        self, issued: IssuedKeys, tokens: Tokens | None = None, authorities: Authorities | None = None
    ) -> None:
        """`issued`: API keys beside the bundle's."""
        self.issued = issued
        self._tokens = tokens or Tokens(datetime.now(UTC))
        self._certificates = Certificates(authorities or Authorities())

    async def authenticate(
        self, law: Law, headers: Mapping[str, str], connection: Connection, now: datetime
    ) -> Caller:
        """The caller; raises `RequestError` 401, and `FaultError` 503 where nobody can tell."""
        svid = self._certificate(law, headers, connection, now)
        secret = _presented(headers, certified=svid is not None)
        if svid is not None and secret == "":
            return _by_certificate(law, svid)
        # Keys and tokens are looked up by their SHA-256, so the time it takes tells nothing of them.
        digest = sha256(secret.encode("latin-1", errors="replace"))
        deployment = law.callers.get(digest)
        if deployment is None and law.bundle.identity.issuers and looks_like_token(secret):
            token = self._tokens.recall(law.bundle, digest, now)
            if token is None:
                token = await self._tokens.verify(law.bundle, secret, digest, now)
            return _by_token(law, token, secret, svid)
        if deployment is None:
            deployment = self.issued.deployment_of(law, digest, now)
        speakers = _with_certificate(law, deployment, svid)
        return Caller(law, deployment, f"key:{digest[:16]}", secret, speakers)

    async def close(self) -> None:
        """Ends what is under way."""
        await self._tokens.close()

    def _certificate(
        self, law: Law, headers: Mapping[str, str], connection: Connection, now: datetime
    ) -> Svid | None:
        """The caller's certificate, its own or as a registered proxy forwards it; None if there is none."""
        identity, peer = law.bundle.identity, connection.peer
        forwarded = headers.get(HEADER) if identity.domains else None
        if peer is None and forwarded is None:
            return None
        shown = None if peer is None else self._certificates.verify(law.bundle, peer, now)
        is_proxy = shown.id in identity.proxies if shown is not None else _is_local_proxy(law, connection)
        if forwarded is None:
            return None if is_proxy else shown
        if not is_proxy:
            raise forwarded_refused(trusted=False)
        try:
            behind = parse_forwarded(forwarded)
        except ForwardedError as error:
            raise forwarded_refused(trusted=True) from error
        found = self._certificates.verify(law.bundle, behind, now)
        if found.id in identity.proxies:
            raise forwarded_refused(trusted=True)
        return found


def _is_local_proxy(law: Law, connection: Connection) -> bool:
    if not law.bundle.identity.loopback_proxy:
        return False
    try:
        return ip_address(connection.host).is_loopback
    except ValueError:
        return False


def _by_certificate(law: Law, svid: Svid) -> Caller:
    name = law.bundle.registrations.of_certificate(svid.id)
    if name is None:
        raise certificate_refused("unknown")
    speaker = CertificateSpeaker(svid.id, svid.thumbprint)
    return Caller(law, law.bundle.deployments[name], certificate_principal(svid.id), "", (speaker,))


def _by_token(law: Law, token: KnownToken, secret: str, svid: Svid | None) -> Caller:
    _check_binding(token, svid)
    deployment = law.bundle.deployments[token.match.deployment]
    speakers = _with_certificate(law, deployment, svid)
    return Caller(law, deployment, token.match.principal, secret, (token.speaker, *speakers))


def _check_binding(token: KnownToken, svid: Svid | None) -> None:
    """A token that names a certificate is good with that one alone. Source: RFC 8705, section 3.1."""
    if not token.binding:
        if token.match.sender_constrained:
            raise token_not_bound()
        return
    named = token.binding.get("x5t#S256")
    # Any other member binds it to something that this gateway cannot see.
    if len(token.binding) != 1 or svid is None or named != _base64url(svid.thumbprint):
        raise token_not_bound()


def _base64url(digest: Digest) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()


def _with_certificate(law: Law, deployment: Deployment, svid: Svid | None) -> tuple[Speaker, ...]:
    """The certificate that comes with a key or token, which must speak for the same deployment."""
    if svid is None:
        if deployment.callers.certificate_required:
            raise certificate_required()
        return ()
    name = law.bundle.registrations.of_certificate(svid.id)
    if name is None:
        raise certificate_refused("unknown")
    if name != deployment.id:
        raise identities_conflict()
    return (CertificateSpeaker(svid.id, svid.thumbprint),)


def _presented(headers: Mapping[str, str], *, certified: bool) -> str:
    """The one key or token; empty where there is none and a certificate stands for it."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    token = bearer.strip() if scheme.lower() == "bearer" else ""
    presented = {headers.get("x-api-key", ""), headers.get("api-key", ""), token} - {""}
    if not presented and certified:
        return ""
    if len(presented) != 1:
        missing = "no API key or token" if not presented else "two different API keys or tokens"
        raise RequestError(401, "invalid_api_key", f"the request has {missing}", "send one as a bearer token")
    return presented.pop()
