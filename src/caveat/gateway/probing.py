"""Plants uses on the live paths again and again, and has somebody paged where one is not refused.

Laws: what is planted is decided by the code and the law that serve, in a gateway without an endpoint and
without a ledger, so that it can reach nobody and counts in nothing; each round is a record of a kind that no
caller can cause. Fails loudly: a round that cannot be made says so as a path that is open does.
Source: ADR-0043.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import cache

from structlog.types import FilteringBoundLogger

from caveat.gateway.background import Background
from caveat.gateway.coverage.live import LivePath, Why, fault_of, live_law, one_of_each, path_of
from caveat.gateway.coverage.planted import Plant, plants
from caveat.gateway.coverage.shapes import read_shapes
from caveat.gateway.coverage.stage import Stage
from caveat.gateway.errors import GatewayError
from caveat.gateway.metrics import Metrics
from caveat.gateway.ports import Law
from caveat.gateway.recorder import Recorder
from caveat.ledger.record import OpenPath, PathsRecord

_EVERY = LivePath("*", "", "", stream=False)


@cache
def _every_plant() -> tuple[Plant, ...]:
    return plants(read_shapes())


class Probing:
    """The rounds of one gateway. `state`: `unmeasured` before the first, then `ok` or `open`."""

    def __init__(
        self,
        law_now: Callable[[], Law],
        recorder: Recorder,
        metrics: Metrics,
        log: FilteringBoundLogger,
        chance: random.Random | None = None,
    ) -> None:
        """Plants nothing yet. `chance`: the operating system's, save in tests."""
        self._law_now = law_now
        self._recorder = recorder
        self._metrics = metrics
        self._log = log
        self._chance = chance or random.SystemRandom()
        self._planted: tuple[str, Law] | None = None
        self._background = Background(self._run)
        self.state = "unmeasured"

    def start(self) -> None:
        """Plants from now on, in the running loop."""
        self._background.start()

    async def stop(self) -> None:
        """Ends it."""
        await self._background.stop()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._law_now().bundle.oversight.paths_seconds)
            try:
                await self.round()
            except GatewayError as error:
                self.state = "open"
                self._log.error("paths", outcome="failed", cause=error.message)

    async def round(self) -> PathsRecord:
        """Plants one use on each live path, and records what became of them.

        Raises `LedgerError` where the record cannot be made durable.
        """
        law = self._law_now()
        planted = one_of_each(_every_plant(), self._chance)
        try:
            stage = Stage(await self._planted_law(law))
        except ValueError as error:  # a bundle of which it cannot be made
            self._log.error("paths", outcome="failed", cause=type(error).__name__)
            return await self._close(law, 0, [(_EVERY, Why.UNMEASURED)])
        found: list[tuple[LivePath, Why]] = []
        for plant in planted:
            why = await fault_of(stage, plant)
            if why is not None:
                found.append((path_of(plant), why))
            await asyncio.sleep(0)  # uses of callers go first
        return await self._close(law, len(planted), found)

    async def _planted_law(self, law: Law) -> Law:
        """Made once for each law in force."""
        digest = law.bundle.digest
        if self._planted is None or self._planted[0] != digest:
            self._planted = (digest, await asyncio.to_thread(live_law, law.bundle))
        return self._planted[1]

    async def _close(self, law: Law, planted: int, found: Sequence[tuple[LivePath, Why]]) -> PathsRecord:
        rows = tuple(
            OpenPath(path.endpoint, path.direction, path.what, path.stream, why.value) for path, why in found
        )
        record = PathsRecord(self._recorder.now_text(), law.bundle.digest, planted, rows)
        self.state = "open" if rows else "ok"
        self._metrics.probed(planted, [row.why for row in rows])
        for row in rows:
            self._log.critical("paths", outcome=row.why, path=row.endpoint, direction=row.direction)
        await self._recorder.append(record)
        return record
