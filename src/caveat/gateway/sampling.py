"""Chooses among the uses that go through those that people review, and keeps what they were until then.

Laws: the secret is committed to on the log before it draws anything, and told when its period is over, so
that anybody derives the draw again; only what may be reviewed is kept, in the site's own store, and no longer
than the bundle says; no use waits for it. Fails safe: a draw that a crash interrupted is finished from the
log, and content that is lost is missing, while its review is demanded all the same. Source: ADR-0042.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from structlog.types import FilteringBoundLogger

from caveat.gateway.background import Background
from caveat.gateway.errors import GatewayError
from caveat.gateway.gate import Gate
from caveat.gateway.hold_view import render_use_view
from caveat.gateway.holding import Holding
from caveat.gateway.observer import Published
from caveat.gateway.planted_case import Opened
from caveat.gateway.ports import Law
from caveat.gateway.sample_planting import SamplePlanting
from caveat.ledger.record import (
    DecisionRecord,
    PlantedSampleRecord,
    SampleRecord,
    SamplingRecord,
    Share,
    parse_time,
    record_id_of,
    render_time,
)
from caveat.ledger.wire import parse_record
from caveat.oversight.hold import Shown, make_shown
from caveat.oversight.sampling import (
    Candidate,
    Period,
    Periods,
    candidate_of,
    commitment,
    drawn,
    seed_message,
)
from caveat.policy.oversight import Oversight

_TICK_SECONDS = 1.0
_EXPIRE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is to be stored of a use, and until when."""

    id: str
    shown: Shown
    until: datetime


@dataclass(frozen=True, slots=True)
class _Use:
    """What the record of a sample says of a use."""

    deployment: str
    requester: str
    clauses: tuple[str, ...]
    hold: str | None


def shares_of(oversight: Oversight) -> tuple[Share, ...]:
    """What the bundle asks to be reviewed, as records say it."""
    if oversight.sampling is None:
        return ()
    return tuple(
        Share(row.deployment, row.clause, row.share_percent, row.least) for row in oversight.sampling.strata
    )


class Sampling:
    """The draws of one gateway, its event loop's own."""

    def __init__(
        self,
        gate: Gate,
        holding: Holding,
        law_now: Callable[[], Law],
        periods: Periods,
        ledger: Published,
        log: FilteringBoundLogger,
    ) -> None:
        """`periods`: folded from the log, and from every record on. Finishes what was begun before."""
        self._gate = gate
        self._holding = holding
        self._law_now = law_now
        self._periods = periods
        self._origin = ledger.origin
        self._log = log
        self._period: Period | None = None
        self._uses: dict[str, _Use] = {}
        self._pending: dict[str, int] = {}
        self._fresh: list[_Kept] = []
        self._gone: list[str] = []
        self._expired_at: datetime | None = None
        self._drawn = 0
        self._closing = False
        self.planting = SamplePlanting(holding.demands)
        holding.planted_samples = self.planting.about
        self._background = Background(self._run)
        self._stepping = asyncio.Lock()
        self._take_up(ledger)

    def _seed(self, number: int) -> bytes:
        keyed = self._gate.audit_hmac()
        keyed.update(seed_message(self._origin, number))
        return keyed.digest()

    def _take_up(self, ledger: Published) -> None:
        last, before = self._periods.last, self._periods.before
        if last is None:
            return
        if before is not None and last.record.revealed is not None:
            seed = bytes.fromhex(last.record.revealed)
            old = list(self._between(ledger, before.index, last.index))
            for use in drawn(old, before.record.shares, seed):
                self._pending[use] = before.record.number
        seed = self._seed(last.record.number)
        if commitment(seed) != last.record.commitment:
            return  # another key: the next record says that this secret is lost
        self._period = Period(last.record.number, seed, last.record.shares)
        for one in self._between(ledger, last.index, None):
            self._add(self._period, one)
        self._pending = {use: number for use, number in self._pending.items() if not self._is_known(use)}
        self._take_up_planted(ledger, last.index, last.record.number)

    def _take_up_planted(self, ledger: Published, start: int, number: int) -> None:
        """Whatever was sampled in this period and not drawn was planted: the secret tells it."""
        if self._period is None:
            return
        real = set(self._period.drawn())
        for entry in ledger.records(start):
            record = parse_record(entry.leaf)
            if not isinstance(record, SampleRecord) or record.period != number or record.about in real:
                continue
            if not self._holding.demands.is_planted(record.about):
                self.planting.about[record.about] = True

    def _between(self, ledger: Published, start: int, end: int | None) -> Iterator[Candidate]:
        for entry in ledger.records(start):
            if end is not None and entry.index >= end:
                return
            record, name = parse_record(entry.leaf), record_id_of(entry.index, entry.leaf)
            one = candidate_of(record, name)
            if one is not None and isinstance(record, DecisionRecord):
                self._uses[name] = _use_of(record)
                yield one

    def _is_known(self, use: str) -> bool:
        return self._holding.demands.find(use) is not None

    def _add(self, period: Period, one: Candidate) -> bool:
        """Whether something of it has to be kept."""
        taken = period.add(one)
        self._drawn += taken.drawn
        if taken.drawn:
            self._pending[one.id] = period.number
        if not (taken.drawn or taken.kept):
            self._uses.pop(one.id, None)
        for old in taken.dropped:
            self._uses.pop(old, None)
        self._gone += taken.dropped
        return taken.drawn or taken.kept

    def went_through(self, one: Opened, law: Law) -> None:
        """Takes in a use that goes through. Synchronous; what is to be kept of it is stored right after."""
        candidate = candidate_of(one.record, one.id)
        if candidate is None or self._period is None or law.bundle.oversight.sampling is None:
            return
        self._uses[one.id] = _use_of(one.record)
        if self._add(self._period, candidate):
            self._keep_of(one, law, one.content)
            return
        planted = self._instead(one, law, self._period)
        if planted is not None:
            self._uses[one.id] = _use_of(one.record)
            self._pending[one.id] = self._period.number
            self.planting.about[one.id] = False
            self._keep_of(one, law, planted)

    def _keep_of(self, one: Opened, law: Law, content: bytes) -> None:
        sampling = law.bundle.oversight.sampling
        if sampling is not None:
            shown = make_shown(render_use_view(one.record, one.id, law.bundle), content)
            until = parse_time(one.record.time) + timedelta(seconds=sampling.keep_seconds)
            self._fresh.append(_Kept(one.id, shown, until))

    def _instead(self, one: Opened, law: Law, period: Period) -> bytes | None:
        """What is planted in place of this use. Nothing is while the secret is about to be told."""
        oversight = law.bundle.oversight
        if oversight.sampling is None or self._closing:
            return None
        percent = max(oversight.of(role).planted_percent for role in oversight.sampling.roles)
        return self.planting.instead(one, law.bundle.registry, self._drawn / period.uses, percent)

    async def _reveal(self, now: datetime, *, at_end: bool = False) -> None:
        """Reveals what was reviewed or is overdue; at the end of the period everything."""
        for about, is_recorded in list(self.planting.about.items()):
            demand = self._holding.demands.find(about)
            if not is_recorded and at_end:
                self._pending.pop(about, None)  # nobody was asked yet
                self._uses.pop(about, None)
                self._gone.append(about)
            elif demand is not None and (at_end or demand.is_reviewed or demand.is_overdue(now)):
                record = PlantedSampleRecord(render_time(now), about, self._begun_last())
                await self._gate.recorder.append(record)
            else:
                continue
            del self.planting.about[about]

    def start(self) -> None:
        """Draws from now on, in the running loop."""
        self._background.start()

    async def stop(self) -> None:
        """Stores what is left, and ends."""
        if not await self._background.stop():
            return
        try:
            await self.step()
        except GatewayError as error:
            self._log.error("sampling", outcome="failed", cause=error.message)

    async def _run(self) -> None:
        while True:
            try:
                await self.step()
            except GatewayError as error:
                self._log.error("sampling", outcome="failed", cause=error.message)
            await asyncio.sleep(_TICK_SECONDS)

    async def step(self) -> None:
        """Stores, draws and begins anew whatever is due; raises `GatewayError` where it could not.

        What could not be stored or recorded is tried again.
        """
        async with self._stepping:
            now = self._gate.now()
            await self._keep(now)
            if self._is_over(now):
                await self._begin(now)
            await self._record(now)
            await self._reveal(now)

    async def _keep(self, now: datetime) -> None:
        store = self._holding.store
        while self._fresh:
            one = self._fresh[0]
            if one.id in self._uses:
                await asyncio.to_thread(store.keep, one.id, one.shown, one.until)
            self._fresh.pop(0)
        gone = [one for one in self._gone if one not in self._pending and not self._is_known(one)]
        await asyncio.to_thread(store.drop, gone)
        self._gone = []
        if self._expired_at is None or now - self._expired_at >= _EXPIRE_EVERY:
            await asyncio.to_thread(store.expire, now)
            self._expired_at = now

    def _is_over(self, now: datetime) -> bool:
        """Whether another period has to begin: by time, or since the bundle asks for other shares."""
        oversight, last = self._law_now().bundle.oversight, self._periods.last
        wanted = shares_of(oversight)
        if last is None:
            return bool(wanted)
        if wanted != last.record.shares or _review_seconds(oversight) != last.record.review_seconds:
            return True
        if oversight.sampling is None:
            return False
        if self._period is None:
            return True
        age = now - parse_time(last.record.time)
        return self._period.uses > 0 and age >= timedelta(seconds=oversight.sampling.period_seconds)

    async def _begin(self, now: datetime) -> None:
        law, last, old = self._law_now(), self._periods.last, self._period
        number = 1 if last is None else last.record.number + 1
        seed = self._seed(number)
        shares = shares_of(law.bundle.oversight)
        record = SamplingRecord(
            render_time(now),
            number,
            commitment(seed),
            None if old is None else old.seed.hex(),
            law.bundle.digest,
            shares,
            _review_seconds(law.bundle.oversight),
        )
        self._closing = True
        try:
            # INVARIANT: whoever knows the secret can tell what was planted, so all of it is revealed before.
            await self._reveal(now, at_end=True)
            await self._gate.recorder.append(record)
        finally:
            self._closing = False
        # INVARIANT: no await between the record and this line, so that each use counts in the period that the
        # log has it in.
        self._period, self._drawn = Period(number, seed, shares), 0
        if old is not None:
            for use in old.drawn():
                if not self._is_known(use):
                    self._pending.setdefault(use, old.number)

    async def _record(self, now: datetime) -> None:
        for use, period in list(self._pending.items()):
            if any(one.id == use for one in self._fresh):
                continue  # it came after the others were stored; what it was is stored before it is asked for
            about = self._uses.get(use)
            if about is not None and not self._is_known(use):
                begun = self._begun(period)
                review_by = now + timedelta(seconds=begun.review_seconds)
                record = SampleRecord(
                    render_time(now),
                    use,
                    period,
                    about.deployment,
                    about.requester,
                    about.clauses,
                    about.hold,
                    render_time(review_by),
                )
                await self._gate.recorder.append(record)
                if use in self.planting.about:
                    self.planting.about[use] = True
            self._pending.pop(use, None)
            self._uses.pop(use, None)

    def _begun_last(self) -> int:
        return 0 if self._periods.last is None else self._periods.last.record.number

    def _begun(self, period: int) -> SamplingRecord:
        for begun in (self._periods.last, self._periods.before):
            if begun is not None and begun.record.number == period:
                return begun.record
        raise AssertionError("a sample is of one of the last two periods")


def _use_of(record: DecisionRecord) -> _Use:
    hold = None if record.approved is None else record.approved.hold
    return _Use(record.deployment, record.principal, record.decision.clauses, hold)


def _review_seconds(oversight: Oversight) -> int:
    return 1 if oversight.sampling is None else oversight.sampling.review_seconds
