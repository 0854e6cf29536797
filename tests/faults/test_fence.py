"""Two processes and one log: a process that was paused and wakes up later writes nothing that counts."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from caveat.ledger import Ledger, LockedError, StoppedError
from caveat.ledger.disk import RealDisk
from caveat.ledger.folder import LOCK, Folder
from caveat.ledger.verify import verify_folder
from caveat.ledger.wire import render_record
from caveat.signing.merkle import leaf_hash
from tests.ledger.logs import FILES, KEY, ORIGIN, VERIFIER, append_all, decision_record, write_log

WRITER = """
import sys
from pathlib import Path
from caveat.ledger import Ledger, LedgerError
from caveat.ledger.wire import render_record
from tests.ledger.logs import FILES, KEY, ORIGIN, decision_record
ledger = Ledger.open(Path(sys.argv[1]), KEY, origin=ORIGIN, publish_seconds=0.01)
ledger.store_bundle(FILES)
print("open", flush=True)
for line in sys.stdin:
    try:
        receipt = ledger.append_blocking(render_record(decision_record(int(line))))
        print(receipt.index, receipt.leaf_hash, flush=True)
    except LedgerError as error:
        print("stopped", error, flush=True)
"""


class Process:
    """Another process that appends what it is told to."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self.line() == "open"

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def tell(self, number: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.slow
def test_a_paused_process_keeps_a_second_one_out(tmp_path: Path) -> None:
    process = Process(tmp_path / "log")
    try:
        process.signal(signal.SIGSTOP)
        with pytest.raises(LockedError):
            Ledger.open(tmp_path / "log", KEY, origin=ORIGIN)
    finally:
        process.end()


@pytest.mark.slow
def test_a_process_that_wakes_up_after_another_took_the_log_over_writes_nothing(tmp_path: Path) -> None:
    """The lock is lost while the first process is paused, as a lease runs out; the second one takes over."""
    folder = tmp_path / "log"
    process = Process(folder)
    try:
        for number in range(5):
            process.tell(number)
            assert process.line().startswith(str(number))
        process.signal(signal.SIGSTOP)
        process.tell(1000)
        (folder / LOCK).unlink()
        second = Ledger.open(folder, KEY, origin=ORIGIN, publish_seconds=0.01)
        second.store_bundle(FILES)
        receipts = append_all(second, [decision_record(number) for number in range(10, 20)])
        process.signal(signal.SIGCONT)
        assert process.line() == "stopped the ledger stopped: another process took this log over"
        process.tell(1001)
        assert process.line().startswith("stopped")
        receipts += append_all(second, [decision_record(number) for number in range(20, 25)])
        leaves = [entry.leaf for entry in second.records()]
        second.close()
    finally:
        process.end()
    assert verify_folder(folder, VERIFIER).holds
    again = Ledger.open(folder, KEY, origin=ORIGIN)  # what is on the disk recovers to the same log
    after = [entry.leaf for entry in again.records()]
    again.close()
    assert len(after) == 20
    assert after[: len(leaves)] == leaves
    for receipt in receipts:
        assert leaf_hash(after[receipt.index]).hex() == receipt.leaf_hash


def test_a_paused_batch_lands_in_no_file_that_anybody_reads(tmp_path: Path) -> None:
    """What a process writes that woke up after its check goes where recovery does not look."""
    write_log(tmp_path / "log", [decision_record(1)])
    view = Folder(RealDisk(), tmp_path / "log")
    first = Ledger.open(tmp_path / "log", KEY, origin=ORIGIN)
    first.store_bundle(FILES)
    stale = first._sequencer._segments
    (tmp_path / "log" / LOCK).unlink()
    second = Ledger.open(tmp_path / "log", KEY, origin=ORIGIN)
    stale.append([b"{}"])
    stale.sync()
    assert all(view.disk.read(view.segment(start)) == b"" for start in view.segments()[-1:])
    second.close()
    with pytest.raises(StoppedError, match="took this log over"):
        first.append_blocking(render_record(decision_record(2)))
    first.close()
    assert verify_folder(tmp_path / "log", VERIFIER).holds
