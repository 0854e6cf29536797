"""A watched gateway: cosigned over HTTP, alive by its heartbeats, held to what is kept elsewhere."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from caveat.cli.witness_app import SIZE_TYPE, witness_app
from caveat.gateway.logs import make_logger
from caveat.gateway.metrics import Metrics
from caveat.ledger.errors import FolderError
from caveat.ledger.folder import CHECKPOINT, COSIGNED
from caveat.ledger.quorum import Policy, parse_policy
from caveat.ledger.witness import Witness
from caveat.service.watch import Watch, WatchConfig, read_known
from caveat.signing.cosignature import cosigner_key
from tests.ledger.logs import VERIFIER, records, write_log
from tests.ledger.test_quorum import WITNESSES
from tests.ledger.test_witness import submission

NOW = 1_700_000_000
pytestmark = pytest.mark.slow


class Beats:
    """What a heartbeat was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []
        self.came = asyncio.Event()

    async def __call__(self, every_seconds: int, witnessed: int) -> None:
        self.seen.append((every_seconds, witnessed))
        self.came.set()


async def serving(folder: Path) -> tuple[web.AppRunner, str]:
    """A witness on loopback."""
    witness = Witness.open(folder, "W10.example", WITNESSES["W10"], [VERIFIER], lambda: NOW)
    runner = web.AppRunner(witness_app(witness))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


def policy(url: str) -> Policy:
    key = cosigner_key("W10.example", WITNESSES["W10"].public()).render()
    return parse_policy(f"witness W {key} {url}\nquorum W\n".encode())


def watch(ledger: Path, config: WatchConfig, beats: Beats, metrics: Any = None) -> Watch:
    return Watch(config, ledger, metrics or Metrics(), make_logger(level="error"), beats, lambda: NOW)


async def grown(ledger: Path, start: int, end: int) -> None:
    """`write_log` runs a loop of its own."""
    await asyncio.to_thread(write_log, ledger, records(end)[start:])


async def test_checkpoints_are_cosigned_over_http_and_a_last_one_at_the_end(tmp_path: Path) -> None:
    await grown(tmp_path / "log", 0, 5)
    runner, url = await serving(tmp_path / "w")
    metrics, beats = Metrics(), Beats()
    watching = watch(tmp_path / "log", WatchConfig(policy(url), heartbeat_seconds=0), beats, metrics)
    try:
        await watching.start()
        kept = policy(url).verify((tmp_path / "log" / COSIGNED).read_bytes(), now_seconds=NOW, log=VERIFIER)
        assert (kept.checkpoint.size, kept.quorum) == (5, True)
        await watching.stop()
        await grown(tmp_path / "log", 5, 300)
        await watching.close()
    finally:
        await runner.cleanup()
    kept = policy(url).verify((tmp_path / "log" / COSIGNED).read_bytes(), now_seconds=NOW, log=VERIFIER)
    assert kept.checkpoint.size == 300
    assert b"caveat_witnessed_records 300.0" in metrics.render()
    assert b'caveat_witness_calls_total{outcome="cosigned"} 2.0' in metrics.render()


async def test_a_log_that_a_witness_contradicts_does_not_start(tmp_path: Path) -> None:
    await grown(tmp_path / "log", 0, 5)
    shutil.copytree(tmp_path / "log", tmp_path / "back")
    await grown(tmp_path / "log", 5, 9)
    runner, url = await serving(tmp_path / "w")
    try:
        first = watch(tmp_path / "log", WatchConfig(policy(url), heartbeat_seconds=0), Beats())
        await first.start()
        await first.close()
        second = watch(tmp_path / "back", WatchConfig(policy(url), heartbeat_seconds=0), Beats())
        with pytest.raises(FolderError, match="`W` has cosigned"):
            await second.start()
    finally:
        await runner.cleanup()


async def test_a_witness_that_is_away_stops_nothing(tmp_path: Path) -> None:
    await grown(tmp_path / "log", 0, 5)
    metrics = Metrics()
    config = WatchConfig(policy("http://127.0.0.1:9"), heartbeat_seconds=0)
    watching = watch(tmp_path / "log", config, Beats(), metrics)
    await watching.start()
    await watching.close()
    assert b'caveat_witness_calls_total{outcome="unreachable"}' in metrics.render()
    assert not (tmp_path / "log" / COSIGNED).exists()


async def test_a_heartbeat_comes_at_its_interval(tmp_path: Path) -> None:
    await grown(tmp_path / "log", 0, 5)
    beats = Beats()
    watching = watch(tmp_path / "log", WatchConfig(heartbeat_seconds=1), beats)
    await watching.start()
    await asyncio.wait_for(beats.came.wait(), 30)
    await watching.close()
    assert beats.seen[0] == (1, 0)


async def test_the_checkpoint_kept_elsewhere_is_renewed_and_its_loss_is_noticed(tmp_path: Path) -> None:
    known = tmp_path / "volume" / "checkpoint"
    assert read_known(known, tmp_path / "log") == ()
    await grown(tmp_path / "log", 0, 5)
    with pytest.raises(FolderError, match="is gone"):
        read_known(known, tmp_path / "log")
    watching = watch(tmp_path / "log", WatchConfig(heartbeat_seconds=0, known=known), Beats())
    await watching.start()
    await watching.close()
    assert read_known(known, tmp_path / "log") == ((tmp_path / "log" / CHECKPOINT).read_bytes(),)
    assert read_known(None, tmp_path / "log") == ()


async def test_the_statuses_of_the_protocol(tmp_path: Path) -> None:
    await grown(tmp_path / "log", 0, 5)
    runner, url = await serving(tmp_path / "w")
    try:
        async with ClientSession() as session:
            good = submission(tmp_path / "log", 0)
            for data, status, body in (
                (b"noise", 400, b""),
                (bytes(100_000), 400, b""),
                (good, 200, None),
                (good, 409, b"5\n"),
            ):
                async with session.post(f"{url}/add-checkpoint", data=data) as response:
                    assert response.status == status
                    if body is not None:
                        assert await response.read() == body
                    if status == 409:
                        assert response.headers["content-type"] == SIZE_TYPE
            async with session.get(f"{url}/add-checkpoint") as response:
                assert response.status == 405
    finally:
        await runner.cleanup()
