"""What must hold between a record and those before it, as far as the ledger itself can tell."""

from collections.abc import Iterator

from caveat.call.call import Point
from caveat.ledger.errors import RecordParseError, TileParseError
from caveat.ledger.finding import Code, Finding
from caveat.ledger.folder import Folder
from caveat.ledger.record import (
    AssayRecord,
    BundleRecord,
    DecisionRecord,
    HistoryRecord,
    OutputEndRecord,
    Record,
    StartRecord,
    TermsRecord,
    parse_record_id,
)
from caveat.ledger.wire import parse_record
from caveat.policy.bundle import bundle_digest
from caveat.signing.merkle import leaf_hash

_REMEMBERED = 65_536  # released decisions; older ones are read again, so that memory does not grow


class TimeCheck:
    """Time never goes back."""

    def __init__(self) -> None:
        """No record yet."""
        self._last = ""

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """A finding where the record's time lies before an earlier record's."""
        if record.time < self._last:
            yield Finding(Code.TIME_WENT_BACK, index, "its time lies before that of an earlier record")
        self._last = max(self._last, record.time)


class OriginCheck:
    """Every process that wrote the log meant this log."""

    def __init__(self, origin: str) -> None:
        """`origin`: the checkpoint's."""
        self._origin = origin

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """A finding where a start record names another log."""
        if isinstance(record, StartRecord) and record.origin != self._origin:
            yield Finding(Code.ORIGIN_DIFFERS, index, "it was begun for another log")


_CITING = (DecisionRecord, StartRecord, BundleRecord, TermsRecord, AssayRecord)


class BundleCheck:
    """Every policy bundle that is cited lies with the log, unchanged."""

    def __init__(self, folder: Folder) -> None:
        """`folder`: where `bundles/` lies."""
        self._folder = folder
        self._known: dict[str, Code | None] = {}

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """A finding where the cited bundle is missing or its files have another digest."""
        if not isinstance(record, _CITING):
            return
        digest = record.bundle
        if digest not in self._known:
            self._known[digest] = self._defect(digest)
        defect = self._known[digest]
        if defect is not None:
            yield Finding(defect, index, f"the bundle {digest[:16]} that it cites does not lie in `bundles/`")

    def _defect(self, digest: str) -> Code | None:
        files = self._folder.bundle(digest)
        if files is None:
            return Code.BUNDLE_MISSING
        return None if bundle_digest(files) == digest else Code.BUNDLE_CHANGED


class AnswerCheck:
    """An output, and a call of a tool, answer a released prompt before them, and a stream's end a released
    output before it."""

    def __init__(self, folder: Folder) -> None:
        """`folder`: where a record is read again that lies too far back to be remembered."""
        self._folder = folder
        self._released: dict[tuple[int, str], Point] = {}

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """A finding where the record that it answers is not there or was not released."""
        if isinstance(record, DecisionRecord) and record.point is not Point.PROMPT:
            if self._point(index, record.of) is not Point.PROMPT:
                yield Finding(Code.OUTPUT_WITHOUT_PROMPT, index, "no released prompt stands before it")
        elif isinstance(record, OutputEndRecord) and self._point(index, record.of) is not Point.OUTPUT:
            yield Finding(Code.END_WITHOUT_OUTPUT, index, "no released output stands before it")

    def saw(self, index: int, leaf_digest: str, record: Record) -> None:
        """Remembers the record for those that answer it."""
        if isinstance(record, DecisionRecord) and record.released:
            self._released[index, leaf_digest[:16]] = record.point
            if len(self._released) > _REMEMBERED:
                del self._released[next(iter(self._released))]

    def _point(self, index: int, of: str | None) -> Point | None:
        """The point of the released decision with this id before `index`; None if there is none."""
        if of is None:
            return None
        try:
            at, prefix = parse_record_id(of)
            if at >= index or (at, prefix) in self._released:
                return self._released.get((at, prefix)) if at < index else None
            return self._read_again(at, prefix)
        except (RecordParseError, TileParseError, FileNotFoundError):
            return None

    def _read_again(self, at: int, prefix: str) -> Point | None:
        oldest = next(iter(self._released), None)
        if oldest is None or at >= oldest[0]:
            return None  # everything released since then is remembered
        leaf = next(self._folder.entries(at, at + 1))
        record = parse_record(leaf)
        if leaf_hash(leaf).hex()[:16] != prefix or not isinstance(record, DecisionRecord):
            return None
        return record.point if record.released else None


class HistoryCheck:
    """A use that leaves data parts to the record of another cites one before it whose use has as many."""

    def __init__(self, folder: Folder) -> None:
        """`folder`: where a record is read again that lies too far back to be remembered."""
        self._folder = folder
        self._parts: dict[tuple[int, str], int] = {}

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """A finding where the record that it cites is not there, or speaks of fewer parts."""
        if isinstance(record, DecisionRecord | HistoryRecord) and record.history is not None:
            cited = record.history
            if self._known(index, cited.record) < cited.parts:
                text = f"no record {cited.record} of {cited.parts} data parts stands before it"
                yield Finding(Code.HISTORY_WITHOUT_RECORD, index, text)

    def saw(self, index: int, leaf_digest: str, record: Record) -> None:
        """Remembers the record for those that cite it."""
        parts = _all_parts(record)
        if parts:
            self._parts[index, leaf_digest[:16]] = parts
            if len(self._parts) > _REMEMBERED:
                del self._parts[next(iter(self._parts))]

    def _known(self, index: int, cited: str) -> int:
        """How many data parts the use of this record before `index` has; none if there is no such record."""
        try:
            at, prefix = parse_record_id(cited)
            if at >= index or (at, prefix) in self._parts:
                return self._parts.get((at, prefix), 0) if at < index else 0
            leaf = next(self._folder.entries(at, at + 1))
            return _all_parts(parse_record(leaf)) if leaf_hash(leaf).hex()[:16] == prefix else 0
        except (RecordParseError, TileParseError, FileNotFoundError):
            return 0


def _all_parts(record: Record) -> int:
    """How many data parts the use of a record has, by what the record says."""
    if not isinstance(record, DecisionRecord | HistoryRecord):
        return 0
    return len(record.parts) + (0 if record.history is None else record.history.parts)
