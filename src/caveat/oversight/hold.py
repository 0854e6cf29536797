"""A hold: one exact use that waits for people, and how it stands. Pure.

A hold is opened by the record of the decision that asked for approval, and goes by that record's id.
Source: DESIGN section 7, EVIDENCE attacks 74, 75 and 81 in `THREAT_MODEL.md`, ADR-0037.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from caveat.ledger.record import Afterwards
from caveat.signing.canonical import JsonObject, canonical
from caveat.signing.digest import Digest, sha256


class Status(StrEnum):
    """How a hold stands. Only `APPROVED` lets anything through, once; `USED` has done so."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    USED = "used"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what: equal exactly for the same use under the same policy.

    `action` names the exact bytes that would go on. `policy` is the digest of the bundle in force.
    """

    deployment: str
    requester: str
    action: str
    policy: Digest


@dataclass(frozen=True, slots=True)
class Hold:
    """A use that waits. `roles`: by role, how many distinct persons it takes; `clauses` ask for them.

    `afterwards`: the reviews that an approval of it demands.
    """

    id: str
    asked: Asked
    roles: Mapping[str, int]
    clauses: tuple[str, ...]
    opened_at: datetime
    expires_at: datetime
    afterwards: tuple[Afterwards, ...] = ()

    def is_over(self, now: datetime) -> bool:
        """Whether its time is up; then nothing that was approved of it counts any more."""
        return now >= self.expires_at


@dataclass(frozen=True, slots=True)
class Shown:
    """What a hold shows: the canonical view, and the content that it is about.

    The view names the content by its digest. An approval signs the digest of the view, and people are shown
    what stands in it and nothing else, so that nobody signs another thing than the one they saw.
    """

    view: bytes
    content: bytes

    @property
    def digest(self) -> Digest:
        """What an approval is an approval of."""
        return sha256(self.view)


def make_shown(view: JsonObject, content: bytes) -> Shown:
    """A view with the content that it is about; raises `CanonicalError` for one that has no single form."""
    about: JsonObject = {"digest": sha256(content), "bytes": len(content)}
    return Shown(canonical({**view, "content": about}), content)
