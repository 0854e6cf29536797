"""All holds and what people decided about them, folded from records. Pure: the log alone makes the book.

Not for several threads: the gateway's event loop owns it. What is approved is taken in one step, so that of
a hundred parallel repetitions exactly one goes through. Source: EVIDENCE attack 75 in `THREAT_MODEL.md`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from caveat.ledger.record import DecisionRecord, PlantedRecord, Record, ReviewRecord, parse_time
from caveat.oversight.figures import Measured, Windows
from caveat.oversight.hold import Asked, Hold, Status
from caveat.oversight.past import PastReview
from caveat.oversight.review import Act
from caveat.signing.digest import Digest

KEPT_SECONDS = 366 * 86_400
"""How long decisions of people are remembered for their figures, and holds after they are over."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A decision about a hold that counts, with the envelope that its person signed."""

    person: str
    role: str
    act: Act
    at: datetime
    shown_at: datetime | None
    envelope: Digest
    signed: bytes


@dataclass(slots=True)
class Entry:
    """One hold and what became of it so far. `taken`: by a use whose record is not durable yet.

    `revealed`: it was planted, and no use ever waited."""

    hold: Hold
    counted: list[Counted] = field(default_factory=list[Counted])
    used: bool = False
    taken: bool = False
    revealed: bool = False

    @property
    def persons(self) -> frozenset[str]:
        """Who has decided about it."""
        return frozenset(one.person for one in self.counted)

    def missing(self) -> dict[str, int]:
        """By role, how many persons have still to approve."""
        given: dict[str, set[str]] = {}
        for one in self.counted:
            if one.act is Act.APPROVE:
                given.setdefault(one.role, set()).add(one.person)
        left = {role: persons - len(given.get(role, ())) for role, persons in self.hold.roles.items()}
        return {role: number for role, number in left.items() if number > 0}

    def status(self, now: datetime) -> Status:
        """How it stands. One refusal is enough; time only ever ends it."""
        if self.used or self.taken:
            return Status.USED
        if self.revealed:
            return Status.EXPIRED
        if any(one.act is Act.REFUSE for one in self.counted):
            return Status.REFUSED
        if self.hold.is_over(now):
            return Status.EXPIRED
        return Status.OPEN if self.missing() else Status.APPROVED


class Book:
    """The holds of one gateway."""

    def __init__(self) -> None:
        """No hold."""
        self._entries: dict[str, Entry] = {}
        self._open: dict[Asked, str] = {}
        self._past: list[PastReview] = []
        self._windows = Windows()
        self.revealed: dict[str, tuple[str, ...]] = {}

    def fold(self, record: Record, record_id: str) -> None:
        """What this record, which has this id, says of holds."""
        match record:
            case DecisionRecord():
                self._decision(record, record_id)
            case ReviewRecord():
                self._review(record)
            case PlantedRecord():
                self._planted(record.hold)
            case _:
                return

    def _decision(self, record: DecisionRecord, record_id: str) -> None:
        if record.approved is not None:
            entry = self._entries.get(record.approved.hold)
            if entry is not None:
                entry.used, entry.taken = True, False
                self._open.pop(entry.hold.asked, None)
        if record.hold is None or record.hold.of is not None:
            return
        hold = hold_of(record, record_id)
        self._entries[record_id] = Entry(hold)
        self._open[hold.asked] = record_id

    def _review(self, record: ReviewRecord) -> None:
        entry = self._entries.get(record.hold)
        shown = None if record.shown_at is None else parse_time(record.shown_at)
        act, at = Act(record.act), parse_time(record.time)
        deployment = "" if entry is None else entry.hold.asked.deployment
        past = PastReview(record.hold, deployment, record.person, record.role, act, at, shown, record.defect)
        self._past.append(past)
        self._windows.add(past)
        if entry is not None and not record.defect:
            signed = record.statement.encode()
            entry.counted.append(Counted(record.person, record.role, act, at, shown, record.envelope, signed))

    def _planted(self, hold: str) -> None:
        entry = self._entries.get(hold)
        if entry is not None:
            self.revealed[hold] = entry.hold.clauses
            entry.revealed = True
            self._open.pop(entry.hold.asked, None)

    def entry(self, hold: str) -> Entry:
        """The hold with this id, which is known to be there."""
        return self._entries[hold]

    def find(self, hold: str) -> Entry | None:
        """The hold with this id."""
        return self._entries.get(hold)

    def all(self) -> Iterable[Entry]:
        """Every hold, oldest first."""
        return self._entries.values()

    def open(self) -> Iterable[Entry]:
        """Those that may still be open, oldest first; their time may be up."""
        return (entry for entry in self._entries.values() if not (entry.used or _is_decided(entry)))

    def of(self, asked: Asked, now: datetime) -> Entry | None:
        """The hold that this very use waits under: open, or approved and not used."""
        name = self._open.get(asked)
        if name is None:
            return None
        entry = self._entries[name]
        if entry.status(now) in {Status.OPEN, Status.APPROVED}:
            return entry
        if not entry.taken:
            del self._open[asked]
        return None

    def waiting(self, roles: Iterable[str], now: datetime) -> Iterator[Entry]:
        """The open holds that one of these roles is asked about and not all given for, oldest first."""
        wanted = frozenset(roles)
        for name in self._open.values():
            entry = self._entries[name]
            if entry.status(now) is Status.OPEN and not wanted.isdisjoint(entry.missing()):
                yield entry

    def decisions_of(self, person: str, since: datetime) -> tuple[PastReview, ...]:
        """What this person decided since then, in the order of the log."""
        return tuple(one for one in self._newest(since) if one.person == person)

    def measured(self, deployment: str, now: datetime) -> Measured:
        """What clauses may read of how decisions about holds of this deployment came about."""
        return self._windows.measured(deployment, now)

    def reviews(self, since: datetime) -> tuple[PastReview, ...]:
        """What was decided since then, in the order of the log."""
        return tuple(self._newest(since))

    def _newest(self, since: datetime) -> list[PastReview]:
        found: list[PastReview] = []
        for one in reversed(self._past):
            if one.at < since:
                break
            found.append(one)
        return found[::-1]

    def forget(self, now: datetime) -> None:
        """Drops what nobody can use or count any more: decisions, and holds that were over, 366 days ago."""
        past = now - timedelta(seconds=KEPT_SECONDS)
        self._past = [one for one in self._past if one.at >= past]
        over = [name for name, one in self._entries.items() if one.hold.expires_at < past]
        for name in over:
            asked = self._entries.pop(name).hold.asked
            if self._open.get(asked) == name:  # the same use may wait again by now
                del self._open[asked]
            self.revealed.pop(name, None)


def _is_decided(entry: Entry) -> bool:
    return not entry.missing() or any(one.act is Act.REFUSE for one in entry.counted)


def hold_of(record: DecisionRecord, record_id: str) -> Hold:
    """The hold that this record opened; raises `ValueError` for a record that opened none."""
    if record.hold is None:
        raise ValueError("the record opens no hold")
    return Hold(
        record_id,
        Asked(record.deployment, record.principal, record.request, record.bundle),
        dict(record.hold.roles),
        record.decision.clauses,
        parse_time(record.time),
        parse_time(record.hold.expires_at),
        record.hold.afterwards,
    )
