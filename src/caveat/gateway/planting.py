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

from caveat.decision.verdict import Verdict
from caveat.gateway.errors import GatewayError
from caveat.gateway.gate import Gate, cite
from caveat.gateway.hold_view import render_view
from caveat.gateway.holding import Holding
from caveat.gateway.planted_case import Made, Opened, is_source, make_case, words_of
from caveat.gateway.ports import Law
from caveat.gateway.screening import with_scores
from caveat.ledger.record import DecisionRecord, PlantedRecord, parse_time, render_time
from caveat.oversight.hold import make_shown
from caveat.oversight.planted import ENROLMENT, NONCE_BYTES, Pace, Plant, commitment, delay
from caveat.oversight.vigilance import NEWEST, caught
from caveat.signing.digest import Digest

SOURCES = 200
"""So many of the newest uses of a queue that cases are made of, and so many bytes of them at most."""
SOURCE_BYTES = 1 << 20
TRIED = 40
_TICK_SECONDS = 1.0
_ACTIVE = timedelta(days=30)
_KEPT = timedelta(days=366)


class PlantStore(Protocol):
    """The secrets of what is planted and not revealed. It blocks; a failure is a `FaultError`."""

    def plant(self, action: Digest, nonce: bytes, hidden_from: frozenset[str]) -> None:
        """Keeps one durably."""
        ...

    def plants(self) -> dict[Digest, tuple[bytes, frozenset[str]]]:
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


@dataclass(frozen=True, slots=True)
class _Choice:
    """A case to plant, and who would know something in it again."""

    made: Made
    hidden_from: frozenset[str]


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
        self._used: set[str] = set()
        self._fresh: list[Opened] = []
        self._task: asyncio.Task[None] | None = None
        self._stepping = asyncio.Lock()
        self._take_up()
        holding.planted = self

    def _take_up(self) -> None:
        by_action = {entry.hold.asked.action: entry.hold.id for entry in self._holding.book.entries()}
        for action, (nonce, hidden_from) in self._store.plants().items():
            hold = by_action.get(action)
            if hold is None or hold in self._holding.book.revealed:
                self._store.uproot(action)
            else:
                self._plants[hold] = Plant(hold, nonce, hidden_from)

    def __contains__(self, hold: object) -> bool:
        """Whether this hold is planted, revealed or not."""
        return hold in self._plants or hold in self._holding.book.revealed

    def hides(self, hold: str, person: str) -> bool:
        """Whether this person is not asked about it, having seen what it was made of."""
        plant = self._plants.get(hold)
        return plant is not None and person in plant.hidden_from

    def shown(self, hold: str, person: str) -> None:
        """Takes in that this person saw what the hold shows."""
        if hold in self._shown:
            self._shown[hold].add(person)

    def opened(self, one: Opened) -> None:
        """Takes in a real use that waits from now on. Costs nothing here."""
        self._fresh.append(one)
        self._shown[one.id] = set()

    def start(self) -> None:
        """Plants and reveals from now on, in the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Ends it. What is planted waits in the store."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

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
        choice = self._choose(queue, law, now)
        if choice is None:
            self._log.info("planting", outcome="nothing_to_make_it_of")
            return
        nonce = secrets.token_bytes(NONCE_BYTES)
        action = commitment(nonce)
        made, hidden_from = choice.made, choice.hidden_from
        record = self._record(made, law, action, now)
        if record is None:
            return
        await asyncio.to_thread(self._store.plant, action, nonce, hidden_from)
        receipt = await self._gate.recorder.append(record)
        # INVARIANT: no await between the record and this line, so that nobody is asked before it is known.
        self._plants[receipt.record_id] = Plant(receipt.record_id, nonce, hidden_from)
        self._used |= {made.host.id, made.donor.id}
        self._gate.metrics.decided(record.point, record.decision, record.mode)
        shown = make_shown(render_view(record, receipt.record_id, law.bundle), made.content)
        expires_at = self._holding.book.entry(receipt.record_id).hold.expires_at
        await self._holding.keep(receipt.record_id, shown, expires_at)

    def _choose(self, queue: _Queue, law: Law, now: datetime) -> _Choice | None:
        """A case by chance, for any preference would show; of what was not used before, if there is such."""
        active = self._active(queue.roles, now)
        found: list[tuple[tuple[bool, bool], _Choice]] = []
        for _ in range(TRIED if len(queue.sources) > 1 else 0):
            host, donor = self.chance.sample(queue.sources, 2)
            made = make_case(host, donor, law.bundle.registry, self.chance)
            if made is None:
                continue
            seen_by = frozenset[str]().union(*(self._shown[one] for one in self._telling(made, queue)))
            reused = host.id in self._used or donor.id in self._used
            by_all = bool(seen_by) and active <= seen_by
            # Where everybody has seen it, it is better asked about than not.
            choice = _Choice(made, frozenset() if by_all else seen_by)
            found.append(((by_all, reused), choice))
        return min(found, key=lambda one: one[0])[1] if found else None

    @staticmethod
    def _telling(made: Made, queue: _Queue) -> tuple[str, ...]:
        """The uses that somebody knows again in it: words that nobody else asked in, data that stayed."""
        words = words_of(made.donor)
        alike = [one for one in queue.sources if words is not None and _says(one, words.content)]
        own = () if len(alike) > 1 else (made.donor.id,)
        return own if made.is_new else (*own, made.host.id)

    def _record(self, made: Made, law: Law, action: Digest, now: datetime) -> DecisionRecord | None:
        """The record as the first use would have it at this moment; None where it would not wait."""
        host = made.host
        gathered = law.witnesses.gather(host.call, host.deployment, host.found, now)
        cases = gathered.cases
        read = law.screening is not None and made.call.point in law.screening.points
        scores = law.screening.of_parts_now(made.call.parts) if law.screening is not None and read else {}
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
            evidence=tuple(cite(checked) for checked in gathered.evidence),
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

    def _forget(self, hold: str) -> None:
        self._shown.pop(hold, None)
        self._used.discard(hold)


def _says(one: Opened, words: bytes) -> bool:
    own = words_of(one)
    return own is not None and own.content == words
