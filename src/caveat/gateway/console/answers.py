"""What every answer of the console says to the browser, and the two kinds of answer that there are.

Source: attacks 296 to 299 in `THREAT_MODEL.md`; W3C Content Security Policy Level 3.
"""

from dataclasses import dataclass

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HARDENED: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)",
    ),
)
_HTML = (b"content-type", b"text/html; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Page:
    """One answer. `cookie`: the value of `set-cookie`, or empty."""

    status: int
    body: bytes
    kind: str = ""
    location: str = ""
    cookie: str = ""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """All of them, those that harden the browser first."""
        headers = list(HARDENED)
        headers.append(_HTML if not self.kind else (b"content-type", self.kind.encode()))
        if self.location:
            headers.append((b"location", self.location.encode("ascii", "replace")))
        if self.cookie:
            headers.append((b"set-cookie", self.cookie.encode("ascii")))
        return headers


def see(location: str, cookie: str = "") -> Page:
    """Go on there, with GET. `location`: a path of ours, never a caller's text."""
    return Page(303, b"", "text/plain; charset=utf-8", location, cookie)
