"""What every exchange of one process uses."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from structlog.types import FilteringBoundLogger

from caveat.gateway.budgets import Budgets
from caveat.gateway.console.door import Console
from caveat.gateway.conversations import Conversations
from caveat.gateway.gate import Gate
from caveat.gateway.identity.callers import Identities
from caveat.gateway.kept_responses import KeptResponses
from caveat.gateway.metrics import Metrics
from caveat.gateway.overseeing import Overseeing
from caveat.gateway.ports import Law
from caveat.gateway.power import Power
from caveat.gateway.reviewing import Reviewing
from caveat.gateway.routing import Router
from caveat.gateway.tracing import NO_TRACE, Tracing
from caveat.gateway.transcripts import Transcripts


@dataclass(frozen=True, slots=True)
class Desk:
    """What every exchange uses. One per process."""

    gate: Gate
    router: Router
    metrics: Metrics
    log: FilteringBoundLogger
    law_now: Callable[[], Law]
    max_body_bytes: int
    identities: Identities
    budgets: Budgets = field(default_factory=Budgets)
    tracing: Tracing = NO_TRACE
    conversations: Conversations = field(default_factory=Conversations)
    transcripts: Transcripts | None = None
    responses: KeptResponses = field(default_factory=KeptResponses)
    overseeing: Overseeing | None = None
    power: Power | None = None
    reviewing: Reviewing | None = None
    console: Console | None = None
    paths_state: Callable[[], str] = lambda: "unmeasured"
    _running: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    def background(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        """Runs what has to finish even if the caller has gone."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def settle(self) -> None:
        """Waits for whatever runs in the background."""
        while self._running:
            await asyncio.wait(self._running)
