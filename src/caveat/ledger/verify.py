"""A ledger folder verified from its files and one public key, offline, without trust in who wrote it.

Steps: 1 the checkpoint is signed by the key. 2 Entries are read in order; each gives a leaf hash and a record
of this version, which stands rightly behind those before it. 3 Every hash tile is what the entries give. 4
The root over all entries is the signed one. 5 An earlier checkpoint, held by someone else, is a prefix, and
so is each checkpoint with which the log's key changed. 6 The write-ahead log, where it is, agrees. 7 No other
file stands among the tiles. What it cannot show by itself: that records were cut off the end, or that another
history was shown to somebody else. Only step 5 can. Source: EVIDENCE attacks 46 to 62.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caveat.ledger.checkpoint import Checkpoint, verify_checkpoint
from caveat.ledger.checks import AnswerCheck, BundleCheck, HistoryCheck, OriginCheck, TimeCheck
from caveat.ledger.disk import Disk, RealDisk
from caveat.ledger.errors import CheckpointParseError, FolderError, RecordParseError, TileParseError
from caveat.ledger.finding import Code, Finding, RecordCheck
from caveat.ledger.folder import CHECKPOINT, COSIGNED, Folder
from caveat.ledger.handover import known_keys, read_handovers
from caveat.ledger.record import kind_of
from caveat.ledger.tile_files import TileFiles
from caveat.ledger.tiles import ENTRIES, WIDTH, Edge, edge_at, leading_entries
from caveat.ledger.wal import replay_frames
from caveat.ledger.wire import parse_record
from caveat.signing.merkle import leaf_hash
from caveat.signing.note import NoteKey

MAX_FINDINGS = 1000  # a folder that is all wrong need not be told so a million times

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What was verified and what does not hold. It holds exactly where there are no findings.

    `unpublished`: whole records in the write-ahead log behind the checkpoint, not verified. `notes`: what a
    reader must know to judge the result.
    """

    checkpoint: Checkpoint | None
    kinds: Mapping[str, int]
    unpublished: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Nothing was found wrong."""
        return not self.findings


def verify_folder(
    root: Path,
    key: NoteKey,
    *,
    checks: Sequence[RecordCheck] = (),
    earlier: bytes | None = None,
    progress: Progress | None = None,
    disk: Disk | None = None,
    since: Checkpoint | None = None,
) -> Report:
    """What holds in the folder; raises `OSError` only where the folder cannot be read at all.

    `checks`: further ones, from rooms that the ledger does not know. `earlier`: a checkpoint that somebody
    outside has kept. `progress` is called with records done and in all. `since`: the folder holds only what
    came after this checkpoint; records are then checked one by one, and not against those before it.
    """
    run = _Verification(Folder(disk or RealDisk(), root), key, checks, progress, since)
    run.verify(earlier)
    return run.report()


@dataclass(frozen=True, slots=True)
class _Awaited:
    """A root that the tree must have at some size, and what is wrong where it has not."""

    root: bytes
    code: Code
    text: str


class _Verification:
    def __init__(
        self,
        folder: Folder,
        key: NoteKey,
        checks: Sequence[RecordCheck],
        progress: Progress | None,
        since: Checkpoint | None,
    ) -> None:
        self._folder = folder
        self._key = key
        self._progress = progress
        self._answers, self._histories = AnswerCheck(folder), HistoryCheck(folder)
        self._since = since
        across: tuple[RecordCheck, ...] = (
            () if since is not None else (self._answers, self._histories, *checks)
        )
        self._checks: tuple[RecordCheck, ...] = (
            TimeCheck(),
            OriginCheck(key.name),
            BundleCheck(folder),
            *across,
        )
        self._files = TileFiles(folder)
        self._edge = Edge()
        self._recent: list[bytes] = []  # leaf hashes from the start of the write-ahead log on
        self._recent_start = 0
        self._checkpoint: Checkpoint | None = None
        self._keys: tuple[NoteKey, ...] = (key,)
        self._awaited: dict[int, list[_Awaited]] = {}
        self._kinds: Counter[str] = Counter()
        self._unpublished = 0
        self._findings: list[Finding] = []
        self._notes: list[str] = []

    def report(self) -> Report:
        findings = self._findings[:MAX_FINDINGS]
        if len(findings) < len(self._findings):
            self._notes.append(f"{len(self._findings) - len(findings)} further findings are not listed")
        return Report(
            self._checkpoint, dict(self._kinds), self._unpublished, tuple(findings), tuple(self._notes)
        )

    def verify(self, earlier: bytes | None) -> None:
        # 1. the checkpoint
        checkpoint = self._read_checkpoint()
        if checkpoint is None:
            return
        self._checkpoint = checkpoint
        self._await_earlier(earlier)
        self._await_cosigned(checkpoint.size)
        self._meet_awaited()
        if not self._begin():
            return
        # 2. the entries, and 3. the tiles that they complete
        segments = [start for start in self._folder.segments() if start <= checkpoint.size]
        self._recent_start = segments[-1] if segments else checkpoint.size
        if not self._read_entries(checkpoint.size):
            return
        # 4. the root
        root_holds = self._edge.root() == checkpoint.root
        if not root_holds:
            self._find(Code.ROOT_DIFFERS, None, "the entries do not give the root that was signed")
        # 6. the write-ahead log; before 5, since a checkpoint held outside may be newer than the published
        self._read_wal(checkpoint.size)
        # 5. what was awaited and is not on this history
        for awaited in (one for size in sorted(self._awaited) for one in self._awaited[size]):
            self._find(awaited.code, None, awaited.text)
        # 3. and 7. the tiles at the right edge, and what is no tile
        self._files.compare(self._edge.partials(), checkpoint.size)
        self._extend(self._files.findings(self._edge.size, root_holds=root_holds))

    def _begin(self) -> bool:
        """Where the folder is a part only, the tree up to it, from tiles that the awaited root confirms."""
        if self._since is None:
            return True
        start = self._since.size // WIDTH * WIDTH
        try:
            self._edge = edge_at(start, self._folder.tile)
        except (FileNotFoundError, TileParseError) as error:
            self._find(Code.ENTRIES_UNREADABLE, None, f"the tiles before it cannot be read: {_why(error)}")
            return False
        self._await(self._since, Code.NOT_A_CONTINUATION, "it does not continue the export before it")
        self._meet_awaited()
        self._notes.append("records were not checked against those before this export: join the exports")
        return True

    def _read_checkpoint(self) -> Checkpoint | None:
        self._follow_keys()
        try:
            return verify_checkpoint(self._folder.disk.read(self._folder.root / CHECKPOINT), self._keys[-1])
        except FileNotFoundError:
            self._find(Code.CHECKPOINT_MISSING, None, "the folder has no checkpoint")
        except CheckpointParseError as error:
            self._find(Code.CHECKPOINT_INVALID, None, str(error))
        return None

    def _follow_keys(self) -> None:
        """From the key that is held to the newest; each change must lie on the log's one history."""
        try:
            handovers = read_handovers(self._folder)
        except FolderError as error:
            self._find(Code.KEY_CHANGE_INVALID, None, str(error))
            return
        self._keys = known_keys(handovers, self._key)
        if self._keys[-1] != self._key:
            self._notes.append(f"the log's key has changed; it is now {self._keys[-1].render()}")
        for handover in handovers:
            self._await(
                handover.checkpoint, Code.KEY_CHANGE_INVALID, "a change of key is not of this history"
            )

    def _await(self, checkpoint: Checkpoint, code: Code, text: str) -> None:
        self._awaited.setdefault(checkpoint.size, []).append(_Awaited(checkpoint.root, code, text))

    def _await_cosigned(self, size: int) -> None:
        """What the witnesses cosigned must lie on the log's one history; who they are, a policy says."""
        try:
            data = self._folder.disk.read(self._folder.root / COSIGNED)
        except FileNotFoundError:
            return
        for key in reversed(self._keys):
            with contextlib.suppress(CheckpointParseError):
                cosigned = verify_checkpoint(data, key)
                if cosigned.size <= size and (self._since is None or cosigned.size >= self._since.size):
                    text = "the cosigned checkpoint is not of this history"
                    self._await(cosigned, Code.COSIGNED_INVALID, text)
                return
        self._find(Code.COSIGNED_INVALID, None, "the cosigned checkpoint is not signed by a key of the log")

    def _await_earlier(self, earlier: bytes | None) -> None:
        if earlier is None:
            self._notes.append(
                "records cut off the end, or another history shown elsewhere, cannot be seen from the folder "
                "alone: compare with a checkpoint that somebody else has kept (--checkpoint)"
            )
            return
        why = ""
        for key in reversed(self._keys):
            try:
                checkpoint = verify_checkpoint(earlier, key)
            except CheckpointParseError as error:
                why = why or str(error)
                continue
            text = "the log does not continue the checkpoint held outside"
            self._await(checkpoint, Code.NOT_A_CONTINUATION, text)
            return
        self._find(Code.EARLIER_INVALID, None, f"the checkpoint held outside: {why}")

    def _read_entries(self, size: int) -> bool:
        for index in range(self._edge.size // WIDTH, (size + WIDTH - 1) // WIDTH):
            first = index * WIDTH
            width = min(size - first, WIDTH)
            try:
                leaves = leading_entries(self._folder.tile(ENTRIES, index, width), width)
            except (FileNotFoundError, TileParseError) as error:
                self._find(
                    Code.ENTRIES_UNREADABLE, first, f"entry bundle {index} cannot be read: {_why(error)}"
                )
                return False
            for offset, leaf in enumerate(leaves):
                node = leaf_hash(leaf)
                self._add(leaf, node)
                self._check_record(first + offset, leaf, node)
            self._files.compare(self._edge.take_completed(), size)
            if self._progress is not None:
                self._progress(first + width, size)
        return True

    def _add(self, leaf: bytes, node: bytes) -> None:
        if self._edge.size >= self._recent_start:
            self._recent.append(node)
        self._edge.append(leaf, node)
        self._meet_awaited()

    def _meet_awaited(self) -> None:
        if self._edge.size in self._awaited:
            root = self._edge.root()
            left = [one for one in self._awaited.pop(self._edge.size) if one.root != root]
            for one in left:
                self._find(one.code, None, one.text)

    def _check_record(self, index: int, leaf: bytes, node: bytes) -> None:
        try:
            record = parse_record(leaf)
        except RecordParseError as error:
            self._find(Code.RECORD_MALFORMED, index, str(error))
            return
        self._kinds[kind_of(record)] += 1
        for check in self._checks:
            self._extend(check.check(index, record))
        digest = node.hex()
        self._answers.saw(index, digest, record)
        self._histories.saw(index, digest, record)

    def _read_wal(self, size: int) -> None:
        segments = self._folder.segments()
        if not segments:
            self._notes.append("the folder has no write-ahead log: it is a copy of what was published")
            return
        start = self._recent_start
        if start not in segments:
            self._find(Code.WAL_DIFFERS, None, "the write-ahead log does not reach back to the checkpoint")
            return
        for segment in [first for first in segments if first >= start]:
            data = self._folder.disk.read(self._folder.segment(segment))
            replayed = replay_frames(data)
            if segment != start:
                self._find(Code.WAL_DIFFERS, start, "the write-ahead log has a gap")
                return
            for leaf in replayed.leaves:
                self._compare_frame(start, leaf, size)
                start += 1
            if replayed.whole_bytes != len(data):
                self._notes.append("the write-ahead log ends in a torn frame, as a crash leaves it")
        if start < size:
            self._find(Code.WAL_DIFFERS, start, "the write-ahead log ends before the checkpoint")
        if self._unpublished:
            self._notes.append(
                f"{self._unpublished} records in the write-ahead log are not yet under the published "
                "checkpoint and were not verified"
            )

    def _compare_frame(self, index: int, leaf: bytes, size: int) -> None:
        if index >= size:
            self._add(leaf, leaf_hash(leaf))
            self._unpublished += 1
            self._files.compare(self._edge.take_completed(), size)
        elif leaf_hash(leaf) != self._recent[index - self._recent_start]:
            self._find(Code.WAL_DIFFERS, index, "the write-ahead log holds another record here")

    def _find(self, code: Code, index: int | None, text: str) -> None:
        self._findings.append(Finding(code, index, text))

    def _extend(self, findings: Iterable[Finding]) -> None:
        self._findings.extend(findings)


def _why(error: Exception) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else str(error)
