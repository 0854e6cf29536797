"""What a gateway does for those who watch its log: heartbeats, cosignatures, and a checkpoint kept elsewhere.

None of it can let anything through, and a watcher that cannot be reached stops nothing but its own part. At
the start it is otherwise: a witness that contradicts the log, or a kept checkpoint that the log does not
continue, keeps the gateway from writing. Source: EVIDENCE attacks 47, 51 and 64, ADR-0024.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp
from structlog.types import FilteringBoundLogger

from caveat.gateway.errors import GatewayError
from caveat.ledger.disk import RealDisk, replace_durably
from caveat.ledger.errors import FolderError, LedgerError
from caveat.ledger.feed import Fed, Feeder, Told
from caveat.ledger.folder import CHECKPOINT, Folder
from caveat.ledger.quorum import Policy
from caveat.ledger.rotate import key_in_force

DEFAULT_HEARTBEAT_SECONDS = 300
DEFAULT_WITNESS_SECONDS = 10.0
_TIMEOUT = aiohttp.ClientTimeout(total=5)
_MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """Who watches. `known`: a file on another volume, compared at start and renewed while running.

    `heartbeat_seconds`: 0 for no heartbeat.
    """

    witnesses: Policy | None = None
    witness_seconds: float = DEFAULT_WITNESS_SECONDS
    heartbeat_seconds: int = DEFAULT_HEARTBEAT_SECONDS
    known: Path | None = None


class Counters(Protocol):
    """What is counted of it."""

    def witness_told(self, outcome: str) -> None: ...
    def witnessed(self, records: int) -> None: ...


def read_known(path: Path | None, ledger: Path) -> tuple[bytes, ...]:
    """The checkpoint kept in this file. None is kept yet only where there are no records either.

    Raises `FolderError`: a file that is gone may be how a rolled-back disk is hidden.
    """
    if path is None:
        return ()
    try:
        return (path.read_bytes(),)
    except FileNotFoundError as error:
        if not (ledger / CHECKPOINT).exists():
            return ()
        raise FolderError(
            "the checkpoint kept elsewhere is gone, and there is a log",
            "restore it; to begin keeping one: caveat ledger checkpoint LEDGER > FILE",
        ) from error


class Watch:
    """The tasks of one gateway. `start` before the first record, `stop` after the last."""

    def __init__(
        self,
        config: WatchConfig,
        ledger: Path,
        counters: Counters,
        log: FilteringBoundLogger,
        beat: Callable[[int, int], Awaitable[None]],
        clock: Callable[[], int],
    ) -> None:
        """`beat` records a heartbeat: its interval, and the records under a quorum.

        `clock`: POSIX seconds.
        """
        self._config = config
        self._view = Folder(RealDisk(), ledger)
        self._counters = counters
        self._log = log
        self._beat = beat
        self._clock = clock
        self._witnessed = 0
        self._session: aiohttp.ClientSession | None = None
        self._feeder: Feeder | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Asks the witnesses once; raises `FolderError` if one of them contradicts the log."""
        key = key_in_force(self._view.disk, self._view.root)
        if self._config.witnesses is not None and key is not None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
            self._feeder = Feeder(self._view, key, self._config.witnesses, self._post, self._clock)
            fed = await self._feeder.feed()
            self._tell(fed)
            if fed.contradicted:
                await self.close()
                raise FolderError(
                    f"the witness `{fed.contradicted[0]}` has cosigned what this log does not hold",
                    "restore the folder, or start a new log with a new origin; never reuse the old one",
                )
        if self._feeder is not None or self._config.known is not None:
            self._every(self._config.witness_seconds, self._round)
        if self._config.heartbeat_seconds:
            self._every(self._config.heartbeat_seconds, self._heartbeat)

    async def stop(self) -> None:
        """Ends the tasks; one last round when the log is closed is `close`'s."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def close(self) -> None:
        """A last round over what was published at the end, and the connections given back."""
        if self._tasks:
            await self.stop()
        if self._feeder is not None or self._config.known is not None:
            await self._guarded(self._round)
        if self._session is not None:
            await self._session.close()
            self._session, self._feeder = None, None

    def _every(self, seconds: float, do: Callable[[], Awaitable[None]]) -> None:
        async def repeat() -> None:
            while True:
                await asyncio.sleep(seconds)
                await self._guarded(do)

        self._tasks.append(asyncio.get_running_loop().create_task(repeat()))

    async def _guarded(self, do: Callable[[], Awaitable[None]]) -> None:
        """Nothing that goes wrong here may end the task: the next round may succeed, and the log says so."""
        try:
            await do()
        except (OSError, LedgerError, GatewayError) as error:
            self._log.error("watch", cause=type(error).__name__)

    async def _round(self) -> None:
        if self._feeder is not None:
            self._tell(await self._feeder.feed())
        if self._config.known is not None:
            data = self._view.disk.read(self._view.root / CHECKPOINT)
            files = {self._config.known: data}
            await asyncio.to_thread(replace_durably, RealDisk(), files)

    async def _heartbeat(self) -> None:
        await self._beat(self._config.heartbeat_seconds, self._witnessed)

    def _tell(self, fed: Fed) -> None:
        for name, told in fed.told.items():
            self._counters.witness_told(told.value)
            if told is Told.CONTRADICTED:
                self._log.error("witness", witness=name, outcome=told.value)
            elif told is not Told.COSIGNED:
                self._log.warning("witness", witness=name, outcome=told.value)
        if fed.cosigned is not None and fed.cosigned.quorum:
            self._witnessed = max(self._witnessed, fed.cosigned.checkpoint.size)
            self._counters.witnessed(self._witnessed)

    async def _post(self, url: str, body: bytes) -> tuple[int, bytes]:
        session = self._session
        if session is None:
            raise ConnectionError("the watch is closed")
        try:
            async with session.post(url, data=body, allow_redirects=False) as response:
                return response.status, await response.content.read(_MAX_ANSWER_BYTES)
        except aiohttp.ClientError as error:
            raise ConnectionError("the witness cannot be reached") from error
