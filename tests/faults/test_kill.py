"""Kill -9 under load: every receipt that left the process is found in the log that the next one opens."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from caveat.ledger import Ledger
from caveat.ledger.verify import verify_folder
from caveat.signing.merkle import leaf_hash
from tests.ledger.logs import KEY, ORIGIN, VERIFIER


def kill_under_load(folder: Path, lines: int, first: int) -> dict[int, str]:
    """Starts a writer, kills it after so many receipts, and returns all that it told."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.writer", str(folder), str(first)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(lines)]
        writer.kill()
        told.extend(writer.stdout)
    whole = [line.split() for line in told if line.endswith(b"\n")]
    return {int(index): digest.decode() for index, digest in whole}


def judge(folder: Path, receipts: dict[int, str]) -> None:
    ledger = Ledger.open(folder, KEY, origin=ORIGIN)
    leaves = [leaf_hash(entry.leaf).hex() for entry in ledger.records()]
    ledger.close()
    assert receipts
    for index, digest in receipts.items():
        assert leaves[index] == digest
    assert verify_folder(folder, VERIFIER).holds


@pytest.mark.slow
def test_a_killed_process_loses_no_receipt(tmp_path: Path) -> None:
    judge(tmp_path / "log", kill_under_load(tmp_path / "log", 300, 0))


@pytest.mark.long
def test_a_process_killed_again_and_again_loses_no_receipt(tmp_path: Path) -> None:
    dice = random.Random(5)
    receipts: dict[int, str] = {}
    for life in range(20):
        told = kill_under_load(tmp_path / "log", dice.randint(1, 3000), life * 10_000_000)
        assert not receipts.keys() & told.keys()
        receipts |= told
        judge(tmp_path / "log", receipts)
