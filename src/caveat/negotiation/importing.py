"""A document from outside: its signatures are looked for, checked against what the reader pins, and graded.

A mail is `attested` only by a signature of its author or the author's domain; a time-stamp adds when it
existed and no author. Whatever cannot be checked leaves it `claimed`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime

from cryptography import x509

from caveat.negotiation.cms import CmsError, UnpinnedError, verify_cms
from caveat.negotiation.dkim_signature import DkimKeys, check_dkim
from caveat.negotiation.document import Attachment, Check, CheckKind, Document, Grade, Outcome, grade_of
from caveat.negotiation.errors import DocumentError
from caveat.negotiation.mail import (
    MAX_MAIL_BYTES,
    Mail,
    Part,
    looks_like_mail,
    parse_mail,
    signed_entity,
    texts_of,
)
from caveat.negotiation.timestamp import check_timestamp
from caveat.signing.digest import sha256

_OPAQUE = ("application/pkcs7-mime", "application/x-pkcs7-mime")


@dataclass(frozen=True, slots=True)
class Pins:
    """What the reader trusts beforehand: nothing that a document brings along joins it."""

    dkim: DkimKeys
    certificates: tuple[x509.Certificate, ...]
    tsa: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """A document with its grade, and the files to keep beside the log."""

    document: Document
    files: Mapping[str, bytes]


def import_document(
    raw: bytes, pins: Pins, *, signature: bytes | None = None, timestamp: bytes | None = None
) -> Imported:
    """The document in `raw`, graded; raises `DocumentError` for one that is refused unread.

    `signature`: a detached CMS signature over it. `timestamp`: an RFC 3161 response over it.
    """
    if not raw or len(raw) > MAX_MAIL_BYTES:
        raise DocumentError("too_large", f"a document has 1 to {MAX_MAIL_BYTES:,} bytes")
    stamps = () if timestamp is None else (check_timestamp(raw, timestamp, pins.tsa),)
    if looks_like_mail(raw):
        if signature is not None:
            raise DocumentError("not_a_document", "a mail carries its own signature; leave --signature away")
        return _import_mail(raw, parse_mail(raw), pins, stamps)
    checks = stamps if signature is None else (_check_detached(raw, signature, pins.certificates), *stamps)
    document = Document("document", len(raw), grade_of(checks), "", "", "", checks, ())
    return Imported(document, {"document": raw})


def _import_mail(raw: bytes, mail: Mail, pins: Pins, stamps: tuple[Check, ...]) -> Imported:
    dkim = check_dkim(mail, pins.dkim)
    smime, content = _check_smime(mail, pins.certificates)
    checks = (*dkim, *smime, *stamps)
    by_author = grade_of((*dkim, *smime))
    # A stamp that fails takes the grade away; one that passes does not make an author.
    grade = by_author if grade_of(checks) is Grade.ATTESTED else Grade.CLAIMED
    parts = _parts(mail, content)
    proved = grade is Grade.ATTESTED and (
        content is not None or any("parts" in check.covers for check in dkim)
    )
    attachments = tuple(
        Attachment(sha256(part.data), len(part.data), part.media, grade if proved else Grade.CLAIMED)
        for part in parts
    )
    attachments = tuple({part.digest: part for part in attachments}.values())
    document = Document(
        "mail", len(raw), grade, mail.author, mail.one("date"), mail.one("message-id"), checks, attachments
    )
    files = {"document": raw} | {f"attachments/{sha256(part.data)}": part.data for part in parts}
    return Imported(document, files)


def _parts(mail: Mail, content: bytes | None) -> Sequence[Part]:
    if content is None:
        return texts_of(mail.message)
    inner = message_from_bytes(content, policy=policy.SMTP)
    return texts_of(inner)


def _check_smime(mail: Mail, pinned: Sequence[x509.Certificate]) -> tuple[tuple[Check, ...], bytes | None]:
    """The S/MIME check, if the mail is signed so, and the signed content where it passed."""
    signature: bytes | None = None
    content: bytes | None = None
    try:
        entity = signed_entity(mail)
    except DocumentError as error:
        return (Check(CheckKind.SMIME, Outcome.FAILED, error.code, ""),), None
    if entity is not None:
        content, signature = entity
    elif mail.message.get_content_type() in _OPAQUE:
        payload = mail.message.get_payload(decode=True)
        signature = payload if isinstance(payload, bytes) else b""
    elif any(part.get_content_type() in ("multipart/signed", *_OPAQUE) for part in mail.message.walk()):
        return (Check(CheckKind.SMIME, Outcome.FAILED, "partial_signature", ""),), None
    if signature is None:
        return (), None
    try:
        signed = verify_cms(signature, content, pinned, _date(mail))
    except CmsError as error:
        return (Check(CheckKind.SMIME, Outcome.FAILED, error.reason, ""),), None
    except UnpinnedError:
        return (Check(CheckKind.SMIME, Outcome.NOT_CHECKED, "no_pinned_key", ""),), None
    if len(mail.all("from")) != 1 or mail.author not in signed.addresses:
        return (Check(CheckKind.SMIME, Outcome.FAILED, "other_author", signed.by),), None
    return (
        Check(CheckKind.SMIME, Outcome.PASSED, "ok", signed.by, ("author", "body", "parts")),
    ), signed.content


def _check_detached(raw: bytes, signature: bytes, pinned: Sequence[x509.Certificate]) -> Check:
    try:
        signed = verify_cms(signature, raw, pinned, datetime.now(UTC))
    except CmsError as error:
        return Check(CheckKind.SMIME, Outcome.FAILED, error.reason, "")
    except UnpinnedError:
        return Check(CheckKind.SMIME, Outcome.NOT_CHECKED, "no_pinned_key", "")
    return Check(CheckKind.SMIME, Outcome.PASSED, "ok", signed.by, ("author", "body"))


def _date(mail: Mail) -> datetime:
    """The mail's own date, at which a certificate must be valid if its signature names no time."""
    try:
        moment = parsedate_to_datetime(mail.one("date"))
    except ValueError:
        return datetime.now(UTC)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
