"""TLS at the gateway's own door: its certificate, and whose client certificates a handshake accepts.

Fails closed: a file that cannot be used keeps the gateway from starting; at a renewal it leaves the old one
in place. A handshake only proves who holds a key: what the certificate says is judged for each request.
"""

import ssl
from pathlib import Path

from cryptography import x509

from caveat.cli.exit import CannotRunError
from caveat.gateway.identity.certificates import Authorities, AuthoritiesError
from caveat.signing.svid import MAX_PEM_BYTES, render_pem


class ServerTls:
    """The one context of this process. It changes in place, and new connections see the change."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Reads both files; raises `OSError` (which `ssl.SSLError` is) where they cannot be used."""
        self._certificate = certificate
        self._key = key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A resumed session would not show its certificate anew.
        self.context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
        self.context.num_tickets = 0
        self.context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        self.context.set_alpn_protocols(["http/1.1"])
        self.renew()

    def renew(self) -> None:
        """Takes over certificate and key as they are in their files now; raises `OSError`."""
        self.context.load_cert_chain(self._certificate, self._key)

    def ask_for(self, authorities: tuple[x509.Certificate, ...]) -> None:
        """Asks clients for a certificate under one of these; for none where there are none.

        What an earlier bundle trusted still passes the handshake until a restart, and then no request.
        """
        if authorities:
            self.context.load_verify_locations(cadata=render_pem(authorities).decode("ascii"))
        self.context.verify_mode = ssl.CERT_OPTIONAL if authorities else ssl.CERT_NONE


def open_tls(certificate: Path | None, key: Path | None) -> ServerTls | None:
    """TLS with these files, or none where there are none; raises `CannotRunError`."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise CannotRunError("--tls-cert and --tls-key go together", "give both, as PEM files")
    try:
        return ServerTls(certificate, key)
    except OSError as error:  # a certificate that does not fit its key is an `ssl.SSLError`, which is one
        raise CannotRunError(
            f"TLS cannot be served with `{certificate}` and `{key}`: {(error.strerror or '').lower()}",
            "name a PEM file with the chain, and one with its key without a passphrase",
        ) from error


def open_authorities(file: Path | None, tls: ServerTls | None) -> Authorities:
    """The certificates in `file`; raises `CannotRunError`."""
    if file is None:
        return Authorities()
    if tls is None:
        raise CannotRunError("--client-ca needs TLS", "give --tls-cert and --tls-key too")
    try:
        with file.open("rb") as opened:
            return Authorities(opened.read(MAX_PEM_BYTES + 1))
    except OSError as error:
        raise CannotRunError(f"`{file}` cannot be read: {error.strerror}", "check --client-ca") from error
    except AuthoritiesError as error:
        raise CannotRunError(f"`{file}`: {error}", "name the file whose digest is `ca_digest`") from error
