"""A mail as bytes that two readers cannot read differently: strict headers, few parts, no depth.

Whatever a signature check and a MIME reader could see differently is refused before either looks: lone
carriage returns, lines that are no header, NUL. No name or path of the mail is used; nothing is fetched and
nothing is unpacked. Source: RFC 5322, RFC 2046, attacks 155 and 158 in `THREAT_MODEL.md`.
"""

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import getaddresses

from caveat.negotiation.errors import DocumentError

MAX_MAIL_BYTES = 8 * 1024 * 1024
MAX_PART_BYTES = 4 * 1024 * 1024
MAX_PARTS = 64
MAX_DEPTH = 8
MAX_HEADERS = 500
_KEPT = 16
_HEADER = re.compile(rb"([\x21-\x39\x3b-\x7e]+):(.*)\Z", re.DOTALL)
_NESTING = re.compile(rb"boundary|message/", re.IGNORECASE)
_SINGLE = ("from", "date", "subject", "sender", "to", "cc", "message-id", "content-type", "mime-version")


@dataclass(frozen=True, slots=True)
class Part:
    """A text that came with a mail: terms, perhaps. `media` is one of a few words, never the mail's own."""

    media: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail. `headers`: names in lower case and values as they stand. `raw` has CRLF at every line's end."""

    raw: bytes
    headers: tuple[tuple[str, str], ...]
    body: bytes
    message: EmailMessage

    def all(self, name: str) -> tuple[str, ...]:
        """The values of every header of this name."""
        return tuple(value for header, value in self.headers if header == name)

    def one(self, name: str) -> str:
        """The value of the only header of this name, cut to what a record holds; empty without one."""
        found = self.all(name)
        return " ".join(found[0].split())[:320] if found else ""

    @property
    def author(self) -> str:
        """The one address in From, in lower case; empty where there is not exactly one."""
        addresses = [address for _, address in getaddresses(list(self.all("from"))) if address]
        return addresses[0].lower()[:320] if len(addresses) == 1 and "@" in addresses[0] else ""

    @property
    def repeated(self) -> tuple[str, ...]:
        """Headers that a mail has once, and this one has more often."""
        return tuple(name for name in _SINGLE if len(self.all(name)) > 1)


def looks_like_mail(raw: bytes) -> bool:
    """Whether the file begins as a mail does: header lines, From among them."""
    head = re.split(rb"\r?\n\r?\n", raw[:65536], maxsplit=1)[0]
    return re.search(rb"(?:\A|\n)from:", head, re.IGNORECASE) is not None and _HEADER.match(head) is not None


def parse_mail(raw: bytes) -> Mail:
    """The mail in these bytes; raises `DocumentError` with a named code, and nothing else."""
    if len(raw) > MAX_MAIL_BYTES:
        raise DocumentError("too_large", f"the mail is larger than {MAX_MAIL_BYTES:,} bytes")
    if b"\0" in raw or re.search(rb"\r(?!\n)", raw):
        raise DocumentError("control_characters", "the mail has a NUL or a lone carriage return")
    if len(_NESTING.findall(raw)) > MAX_PARTS:
        raise DocumentError("too_many_parts", f"the mail announces more than {MAX_PARTS} nested parts")
    lines = re.sub(rb"\r?\n", b"\r\n", raw)
    head, _, body = lines.partition(b"\r\n\r\n")
    headers = _headers(head)
    message = email.message_from_bytes(lines, policy=email.policy.SMTP)
    if _depth(message, 0) > MAX_DEPTH:
        raise DocumentError("too_deep", f"the mail's parts are nested more than {MAX_DEPTH} deep")
    return Mail(lines, headers, body, message)


def texts_of(message: EmailMessage) -> tuple[Part, ...]:
    """The attached texts, and every Markdown part; raises `DocumentError` for too many or too large ones."""
    found: list[Part] = []
    for count, part in enumerate(message.walk()):
        if count > MAX_PARTS:
            raise DocumentError("too_many_parts", f"the mail has more than {MAX_PARTS} parts")
        media = part.get_content_type()
        wanted = media == "text/markdown" or part.get_content_disposition() == "attachment"
        if media not in ("text/markdown", "text/plain") or not wanted:
            continue
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            raise DocumentError("malformed_part", "a text in the mail cannot be decoded")
        if len(data) > MAX_PART_BYTES or len(found) == _KEPT:
            raise DocumentError(
                "too_large", f"the mail carries more than {_KEPT} texts, or one that is too large"
            )
        found.append(Part(media, data))
    return tuple(found)


def signed_entity(mail: Mail) -> tuple[bytes, bytes] | None:
    """Signed bytes and signature of a `multipart/signed` mail, exactly as they stand; None for another mail.

    Only where the whole body is the signed entity: a signed part beside unsigned ones proves nothing of them.
    Raises `DocumentError` where the multipart does not consist of exactly content and signature.
    """
    if mail.message.get_content_type() != "multipart/signed":
        return None
    boundary = mail.message.get_boundary()
    if not boundary:
        raise DocumentError("malformed_part", "the signed mail names no boundary")
    mark = b"\r\n--" + boundary.encode(errors="replace")
    pieces = (b"\r\n" + mail.body).split(mark)
    parts = list(mail.message.iter_parts())
    if len(pieces) != 4 or not pieces[3].startswith(b"--") or pieces[0].strip() or pieces[3][2:].strip():
        raise DocumentError("partial_signature", "the mail holds more than the signed part and its signature")
    if len(parts) != 2 or not pieces[1].startswith(b"\r\n"):
        raise DocumentError("partial_signature", "the mail holds more than the signed part and its signature")
    signature: object = parts[1].get_payload(decode=True)
    return pieces[1][2:], signature if isinstance(signature, bytes) else b""


def _headers(head: bytes) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and headers:
            name, value = headers[-1]
            headers[-1] = (name, value + "\r\n" + line.decode("utf-8", errors="replace"))
            continue
        found = _HEADER.match(line)
        if found is None:
            raise DocumentError("malformed_header", "a line among the mail's headers is none")
        headers.append((found[1].decode("ascii").lower(), found[2].decode("utf-8", errors="replace")))
        if len(headers) > MAX_HEADERS:
            raise DocumentError("too_many_headers", f"the mail has more than {MAX_HEADERS} headers")
    return tuple(headers)


def _depth(message: EmailMessage, above: int) -> int:
    if above > MAX_DEPTH:
        return above
    below = (
        [part for part in message.iter_parts() if isinstance(part, EmailMessage)]
        if message.is_multipart()
        else []
    )
    return max((_depth(part, above + 1) for part in below), default=above)
