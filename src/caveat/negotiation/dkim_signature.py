"""DKIM signatures of a mail, against key records that the reader pins.

A signature counts only where it covers the whole body, and From, Date and Subject, each of which stands there
once; is by the domain of the author; and verifies under a pinned record. What it leaves out, an attacker may
have written. Source: RFC 6376 section 8, RFC 8301, attacks 154 to 156 in `THREAT_MODEL.md`.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from caveat.negotiation.document import Check, CheckKind, Outcome
from caveat.negotiation.mail import Mail
from caveat.negotiation.optional import optional_module
from caveat.signing.digest import sha256

MAX_SIGNATURES = 8
_MIN_RSA_BITS = 1024
_ALGORITHMS = ("rsa-sha256", "ed25519-sha256")
_SIGNED = frozenset({"from", "date", "subject"})
_MIME = frozenset({"content-type", "content-transfer-encoding", "mime-version"})
_TAG = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*?)\s*\Z", re.DOTALL)

# The TXT record at a name such as `mail._domainkey.example.org`, or None.
Resolve = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class DkimKeys:
    """Pinned key records by name. `resolve` asks the DNS, and only where the reader said so."""

    records: Mapping[str, bytes]
    resolve: Resolve | None = None

    def find(self, name: str) -> tuple[bytes, str] | None:
        """The record, and where it came from."""
        pinned = self.records.get(name)
        if pinned is not None:
            return pinned, "pinned"
        found = self.resolve(name) if self.resolve is not None else None
        return None if found is None else (found, "DNS")


def check_dkim(mail: Mail, keys: DkimKeys) -> tuple[Check, ...]:
    """One check for each signature of the mail, in order; none where it has none."""
    signatures = mail.all("dkim-signature")
    if len(signatures) > MAX_SIGNATURES:
        return (Check(CheckKind.DKIM, Outcome.FAILED, "too_many_signatures", ""),)
    return tuple(_check(mail, keys, index, text) for index, text in enumerate(signatures))


def _check(mail: Mail, keys: DkimKeys, index: int, text: str) -> Check:
    tags = _tags(text)
    if tags is None or not {"a", "b", "bh", "d", "h", "s"} <= tags.keys():
        return Check(CheckKind.DKIM, Outcome.FAILED, "malformed", "")
    name = f"{tags['s']}._domainkey.{tags['d']}".lower()
    found = keys.find(name)
    if found is None:
        return Check(CheckKind.DKIM, Outcome.NOT_CHECKED, "no_pinned_key", name[:200])
    record, origin = found
    by = f"{name[:200]} {origin} {sha256(record)[:16]}"
    signed = frozenset(word.strip().lower() for word in tags["h"].split(":"))
    reason = _unsuitable(mail, tags, signed) or _verify(mail, index, record)
    if reason is not None:
        return Check(CheckKind.DKIM, Outcome.FAILED, reason, by)
    covers = ["author", "date", "subject", "body"]
    covers += ["recipients"] if "to" in signed else []
    covers += ["parts"] if all(name in signed for name in _MIME if mail.all(name)) else []
    return Check(CheckKind.DKIM, Outcome.PASSED, "ok", by, tuple(covers))


def _unsuitable(mail: Mail, tags: Mapping[str, str], signed: frozenset[str]) -> str | None:
    """Why this signature would prove nothing even where it verifies."""
    if "l" in tags:
        return "partial_body"
    if mail.repeated:
        return "repeated_header"
    if not signed >= _SIGNED or any(not mail.all(name) for name in _SIGNED):
        return "unsigned_header"
    if tags["a"] not in _ALGORITHMS:
        return "weak_algorithm"
    domain = mail.author.rpartition("@")[2]
    if not domain or not f".{domain}".endswith(f".{tags['d'].lower()}"):
        return "other_domain"
    return None


def _verify(mail: Mail, index: int, record: bytes) -> str | None:
    """Why the signature does not verify; None where it does."""
    dkim = optional_module("dkim")
    if re.search(rb"k\s*=\s*ed25519", record) and not hasattr(dkim, "nacl"):
        return "unsupported_algorithm"

    def pinned(_name: bytes, timeout: int = 5) -> bytes:  # noqa: ARG001 - the library's signature
        return record

    try:
        verifier = dkim.DKIM(mail.raw, logger=_silent(), minkey=_MIN_RSA_BITS)
        return None if verifier.verify(idx=index, dnsfunc=pinned) is True else "signature"
    except dkim.ValidationError as error:
        return "altered_body" if "body hash" in str(error) else "malformed"
    except dkim.KeyFormatError:
        return "unusable_key"
    except (
        Exception
    ):  # the library raises whatever its parsers do; whatever it is, the signature does not hold
        return "malformed"


def _tags(text: str) -> dict[str, str] | None:
    """The tags of a signature; None where one is malformed or stands twice."""
    tags: dict[str, str] = {}
    for piece in text.strip().rstrip(";").split(";"):
        found = _TAG.match(piece)
        if found is None or found[1] in tags:
            return None
        tags[found[1]] = found[2]
    return tags


def _silent() -> logging.Logger:
    logger = logging.getLogger("caveat.negotiation.dkim")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False  # it would log headers of the mail
    return logger


def resolve_in_dns(name: str) -> bytes | None:
    """The record in the DNS of this machine; None where there is none. Only for an explicit flag."""
    found: object = optional_module("dkim.dnsplug").get_txt(f"{name}.".encode())
    return found if isinstance(found, bytes) else None
