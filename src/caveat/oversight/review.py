"""Whether a decision about a hold was a review; if not, why it counts as none. Pure.

Source: EVIDENCE attacks 76, 78 and 85 in `THREAT_MODEL.md`, clauses R2.b and P09 of the example policy,
ADR-0038.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from caveat.oversight.hold import Hold
from caveat.policy.oversight import Floors
from caveat.signing.digest import Digest


class Act(StrEnum):
    """What a person decided."""

    APPROVE = "approve"
    REFUSE = "refuse"


class Defect(StrEnum):
    """Why a decision counts as none, in the order in which it is checked."""

    PASSKEY_COUNTER = "passkey_counter"
    NOT_ASKED = "not_asked"
    OTHER_ACTION = "other_action"
    OTHER_POLICY = "other_policy"
    OTHER_REQUESTER = "other_requester"
    OTHER_DEPLOYMENT = "other_deployment"
    HOLD_EXPIRED = "hold_expired"
    HOLD_ENDED = "hold_ended"
    REVIEW_OVERDUE = "review_overdue"
    SELF_APPROVAL = "self_approval"
    OWN_LINE = "own_line"
    DECIDED_BEFORE = "decided_before"
    PASSKEY_SYNCED = "passkey_synced"
    NOT_SHOWN = "not_shown"
    TOO_FAST = "too_fast"
    BATCH = "batch"
    OVER_SPAN = "over_span"
    VIGILANCE = "vigilance"


MEANING: Mapping[Defect, tuple[str, str]] = MappingProxyType(
    {
        Defect.PASSKEY_COUNTER: (
            "the counter of the passkey did not go on, so there may be a copy of it",
            "have it replaced in trust.toml; until then nothing that it signs counts",
        ),
        Defect.PASSKEY_SYNCED: (
            "the passkey may be on several devices, and this role takes one that is not",
            "enrol an authenticator that keeps its key to itself",
        ),
        Defect.NOT_ASKED: ("the hold does not ask for this role", "see `roles` of the hold"),
        Defect.OTHER_ACTION: (
            "it is about another action than the one that is shown",
            "read the hold again and sign what it shows",
        ),
        Defect.OTHER_POLICY: (
            "the policy has changed since",
            "the use has to be asked again under the policy in force",
        ),
        Defect.OTHER_REQUESTER: ("it is for another requester", "read the hold again and sign what it shows"),
        Defect.OTHER_DEPLOYMENT: (
            "it is for another deployment",
            "read the hold again and sign what it shows",
        ),
        Defect.HOLD_EXPIRED: ("the hold's time is up", "the use has to be asked again"),
        Defect.HOLD_ENDED: ("the hold is decided already", "nothing is left to do"),
        Defect.REVIEW_OVERDUE: (
            "an earlier emergency under the same clause was not reviewed in time",
            "have it reviewed first: `caveat approvals reviews` lists what is due",
        ),
        Defect.SELF_APPROVAL: ("whoever asks does not approve", "another person has to decide"),
        Defect.OWN_LINE: (
            "the requester answers to the same line as the approver",
            "a person of another line has to decide",
        ),
        Defect.DECIDED_BEFORE: (
            "this person has decided about this hold already",
            "another person has to decide",
        ),
        Defect.NOT_SHOWN: ("the hold was not shown to this person before", "read the hold first"),
        Defect.TOO_FAST: (
            "it came sooner after the first display than a review takes",
            "read the hold and decide again",
        ),
        Defect.BATCH: (
            "it came sooner after this person's last decision than a review takes",
            "decide one hold at a time",
        ),
        Defect.OVER_SPAN: (
            "this person has decided more within the hour than anybody can review",
            "the hold waits for somebody else, or for the next hour",
        ),
        Defect.VIGILANCE: (
            "this person has missed more planted cases than the policy allows",
            "another person has to decide until the figures are good again",
        ),
    }
)
"""What each means, and what to do next."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides. `line`: whom they answer to. `callers`: what their own calls are known by."""

    id: str
    line: str = ""
    callers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decided:
    """One person's verified, signed decision about a hold. `action`: the digest of what it says it saw."""

    hold: str
    role: str
    act: Act
    person: Person
    key: Digest
    envelope: Digest
    action: Digest
    policy: Digest
    requester: str
    deployment: str
    at: datetime
    shown_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What else is known when a decision comes in. `view`: the digest of what the hold shows.
    `policy`: the one in force.

    `ended`: it was refused, used or has all that it asks for. `earlier`: decisions of this person, newest
    last, those that counted as none among them. `decided`: persons whose decision about this hold counts.
    `line_of_requester`: of whoever asks, where it is known. `vigilant`: whether enough planted cases are
    caught, as far as anybody can tell. `passkey`: what is wrong with the key that signed, for this role.
    `review_overdue`: of an earlier emergency in this role, under one of the hold's clauses.
    """

    view: Digest
    policy: Digest
    ended: bool
    decided: frozenset[str]
    earlier: tuple[datetime, ...] = ()
    line_of_requester: str = ""
    vigilant: bool = True
    passkey: Defect | None = None
    review_overdue: bool = False


def defect_of(decided: Decided, hold: Hold, floors: Floors, standing: Standing) -> Defect | None:
    """Why this decision counts as none; None where it counts. Total.

    A refusal needs less than an approval: it may be quick, and it may come in any number.
    """
    return next(iter(_defects(decided, hold, floors, standing)), None)


def _defects(decided: Decided, hold: Hold, floors: Floors, standing: Standing) -> Iterable[Defect]:
    asked, person = hold.asked, decided.person
    if standing.passkey is Defect.PASSKEY_COUNTER:
        yield standing.passkey
    if decided.role not in hold.roles:
        yield Defect.NOT_ASKED
    if decided.action != standing.view:
        yield Defect.OTHER_ACTION
    if decided.policy != asked.policy or standing.policy != asked.policy:
        yield Defect.OTHER_POLICY
    if decided.requester != asked.requester:
        yield Defect.OTHER_REQUESTER
    if decided.deployment != asked.deployment:
        yield Defect.OTHER_DEPLOYMENT
    if hold.is_over(decided.at):
        yield Defect.HOLD_EXPIRED
    if standing.ended:
        yield Defect.HOLD_ENDED
    if standing.review_overdue and decided.act is Act.APPROVE:
        yield Defect.REVIEW_OVERDUE
    if asked.requester in person.callers:
        yield Defect.SELF_APPROVAL
    if person.line and person.line == standing.line_of_requester:
        yield Defect.OWN_LINE
    if person.id in standing.decided:
        yield Defect.DECIDED_BEFORE
    if decided.act is Act.APPROVE:
        yield from _no_review(decided, floors, standing)


def _no_review(decided: Decided, floors: Floors, standing: Standing) -> Iterable[Defect]:
    """What makes an approval a rubber stamp, or one that this role does not take."""
    if standing.passkey is not None:
        yield standing.passkey
    if decided.shown_at is None or decided.shown_at > decided.at:
        yield Defect.NOT_SHOWN
    elif decided.at - decided.shown_at < timedelta(seconds=floors.seconds):
        yield Defect.TOO_FAST
    if any(decided.at - at < timedelta(seconds=floors.seconds) for at in standing.earlier):
        yield Defect.BATCH
    hour = decided.at - timedelta(hours=1)
    if sum(at > hour for at in standing.earlier) >= floors.items_per_hour:
        yield Defect.OVER_SPAN
    if not standing.vigilant:
        yield Defect.VIGILANCE
