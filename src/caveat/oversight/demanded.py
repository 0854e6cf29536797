"""Reviews that are demanded of what went through: sampled uses, and approvals in an emergency. Pure.

Folded from records, so that the log alone says what is due, since when, and what was found. Laws: nothing but
a finding that counts settles a demand, and never the passing of time; what is overdue in an emergency blocks.
Source: clause P24 of the example policy, ADR-0042.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from caveat.facts.wilson import Share
from caveat.ledger.record import (
    FindingRecord,
    IncidentRecord,
    PlantedRecord,
    PlantedSampleRecord,
    Record,
    ReviewRecord,
    SampleRecord,
    parse_time,
)
from caveat.oversight.book import Book
from caveat.oversight.review import Act
from caveat.oversight.reviewers import render_share
from caveat.signing.canonical import JsonObject

Kind = Literal["sample", "emergency"]
_FOUND_BLINDLY = frozenset({"", "not_shown", "too_fast", "batch", "over_span"})
"""A `right` about what was planted is a miss also where it counts as none because it was no review."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding that counts, by the id of its record."""

    id: str
    person: str
    is_wrong: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class PastFinding:
    """One finding of a person, whether it counted or not; `defect` where it did not."""

    person: str
    at: datetime
    role: str
    about: str
    is_wrong: bool
    defect: str = ""


@dataclass(frozen=True, slots=True)
class FoundFigures:
    """Of one person in one role: the findings about real uses, and the planted ones that were caught."""

    wrong: Share
    caught: Share

    def render(self) -> JsonObject:
        """In the documented shape."""
        return {"wrong": render_share(self.wrong), "caught": render_share(self.caught)}


@dataclass(slots=True)
class Demand:
    """One review that is demanded. `about`: the record of the use, or of the emergency's hold.

    `role`: of the emergency's approvers; `reviewers`: the roles that review it, empty where the bundle in
    force says which. `involved`: persons who approved it. `unseen`: findings
    that count as none.
    """

    about: str
    kind: Kind
    deployment: str
    requester: str
    clauses: tuple[str, ...]
    involved: frozenset[str]
    opened_at: datetime
    review_by: datetime
    role: str = ""
    reviewers: frozenset[str] = frozenset()
    blocks: bool = False
    findings: list[Found] = field(default_factory=list[Found])
    unseen: list[PastFinding] = field(default_factory=list[PastFinding])
    incidents: set[str] = field(default_factory=set[str])

    @property
    def is_reviewed(self) -> bool:
        """Whether anybody's finding about it counts."""
        return bool(self.findings)

    @property
    def is_wrong(self) -> bool:
        """Whether somebody found something wrong with it."""
        return any(one.is_wrong for one in self.findings)

    def is_overdue(self, now: datetime) -> bool:
        """Whether its time is up and nobody reviewed it."""
        return not self.is_reviewed and now >= self.review_by


class Demands:
    """All reviews that are demanded of what went through one gateway."""

    def __init__(self, book: Book) -> None:
        """`book`: folds every record before this does."""
        self._book = book
        self._all: dict[str, Demand] = {}
        self._due: dict[str, Demand] = {}
        self._emergencies: dict[str, Demand] = {}
        self._wrong: dict[str, Demand] = {}
        self._known: set[str] = set()
        self._past: list[PastFinding] = []
        self._planted: dict[str, None] = {}

    def fold(self, record: Record, record_id: str) -> None:
        """What this record, which has this id, says of them."""
        match record:
            case SampleRecord():
                self._sampled(record)
            case ReviewRecord():
                self._approved(record)
            case FindingRecord():
                self._found(record, record_id)
            case IncidentRecord():
                demand = self._all.get(record.about)
                if demand is not None:
                    demand.incidents.add(record.cause)
                    if all(one.id in demand.incidents for one in demand.findings if one.is_wrong):
                        self._wrong.pop(record.about, None)
            case PlantedRecord():
                for kept in (self._all, self._due, self._emergencies):
                    kept.pop(record.hold, None)  # nothing was ever let through
            case PlantedSampleRecord():
                self._planted[record.about] = None
                for kept in (self._all, self._due, self._wrong):
                    kept.pop(record.about, None)  # nobody ever asked for it
            case _:
                return

    def _sampled(self, record: SampleRecord) -> None:
        entry = None if record.hold is None else self._book.find(record.hold)
        self._all[record.about] = self._due[record.about] = Demand(
            about=record.about,
            kind="sample",
            deployment=record.deployment,
            requester=record.requester,
            clauses=record.clauses,
            involved=frozenset() if entry is None else entry.persons,
            opened_at=parse_time(record.time),
            review_by=parse_time(record.review_by),
        )

    def _approved(self, record: ReviewRecord) -> None:
        entry = self._book.find(record.hold)
        if entry is None or record.defect or Act(record.act) is not Act.APPROVE or record.hold in self._all:
            return
        for after in entry.hold.afterwards:
            if after.role == record.role and after.role not in entry.missing():
                opened_at = parse_time(record.time)
                self._all[record.hold] = self._due[record.hold] = self._emergencies[record.hold] = Demand(
                    about=record.hold,
                    kind="emergency",
                    deployment=entry.hold.asked.deployment,
                    requester=entry.hold.asked.requester,
                    clauses=entry.hold.clauses,
                    involved=entry.persons,
                    opened_at=opened_at,
                    review_by=opened_at + timedelta(seconds=after.seconds),
                    role=after.role,
                    reviewers=frozenset(after.reviewers),
                    blocks=after.blocks,
                )

    def _found(self, record: FindingRecord, record_id: str) -> None:
        at = parse_time(record.time)
        self._known.add(record.said)
        is_wrong = record.finding == "wrong"
        past = PastFinding(record.person, at, record.role, record.about, is_wrong, record.defect)
        self._past.append(past)
        demand = self._all.get(record.about)
        if demand is not None and record.defect:
            demand.unseen.append(past)
        if demand is not None and not record.defect:
            demand.findings.append(Found(record_id, record.person, is_wrong, at))
            self._due.pop(record.about, None)
            self._emergencies.pop(record.about, None)
            if demand.is_wrong:
                self._wrong[record.about] = demand

    def find(self, about: str) -> Demand | None:
        """The review that is demanded of this record."""
        return self._all.get(about)

    def all(self) -> Iterator[Demand]:
        """Every one, oldest first."""
        return iter(self._all.values())

    def due(self) -> Iterator[Demand]:
        """Those that nobody has reviewed, oldest first."""
        return iter(self._due.values())

    def is_known(self, said: str) -> bool:
        """Whether this very statement was recorded already."""
        return said in self._known

    def findings_of(self, person: str, since: datetime) -> tuple[datetime, ...]:
        """When this person found something since then, in the order of the log."""
        found: list[datetime] = []
        for one in reversed(self._past):
            if one.at < since:
                break
            if one.person == person:
                found.append(one.at)
        return tuple(reversed(found))

    def reviewers(self) -> frozenset[tuple[str, str]]:
        """Who found something, and in which role."""
        return frozenset((one.person, one.role) for one in self._past)

    def is_planted(self, about: str) -> bool:
        """Whether it was revealed that what was shown of this use was planted."""
        return about in self._planted

    def figures_of(self, person: str, role: str) -> FoundFigures:
        """What this person found in this role, of real uses; and of planted ones how many were caught.

        Only what was revealed counts as planted. The first finding about each is the one that counts.
        """
        own = [one for one in self._past if (one.person, one.role) == (person, role)]
        real = [one for one in own if not one.defect and one.about not in self._planted]
        first: dict[str, PastFinding] = {}
        for one in own:
            if one.about in self._planted and (one.is_wrong or one.defect in _FOUND_BLINDLY):
                first.setdefault(one.about, one)
        caught = sum(one.is_wrong for one in first.values())
        return FoundFigures(Share(sum(one.is_wrong for one in real), len(real)), Share(caught, len(first)))

    def blocking(self, role: str, clauses: Collection[str], now: datetime) -> Demand | None:
        """A review that is overdue, so that no approval in this role counts under these clauses."""
        for one in self._emergencies.values():
            if (
                one.blocks
                and one.role == role
                and one.is_overdue(now)
                and not set(clauses).isdisjoint(one.clauses)
            ):
                return one
        return None

    def unopened(self, now: datetime) -> Iterator[tuple[Demand, str, str]]:
        """Incidents that have no record yet: of what, the record of their cause, and the reason."""
        for one in self._wrong.values():
            for found in one.findings:
                if found.is_wrong and found.id not in one.incidents:
                    yield one, found.id, f"{one.kind}_wrong"
        for one in self._emergencies.values():
            if one.is_overdue(now) and one.about not in one.incidents:
                yield one, one.about, "review_overdue"
