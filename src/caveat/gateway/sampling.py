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

from caveat.gateway.errors import GatewayError
from caveat.gateway.gate import Gate
from caveat.gateway.hold_view import render_use_view
from caveat.gateway.holding import Holding
from caveat.gateway.observer import Published
from caveat.gateway.ports import Law
from caveat.ledger.record import (
    DecisionRecord,
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
        self._task: asyncio.Task[None] | None = None
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
        if taken.drawn:
            self._pending[one.id] = period.number
        if not (taken.drawn or taken.kept):
            self._uses.pop(one.id, None)
        for old in taken.dropped:
            self._uses.pop(old, None)
        self._gone += taken.dropped
        return taken.drawn or taken.kept

    def went_through(self, record: DecisionRecord, record_id: str, content: bytes, law: Law) -> None:
        """Takes in a use that goes through. Synchronous; what is to be kept of it is stored right after."""
        one = candidate_of(record, record_id)
        sampling = law.bundle.oversight.sampling
        if one is None or self._period is None or sampling is None:
            return
        self._uses[record_id] = _use_of(record)
        if self._add(self._period, one):
            shown = make_shown(render_use_view(record, record_id, law.bundle), content)
            until = parse_time(record.time) + timedelta(seconds=sampling.keep_seconds)
            self._fresh.append(_Kept(record_id, shown, until))

    def start(self) -> None:
        """Draws from now on, in the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stores what is left, and ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
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
        await self._gate.recorder.append(record)
        # INVARIANT: no await between the record and this line, so that each use counts in the period that the
        # log has it in.
        self._period = Period(number, seed, shares)
        if old is not None:
            for use in old.drawn():
                if not self._is_known(use):
                    self._pending.setdefault(use, old.number)

    async def _record(self, now: datetime) -> None:
        while self._pending:
            use, period = next(iter(self._pending.items()))
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
            self._pending.pop(use, None)
            self._uses.pop(use, None)

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
