"""`x-forwarded-client-cert`, as Envoy writes it: one element, read in one way, or refused.

The certificate itself must be in it, so that the gateway checks it again; the proxy is believed only in that
the other end of its connection holds the key. Source: Envoy's documentation of the header.
"""

import re
from urllib.parse import unquote_to_bytes

from caveat.gateway.identity.connection import Peer, peer_of
from caveat.signing.digest import sha256
from caveat.signing.svid import SvidError, chain_of_pem

HEADER = "x-forwarded-client-cert"
MAX_BYTES = 64 * 1024
_PAIR = re.compile(r'(By|Hash|Cert|Chain|Subject|URI|DNS)=(?:"((?:[^"\\]|\\["\\])*+)"|([^",;=\\]*+))(;|\Z)')
_REPEATED = frozenset({"By", "URI", "DNS"})


class ForwardedError(ValueError):
    """The header has another form."""


def parse_forwarded(text: str) -> Peer:
    """The peer that the proxy speaks of; raises `ForwardedError`, and nothing else."""
    pairs = _pairs(text)
    presented = pairs.get("Chain") or pairs.get("Cert")
    if presented is None or "Hash" not in pairs:
        raise ForwardedError
    try:
        chain = chain_of_pem(unquote_to_bytes(presented))
    except SvidError as error:
        raise ForwardedError from error
    if sha256(chain[0]) != pairs["Hash"]:
        raise ForwardedError
    return peer_of(chain)


def _pairs(text: str) -> dict[str, str]:
    if len(text) > MAX_BYTES or not text.isascii():
        raise ForwardedError
    pairs: dict[str, str] = {}
    position = 0
    while True:
        found = _PAIR.match(text, position)
        if found is None:
            raise ForwardedError
        name, quoted, bare, end = found.groups()
        if name in pairs and name not in _REPEATED:
            raise ForwardedError
        pairs[name] = bare if quoted is None else quoted
        position = found.end()
        if end != ";":
            return pairs
