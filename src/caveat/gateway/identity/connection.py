"""The client certificate of a connection, carried into the scope of every request on it.

The handshake proves that the peer holds the key of its certificate. It is read once for each connection;
what the certificate says is judged for each request by `certificates`.
"""

import ssl
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from caveat.signing.digest import Digest, sha256

KEY = "caveat.peer"


@dataclass(frozen=True, slots=True)
class Peer:
    """The chain as presented, the leaf first, in DER. `digest` names it."""

    chain: tuple[bytes, ...]
    digest: Digest


def peer_of(chain: tuple[bytes, ...]) -> Peer:
    """A peer with this chain."""
    return Peer(chain, sha256(b"".join(len(der).to_bytes(4, "big") + der for der in chain)))


class ConnectionProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with the peer's certificate in the scope."""

    _peer: Peer | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as uvicorn types it
        """Reads the certificate; the handshake is over by now."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._peer = _peer(tls)

    def on_message_begin(self) -> None:
        """One more request on this connection."""
        super().on_message_begin()
        if self._peer is not None:
            # A key of our own, which uvicorn's type of a scope does not list.
            self.scope[KEY] = self._peer  # type: ignore[literal-required]


def _peer(tls: ssl.SSLObject) -> Peer | None:
    leaf = tls.getpeercert(binary_form=True)
    if leaf is None:
        return None
    return peer_of((leaf, *(der for der in _presented(tls) if der != leaf)))


def _presented(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The chain that the peer sent. Without it only leaves issued by a pinned certificate itself hold."""
    # Public from Python 3.13 on; before, the same method stands on the object underneath.
    method = getattr(tls, "get_unverified_chain", None) or getattr(
        getattr(tls, "_sslobj", None), "get_unverified_chain", None
    )
    found: list[Any] = list(method() or ()) if method is not None else []
    return tuple(
        der if isinstance(der, bytes) else ssl.PEM_cert_to_DER_cert(der.public_bytes()) for der in found
    )
