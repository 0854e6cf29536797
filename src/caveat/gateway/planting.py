"""Plants cases among what waits for people, keeps them apart from everything else, and reveals them after.

Laws: a planted case is recorded, stored, listed, shown and decided about as any other, and nothing ever goes
through for it: no bytes have its name. Its secret is stored before its record is made, and revealed once its
time is up. Fails safe: where nothing can be planted nothing is, and the figures say of how many cases they
speak. Source: ADR-0040.
"""

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from structlog.types import FilteringBoundLogger

from caveat.call.call import Point
from caveat.decision.verdict import Verdict
from caveat.gateway.background import Background
from caveat.gateway.errors import GatewayError
from caveat.gateway.gate import Gate
from caveat.gateway.hold_view import render_view
from caveat.gateway.holding import Holding
from caveat.gateway.planted_case import Made, Opened, is_source, make_case
from caveat.gateway.ports import Law
from caveat.gateway.ruling import cite
from caveat.gateway.screening import Scores, with_scores
from caveat.ledger.record import DecisionRecord, PlantedRecord, parse_time, render_time
from caveat.oversight.hold import make_shown
from caveat.oversight.planted import ENROLMENT, NONCE_BYTES, Pace, Plant, commitment, delay
from caveat.oversight.vigilance import NEWEST, caught
from caveat.signing.digest import Digest

SOURCES = 200
"""So many of the newest uses of a queue that cases are made of, and so many bytes of them at most."""
SOURCE_BYTES = 1 << 20
TRIED = 40
ASIDE = timedelta(minutes=15)
"""For so long somebody who saw what a case was made of is not asked, nor about a real use in its place."""
_TICK_SECONDS = 1.0
_ACTIVE = timedelta(days=30)
_KEPT = timedelta(days=366)


class PlantStore(Protocol):
    """The secrets of what is planted and not revealed. It blocks; a failure is a `FaultError`."""

    def plant(self, action: Digest, nonce: bytes) -> None:
        """Keeps one durably."""
        ...

    def plants(self) -> dict[Digest, bytes]:
        """All of them, by what stands in their records."""
        ...

    def uproot(self, action: Digest) -> None:
        """Forgets one that was revealed."""
        ...


@dataclass(slots=True)
class _Queue:
    """What waits in one deployment for the same roles."""

    roles: frozenset[str]
    pace: Pace
    sources: deque[Opened] = field(default_factory=lambda: deque[Opened](maxlen=SOURCES))
    opened_at: deque[datetime] = field(default_factory=lambda: deque[datetime](maxlen=SOURCES))
    due: list[datetime] = field(default_factory=list[datetime])
    active: frozenset[str] = frozenset()
    drawn: tuple[set[str], ...] = ()
    is_drawn: bool = False


@dataclass(frozen=True, slots=True)
class _Choice:
    """A case to plant. `seen_by`: who saw each of the uses in which somebody would know something again."""

    made: Made
    seen_by: tuple[set[str], ...]


@dataclass(frozen=True, slots=True)
class _Aside:
    """Who is not asked at first: whoever saw one of some uses, for a while, where enough others are left."""

    queue: _Queue
    seen_by: tuple[set[str], ...]
    own: set[str]
    persons: int
    until: datetime


class Planting:
    """The planted cases of one gateway, its event loop's own."""

    def __init__(
        self,
        holding: Holding,
        gate: Gate,
        law_now: Callable[[], Law],
        store: PlantStore,
        log: FilteringBoundLogger,
        chance: random.Random | None = None,
    ) -> None:
        """Takes up what was planted before. `chance`: the operating system's, save in tests."""
        self._holding = holding
        self._gate = gate
        self._law_now = law_now
        self._store = store
        self._log = log
        self.chance = chance or random.SystemRandom()
        self._queues: dict[tuple[str, frozenset[str]], _Queue] = {}
        self._plants: dict[str, Plant] = {}
        self._shown: dict[str, set[str]] = {}
        self._aside: dict[str, _Aside] = {}
        self._used: set[str] = set()
        self._fresh: list[Opened] = []
        self._background = Background(self._run)
        self._stepping = asyncio.Lock()
        self._take_up()
        holding.planted = self

    def _take_up(self) -> None:
        by_action = {entry.hold.asked.action: entry.hold.id for entry in self._holding.book.all()}
        for action, nonce in self._store.plants().items():
            hold = by_action.get(action)
            if hold is None or hold in self._holding.book.revealed:
                self._store.uproot(action)
            else:
                self._plants[hold] = Plant(hold, nonce)

    def __contains__(self, hold: object) -> bool:
        """Whether this hold is planted, revealed or not."""
        return hold in self._plants or hold in self._holding.book.revealed

    def hides(self, hold: str, person: str) -> bool:
        """Whether this person is not asked about it yet: real or planted, by one and the same rule.

        A planted case is not asked of whoever saw what it was made of. Were it alone in that, it would wait
        longer than others. So a real use is not asked of whoever saw what a case in its place would have
        been made of.
        """
        aside = self._aside.get(hold)
        if aside is None or person in aside.own or not any(person in one for one in aside.seen_by):
            return False
        if len(aside.queue.active.difference(*aside.seen_by)) < aside.persons:
            return False  # enough others are needed
        return self._gate.now() < aside.until

    def shown(self, hold: str, person: str) -> None:
        """Takes in that this person saw what the hold shows."""
        if hold in self._shown:
            self._shown[hold].add(person)

    def opened(self, one: Opened) -> None:
        """Takes in a real use that waits from now on. Costs nothing here."""
        self._fresh.append(one)
        self._shown[one.id] = set()
        queue = self._queues.get((one.deployment.id, one.roles))
        if queue is not None:
            self._put_aside(queue, one.id, one.record, queue.drawn)
            queue.is_drawn = False

    def _put_aside(
        self, queue: _Queue, hold: str, record: DecisionRecord, seen_by: tuple[set[str], ...]
    ) -> None:
        if seen_by and record.hold is not None:
            persons = sum(number for _, number in record.hold.roles)
            until = parse_time(record.time) + ASIDE
            self._aside[hold] = _Aside(queue, seen_by, self._shown[hold], persons, until)

    def start(self) -> None:
        """Plants and reveals from now on, in the running loop."""
        self._background.start()

    async def stop(self) -> None:
        """Ends it. What is planted waits in the store."""
        await self._background.stop()

    async def _run(self) -> None:
        while True:
            try:
                left = await self.step()
            except GatewayError as error:
                self._log.error("planting", outcome="failed", cause=error.message)
                left = _TICK_SECONDS
            await asyncio.sleep(left)

    async def step(self) -> float:
        """Plants what is due, and reveals what is over; returns the seconds until it should be called again.

        Raises `GatewayError` where something could not be stored or recorded.
        """
        async with self._stepping:
            return await self._step()

    async def _step(self) -> float:
        now = self._gate.now()
        fresh, self._fresh = self._fresh, []
        for one in fresh:
            self._take_in(one, now)
        for queue in self._queues.values():
            for moment in [due for due in queue.due if due <= now]:
                queue.due.remove(moment)
                await self._plant(queue)
        self._draw(now)
        for plant in list(self._plants.values()):
            await self._reveal_if_over(plant, now)
        seconds = min(((one - now).total_seconds() for one in self.due), default=_TICK_SECONDS)
        return min(max(seconds, 0.0), _TICK_SECONDS)

    def _take_in(self, one: Opened, now: datetime) -> None:
        key = (one.deployment.id, one.roles)
        queue = self._queues.setdefault(key, _Queue(one.roles, Pace(self.chance)))
        queue.opened_at.append(parse_time(one.record.time))
        if len(one.content) <= SOURCE_BYTES and is_source(one):
            if len(queue.sources) == SOURCES:
                self._forget(queue.sources[0].id)
            queue.sources.append(one)
        else:
            self._forget(one.id)
        oversight = self._law_now().bundle.oversight
        share = max(oversight.of(role).planted_percent for role in one.roles) / 100
        if queue.pace.opened(share, enrolling=self._is_enrolling(one.roles, now)):
            queue.due.append(parse_time(one.record.time) + delay(tuple(queue.opened_at), self.chance))

    def _active(self, roles: frozenset[str], now: datetime) -> frozenset[str]:
        reviews = self._holding.book.reviews(now - _ACTIVE)
        return frozenset(one.person for one in reviews if one.role in roles)

    def _is_enrolling(self, roles: frozenset[str], now: datetime) -> bool:
        """Whether somebody here has not decided about enough planted cases yet."""
        active = self._active(roles, now)
        book = self._holding.book
        seen = (caught(book.decisions_of(one, now - _KEPT), self).total for one in active)
        return not active or any(total < min(ENROLMENT, NEWEST) for total in seen)

    @property
    def due(self) -> tuple[datetime, ...]:
        """When cases come that are not planted yet."""
        return tuple(sorted(one for queue in self._queues.values() for one in queue.due))

    async def _plant(self, queue: _Queue) -> None:
        law = self._law_now()
        while queue.sources and queue.sources[0].record.bundle != law.bundle.digest:
            self._forget(queue.sources.popleft().id)
        now = self._gate.now()
        queue.active = self._active(queue.roles, now)
        choice = self._choose(queue, law)
        if choice is None:
            self._log.info("planting", outcome="nothing_to_make_it_of")
            return
        nonce = secrets.token_bytes(NONCE_BYTES)
        action = commitment(nonce)
        made = choice.made
        record = self._record(made, law, action, now)
        if record is None:
            return
        await asyncio.to_thread(self._store.plant, action, nonce)
        receipt = await self._gate.recorder.append(record)
        # INVARIANT: no await between the record and this line, so that nobody is asked before it is known.
        self._plants[receipt.record_id] = Plant(receipt.record_id, nonce)
        self._shown[receipt.record_id] = set()
        self._put_aside(queue, receipt.record_id, record, choice.seen_by)
        self._used |= {made.host.id, made.donor.id}
        self._gate.metrics.decided(record.point, record.decision, record.mode)
        self._gate.metrics.unavailable(record.cases)
        shown = make_shown(render_view(record, receipt.record_id, law.bundle), made.content)
        expires_at = self._holding.book.entry(receipt.record_id).hold.expires_at
        await self._holding.keep(receipt.record_id, shown, expires_at)

    def _draw(self, now: datetime) -> None:
        """Draws for each queue what a case in the place of the next real use would be made of."""
        for queue in self._queues.values():
            queue.active = self._active(queue.roles, now)
            if not queue.is_drawn:
                choice = self._choose(queue, self._law_now())
                queue.drawn, queue.is_drawn = () if choice is None else choice.seen_by, True
        for hold in [hold for hold, aside in self._aside.items() if aside.until <= now]:
            del self._aside[hold]

    def _choose(self, queue: _Queue, law: Law) -> _Choice | None:
        """A case by chance, for any preference would show; of what was not used before, if there is such."""
        found: list[tuple[tuple[bool, bool], _Choice]] = []
        for _ in range(TRIED if len(queue.sources) > 1 else 0):
            # One by chance, then two like it: else planted calls were as rare as the square of real ones.
            point = self.chance.choice(queue.sources).record.point
            alike = [one for one in queue.sources if one.record.point is point]
            if len(alike) < 2:
                continue
            host, donor = self.chance.sample(alike, 2)
            made = make_case(host, donor, law.bundle.registry, self.chance)
            if made is None:
                continue
            seen_by = tuple(self._shown[one] for one in self._telling(made))
            reused = host.id in self._used or donor.id in self._used
            by_all = bool(seen_by) and queue.active <= set[str]().union(*seen_by)
            found.append(((by_all, reused), _Choice(made, seen_by)))
            if not (by_all or reused):
                break
        return min(found, key=lambda one: one[0])[1] if found else None

    @staticmethod
    def _telling(made: Made) -> tuple[str, ...]:
        """The uses that somebody may know again in it: words, and data that stayed as they were."""
        return (made.donor.id,) if made.is_new else (made.donor.id, made.host.id)

    def _record(self, made: Made, law: Law, action: Digest, now: datetime) -> DecisionRecord | None:
        """The record as the first use would have it at this moment; None where it would not wait."""
        host = made.host
        cases, evidence = host.record.cases, host.record.evidence
        if made.call.point is Point.PROMPT:
            gathered = law.witnesses.gather(host.call, host.deployment, host.found, now)
            cases, evidence = gathered.cases, tuple(cite(checked) for checked in gathered.evidence)
        screening = law.screening
        scores: Scores = {}
        if screening is not None and made.call.point in screening.points:
            scores = screening.of_parts_now(made.call.parts)
        cases = with_scores(cases, law.bundle, scores)
        decision = law.decisions.decide(made.call.point, cases)
        if decision.verdict is not Verdict.NEEDS_APPROVAL or frozenset(decision.approvals) != host.roles:
            return None
        record = replace(
            host.record,
            time=render_time(now),
            request=action,
            parts=made.data,
            cases=cases,
            decision=decision,
            evidence=evidence,
        )
        asked = self._holding.asked_of(record)
        return replace(record, hold=self._holding.held(asked, decision, law, now))

    async def _reveal_if_over(self, plant: Plant, now: datetime) -> None:
        entry = self._holding.book.find(plant.hold)
        if entry is not None and not entry.hold.is_over(now):
            return
        if entry is not None:
            await self._gate.recorder.append(PlantedRecord(render_time(now), plant.hold, plant.nonce.hex()))
            await asyncio.to_thread(self._store.uproot, Digest(entry.hold.asked.action))
        self._plants.pop(plant.hold, None)
        self._shown.pop(plant.hold, None)

    def _forget(self, hold: str) -> None:
        self._shown.pop(hold, None)
        self._used.discard(hold)
