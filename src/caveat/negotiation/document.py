"""A document that came from outside a negotiation, and how much of it is proved.

`attested` only where a check against a pinned key or certificate passed; everything else is `claimed`.
A check that could not be made is not a check that passed.
"""

from dataclasses import dataclass
from enum import StrEnum

from caveat.signing.digest import Digest


class Grade(StrEnum):
    """What a document's word is worth."""

    ATTESTED = "attested"
    CLAIMED = "claimed"


class CheckKind(StrEnum):
    """The kinds of signature that are looked for."""

    DKIM = "dkim"
    SMIME = "smime"
    TIMESTAMP = "timestamp"


class Outcome(StrEnum):
    """`not_checked`: no pinned key applies, so nothing can be said. Source: `docs/reference/terms.md`."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `by`: the pinned key or certificate, by name and digest. `covers`: what a pass proves."""

    kind: CheckKind
    outcome: Outcome
    reason: str
    by: str
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part of a mail that may hold terms, kept by its digest. Its name in the mail is never used."""

    digest: Digest
    bytes: int
    media: str
    grade: Grade


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says of itself, and the checks that ran. What it does not say is empty."""

    media: str
    bytes: int
    grade: Grade
    author: str
    date: str
    message_id: str
    checks: tuple[Check, ...]
    attachments: tuple[Attachment, ...]

    @property
    def altered(self) -> bool:
        """A signature that could be checked failed, and none of its kind passed: this was not signed."""
        passed = {check.kind for check in self.checks if check.outcome is Outcome.PASSED}
        failed = {check.kind for check in self.checks if check.outcome is Outcome.FAILED}
        return bool(failed - passed)


def grade_of(checks: tuple[Check, ...]) -> Grade:
    """`attested` only where some check passed and none failed without another of its kind passing."""
    passed = {check.kind for check in checks if check.outcome is Outcome.PASSED}
    failed = {check.kind for check in checks if check.outcome is Outcome.FAILED}
    return Grade.ATTESTED if passed and not failed - passed else Grade.CLAIMED
