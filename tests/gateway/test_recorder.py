"""What is durable is taken in, whoever has gone away meanwhile, and in the order of the log."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from caveat.gateway.recorder import Recorder
from caveat.ledger.record import Record
from caveat.signing.canonical import JsonObject

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Kept:
    record_id: str
    checkpoint: bytes = b""


@dataclass
class SlowLedger:
    """Records are durable when the test says so."""

    waiting: list["asyncio.Future[Kept]"] = field(default_factory=list["asyncio.Future[Kept]"])

    def submit(self, _record: JsonObject) -> "asyncio.Future[Kept]":
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    async def sync(self) -> None:
        for place, one in enumerate(self.waiting):
            if not one.done():
                one.set_result(Kept(str(place)))
        for _ in range(5):
            await asyncio.sleep(0)


def recorder_of(ledger: SlowLedger, fold: Callable[[Record, str], None]) -> Recorder:
    return Recorder(ledger, lambda: NOW, [fold])


async def test_a_caller_that_goes_away_leaves_a_record_that_is_taken_in() -> None:
    ledger, seen = SlowLedger(), list[str]()
    recorder = recorder_of(ledger, lambda _, where: seen.append(where))
    caller = asyncio.ensure_future(recorder.heartbeat(60, 0))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert seen == []
    await ledger.sync()
    assert seen == ["0"]


async def test_records_are_taken_in_in_the_order_of_the_log_whoever_waits() -> None:
    ledger, seen = SlowLedger(), list[str]()
    recorder = recorder_of(ledger, lambda _, where: seen.append(where))
    callers = [asyncio.ensure_future(recorder.heartbeat(60, 0)) for _ in range(6)]
    await asyncio.sleep(0)
    for gone in callers[::2]:
        gone.cancel()
    await asyncio.gather(*callers[::2], return_exceptions=True)
    await ledger.sync()
    await asyncio.gather(*callers[1::2])
    assert seen == ["0", "1", "2", "3", "4", "5"]


async def test_what_goes_wrong_while_a_record_is_taken_in_reaches_its_caller() -> None:
    def broken(_record: Record, _where: str) -> None:
        raise KeyError("a state")

    ledger = SlowLedger()
    caller = asyncio.ensure_future(recorder_of(ledger, broken).heartbeat(60, 0))
    await asyncio.sleep(0)
    await ledger.sync()
    with pytest.raises(KeyError, match="a state"):
        await caller
