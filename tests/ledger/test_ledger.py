"""The ledger in use: order, receipts, what it refuses, and what it finds again."""

import asyncio
import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from caveat.call.call import Point
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.ledger import (
    FolderError,
    Ledger,
    LockedError,
    RefusedRecordError,
    RolledBackError,
    StoppedError,
)
from caveat.ledger.checkpoint import verify_checkpoint
from caveat.ledger.disk import RealDisk
from caveat.ledger.folder import Folder
from caveat.ledger.measure import measure_durable_records
from caveat.ledger.record import BundleRecord, Record, Reservation, StartRecord
from caveat.ledger.tiles import nodes_of
from caveat.ledger.verify import verify_folder
from caveat.ledger.wal import render_frames, replay_frames
from caveat.ledger.wire import parse_record, render_record
from caveat.signing.digest import Digest
from caveat.signing.keys import PrivateKey
from caveat.signing.merkle import inclusion_proof, leaf_hash, verify_inclusion
from tests.ledger.logs import (
    BUNDLE,
    FILES,
    KEY,
    ORIGIN,
    OTHER_KEY,
    VERIFIER,
    append_all,
    decision_record,
    moment,
    other_records,
    records,
    write_log,
)

MANY_NEEDS = Decision(Verdict.DENY, Reason.CLAUSE, needs=("n" * 200,) * 400)


def open_log(folder: Path) -> Ledger:
    return Ledger.open(folder, KEY, origin=ORIGIN, publish_seconds=0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_log(tmp_path / "log")
    opened.store_bundle(FILES)
    yield opened
    opened.close()


def test_512_callers_get_their_own_places_under_one_history(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    items = [decision_record(1, request=Digest(f"{n:064x}")) for n in range(512)]
    receipts = write_log(folder, items)
    assert [receipt.index for receipt in receipts] == list(range(512))
    checkpoints = {receipt.checkpoint for receipt in receipts}
    assert len(checkpoints) < 256, "callers shared their syncs"
    view = Folder(RealDisk(), folder)
    nodes = nodes_of(512, view.tile)
    final = verify_checkpoint((folder / "checkpoint").read_bytes(), VERIFIER)
    assert final.size == 512
    for item, receipt, leaf in zip(items, receipts, view.entries(0, 512), strict=True):
        assert parse_record(leaf) == item
        assert receipt.leaf_hash == leaf_hash(leaf).hex()
        assert receipt.record_id == f"{receipt.index}-{receipt.leaf_hash[:16]}"
        assert verify_checkpoint(receipt.checkpoint, VERIFIER).size > receipt.index
        proof = inclusion_proof(receipt.index, 512, nodes)
        assert verify_inclusion(leaf_hash(leaf), receipt.index, 512, proof, final.root)
    assert verify_folder(folder, VERIFIER).holds


def test_many_threads_share_one_ledger(ledger: Ledger) -> None:
    indices: list[int] = []

    def work(number: int) -> None:
        for step in range(20):
            record = decision_record(number * 100 + step)
            indices.append(ledger.append_blocking(render_record(record)).index)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(indices) == list(range(160))


def test_order_is_that_of_submitting_even_where_nobody_waits(ledger: Ledger) -> None:
    async def run() -> list[int]:
        waiters = [ledger.submit(render_record(decision_record(n))) for n in range(50)]
        waiters[7].cancel()
        done = await asyncio.gather(*waiters, return_exceptions=True)
        return [-1 if isinstance(receipt, BaseException) else receipt.index for receipt in done]

    assert asyncio.run(run()) == [-1 if n == 7 else n for n in range(50)]


def test_a_reopened_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    folder, items = tmp_path / "log", records(600)
    write_log(folder, items[:270])
    for start, end in ((270, 300), (300, 300), (300, 600)):
        write_log(folder, items[start:end])
    ledger = open_log(folder)
    found = [parse_record(entry.leaf) for entry in ledger.records()]
    assert found == items
    assert [entry.index for entry in ledger.records(590)] == list(range(590, 600))
    assert (ledger.size, ledger.published_size, ledger.dropped_bytes) == (600, 600, 0)
    ledger.close()
    report = verify_folder(folder, VERIFIER)
    assert report.holds
    assert sum(report.kinds.values()) == 600


def test_records_of_every_kind_hold(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    prompt = write_log(folder, records(2))[1]
    output = write_log(folder, [decision_record(2, point=Point.OUTPUT, of=prompt.record_id)])[0]
    write_log(folder, other_records(output, after=3))
    report = verify_folder(folder, VERIFIER)
    assert report.holds
    assert report.kinds == {
        "start": 1,
        "decision/prompt": 1,
        "decision/output": 1,
        "bundle": 1,
        "evidence": 1,
        "output_end": 1,
    }


def test_only_records_that_later_uses_depend_on_are_read_for_folds(tmp_path: Path) -> None:
    digest = Digest("a" * 64)
    binding = [
        decision_record(3, reserve=[Reservation("s", digest, 1, None)]),
        decision_record(4, once='"'),
        decision_record(5, once="a", reserve=[Reservation("s", digest, 1, 2)]),
    ]
    write_log(tmp_path / "log", [*records(3), *binding, decision_record(6)])
    ledger = open_log(tmp_path / "log")
    assert list(ledger.binding_records()) == binding
    ledger.close()


def test_a_clock_that_goes_back_is_held_at_the_last_time(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    write_log(folder, [decision_record(9)])
    write_log(folder, [decision_record(3), decision_record(10)])
    ledger = open_log(folder)
    assert [parse_record(entry.leaf).time for entry in ledger.records()] == [moment(9), moment(9), moment(10)]
    ledger.close()


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (StartRecord(moment(0), Digest("f" * 64), "0.1.0", ORIGIN), "not stored"),
        (BundleRecord("yesterday", BUNDLE), "time"),
        (replace(decision_record(1), model="m" * 300), "model"),
        (replace(decision_record(1), decision=MANY_NEEDS), "65535"),
    ],
)
def test_a_record_that_cannot_be_written_is_refused_alone(ledger: Ledger, record: Record, why: str) -> None:
    with pytest.raises(RefusedRecordError, match=why):
        ledger.append_blocking(render_record(record))
    assert ledger.append_blocking(render_record(decision_record(1))).index == 0


def test_a_record_without_one_rendering_is_refused_alone(ledger: Ledger) -> None:
    record = render_record(decision_record(1))
    with pytest.raises(RefusedRecordError, match="canonical"):
        ledger.append_blocking(
            {**record, "cases": [{"facts": [], "claims": {"share": 0.5}, "approvals": [], "findings": []}]}
        )
    with pytest.raises(RefusedRecordError, match="malformed"):
        ledger.append_blocking({**record, "unknown": 1})
    assert ledger.append_blocking(record).index == 0


@pytest.mark.parametrize("name", ["../outside", "/absolute", "a/../b", "", "a//b", "./a"])
def test_a_bundle_file_never_lands_outside_its_folder(ledger: Ledger, tmp_path: Path, name: str) -> None:
    before = set(tmp_path.rglob("*"))
    with pytest.raises(FolderError):
        ledger.store_bundle({name: b"x"})
    assert set(tmp_path.rglob("*")) == before


def test_a_stored_bundle_is_read_back_with_its_folders(ledger: Ledger, tmp_path: Path) -> None:
    assert ledger.store_bundle(FILES) == BUNDLE
    assert Folder(RealDisk(), tmp_path / "log").bundle(BUNDLE) == FILES


def test_a_closed_ledger_takes_nothing(tmp_path: Path) -> None:
    ledger = open_log(tmp_path / "log")
    ledger.store_bundle(FILES)
    ledger.close()
    ledger.close()
    with pytest.raises(StoppedError):
        ledger.append_blocking(render_record(decision_record(1)))


def test_two_ledgers_cannot_write_one_log(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(LockedError):
        open_log(tmp_path / "log")
    assert ledger.append_blocking(render_record(decision_record(1))).index == 0


def _hold(folder: Path, pipe: Connection) -> None:
    opened = open_log(folder)
    pipe.send("open")
    pipe.recv()
    opened.close()
    pipe.send("closed")


@pytest.mark.slow
def test_two_processes_cannot_write_one_log(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    other = context.Process(target=_hold, args=(folder, there))
    other.start()
    try:
        assert here.recv() == "open"
        with pytest.raises(LockedError):
            open_log(folder)
        here.send("close")
        assert here.recv() == "closed"
        open_log(folder).close()
    finally:
        other.join()


@pytest.mark.parametrize(
    ("key", "origin"), [(OTHER_KEY, ORIGIN), (KEY, "another.example/log"), (KEY, "no spaces")]
)
def test_another_key_or_origin_does_not_open_the_log(tmp_path: Path, key: PrivateKey, origin: str) -> None:
    write_log(tmp_path / "log", records(3))
    with pytest.raises(FolderError):
        Ledger.open(tmp_path / "log", key, origin=origin)


def segment(folder: Path) -> Path:
    return max((folder / "wal").iterdir())


def cut_wal(folder: Path) -> None:
    os.truncate(segment(folder), segment(folder).stat().st_size - 1)


def remove_wal(folder: Path) -> None:
    segment(folder).unlink()


def remove_checkpoint(folder: Path) -> None:
    (folder / "checkpoint").unlink()


def change_a_record(folder: Path) -> None:
    path = segment(folder)
    leaves = list(replay_frames(path.read_bytes()).leaves)
    leaves[5] = leaves[5].replace(b"analyst", b"nobody!")
    path.write_bytes(render_frames(leaves))


def drop_a_record(folder: Path) -> None:
    path = segment(folder)
    path.write_bytes(render_frames(replay_frames(path.read_bytes()).leaves[1:]))


@pytest.mark.parametrize("damage", [cut_wal, remove_wal, remove_checkpoint, change_a_record, drop_a_record])
def test_a_rolled_back_disk_does_not_open(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    folder = tmp_path / "log"
    write_log(folder, records(20))
    damage(folder)
    with pytest.raises(RolledBackError):
        open_log(folder)


def test_a_log_cut_behind_its_checkpoint_but_before_what_was_signed_does_not_open(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    ledger = Ledger.open(folder, KEY, origin=ORIGIN, publish_seconds=600)
    ledger.store_bundle(FILES)
    append_all(ledger, records(20))
    copy = tmp_path / "copy"  # as a kill leaves it: nothing published yet, twenty records acknowledged
    shutil.copytree(folder, copy)
    ledger.close()
    assert verify_checkpoint((copy / "checkpoint").read_bytes(), VERIFIER).size == 0
    path = segment(copy)
    leaves = replay_frames(path.read_bytes()).leaves
    path.write_bytes(render_frames(leaves[:-1]))
    with pytest.raises(RolledBackError, match="last signed"):
        open_log(copy)
    path.write_bytes(render_frames(leaves))
    reopened = open_log(copy)
    assert reopened.published_size == 20
    reopened.close()


def test_a_torn_tail_that_nobody_was_told_of_is_dropped(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    write_log(folder, records(20))
    with segment(folder).open("ab") as file:
        file.write(b"\x00\x00\x01\x00torn")
    ledger = open_log(folder)
    assert ledger.dropped_bytes == 8
    ledger.store_bundle(FILES)
    assert append_all(ledger, [decision_record(30)])[0].index == 20
    ledger.close()
    assert verify_folder(folder, VERIFIER).holds


def test_an_emptied_log_does_not_begin_again(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    write_log(folder, records(20))
    (folder / "log.pub").unlink()
    with pytest.raises(FolderError):
        open_log(folder)


def test_segments_are_rotated_and_removed_once_published(tmp_path: Path) -> None:
    folder, items = tmp_path / "log", records(400)
    for start in range(0, 400, 100):
        ledger = Ledger.open(folder, KEY, origin=ORIGIN, publish_seconds=0, segment_bytes=20_000)
        ledger.store_bundle(FILES)
        for item in items[start : start + 100]:
            ledger.append_blocking(render_record(item))
        ledger.close()
    starts = Folder(RealDisk(), folder).segments()
    assert starts[0] > 300
    assert sum(path.stat().st_size for path in (folder / "wal").iterdir()) < 50_000
    report = verify_folder(folder, VERIFIER)
    assert report.holds
    assert sum(report.kinds.values()) == 400


def test_opening_a_long_log_reads_a_few_tiles_only(tmp_path: Path) -> None:
    class CountingDisk(RealDisk):
        reads = 0

        def read(self, path: Path) -> bytes:
            CountingDisk.reads += "tile" in path.parts
            return super().read(path)

    folder = tmp_path / "log"
    ledger = Ledger.open(folder, KEY, origin=ORIGIN, publish_seconds=0, segment_bytes=1000)
    ledger.store_bundle(FILES)
    append_all(ledger, records(2000))
    append_all(ledger, [decision_record(3000)])
    ledger.close()
    Ledger.open(folder, KEY, origin=ORIGIN, disk=CountingDisk()).close()
    assert CountingDisk.reads < 10


@pytest.mark.slow
def test_the_measure_counts_records() -> None:
    assert measure_durable_records(callers=8, seconds=0.2) > 0
