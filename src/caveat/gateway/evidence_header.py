"""Evidence that comes with a request: `x-caveat-evidence`, a list of envelopes in unpadded base64url.

What cannot be read is an error of the request, not absent evidence: the sender meant to prove something.
"""

import base64
import binascii
from collections.abc import Mapping

from caveat.gateway.errors import RequestError

HEADER = "x-caveat-evidence"
MAX_ENVELOPES = 32


def read_evidence(headers: Mapping[str, str]) -> tuple[bytes, ...]:
    """The envelopes as sent, not yet verified; raises `RequestError`."""
    text = headers.get(HEADER)
    if text is None:
        return ()
    items = [item.strip() for item in text.split(",")]
    if len(items) > MAX_ENVELOPES:
        raise _refused(f"`{HEADER}` has more than {MAX_ENVELOPES} envelopes")
    return tuple(_decode(item) for item in items)


def encode_envelope(envelope: bytes) -> str:
    """One envelope as it stands in the header."""
    return base64.urlsafe_b64encode(envelope).rstrip(b"=").decode()


def _decode(item: str) -> bytes:
    bare = item.rstrip("=")
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise _refused(f"`{HEADER}` is not base64url") from error
    if not raw or encode_envelope(raw) != bare:
        raise _refused(f"`{HEADER}` is not base64url in its canonical form")
    return raw


def _refused(message: str) -> RequestError:
    return RequestError(400, "invalid_evidence_header", message, "`caveat attest data --header` prints it")
