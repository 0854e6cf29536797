"""Tells people what the ledger says: reads it behind the uses, keeps what is to be told, and tells it.

Laws: no use waits for it; what is told follows from the ledger, so that nothing is lost by a crash, a full
disk or a server that is down; what was not delivered is tried again, ever more rarely. Source: ADR-0041.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from structlog.types import FilteringBoundLogger

from caveat.gateway.errors import GatewayError
from caveat.gateway.holding import Holding
from caveat.gateway.metrics import Metrics
from caveat.gateway.ports import Law
from caveat.ledger.errors import LedgerError
from caveat.ledger.ledger import Entry
from caveat.ledger.record import record_id_of
from caveat.ledger.wire import parse_record
from caveat.oversight.hold import Status
from caveat.oversight.notices import Notice, expiring, notices_of, over_span, review_due, review_overdue
from caveat.service.notify_config import NotifyConfig
from caveat.service.sinks import DeliveryError, Mail, Siem, Sink, Webhook
from caveat.store.errors import OutboxError
from caveat.store.outbox import SqliteOutbox

_POLL_SECONDS = 0.5
_WATCH_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 3600.0
_BATCH = 512
_SOON = timedelta(minutes=15)


class Published(Protocol):
    """The published part of a log."""

    @property
    def published_size(self) -> int:
        """Records under its published checkpoint."""
        ...

    def records(self, start: int = 0) -> Iterator[Entry]:
        """Those from `start` on."""
        ...


class Notifier:
    """One per process. `start` and `stop` run in the server's loop; `tell` may be called from anywhere."""

    def __init__(
        self,
        outbox: SqliteOutbox,
        sinks: Sequence[Sink],
        ledger: Published,
        watch: Callable[[], Iterable[Notice]],
        metrics: Metrics,
        log: FilteringBoundLogger,
    ) -> None:
        """`watch`: what has to be told although no record says it. Older records are not told of."""
        self._outbox = outbox
        self._sinks = tuple(sinks)
        self._ledger = ledger
        self._watch = watch
        self._metrics = metrics
        self._log = log
        self._position = outbox.mark(ledger.published_size)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to read and to tell."""
        self._tasks = [
            asyncio.create_task(self._forever(partial(asyncio.to_thread, self.read), _POLL_SECONDS)),
            asyncio.create_task(self._forever(self._look, _WATCH_SECONDS)),
            *(asyncio.create_task(self._tell_forever(sink)) for sink in self._sinks),
        ]

    async def stop(self) -> None:
        """Ends; what is not told yet is told after the next start."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self._outbox.close)

    def tell(self, notice: Notice) -> None:
        """Keeps one notice for whoever is told of its event; blocks for one write."""
        self._outbox.take_in(self._rows([notice]))

    def _rows(self, notices: Iterable[Notice]) -> list[tuple[str, str, bytes]]:
        return [
            (one.id, sink.name, sink.render(one))
            for one in notices
            for sink in self._sinks
            if one.event in sink.events
        ]

    async def _forever(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            try:
                await work()
            except (OutboxError, LedgerError, GatewayError, OSError) as error:
                self._log.error("notify", outcome="failed", cause=type(error).__name__)
            await asyncio.sleep(seconds)

    def read(self) -> None:
        """Takes in what the ledger says by now."""
        while self._position < self._ledger.published_size:
            notices: list[Notice] = []
            position = self._position
            for entry in self._ledger.records(position):
                notices += notices_of(parse_record(entry.leaf), record_id_of(entry.index, entry.leaf))
                position = entry.index + 1
                if position - self._position >= _BATCH:
                    break
            self._outbox.take_in(self._rows(notices), position)
            self._position = position
        self._metrics.notices_waiting(self._outbox.count([sink.name for sink in self._sinks]))

    async def _look(self) -> None:
        found = self._rows(self._watch())
        if found:
            await asyncio.to_thread(self._outbox.take_in, found)

    async def _tell_forever(self, sink: Sink) -> None:
        failures = 0
        while True:
            try:
                told = await asyncio.to_thread(self.tell_next, sink)
                failures = 0
            except (DeliveryError, OutboxError) as error:
                failures += 1
                self._metrics.notified(sink.name, "failed")
                self._log.warning(
                    "notify", sink=sink.name, outcome="failed", cause=str(error), tries=failures
                )
                await asyncio.sleep(pause_seconds(failures))
                continue
            if not told:
                await asyncio.sleep(_POLL_SECONDS)

    def tell_next(self, sink: Sink) -> bool:
        """Delivers one notice there; False where none waits. Raises `DeliveryError`; then it waits on."""
        waiting = self._outbox.next(sink.name)
        if waiting is None:
            return False
        try:
            sink.deliver(waiting.id, waiting.body)
        except DeliveryError:
            self._outbox.failed(waiting)
            raise
        self._outbox.delivered(waiting)
        self._metrics.notified(sink.name, "delivered")
        return True


def pause_seconds(failures: int) -> float:
    """How long to wait after so many failures in a row: twice as long each time, up to an hour."""
    return min(2.0 ** min(failures - 1, 20), _LONGEST_PAUSE_SECONDS)


def sinks_of(config: NotifyConfig, clock: Callable[[], datetime]) -> tuple[Sink, ...]:
    """Everybody who is told."""
    found: list[Sink] = []
    if config.webhook is not None:
        found.append(Webhook(config.webhook, config.link, clock))
    if config.email is not None:
        found.append(Mail(config.email, config.link))
    if config.siem is not None:
        found.append(Siem(config.siem))
    return tuple(found)


def watching(holding: Holding, law_now: Callable[[], Law]) -> Callable[[], Iterator[Notice]]:
    """What no record says: holds whose time is nearly up, reviews that are due or overdue, and a queue
    beyond its span."""

    def watch() -> Iterator[Notice]:
        now, law = holding.clock(), law_now()
        for entry in holding.book.open():
            left = entry.hold.expires_at - now
            if timedelta(0) < left <= _SOON and entry.status(now) is Status.OPEN:
                yield expiring(entry, now)
        for demand in holding.demands.due():
            if demand.kind == "emergency":
                yield review_due(demand)
            if demand.is_overdue(now):
                yield review_overdue(demand)
        newest = holding.queue.newest(now)
        if newest is not None:
            expected = holding.outlook(newest.hold.id, law, now).expected_at
            if expected is None or expected > newest.hold.expires_at:
                yield over_span(holding.queue.waiting(now), now)

    return watch
