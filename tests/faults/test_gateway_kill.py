"""A gateway killed under load: every verdict that an outside client received is in the log afterwards."""

import http.client
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from caveat.ledger import Ledger
from caveat.ledger.errors import LedgerError
from caveat.ledger.record import DecisionRecord
from caveat.ledger.wire import parse_record
from caveat.signing.keys import parse_private_key
from caveat.signing.merkle import leaf_hash
from tests.support.raw_client import asking, chat
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import CHAT_KEY, DESK_KEY

_CALLERS = 8


class OutsideClient:
    """Callers who keep a list of the verdicts that they received, and share nothing with the gateway."""

    def __init__(self, url: str) -> None:
        self.verdicts: list[tuple[str, str]] = []
        self._url = url
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(_CALLERS)]
        for thread in self._threads:
            thread.start()

    def _call(self, number: int) -> None:
        key = CHAT_KEY if number % 2 else DESK_KEY  # half are allowed, half are asked for evidence
        for step in range(10_000):
            try:
                answer = chat(self._url, key, asking(f"question {number}.{step}"))
            except (OSError, http.client.HTTPException):
                return
            for header in ("x-caveat-record", "x-caveat-output-record"):
                if header in answer.headers:
                    self.verdicts.append((answer.headers[header], answer.headers["x-caveat-verdict"]))

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()


def live_once(data: Path, upstream: str, kind: str, seconds: float) -> list[tuple[str, str]]:
    """One life of the gateway under load, ended by a kill."""
    command = [sys.executable, "-m", "tests.faults.gateway_process", str(data), upstream, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout is not None
        url = gateway.stdout.readline().strip()
        if not url:
            return []
        client = OutsideClient(url)
        while not client.verdicts:
            time.sleep(0.005)
        time.sleep(seconds)
        gateway.kill()
        client.wait()
    return client.verdicts


def lost(data: Path, verdicts: list[tuple[str, str]]) -> list[str]:
    """Received verdicts that the log does not hold, or why it cannot be read."""
    key = parse_private_key((data / "log.pem").read_bytes())
    try:
        ledger = Ledger.open(
            data / "ledger", key, origin=f"caveat.invalid/log/{key.public().keyid[:16]}", publish_seconds=0
        )
    except LedgerError as error:
        return [f"does not open: {error}"]
    leaves = [entry.leaf for entry in ledger.records()]
    ledger.close()
    held = {f"{index}-{leaf_hash(leaf).hex()[:16]}": verdict_of(leaf) for index, leaf in enumerate(leaves)}
    return [record for record, verdict in verdicts if held.get(record) != verdict]


def verdict_of(leaf: bytes) -> str | None:
    record = parse_record(leaf)
    return record.decision.verdict.value if isinstance(record, DecisionRecord) else None


@pytest.mark.slow
def test_a_killed_gateway_has_lost_no_verdict_that_anybody_received(tmp_path: Path) -> None:
    with scripted_upstream() as upstream:
        verdicts = live_once(tmp_path, upstream.url, "honest", 0.3)
        assert lost(tmp_path, verdicts) == []
        assert {verdict for _, verdict in verdicts} > {"allow"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["no-sync", "early"])
def test_the_check_catches_a_gateway_that_does_not_sync_first(tmp_path: Path, kind: str) -> None:
    """Anti-theatre: without fdatasync, or with answers released before it, the same check must fail."""
    with scripted_upstream() as upstream:
        assert any(
            lost(folder, live_once(folder, upstream.url, kind, 0.2))
            for folder in (tmp_path / str(life) for life in range(5))
        )


@pytest.mark.long
def test_a_gateway_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    dice = random.Random(11)
    verdicts: list[tuple[str, str]] = []
    with scripted_upstream() as upstream:
        for _ in range(15):
            verdicts += live_once(tmp_path, upstream.url, "honest", dice.random())
            assert lost(tmp_path, verdicts) == []
