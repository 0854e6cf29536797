"""A witness never cosigns two histories, never forgets, and says so in the words of the protocol."""

import contextlib
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner, parse_checkpoint
from caveat.ledger.disk import RealDisk
from caveat.ledger.errors import FolderError, LockedError, SubmissionParseError
from caveat.ledger.folder import CHECKPOINT, Folder
from caveat.ledger.tiles import nodes_of
from caveat.ledger.witness import (
    Answer,
    Outcome,
    Submission,
    Witness,
    parse_lines,
    parse_submission,
    render_submission,
    with_signatures,
)
from caveat.signing.cosignature import cosigned_at
from caveat.signing.merkle import CompactRange, consistency_proof, leaf_hash
from caveat.signing.note import note_key, parse_note
from tests.faults.disk import BufferedUntilSyncDisk
from tests.ledger.logs import KEY, ORIGIN, OTHER_KEY, VERIFIER, records, write_log
from tests.ledger.test_quorum import WITNESSES

NAME, KEY_OF_WITNESS, NOW = "w.example", WITNESSES["W10"], 1_700_000_000


def open_witness(folder: Path, disk: RealDisk | BufferedUntilSyncDisk | None = None) -> Witness:
    return Witness.open(folder, NAME, KEY_OF_WITNESS, [VERIFIER], lambda: NOW, disk=disk)


def submission(log: Path, old: int) -> bytes:
    view = Folder(RealDisk(), log)
    data = (log / CHECKPOINT).read_bytes()
    size = parse_checkpoint(parse_note(data).text).size
    path = consistency_proof(old, size, nodes_of(size, view.tile)) if old <= size else ()
    return render_submission(Submission(old, path, data))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write_log(tmp_path / "log", records(10))
    return tmp_path / "log"


def test_a_log_that_grows_is_cosigned_each_time(tmp_path: Path, log: Path) -> None:
    witness = open_witness(tmp_path / "w")
    items = records(700)
    for old, new in ((0, 10), (10, 300), (300, 300), (300, 700)):
        if new > old:
            write_log(log, items[max(old, 10) : new]) if new > 10 else None
        answer = witness.add_checkpoint(submission(log, old))
        assert answer.outcome is Outcome.COSIGNED
        signed = with_signatures((log / CHECKPOINT).read_bytes(), parse_lines(answer.lines.encode()))
        assert cosigned_at(parse_note(signed), witness.verifier) == NOW
        assert witness.last(ORIGIN).size == new
        assert witness.cosigned(ORIGIN) == signed


def test_a_rolled_back_or_forked_log_is_never_cosigned(tmp_path: Path, log: Path) -> None:
    witness = open_witness(tmp_path / "w")
    shutil.copytree(log, tmp_path / "back")
    shutil.copytree(log, tmp_path / "fork")
    items = records(60)
    write_log(log, items[10:40])
    write_log(tmp_path / "fork", items[20:50])
    write_log(tmp_path / "longer", items[5:60])
    assert witness.add_checkpoint(submission(log, 0)).outcome is Outcome.COSIGNED
    assert witness.add_checkpoint(submission(tmp_path / "back", 10)) == Answer(Outcome.CONFLICT, size=40)
    assert witness.add_checkpoint(submission(tmp_path / "back", 40)).outcome is Outcome.MALFORMED
    assert witness.add_checkpoint(submission(tmp_path / "fork", 40)) == Answer(Outcome.CONFLICT, size=40)
    assert witness.add_checkpoint(submission(tmp_path / "longer", 40)).outcome is Outcome.INCONSISTENT
    assert witness.add_checkpoint(submission(tmp_path / "longer", 0)) == Answer(Outcome.CONFLICT, size=40)
    assert witness.last(ORIGIN).size == 40


def test_memory_survives_a_restart_and_damage_is_not_forgetting(tmp_path: Path, log: Path) -> None:
    witness = open_witness(tmp_path / "w")
    with pytest.raises(LockedError):
        open_witness(tmp_path / "w")
    witness.add_checkpoint(submission(log, 0))
    witness.close()
    again = open_witness(tmp_path / "w")
    assert again.last(ORIGIN).size == 10
    (kept,) = (tmp_path / "w").glob("*.checkpoint")
    kept.write_bytes(b"")
    with pytest.raises(FolderError, match="damaged"):
        again.add_checkpoint(submission(log, 0))


def test_unknown_logs_foreign_signatures_and_noise_are_told_apart(tmp_path: Path, log: Path) -> None:
    witness = open_witness(tmp_path / "w")
    signer = CheckpointSigner(ORIGIN, OTHER_KEY, Checkpoint(ORIGIN, 0, b""))
    foreign = signer.sign(1, leaf_hash(b"x"))
    other = CheckpointSigner("other.example", KEY, Checkpoint("other.example", 0, b"")).sign(
        1, leaf_hash(b"x")
    )
    answers = {
        Outcome.NOT_SIGNED: render_submission(Submission(0, (), foreign)),
        Outcome.UNKNOWN_LOG: render_submission(Submission(0, (), other)),
        Outcome.MALFORMED: b"old 1\n\nnoise",
        Outcome.INCONSISTENT: render_submission(Submission(0, (bytes(32),), (log / CHECKPOINT).read_bytes())),
    }
    for outcome, data in answers.items():
        assert witness.add_checkpoint(data).outcome is outcome


def test_a_log_s_key_cannot_be_its_witness(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="signs a log"):
        Witness.open(tmp_path / "w", NAME, KEY, [note_key("other.example", KEY.public())], lambda: NOW)


@pytest.mark.slow
def test_what_was_cosigned_is_remembered_through_a_power_cut_at_every_operation() -> None:
    tree, heads = CompactRange(), []
    signer = CheckpointSigner(ORIGIN, KEY, Checkpoint(ORIGIN, 0, b""))
    for number in range(8):
        tree.append(leaf_hash(b"%d" % number))
        heads.append(signer.sign(tree.size, tree.root()))
    leaves = [leaf_hash(b"%d" % number) for number in range(8)]

    def node(level: int, index: int) -> bytes:
        part = CompactRange()
        for leaf in leaves[index << level : (index + 1) << level]:
            part.append(leaf)
        return part.root()

    for crash_at in range(1, 70):
        disk = BufferedUntilSyncDisk(crash_at=crash_at)
        told = 0
        try:
            witness = open_witness(Path("/disk/w"), disk)
            for new, head in enumerate(heads, start=1):
                proof = consistency_proof(new - 1, new, node)
                answer = witness.add_checkpoint(render_submission(Submission(new - 1, proof, head)))
                assert answer.outcome is Outcome.COSIGNED
                told = new
        except OSError:
            assert disk.crashed
        again = open_witness(Path("/disk/w"), disk.survivor(random.Random(crash_at)))
        assert again.last(ORIGIN).size >= told


@given(st.binary(max_size=200))
def test_no_bytes_raise_another_error(data: bytes) -> None:
    for parse in (parse_submission, parse_lines):
        for whole in (data, b"old 3\n" + data, "\u2014 w ".encode() + data):
            with contextlib.suppress(SubmissionParseError):
                parse(whole)


@pytest.mark.parametrize(
    "data",
    [b"old 03\n\nx", b"old -1\n\nx", b"old 1\nAA==\n\nx", b"old 1\n" + b"A" * 44 + b"\n\nx", b"old 1\nx"],
)
def test_another_spelling_of_a_submission_is_refused(data: bytes) -> None:
    with pytest.raises(SubmissionParseError):
        parse_submission(data)
