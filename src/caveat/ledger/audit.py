"""Questions that an auditor puts to a log, answered from leaves whose place under the checkpoint was checked.

No index and no list by the operator is believed: a sample is drawn by the auditor and each leaf proven; every
other answer comes from reading all leaves, whose root must be the signed one.
Source: EVIDENCE attacks 34, 52, 58, 64 and 67, ADR-0024.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from caveat.ledger.checkpoint import Checkpoint, verify_checkpoint
from caveat.ledger.errors import CheckpointParseError, FolderError, RecordParseError, TileParseError
from caveat.ledger.finding import Code, Finding
from caveat.ledger.folder import CHECKPOINT, Folder
from caveat.ledger.handover import known_keys, read_handovers
from caveat.ledger.read import Entry
from caveat.ledger.record import (
    DecisionRecord,
    EvidenceRecord,
    HeartbeatRecord,
    HistoryRecord,
    Record,
    StartRecord,
    StoppedRecord,
    kind_of,
    parse_time,
    record_id_of,
)
from caveat.ledger.tiles import WIDTH, leading_entries, nodes_of
from caveat.ledger.wire import parse_record
from caveat.signing.merkle import CompactRange, inclusion_proof, leaf_hash, verify_inclusion
from caveat.signing.note import NoteKey

ACCEPTED = "accepted"
_LATE = 2  # heartbeats in a row that may be missing before it is silence
_GRACE_SECONDS = 5
MAX_SAMPLE = 100_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Gap:
    """No record was written between two times. `silent`: the process ran and should have said so."""

    start: str
    end: str
    before: int
    silent: bool


@dataclass(frozen=True, slots=True)
class Sampled:
    """A leaf that the auditor drew. `record` is None where it is not in the tree or no record."""

    index: int
    id: str | None
    kind: str | None


def newest_checkpoint(view: Folder, key: NoteKey) -> Checkpoint:
    """The published checkpoint under the newest key that `key` leads to; raises `FolderError`."""
    try:
        newest = known_keys(read_handovers(view), key)[-1]
        return verify_checkpoint(view.disk.read(view.root / CHECKPOINT), newest)
    except FileNotFoundError as error:
        raise FolderError("there is no checkpoint", "name the folder that holds `checkpoint`") from error
    except CheckpointParseError as error:
        raise FolderError(
            f"the checkpoint does not hold: {error}", "`caveat ledger verify` says more"
        ) from error


def sample(
    view: Folder, checkpoint: Checkpoint, count: int, seed: str
) -> tuple[tuple[Sampled, ...], tuple[Finding, ...]]:
    """`count` different leaves, drawn from the tree by `seed`, each proven to be in it; or what is not.

    A leaf that is withheld counts as one that is not there.
    """
    size = checkpoint.size
    drawn = sorted(random.Random(seed).sample(range(size), min(count, size)))  # noqa: S311 - told by its seed
    found: list[Sampled] = []
    findings: list[Finding] = []
    for index in drawn:
        try:
            entry = proven(view, checkpoint, index)
        except FolderError as error:
            findings.append(Finding(Code.SAMPLE_NOT_INCLUDED, index, str(error)))
            found.append(Sampled(index, None, None))
            continue
        found.append(Sampled(index, entry.id, kind_of(entry.record)))
    return tuple(found), tuple(findings)


def proven(view: Folder, checkpoint: Checkpoint, index: int) -> Entry:
    """The record at `index`, its leaf proven to be under the checkpoint; raises `FolderError`."""
    size = checkpoint.size
    try:
        leaf = next(view.entries(index, index + 1))
        path = inclusion_proof(index, size, nodes_of(size, view.tile))
        record = parse_record(leaf)
    except FileNotFoundError as error:
        raise FolderError("the record is withheld: a tile is missing") from error
    except (TileParseError, RecordParseError, ValueError) as error:
        raise FolderError(f"the record cannot be read: {error}") from error
    if not verify_inclusion(leaf_hash(leaf), index, size, path, checkpoint.root):
        raise FolderError("the record is not in the tree")
    return Entry(index, record_id_of(index, leaf), record)


class Reading:
    """All records of a log, in order. `findings` is complete once the iteration has ended."""

    def __init__(self, view: Folder, checkpoint: Checkpoint, progress: Progress | None = None) -> None:
        """`checkpoint`: verified by the caller."""
        self._view = view
        self._checkpoint = checkpoint
        self._progress = progress
        self.findings: tuple[Finding, ...] = ()

    def __iter__(self) -> Iterator[Entry]:
        tree, size = CompactRange(), self._checkpoint.size
        for first in range(0, size, WIDTH):
            width = min(size - first, WIDTH)
            try:
                leaves = leading_entries(self._view.tile(-1, first // WIDTH, width), width)
            except (FileNotFoundError, TileParseError):
                self._find(Code.ENTRIES_UNREADABLE, first, "an entry bundle is missing or malformed")
                return
            for index, leaf in enumerate(leaves, start=first):
                tree.append(leaf_hash(leaf))
                try:
                    yield Entry(index, record_id_of(index, leaf), parse_record(leaf))
                except RecordParseError as error:
                    self._find(Code.RECORD_MALFORMED, index, str(error))
            if self._progress is not None:
                self._progress(first + width, size)
        if tree.root() != self._checkpoint.root:
            self._find(Code.ROOT_DIFFERS, None, "the entries do not give the root that was signed")

    def _find(self, code: Code, index: int | None, text: str) -> None:
        self.findings = (*self.findings, Finding(code, index, text))


class Kinds:
    """How many records of each kind there are, and in which span of time."""

    def __init__(self) -> None:
        """None yet."""
        self.counts: Counter[str] = Counter()
        self.first: str | None = None
        self.last: str | None = None

    def see(self, entry: Entry) -> None:
        """Counts one."""
        self.counts[kind_of(entry.record)] += 1
        self.first = self.first or entry.record.time
        self.last = entry.record.time


class Silence:
    """Where a process that promised a heartbeat wrote nothing for longer than it promised."""

    def __init__(self) -> None:
        """No promise yet."""
        self._every: int | None = None
        self._last: Record | None = None
        self.gaps: list[Gap] = []

    def see(self, entry: Entry) -> None:
        """Compares a record with the one before it."""
        last, record = self._last, entry.record
        if last is not None and self._every is not None:
            allowed = timedelta(seconds=_LATE * self._every + _GRACE_SECONDS)
            if parse_time(record.time) - parse_time(last.time) > allowed:
                down = isinstance(record, StartRecord) or isinstance(last, StoppedRecord)
                self.gaps.append(Gap(last.time, record.time, entry.index, not down))
        if isinstance(record, HeartbeatRecord):
            self._every = record.every_seconds
        elif isinstance(record, StartRecord):
            self._every = None
        self._last = record

    def findings(self) -> Iterator[Finding]:
        """One for each silence; a process that was down is told by its start and is none."""
        for gap in self.gaps:
            if gap.silent:
                text = f"no record from {gap.start} to {gap.end}, and no heartbeat that was promised"
                yield Finding(Code.SILENCE, gap.before, text)


@dataclass(frozen=True, slots=True)
class Question:
    """Which records are meant: those that relied on an issuer's key, or that were decided on a dataset.

    `dataset`: the digest of a data part, or the lineage source under which its persons were counted.
    """

    issuer_key: str | None = None
    dataset: str | None = None

    def concerns(self, record: Record, *, by_history: bool = False) -> bool:
        """Whether the record is meant; a question that names nothing means none.

        `by_history`: it cites a record of a use with the dataset, as `Followed` finds.
        """
        held = by_history or self._held(record)
        asked = [
            answer
            for said, answer in ((self.issuer_key, self._relied(record)), (self.dataset, held))
            if said is not None
        ]
        return bool(asked) and all(asked)

    def _relied(self, record: Record) -> bool:
        if isinstance(record, EvidenceRecord):
            return record.key == self.issuer_key
        if not isinstance(record, DecisionRecord):
            return False
        return any(cited.key == self.issuer_key and cited.outcome == ACCEPTED for cited in record.evidence)

    def _held(self, record: Record) -> bool:
        if not isinstance(record, DecisionRecord):
            return False
        named = {part.digest for part in record.parts} | {one.digest for one in record.reserve}
        return self.dataset in named or any(one.source == self.dataset for one in record.reserve)


class Followed:
    """Uses that hold a data part although their own record does not list it: they cite one that does.

    Every record is shown to it, in order. It keeps one number for each use that holds the part.
    """

    def __init__(self, dataset: str | None) -> None:
        """`dataset`: the digest of the part; None is held by no use."""
        self._dataset = dataset
        self._places: dict[str, int] = {}

    def see(self, entry: Entry) -> bool:
        """Whether the record is of a use that holds the part by what it cites."""
        record = entry.record
        if self._dataset is None or not isinstance(record, DecisionRecord | HistoryRecord):
            return False
        history = record.history
        place = None if history is None else self._places.get(history.record)
        by_history = history is not None and place is not None and place < history.parts
        if not by_history:
            listed = [at for at, part in enumerate(record.parts) if part.digest == self._dataset]
            place = None if not listed else listed[0] + (0 if history is None else history.parts)
        if place is not None:
            self._places[entry.id] = place
        return by_history


@dataclass(frozen=True, slots=True)
class Span:
    """So many calls that somebody else counted, in [start, end)."""

    calls: int
    start: str
    end: str


class Releases:
    """A list that callers or the upstream hold, compared with the records: what left without one."""

    def __init__(self, ids: Sequence[str], spans: Sequence[Span]) -> None:
        """`ids`: record ids that answers named."""
        self._missing = dict.fromkeys(ids)
        self._held_back: list[tuple[int, str]] = []
        self._spans = dict.fromkeys(spans, 0)
        self.given = len(self._missing)

    def see(self, entry: Entry) -> None:
        """Strikes a record off the list, and counts released prompts into the spans."""
        record = entry.record
        if not isinstance(record, DecisionRecord):
            return
        if entry.id in self._missing:
            del self._missing[entry.id]
            if not record.released:
                self._held_back.append((entry.index, entry.id))
        if record.released and record.of is None:
            for span in self._spans:
                if span.start <= record.time < span.end:
                    self._spans[span] += 1

    def findings(self) -> Iterator[Finding]:
        """One for each release without a record, or with one that says it was held back."""
        for missing in self._missing:
            yield Finding(Code.RELEASE_WITHOUT_RECORD, None, f"this log has no record {missing}")
        for index, _ in self._held_back:
            yield Finding(Code.RELEASE_WITHOUT_RECORD, index, "its record says that it was held back")
        for span, recorded in self._spans.items():
            if span.calls > recorded:
                text = (
                    f"{span.calls} calls from {span.start} to {span.end}, {recorded} records of released ones"
                )
                yield Finding(Code.CALLS_EXCEED_RECORDS, None, text)


def parse_releases(text: str) -> Releases:
    """The list in `text`: a record id a line, or `calls N FROM TO`.

    Raises `RecordParseError` with the line.
    """
    ids: list[str] = []
    spans: list[Span] = []
    for number, line in enumerate(text.splitlines(), start=1):
        match line.split():
            case []:
                continue
            case [first, *_] if first.startswith("#"):
                continue
            case ["calls", count, start, end] if count.isascii() and count.isdigit() and len(count) < 16:
                if not parse_time(start) < parse_time(end):
                    raise RecordParseError(f"line {number} counts calls in no span of time")
                spans.append(Span(int(count), start, end))
            case [record_id]:
                ids.append(record_id)
            case _:
                raise RecordParseError(f"line {number} is neither a record id nor `calls N FROM TO`")
    return Releases(ids, spans)


def tally(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts in the order of their kinds."""
    return dict(sorted(counts.items()))
