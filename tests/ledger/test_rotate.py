"""The log's key changes: whoever holds any key of it follows, and nobody else can make it change."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from caveat.ledger import FolderError, Ledger
from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner, verify_checkpoint
from caveat.ledger.disk import RealDisk
from caveat.ledger.errors import CheckpointParseError
from caveat.ledger.finding import Code
from caveat.ledger.folder import CHECKPOINT, KEY_FILE, ROTATED
from caveat.ledger.rotate import key_in_force, rotate
from caveat.ledger.verify import verify_folder
from caveat.signing.keys import Algorithm, private_key_from_seed
from caveat.signing.note import NoteKey, note_key
from tests.faults.disk import BufferedUntilSyncDisk
from tests.ledger.logs import (
    FILES,
    KEY,
    ORIGIN,
    OTHER_KEY,
    VERIFIER,
    append_all,
    moment,
    records,
    write_log,
)

THIRD_KEY = private_key_from_seed(Algorithm.ED25519, b"\x03" * 32)
EMPTY = Checkpoint(ORIGIN, 0, b"")
SECOND = note_key(ORIGIN, OTHER_KEY.public())
THIRD = note_key(ORIGIN, THIRD_KEY.public())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log of 300 records under the first key, 10 under the second and 10 under the third."""
    root = tmp_path / "log"
    items = records(320)
    write_log(root, items[:300])
    assert rotate(root, KEY, OTHER_KEY, moment(300)) == SECOND
    for key, part in ((OTHER_KEY, items[300:310]), (THIRD_KEY, items[310:])):
        ledger = Ledger.open(root, key, origin=ORIGIN)
        ledger.store_bundle(FILES)
        append_all(ledger, part)
        ledger.close()
        if key is OTHER_KEY:
            rotate(root, OTHER_KEY, THIRD_KEY, moment(310))
    return root


@pytest.mark.slow
@pytest.mark.parametrize("held", [VERIFIER, SECOND, THIRD], ids=["first", "second", "third"])
def test_whoever_holds_any_key_of_the_log_follows_it_to_the_newest(folder: Path, held: NoteKey) -> None:
    report = verify_folder(folder, held)
    assert report.holds
    assert report.kinds["key"] == 2
    assert any("key has changed" in note for note in report.notes) == (held is not THIRD)


@pytest.mark.slow
def test_a_checkpoint_of_an_earlier_key_is_still_continued(folder: Path, tmp_path: Path) -> None:
    write_log(tmp_path / "other", records(9)[1:])
    kept = (folder / ROTATED / f"{301:020d}").read_bytes()
    assert verify_folder(folder, THIRD, earlier=kept).holds
    Ledger.open(folder, THIRD_KEY, origin=ORIGIN, known=[kept]).close()
    foreign = (tmp_path / "other" / CHECKPOINT).read_bytes()
    assert [f.code for f in verify_folder(folder, THIRD, earlier=foreign).findings] == [
        Code.NOT_A_CONTINUATION
    ]


@pytest.mark.slow
def test_a_stranger_s_key_is_not_followed(folder: Path) -> None:
    stranger = note_key(ORIGIN, private_key_from_seed(Algorithm.ED25519, b"\x04" * 32).public())
    report = verify_folder(folder, stranger)
    assert [finding.code for finding in report.findings] == [Code.CHECKPOINT_INVALID]


@pytest.mark.slow
def test_a_change_of_key_that_the_old_key_did_not_sign_is_found(folder: Path) -> None:
    path = folder / ROTATED / f"{301:020d}"
    checkpoint = verify_checkpoint(path.read_bytes(), VERIFIER)
    path.write_bytes(CheckpointSigner(ORIGIN, THIRD_KEY, checkpoint).sign(checkpoint.size, checkpoint.root))
    assert Code.KEY_CHANGE_INVALID in [finding.code for finding in verify_folder(folder, VERIFIER).findings]


@pytest.mark.slow
def test_a_change_of_key_on_another_history_is_found(folder: Path) -> None:
    """The old key, stolen later, signs another root of the size at which the log changed hands."""
    path = folder / ROTATED / f"{301:020d}"
    checkpoint = verify_checkpoint(path.read_bytes(), VERIFIER)
    path.write_bytes(CheckpointSigner(ORIGIN, KEY, EMPTY).sign(checkpoint.size, b"\x05" * 32))
    assert [finding.code for finding in verify_folder(folder, VERIFIER).findings] == [Code.KEY_CHANGE_INVALID]


def test_the_old_key_opens_the_log_no_more(tmp_path: Path) -> None:
    write_log(tmp_path / "log", records(3))
    rotate(tmp_path / "log", KEY, OTHER_KEY, moment(3))
    with pytest.raises(FolderError, match="another key"):
        Ledger.open(tmp_path / "log", KEY, origin=ORIGIN)
    with pytest.raises(CheckpointParseError):
        verify_checkpoint((tmp_path / "log" / CHECKPOINT).read_bytes(), VERIFIER)
    assert key_in_force(RealDisk(), tmp_path / "log") == SECOND
    assert rotate(tmp_path / "log", KEY, OTHER_KEY, moment(3)) == SECOND


def test_a_log_cannot_change_to_the_key_that_it_has_and_none_has_no_key_to_change(tmp_path: Path) -> None:
    write_log(tmp_path / "log", records(3))
    with pytest.raises(FolderError, match="no log"):
        rotate(tmp_path / "nothing", KEY, OTHER_KEY, moment(1))
    assert rotate(tmp_path / "log", OTHER_KEY, KEY, moment(1)) == VERIFIER
    with pytest.raises(FolderError, match="another key"):
        rotate(tmp_path / "log", OTHER_KEY, THIRD_KEY, moment(1))


class _CutDisk(RealDisk):
    """A disk on which the process ends before some replacement of a file."""

    def __init__(self, dies_at: Callable[[Path], bool]) -> None:
        self.dies_at = dies_at

    def rename(self, source: Path, target: Path) -> None:
        if self.dies_at(target):
            raise KeyboardInterrupt
        super().rename(source, target)


@pytest.mark.parametrize("step", ["rotated", "checkpoint", KEY_FILE])
def test_a_change_that_was_cut_short_goes_on_when_it_is_called_again(tmp_path: Path, step: str) -> None:
    root = tmp_path / "log"
    write_log(root, records(5))
    before = (root / CHECKPOINT).read_bytes()

    def dies(target: Path) -> bool:
        own = (root / ROTATED).exists() if step == "checkpoint" else True
        return own and step in (target.name, target.parent.name)

    with pytest.raises(KeyboardInterrupt):
        rotate(root, KEY, OTHER_KEY, moment(5), disk=_CutDisk(dies))
    assert rotate(root, KEY, OTHER_KEY, moment(6)) == SECOND
    report = verify_folder(root, VERIFIER, earlier=before)
    assert report.holds
    Ledger.open(root, OTHER_KEY, origin=ORIGIN).close()


@pytest.mark.slow
def test_a_change_of_key_survives_a_power_cut_at_every_operation() -> None:
    root = Path("/disk/log")
    for crash_at in range(1, 120):
        disk = BufferedUntilSyncDisk()
        ledger = Ledger.open(root, KEY, origin=ORIGIN, disk=disk, publish_seconds=0)
        ledger.store_bundle(FILES)
        append_all(ledger, records(3))
        ledger.close()
        disk.crash_at = disk.operations + crash_at
        done = False
        try:
            rotate(root, KEY, OTHER_KEY, moment(3), disk=disk)
            done = True
        except Exception:
            assert disk.crashed
        survivor = disk.survivor(random.Random(crash_at))
        assert rotate(root, KEY, OTHER_KEY, moment(4), disk=survivor) == SECOND
        again = Ledger.open(root, OTHER_KEY, origin=ORIGIN, disk=survivor)
        assert len(list(again.records())) in (4, 5)
        again.close()
        if done:
            return
    raise AssertionError("the change never came to its end")
