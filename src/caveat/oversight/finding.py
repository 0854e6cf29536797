"""Whether what a person found about something that went through counts; if not, why. Pure.

Laws: nobody reviews what they asked for or approved; `right` takes a review, `wrong` takes none, comes in any
number and is never too late. Source: clause P24 of the example policy, ADR-0042.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from caveat.oversight.demanded import Demand
from caveat.oversight.review import Person
from caveat.policy.oversight import Floors
from caveat.signing.digest import Digest


class Wrong(StrEnum):
    """What may be wrong with something that went through."""

    NOT_PERMITTED = "not_permitted"
    FACTS_UNTRUE = "facts_untrue"
    OTHER_PURPOSE = "other_purpose"
    UNJUSTIFIED = "unjustified"
    CLAUSE_TOO_WIDE = "clause_too_wide"
    CONTENT_MISSING = "content_missing"


WRONG: Mapping[Wrong, str] = MappingProxyType(
    {
        Wrong.NOT_PERMITTED: "the policy does not permit what was asked",
        Wrong.FACTS_UNTRUE: "what was attested or registered is not true of it",
        Wrong.OTHER_PURPOSE: "the words ask for something else than what was attested",
        Wrong.UNJUSTIFIED: "there was no emergency, or not one that called for this",
        Wrong.CLAUSE_TOO_WIDE: "the policy permits it and should not",
        Wrong.CONTENT_MISSING: "what it was is not kept, so that nobody can review it",
    }
)


class Fault(StrEnum):
    """Why a finding counts as none, in the order in which it is checked."""

    PASSKEY_COUNTER = "passkey_counter"
    OTHER_VIEW = "other_view"
    NOT_ASKED = "not_asked"
    OWN_USE = "own_use"
    OWN_LINE = "own_line"
    OWN_APPROVAL = "own_approval"
    REVIEWED_BEFORE = "reviewed_before"
    CONTENT_MISSING = "content_missing"
    PASSKEY_SYNCED = "passkey_synced"
    NOT_SHOWN = "not_shown"
    TOO_FAST = "too_fast"
    BATCH = "batch"
    OVER_SPAN = "over_span"


MEANING: Mapping[Fault, tuple[str, str]] = MappingProxyType(
    {
        Fault.PASSKEY_COUNTER: (
            "the counter of the passkey did not go on, so there may be a copy of it",
            "sign anew; if that says the same, have the key replaced",
        ),
        Fault.OTHER_VIEW: (
            "it is about something else than what is shown",
            "look again and sign what it shows",
        ),
        Fault.NOT_ASKED: ("this role does not review it", "see `roles` of the review"),
        Fault.OWN_USE: ("whoever asked does not review", "another person has to"),
        Fault.OWN_LINE: (
            "whoever asked answers to the same line as the reviewer",
            "a person of another line has to review it",
        ),
        Fault.OWN_APPROVAL: ("whoever approved it does not review it", "another person has to"),
        Fault.REVIEWED_BEFORE: (
            "it was reviewed already",
            "say `wrong` if it is; nothing else is left to say",
        ),
        Fault.CONTENT_MISSING: (
            "what it was is not kept, so that nobody can find it right",
            "say `wrong` with `content_missing`",
        ),
        Fault.PASSKEY_SYNCED: (
            "the passkey may be on several devices, and this role takes one that is not",
            "enrol one that stays on its device",
        ),
        Fault.NOT_SHOWN: ("it was not shown to this person before", "look at it first"),
        Fault.TOO_FAST: (
            "it came sooner after the first display than a review takes",
            "read it and say it again",
        ),
        Fault.BATCH: (
            "it came sooner after this person's last finding or decision than a review takes",
            "review one at a time",
        ),
        Fault.OVER_SPAN: (
            "this person has reviewed more within the hour than anybody can",
            "it waits for somebody else, or for the next hour",
        ),
    }
)
"""What each means, and what to do next."""


NO_VIEW = Digest("0" * 64)
"""What is signed where nothing is kept of what went through."""


@dataclass(frozen=True, slots=True)
class Said:
    """One person's verified, signed finding. `shown`: the digest of what they say they saw."""

    role: str
    is_wrong: bool
    person: Person
    shown: Digest
    at: datetime
    shown_at: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """What else is known when a finding comes in. `view`: the digest of what is shown; `roles`: that review.

    `earlier`: when this person last decided or found something, newest last. `passkey`: what is wrong with
    the key that signed, for this role.
    """

    view: Digest
    roles: frozenset[str]
    earlier: tuple[datetime, ...] = ()
    line_of_requester: str = ""
    passkey: Fault | None = None


def fault_of(said: Said, demand: Demand, floors: Floors, known: Known) -> Fault | None:
    """Why this finding counts as none; None where it counts. Total."""
    return next(_faults(said, demand, floors, known), None)


def _faults(said: Said, demand: Demand, floors: Floors, known: Known) -> Iterator[Fault]:
    person = said.person
    if known.passkey is Fault.PASSKEY_COUNTER:
        yield known.passkey
    if said.shown != known.view:
        yield Fault.OTHER_VIEW
    if said.role not in known.roles:
        yield Fault.NOT_ASKED
    if demand.requester in person.callers:
        yield Fault.OWN_USE
    if person.line and person.line == known.line_of_requester:
        yield Fault.OWN_LINE
    if person.id in demand.involved:
        yield Fault.OWN_APPROVAL
    if demand.is_wrong or (demand.is_reviewed and not said.is_wrong):
        yield Fault.REVIEWED_BEFORE
    if not said.is_wrong:
        yield from _no_review(said, floors, known)


def _no_review(said: Said, floors: Floors, known: Known) -> Iterator[Fault]:
    least = timedelta(seconds=floors.seconds)
    if known.view == NO_VIEW:
        yield Fault.CONTENT_MISSING
    if known.passkey is not None:
        yield known.passkey
    if said.shown_at is None or said.shown_at > said.at:
        yield Fault.NOT_SHOWN
    elif said.at - said.shown_at < least:
        yield Fault.TOO_FAST
    if any(said.at - at < least for at in known.earlier):
        yield Fault.BATCH
    hour = said.at - timedelta(hours=1)
    if sum(at > hour for at in known.earlier) >= floors.items_per_hour:
        yield Fault.OVER_SPAN
