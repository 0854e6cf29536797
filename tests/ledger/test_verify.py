"""Every edit, cut, swap and flip in a ledger folder is found, and an honest folder holds."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from caveat.call.call import Point
from caveat.cli.exit import CannotRunError
from caveat.cli.ledger import ledger_group
from caveat.ledger import Ledger
from caveat.ledger.checkpoint import Checkpoint
from caveat.ledger.disk import RealDisk
from caveat.ledger.finding import Code
from caveat.ledger.folder import Folder
from caveat.ledger.record import Record, Reservation, StartRecord
from caveat.ledger.tiles import Edge, parse_entries, render_entries
from caveat.ledger.verify import Report, verify_folder
from caveat.ledger.wal import render_frames
from caveat.ledger.wire import render_record
from caveat.monitors.once import OnceCheck
from caveat.monitors.totals import TotalsCheck
from caveat.signing.canonical import MAX_INTEGER, canonical
from caveat.signing.digest import sha256
from caveat.signing.keys import PrivateKey
from caveat.signing.merkle import leaf_hash
from caveat.signing.note import note_key, sign_note
from tests.ledger.logs import (
    ALLOWED,
    DENIED,
    FILES,
    KEY,
    ORIGIN,
    OTHER_KEY,
    VERIFIER,
    append_all,
    decision_record,
    moment,
    records,
    write_log,
)

SIZE = 300


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "log"
    write_log(folder, records(100))
    shutil.copy(folder / "checkpoint", folder.parent / "held")
    write_log(folder, records(SIZE)[100:])
    return folder


@pytest.fixture
def log(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "log"))


def verify(folder: Path, earlier: bytes | None = None) -> Report:
    return verify_folder(
        folder,
        VERIFIER,
        checks=(TotalsCheck(lambda _digest, _fact: MAX_INTEGER), OnceCheck()),
        earlier=earlier,
    )


def codes(folder: Path, earlier: bytes | None = None) -> set[Code]:
    return {finding.code for finding in verify(folder, earlier).findings}


def test_an_honest_folder_holds(log: Path, pristine: Path) -> None:
    report = verify(log, (pristine.parent / "held").read_bytes())
    assert report.holds
    assert report.notes == ()
    assert report.checkpoint is not None
    assert report.checkpoint.size == SIZE
    assert sum(report.kinds.values()) == SIZE


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    before = path.read_bytes()
    after = change(before)
    assert after != before
    path.write_bytes(after)


def entries(
    folder: Path, change: Callable[[list[bytes]], object], name: str = "000", width: int = 256
) -> None:
    """Rewrites an entry bundle, well formed, after `change` on its leaves."""
    path = folder / "tile" / "entries" / name
    leaves = list(parse_entries(path.read_bytes(), width))
    change(leaves)
    path.write_bytes(render_entries(leaves))


def swap(leaves: list[bytes]) -> None:
    leaves[3], leaves[4] = leaves[4], leaves[3]


def reword(leaves: list[bytes]) -> None:
    leaves[7] = leaves[7].replace(b"analyst", b"nobody!")


TAMPERINGS: dict[str, tuple[Callable[[Path], object], Code]] = {
    "an entry is edited": (lambda f: entries(f, reword), Code.ENTRY_CHANGED),
    "two entries are swapped": (lambda f: entries(f, swap), Code.ENTRY_CHANGED),
    "an entry is removed": (lambda f: entries(f, lambda leaves: leaves.pop(9)), Code.ENTRIES_UNREADABLE),
    "an entry is repeated": (
        lambda f: entries(f, lambda leaves: leaves.__setitem__(9, leaves[8])),
        Code.ENTRY_CHANGED,
    ),
    "an entry of the edge is edited": (
        lambda f: entries(f, reword, f"001.p/{SIZE - 256}", SIZE - 256),
        Code.ROOT_DIFFERS,
    ),
    "an entry bundle is missing": (
        lambda f: (f / "tile/entries/000").unlink(),
        Code.ENTRIES_UNREADABLE,
    ),
    "the edge's entries are missing": (
        lambda f: (f / f"tile/entries/001.p/{SIZE - 256}").unlink(),
        Code.ENTRIES_UNREADABLE,
    ),
    "bytes follow an entry bundle": (
        lambda f: edit(f / "tile/entries/000", lambda data: data + b"\0\0"),
        Code.TILE_CHANGED,
    ),
    "a hash is flipped": (
        lambda f: edit(f / "tile/0/000", lambda data: data[:64] + bytes([data[64] ^ 1]) + data[65:]),
        Code.TILE_CHANGED,
    ),
    "a tile is cut": (lambda f: edit(f / "tile/0/000", lambda data: data[:-32]), Code.TILE_CHANGED),
    "an upper tile is changed": (
        lambda f: edit(f / "tile/1/000.p/1", lambda data: data[::-1]),
        Code.TILE_CHANGED,
    ),
    "a hash tile is missing": (lambda f: (f / "tile/0/000").unlink(), Code.TILE_MISSING),
    "a partial tile is missing": (lambda f: (f / "tile/1/000.p/1").unlink(), Code.TILE_MISSING),
    "a file stands among the tiles": (
        lambda f: (f / "tile/0/002").write_bytes(bytes(8192)),
        Code.UNEXPECTED_FILE,
    ),
    "a stranger stands among the tiles": (
        lambda f: (f / "tile/notes.txt").write_text("hello"),
        Code.UNEXPECTED_FILE,
    ),
    "a wider tile than there are entries": (
        lambda f: (f / "tile/1/000.p/2").write_bytes(bytes(64)),
        Code.UNEXPECTED_FILE,
    ),
    "a stale partial tile is changed": (
        lambda f: (f / "tile/0/001.p/3").write_bytes(bytes(96)),
        Code.TILE_CHANGED,
    ),
    "the checkpoint is gone": (lambda f: (f / "checkpoint").unlink(), Code.CHECKPOINT_MISSING),
    "the checkpoint's size is edited": (
        lambda f: edit(f / "checkpoint", lambda data: data.replace(b"\n300\n", b"\n299\n")),
        Code.CHECKPOINT_INVALID,
    ),
    "the checkpoint has another line": (
        lambda f: edit(f / "checkpoint", lambda data: data.replace(b"\n300\n", b"\n300\n\n")),
        Code.CHECKPOINT_INVALID,
    ),
    "the checkpoint is another key's": (
        lambda f: resign(f, OTHER_KEY),
        Code.CHECKPOINT_INVALID,
    ),
    "a frame of the write-ahead log is edited": (
        lambda f: edit(wal(f), lambda data: data.replace(b"analyst", b"nobody!", 1)),
        Code.WAL_DIFFERS,
    ),
    "the write-ahead log is cut": (lambda f: edit(wal(f), lambda data: data[:-5]), Code.WAL_DIFFERS),
    "the write-ahead log starts too late": (
        lambda f: wal(f).rename(wal(f).with_name(f"{SIZE + 1:020d}.wal")),
        Code.WAL_DIFFERS,
    ),
    "the write-ahead log has a gap": (
        lambda f: wal(f).with_name(f"{SIZE + 5:020d}.wal").write_bytes(b""),
        Code.WAL_DIFFERS,
    ),
    "the policy bundle is edited": (
        lambda f: edit(next(f.rglob("P01.cedar")), lambda data: data + b"// more"),
        Code.BUNDLE_CHANGED,
    ),
    "the policy bundle is gone": (lambda f: shutil.rmtree(f / "bundles"), Code.BUNDLE_MISSING),
}


def wal(folder: Path) -> Path:
    return next((folder / "wal").iterdir())


def resign(folder: Path, key: PrivateKey) -> None:
    text = (folder / "checkpoint").read_text().rpartition("\n\n")[0] + "\n"
    (folder / "checkpoint").write_bytes(sign_note(text, ORIGIN, key))


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found_and_named(log: Path, name: str) -> None:
    tamper, code = TAMPERINGS[name]
    tamper(log)
    assert code in codes(log)


@pytest.mark.slow
def test_any_flipped_bit_is_found(log: Path) -> None:
    dice = random.Random(1)
    files = [
        path
        for path in sorted(log.rglob("*"))
        if path.is_file() and path.relative_to(log).parts[0] in ("tile", "wal", "bundles", "checkpoint")
    ]
    for _ in range(60):
        path = dice.choice(files)
        data = path.read_bytes()
        at = dice.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :])
        assert not verify(log).holds, f"{path.relative_to(log)} at {at}"
        path.write_bytes(data)
    assert verify(log).holds


def rewrite(folder: Path, items: list[Record], *, raw: list[bytes] | None = None) -> None:
    """A whole log by somebody who holds the key and writes what the product never would."""
    leaves = raw or [canonical(render_record(item)) for item in items]
    shutil.rmtree(folder, ignore_errors=True)
    write_log(folder, [])
    edge = Edge()
    for leaf in leaves:
        edge.append(leaf, leaf_hash(leaf))
    for path, data in {**edge.take_completed(), **edge.partials()}.items():
        (folder / path.render()).parent.mkdir(parents=True, exist_ok=True)
        (folder / path.render()).write_bytes(data)
    text = Checkpoint(ORIGIN, edge.size, edge.compact().root()).render()
    (folder / "checkpoint").write_bytes(sign_note(text, ORIGIN, KEY))
    wal(folder).write_bytes(render_frames(leaves))


def reserve(source: str, number: int, lo: int) -> Reservation:
    return Reservation(source, sha256(b"%d" % number), lo, lo)


LIES: dict[str, tuple[list[Record], Code, int]] = {
    "time goes back": ([decision_record(5), decision_record(4)], Code.TIME_WENT_BACK, 1),
    "a start of another log": (
        [StartRecord(moment(0), decision_record(1).bundle, "1", "other/log")],
        Code.ORIGIN_DIFFERS,
        0,
    ),
    "a bundle that is not there": ([replace(decision_record(1), bundle=sha256(b""))], Code.BUNDLE_MISSING, 0),
    "an output without a prompt": ([decision_record(1, point=Point.OUTPUT)], Code.OUTPUT_WITHOUT_PROMPT, 0),
    "a call of a tool without one": ([decision_record(1, point=Point.TOOL)], Code.OUTPUT_WITHOUT_PROMPT, 0),
    "an output to a later prompt": (
        [decision_record(1, point=Point.OUTPUT, of="1-0123456789abcdef"), decision_record(2)],
        Code.OUTPUT_WITHOUT_PROMPT,
        0,
    ),
    "a one-time id for two actions": (
        [decision_record(1, once="a"), decision_record(2, once="a")],
        Code.ONCE_REUSED,
        1,
    ),
    "persons reserved by a refused use": (
        [decision_record(1, decision=DENIED, reserve=[reserve("s", 1, 5)])],
        Code.RESERVE_WITHOUT_RELEASE,
        0,
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_under_a_good_signature_is_found_and_placed(tmp_path: Path, name: str) -> None:
    items, code, index = LIES[name]
    rewrite(tmp_path / "log", items)
    found = verify(tmp_path / "log").findings
    assert [(finding.code, finding.index) for finding in found] == [(code, index)]


def test_an_output_to_a_refused_prompt_is_found(tmp_path: Path) -> None:
    for enforced, expected in ((True, [Code.OUTPUT_WITHOUT_PROMPT]), (False, [])):
        prompt = decision_record(1, decision=DENIED, enforced=enforced)
        of = f"0-{leaf_hash(canonical(render_record(prompt))).hex()[:16]}"
        output = decision_record(2, point=Point.OUTPUT, of=of, decision=ALLOWED)
        rewrite(tmp_path / "log", [prompt, output])
        assert [finding.code for finding in verify(tmp_path / "log").findings] == expected


def test_a_record_that_no_release_writes_is_found(tmp_path: Path) -> None:
    leaf = canonical({**render_record(decision_record(1)), "extra": 1})
    rewrite(tmp_path / "log", [], raw=[leaf])
    assert codes(tmp_path / "log") == {Code.RECORD_MALFORMED}


def test_a_cut_log_shows_only_against_a_checkpoint_held_outside(log: Path, tmp_path: Path) -> None:
    held = (log / "checkpoint").read_bytes()
    short = tmp_path / "short"
    rewrite(short, records(SIZE)[:200])
    report = verify(short)
    assert report.holds
    assert any("--checkpoint" in note for note in report.notes)
    assert codes(short, held) == {Code.NOT_A_CONTINUATION}


def test_another_history_shows_against_a_checkpoint_held_outside(log: Path, pristine: Path) -> None:
    held = (pristine.parent / "held").read_bytes()
    other = [*records(50), *[decision_record(n + 1000) for n in range(250)]]
    rewrite(log, other)
    assert verify(log).holds
    assert codes(log, held) == {Code.NOT_A_CONTINUATION}
    assert codes(log, held.replace(b"\n100\n", b"\n101\n")) == {Code.EARLIER_INVALID}


def test_records_that_are_not_published_yet_are_counted_and_met(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "log", KEY, origin=ORIGIN, publish_seconds=600)
    ledger.store_bundle(FILES)
    receipt = append_all(ledger, records(20))[-1]
    copy = Path(shutil.copytree(tmp_path / "log", tmp_path / "copy"))
    ledger.close()
    report = verify(copy, receipt.checkpoint)
    assert (report.holds, report.unpublished) == (True, 20)
    assert any("not yet under" in note for note in report.notes)


def test_a_copy_without_the_write_ahead_log_holds(log: Path) -> None:
    shutil.rmtree(log / "wal")
    report = verify(log)
    assert report.holds
    assert any("no write-ahead log" in note for note in report.notes)


def test_progress_reaches_the_end(log: Path) -> None:
    seen: list[tuple[int, int]] = []
    verify_folder(log, VERIFIER, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(256, SIZE), (SIZE, SIZE)]


# --- the command ---


def run(*arguments: object) -> tuple[int, str]:
    """Exit code and output, as the program's outermost frame gives them."""
    runner = CliRunner()
    with runner.isolation() as (output, _, _):
        try:
            code = ledger_group.main([str(argument) for argument in arguments], standalone_mode=False)
        except CannotRunError as error:
            return 2, f"{error}\n{error.hint}"
        return code, output.getvalue().decode()


def test_the_command_says_holds_and_what_it_cannot_show(log: Path) -> None:
    code, output = run("verify", log)
    assert code == 0
    assert output.endswith("holds\n")
    assert "--checkpoint" in output
    assert "--key" in output


def test_the_command_names_what_does_not_hold(log: Path) -> None:
    entries(log, reword)
    code, output = run("verify", log)
    assert code == 1
    assert "entry_changed at record 7" in output
    assert output.endswith("does not hold\n")


def test_the_command_renders_a_versioned_report(log: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(VERIFIER.render() + "\n")
    (tmp_path / "held").write_bytes((log / "checkpoint").read_bytes())
    code, output = run("verify", log, "--json", "--key", tmp_path / "key", "--checkpoint", tmp_path / "held")
    report = json.loads(output)
    assert code == 0
    assert (report["version"], report["holds"], report["size"], report["findings"]) == (1, True, SIZE, [])
    assert set(report) == {
        *("version", "holds", "origin", "key", "size", "root", "records", "replayed", "unpublished"),
        *("findings", "notes"),
    }
    assert report["notes"] == []
    entries(log, reword)
    code, output = run("verify", log, "--json")
    assert code == 1
    found = [(finding["code"], finding["index"]) for finding in json.loads(output)["findings"]]
    assert ("entry_changed", 7) in found


def test_the_command_says_when_it_could_not_run(tmp_path: Path) -> None:
    code, output = run("verify", tmp_path / "nothing")
    assert code == 2
    assert "nothing/log.pub" in output
    assert "tile/" in output, "the hint says what to name"
    (tmp_path / "log.pub").write_text("not a key")
    assert run("verify", tmp_path)[0] == 2


def test_a_key_that_somebody_holds_is_not_taken_from_the_folder(log: Path, tmp_path: Path) -> None:
    other = note_key(ORIGIN, OTHER_KEY.public())
    (tmp_path / "key").write_text(other.render() + "\n")
    resign(log, OTHER_KEY)
    (log / "log.pub").write_text(other.render() + "\n")
    assert run("verify", log)[0] == 0, "a folder vouches for itself"
    (tmp_path / "key").write_text(VERIFIER.render() + "\n")
    assert run("verify", log, "--key", tmp_path / "key")[0] == 1


def test_the_newest_checkpoint_is_printed_only_if_it_is_signed(log: Path) -> None:
    code, output = run("checkpoint", log)
    assert (code, output.encode()) == (0, (log / "checkpoint").read_bytes())
    resign(log, OTHER_KEY)
    assert run("checkpoint", log)[0] == 1
    (log / "checkpoint").unlink()
    assert run("checkpoint", log)[0] == 2


def test_a_folder_of_a_reader_holds_what_the_writer_wrote(log: Path) -> None:
    leaves = list(Folder(RealDisk(), log).entries(0, SIZE))
    assert leaves == [canonical(render_record(item)) for item in records(SIZE)]
