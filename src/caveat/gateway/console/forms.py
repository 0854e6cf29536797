"""What a browser posts: forms, read strictly, and the assertion of a passkey in one.

Source: attacks 297 and 298 in `THREAT_MODEL.md`.
"""

import binascii
from collections.abc import Mapping
from urllib.parse import parse_qsl

from caveat.gateway.errors import RequestError
from caveat.signing.dsse import IN_TOTO
from caveat.signing.passkey import (
    Assertion,
    PasskeyEnvelope,
    from_base64url,
    render_passkey_envelope,
)

MAX_FORM_BYTES = 64 * 1024
_FORM = "application/x-www-form-urlencoded"


def parse_fields(text: str) -> dict[str, str]:
    """The fields of a form or a query; raises `RequestError` where a name stands twice."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=32)
    except ValueError as error:
        raise _unreadable() from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _unreadable()
    return fields


def read_form(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The fields of a posted form; raises `RequestError`."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise RequestError(
            415, "form_unsupported", "this page takes forms alone", "use the page that shows it"
        )
    try:
        return parse_fields(body.decode("ascii"))
    except UnicodeDecodeError as error:
        raise _unreadable() from error


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether the browser says that one of our own pages sent this; a browser that says nothing is believed,
    for the form's token is asked for as well."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    host = headers.get("host", "")
    return origin is None or origin in {f"http://{host}", f"https://{host}"}


def signed_in(fields: Mapping[str, str]) -> bytes:
    """The envelope that a passkey signed, out of a form; raises `RequestError` where there is none."""
    if not fields.get("signature"):
        raise RequestError(
            400,
            "no_passkey",
            "no passkey signed this, so nothing happened",
            "signing needs scripts and a browser that knows passkeys; or decide with `caveat approvals`",
        )
    try:
        assertion = Assertion(
            fields["credential"][:2048],
            from_base64url(fields["authenticator_data"]),
            from_base64url(fields["client_data"]),
            from_base64url(fields["signature"]),
        )
        payload = from_base64url(fields["payload"])
    except (KeyError, ValueError, binascii.Error) as error:
        raise _unreadable() from error
    return render_passkey_envelope(PasskeyEnvelope(IN_TOTO, payload, assertion))


def _unreadable() -> RequestError:
    return RequestError(
        400, "form_invalid", "the form cannot be read, so nothing happened", "go back and send it again"
    )
