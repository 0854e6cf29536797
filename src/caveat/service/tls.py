"""TLS at the gateway's own door: its certificate, and whose client certificates a handshake accepts.

Fails closed: a file that cannot be used keeps the gateway from starting; at a renewal it leaves the old one
in place. A handshake only proves who holds a key: what the certificate says is judged for each request.
"""

import ssl
from pathlib import Path

from cryptography import x509

from caveat.signing.svid import render_pem


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
