"""Client certificates: whose they are, verified once for each chain and bundle, in time at every request."""

from collections import OrderedDict
from datetime import datetime

from cryptography import x509

from caveat.gateway.identity.connection import Peer
from caveat.gateway.identity.refused import certificate_refused
from caveat.policy.bundle import Bundle
from caveat.policy.identity import TrustDomain
from caveat.signing.digest import Digest, sha256
from caveat.signing.svid import (
    Anchors,
    Svid,
    SvidError,
    claimed_id,
    domain_of,
    parse_authorities,
    parse_chain,
    verify_svid,
)

MAX_KNOWN = 4096


class AuthoritiesError(ValueError):
    """Certificates of authorities that are needed are not at hand."""


class Authorities:
    """Certificates in a file, for trust domains that name the file by its digest."""

    def __init__(self, pem: bytes | None = None) -> None:
        """`pem`: the file's content; raises `AuthoritiesError` where it is none."""
        self._files: dict[Digest, tuple[x509.Certificate, ...]] = {}
        if pem is not None:
            try:
                self._files = {sha256(pem): parse_authorities(pem)}
            except SvidError as error:
                raise AuthoritiesError("the file holds no PEM text of certificates of authorities") from error

    def anchors(self, domain: TrustDomain) -> Anchors:
        """What the domain's certificates are verified to; raises `AuthoritiesError`."""
        if domain.anchors is not None:
            return domain.anchors
        found = None if domain.ca_digest is None else self._files.get(domain.ca_digest)
        if found is None:
            raise AuthoritiesError(
                f"trust domain `{domain.name}` names a file by `ca_digest` that `--client-ca` does not bring"
            )
        return Anchors(domain.name, found)

    def all(self, bundle: Bundle) -> tuple[x509.Certificate, ...]:
        """Every certificate that this bundle trusts for clients; raises `AuthoritiesError`."""
        return tuple(
            certificate
            for domain in bundle.identity.domains.values()
            for certificate in self.anchors(domain).certificates
        )


class Certificates:
    """Remembers what it has verified, by chain and bundle; never for longer than the chain holds."""

    def __init__(self, authorities: Authorities) -> None:
        """Nothing is known yet."""
        self._authorities = authorities
        self._known: OrderedDict[tuple[Digest, Digest], Svid] = OrderedDict()

    def verify(self, bundle: Bundle, peer: Peer, now: datetime) -> Svid:
        """The identity of this peer; raises `RequestError` 401."""
        key = (bundle.digest, peer.digest)
        known = self._known.get(key)
        if known is None:
            known = self._verify(bundle, peer, now)
            self._known[key] = known
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        # A connection outlives certificates, so their period is looked at each time.
        if not known.not_before <= now < known.not_after:
            raise certificate_refused("expired")
        return known

    def _verify(self, bundle: Bundle, peer: Peer, now: datetime) -> Svid:
        try:
            chain = parse_chain(peer.chain)
            domain = bundle.identity.domains.get(domain_of(claimed_id(chain[0])) or "")
            if domain is None:
                raise certificate_refused("chain")
            return verify_svid(chain, self._authorities.anchors(domain), now)
        except SvidError as error:
            raise certificate_refused(error.code) from error
