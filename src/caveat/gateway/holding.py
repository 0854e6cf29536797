"""Uses that wait for people: opened by a decision, shown to overseers, let through once.

Everything but what touches the store is synchronous and in memory, so that finding an approval, deciding on
it and taking it are one step. Fails closed: what cannot be stored cannot be shown, and what was not shown
cannot be approved. Source: DESIGN section 7, ADR-0037.
"""

import asyncio
import contextlib
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from caveat.decision.verdict import Decision, Verdict
from caveat.evidence.approval import VerifiedApproval
from caveat.gateway.planted_case import Opened
from caveat.gateway.ports import Law
from caveat.ledger.record import (
    Afterwards,
    Approved,
    DecisionRecord,
    Held,
    Record,
    parse_time,
    render_time,
)
from caveat.oversight.book import Book, Counted, Entry
from caveat.oversight.demanded import Demands
from caveat.oversight.hold import Asked, Shown, Status
from caveat.oversight.queue import Outlook, Pace, Queue
from caveat.oversight.review import Act
from caveat.policy.oversight import Oversight
from caveat.signing.digest import Digest

_DAY = timedelta(days=1)


class HoldStore(Protocol):
    """The site's own store of what waits, for content never stands in the ledger.

    It blocks. A failure is a `FaultError`.
    """

    def put(self, hold: str, shown: Shown, expires_at: datetime, now: datetime) -> None:
        """Keeps what a hold shows, durably."""
        ...

    def keep(self, use: str, shown: Shown, until: datetime) -> None:
        """Keeps what a use was that went through, until then and no longer, durably."""
        ...

    def drop(self, uses: Iterable[str]) -> None:
        """Forgets what these showed, and to whom."""
        ...

    def expire(self, now: datetime) -> None:
        """Forgets whatever is kept no longer by now."""
        ...

    def get(self, hold: str) -> Shown | None:
        """What the hold shows."""
        ...

    def has(self, hold: str) -> bool:
        """Whether it is stored what the hold shows."""
        ...

    def display(self, hold: str, person: str, at: datetime) -> datetime:
        """Notes that the hold is shown to this person now; returns when it was first, durably."""
        ...

    def displayed(self, hold: str, person: str) -> datetime | None:
        """When the hold was first shown to this person."""
        ...

    def count(self, key: str, value: int) -> bool:
        """Whether the counter of this passkey went on, which is then remembered, durably."""
        ...


class Planted(Protocol):
    """What of all that waits was planted. Source: ADR-0040."""

    def __contains__(self, hold: object) -> bool: ...

    def hides(self, hold: str, person: str) -> bool:
        """Whether this person is not asked about it."""
        ...

    def shown(self, hold: str, person: str) -> None:
        """Takes in that this person saw what the hold shows."""
        ...

    def opened(self, one: Opened) -> None:
        """Takes in a use that waits from now on."""
        ...


class NothingPlanted:
    """Where nothing is."""

    def __contains__(self, hold: object) -> bool:
        """Never."""
        return False

    def hides(self, hold: str, person: str) -> bool:
        """Never."""
        return hold in self and bool(person)

    def shown(self, hold: str, person: str) -> None:
        """Of no use."""

    def opened(self, one: Opened) -> None:
        """Of no use."""


@dataclass(frozen=True, slots=True)
class Given:
    """What people approved of one exact use, as far as it still counts. `roles`: those fully given."""

    hold: str
    roles: frozenset[str]
    envelopes: tuple[Digest, ...]

    def render(self) -> Approved:
        """As the record of the released use cites it."""
        return Approved(self.hold, self.envelopes)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Where a use waits: the hold's id, until when, and for how many persons of each role.

    `outlook`: how many wait before it, and when it is its turn at the pace of who is enrolled.
    `is_approved`: people have approved it, and it waits for what comes with it.
    """

    hold: str
    expires_at: str
    roles: Mapping[str, int]
    outlook: Outlook = field(default_factory=lambda: Outlook(0, None))
    is_approved: bool = False


class Holding:
    """The holds of one gateway, its event loop's own."""

    def __init__(
        self, book: Book, store: HoldStore, clock: Callable[[], datetime], demands: Demands | None = None
    ) -> None:
        """`book`, and the `demands` that fold behind it: folded from the log before anything is served."""
        self.book = book
        self.demands = Demands(book) if demands is None else demands
        self.store = store
        self.clock = clock
        self.queue = Queue(book)
        self.planted: Planted = NothingPlanted()
        self.planted_samples: Container[str] = frozenset()
        self._waiting: dict[str, asyncio.Event] = {}
        self._forgets_after = ""

    def fold(self, record: Record, record_id: str) -> None:
        """Takes in a durable record, and wakes whoever waits for a hold that it speaks of.

        Once a day by the log's own time it forgets what is too old to count.
        """
        self.book.fold(record, record_id)
        self.demands.fold(record, record_id)
        self.queue.fold(record, record_id)
        for name in (getattr(record, "hold", None), getattr(getattr(record, "approved", None), "hold", None)):
            if isinstance(name, str) and name in self._waiting:
                self._waiting.pop(name).set()
        if record.time > self._forgets_after:
            now = parse_time(record.time)
            self.book.forget(now)
            self._forgets_after = render_time(now + _DAY)

    def given(self, asked: Asked, law: Law, now: datetime) -> Given | None:
        """What is approved of this very use and counts at this moment; None where nothing is.

        Every approval is verified again: an approver whose key or role is gone by now approves nothing.
        """
        entry = self.book.of(asked, now)
        if entry is None or entry.status(now) is not Status.APPROVED:
            return None
        good = [one for one in entry.counted if one.act is Act.APPROVE and _still_counts(one, law, now)]
        persons: dict[str, set[str]] = {}
        for one in good:
            persons.setdefault(one.role, set()).add(one.person)
        roles = frozenset(
            role
            for role, number in entry.hold.roles.items()
            if len(persons.get(role, ())) >= number and not self.is_blocked(entry, role, now)
        )
        if not roles:
            return None
        return Given(entry.hold.id, roles, tuple(one.envelope for one in good if one.role in roles))

    def is_blocked(self, entry: Entry, role: str, now: datetime) -> bool:
        """Whether an earlier emergency has to be reviewed before an approval in this role counts."""
        return self.demands.blocking(role, entry.hold.clauses, now) is not None

    def is_approved(self, hold: str, now: datetime) -> bool:
        """Whether nobody has still to approve it."""
        entry = self.book.find(hold)
        return entry is not None and entry.status(now) is Status.APPROVED

    def take(self, given: Given) -> None:
        """Uses it up, before the record that says so is durable."""
        entry = self.book.find(given.hold)
        if entry is not None:
            entry.taken = True

    def give_back(self, given: Given) -> None:
        """The use that took it was not released after all."""
        entry = self.book.find(given.hold)
        if entry is not None:
            entry.taken = False

    def held(self, asked: Asked, decision: Decision, law: Law, now: datetime) -> Held | None:
        """What the record of a use that waits says of it; None where no person can release it.

        A use that waits already goes on waiting under the same id: asking again opens no second hold, unless
        what the first shows was never stored, so that nobody could ever approve it. Raises `FaultError`.
        """
        if decision.verdict is not Verdict.NEEDS_APPROVAL or not decision.approvals:
            return None
        entry = self.book.of(asked, now)
        if (
            entry is not None
            and entry.hold.roles.keys() >= set(decision.approvals)
            and self.store.has(entry.hold.id)
        ):
            hold = entry.hold
            return _held(hold.roles, hold.expires_at, hold.id, hold.afterwards)
        oversight = law.bundle.oversight
        roles = {role: law.bundle.manifest.roles[role].persons for role in decision.approvals}
        until = now + timedelta(seconds=oversight.waits_seconds(roles))
        return _held(roles, until, None, afterwards_of(oversight, roles))

    def outlook(self, hold: str, law: Law, now: datetime) -> Outlook:
        """How many holds wait before this one, and when it is its turn."""
        entry = self.book.find(hold)
        if entry is None:
            return Outlook(0, None)

        def pace(role: str) -> Pace:
            floors = law.bundle.oversight.of(role)
            return Pace(law.witnesses.persons_in(role, now), floors.items_per_hour)

        return self.queue.outlook(entry, pace, now)

    @staticmethod
    def asked_of(record: DecisionRecord) -> Asked:
        """Who asks for what in this record."""
        return Asked(record.deployment, record.principal, record.request, record.bundle)

    async def keep(self, hold: str, shown: Shown, expires_at: datetime) -> None:
        """Stores what the hold shows; raises `FaultError` where nobody could ever be shown it."""
        await asyncio.to_thread(self.store.put, hold, shown, expires_at, self.clock())

    async def wait(self, hold: str, seconds: float) -> Entry | None:
        """The hold, as soon as somebody decides about it, its time is up, or so long has passed."""
        entry = self.book.find(hold)
        if entry is None:
            return None
        now = self.clock()
        if entry.status(now) is Status.OPEN:
            left = (entry.hold.expires_at - now).total_seconds()
            event = self._waiting.setdefault(hold, asyncio.Event())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), min(seconds, max(left, 0.0)))
        return entry


def _still_counts(one: Counted, law: Law, now: datetime) -> bool:
    found = law.witnesses.admit_approval(one.signed, now)
    return (
        isinstance(found, VerifiedApproval)
        and found.overseer.person == one.person
        and found.approval.role == one.role
    )


def afterwards_of(oversight: Oversight, roles: Iterable[str]) -> tuple[Afterwards, ...]:
    """The reviews that approvals in these roles demand."""
    return tuple(
        Afterwards(role, one.reviewers, one.review_seconds, one.blocks)
        for role in sorted(roles)
        if (one := oversight.emergencies.get(role)) is not None
    )


def _held(
    roles: Mapping[str, int], expires_at: datetime, of: str | None, afterwards: tuple[Afterwards, ...]
) -> Held:
    return Held(tuple(sorted(roles.items())), render_time(expires_at), of, afterwards)
