"""Power cuts at any operation: whoever held a receipt finds the record again, judged from outside.

The same check runs on disks and sequencers that are wrong on purpose, and must fail there: a check that
cannot fail shows nothing.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from caveat.ledger import Ledger, LedgerError, Receipt, StoppedError
from caveat.ledger.checkpoint import verify_checkpoint
from caveat.ledger.sequencer import Pending, Sequencer
from caveat.ledger.verify import verify_folder
from caveat.ledger.wire import render_record
from caveat.signing.merkle import CompactRange, leaf_hash
from tests.faults.disk import BufferedUntilSyncDisk, LyingDisk
from tests.ledger.logs import FILES, KEY, ORIGIN, VERIFIER, decision_record

FOLDER = Path("/disk/log")
CALLERS = 12
MakeDisk = Callable[[int], BufferedUntilSyncDisk]


class ReleasesBeforeSync(Sequencer):
    """Wrong on purpose: tells its callers first and syncs then."""

    def _commit(self, batch: Sequence[Pending]) -> None:
        leaves = [pending.leaf for pending in batch]
        sealed = self._seal(leaves)
        self._release(batch, sealed)
        self._persist(leaves)
        self._publish(sealed)


class NeverSyncs(Sequencer):
    """Wrong on purpose: believes that a write is durable."""

    def _persist(self, leaves: Sequence[bytes]) -> None:
        self._segments.append(leaves)


def run_until_power_cut(disk: BufferedUntilSyncDisk, sequencer: type[Sequencer], first: int) -> list[Receipt]:
    """Callers append until the ledger stops; returns what an outside client saw acknowledged."""
    seen: list[Receipt] = []

    async def call(ledger: Ledger, caller: int) -> None:
        for step in range(200):
            record = decision_record(first + caller * 1000 + step)
            try:
                seen.append(await ledger.append(render_record(record)))
            except StoppedError:
                return

    async def run() -> None:
        ledger = Ledger.open(
            FOLDER, KEY, origin=ORIGIN, disk=disk, publish_seconds=0, segment_bytes=6000, sequencer=sequencer
        )
        try:
            ledger.store_bundle(FILES)
            await asyncio.gather(*(call(ledger, caller) for caller in range(CALLERS)))
        finally:
            ledger.close()

    try:
        asyncio.run(run())
    except OSError:
        assert disk.crashed, "nothing but the power cut may fail"
    return seen


def defects(disk: BufferedUntilSyncDisk, receipts: Sequence[Receipt], folder: Path) -> list[str]:
    """What is wrong after the power came back, by the receipts that clients hold."""
    try:
        ledger = Ledger.open(FOLDER, KEY, origin=ORIGIN, disk=disk)
        leaves = [entry.leaf for entry in ledger.records()]
        ledger.close()
    except LedgerError as error:
        return [f"the log does not open: {error}"]
    found: list[str] = []
    roots, tree = [CompactRange().root()], CompactRange()
    for leaf in leaves:
        tree.append(leaf_hash(leaf))
        roots.append(tree.root())
    for receipt in receipts:
        if receipt.index >= len(leaves) or leaf_hash(leaves[receipt.index]).hex() != receipt.leaf_hash:
            found.append(f"record {receipt.index} was acknowledged and is lost")
            continue
        checkpoint = verify_checkpoint(receipt.checkpoint, VERIFIER)
        if checkpoint.size >= len(roots) or roots[checkpoint.size] != checkpoint.root:
            found.append(f"the checkpoint of record {receipt.index} is not a prefix")
    disk.copy_to(folder, FOLDER)
    found.extend(finding.text for finding in verify_folder(folder, VERIFIER).findings)
    return found


def crash_and_judge(
    seed: int, folder: Path, make_disk: type[BufferedUntilSyncDisk], sequencer: type[Sequencer]
) -> list[str]:
    """One life until a power cut, a second one until another, and the verdict on both."""
    dice = random.Random(seed)
    disk = make_disk(crash_at=dice.randint(1, 400))
    receipts = run_until_power_cut(disk, sequencer, first=0)
    survivor = disk.survivor(dice)
    found = defects(survivor, receipts, folder / "first")
    if found:
        return found
    survivor.crash_at = survivor.operations + dice.randint(1, 400)
    receipts += run_until_power_cut(survivor, sequencer, first=100_000)
    return defects(survivor.survivor(dice), receipts, folder / "second")


@pytest.mark.slow
def test_no_acknowledged_record_is_lost_in_a_power_cut(tmp_path: Path) -> None:
    for seed in range(25):
        assert crash_and_judge(seed, tmp_path / str(seed), BufferedUntilSyncDisk, Sequencer) == [], seed


@pytest.mark.long
def test_no_acknowledged_record_is_lost_in_a_thousand_power_cuts(tmp_path: Path) -> None:
    for seed in range(1000, 1500):
        assert crash_and_judge(seed, tmp_path / str(seed), BufferedUntilSyncDisk, Sequencer) == [], seed


@pytest.mark.slow
def test_what_start_up_signs_is_durable_even_if_a_killed_process_left_it_unsynced(tmp_path: Path) -> None:
    for seed in range(15):
        dice = random.Random(seed)
        disk = BufferedUntilSyncDisk(crash_at=dice.randint(30, 300))
        receipts = run_until_power_cut(disk, Sequencer, first=0)
        disk.outlive_the_process()
        Ledger.open(FOLDER, KEY, origin=ORIGIN, disk=disk).close()
        assert defects(disk.survivor(dice), receipts, tmp_path / str(seed)) == [], seed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("disk", "sequencer"),
    [
        (LyingDisk, Sequencer),
        (BufferedUntilSyncDisk, NeverSyncs),
        (BufferedUntilSyncDisk, ReleasesBeforeSync),
    ],
    ids=["fdatasync does nothing", "no fdatasync", "released before fdatasync"],
)
def test_the_check_catches_a_ledger_that_does_not_sync_first(
    tmp_path: Path, disk: type[BufferedUntilSyncDisk], sequencer: type[Sequencer]
) -> None:
    """Anti-theatre: without the safeguard the same check, on the same seeds, must fail."""
    found = [
        defect
        for seed in range(25)
        for defect in crash_and_judge(seed, tmp_path / str(seed), disk, sequencer)
    ]
    assert any("lost" in defect or "does not open" in defect for defect in found)


@pytest.mark.slow
def test_creating_a_log_survives_a_power_cut_at_every_operation(tmp_path: Path) -> None:
    for crash_at in range(1, 60):
        disk = BufferedUntilSyncDisk(crash_at=crash_at)
        try:
            Ledger.open(FOLDER, KEY, origin=ORIGIN, disk=disk).close()
        except OSError:
            assert disk.crashed
        for seed in range(3):
            survivor = disk.survivor(random.Random(seed))
            assert defects(survivor, [], tmp_path / f"{crash_at}-{seed}") == []
