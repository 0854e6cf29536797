"""The published part of a ledger folder, read while its gateway may be running.

Nothing is verified here: `ledger.verify` does that. A reader never waits for the writer and never holds it
up; a tile that was replaced under it is read again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from caveat.ledger.checkpoint import MAX_CHECKPOINT_BYTES, parse_checkpoint
from caveat.ledger.disk import RealDisk
from caveat.ledger.errors import CheckpointParseError, FolderError, RecordParseError, TileParseError
from caveat.ledger.folder import CHECKPOINT, Folder
from caveat.ledger.record import Record, parse_record_id, record_id_of
from caveat.ledger.tiles import WIDTH
from caveat.ledger.wire import parse_record
from caveat.signing.note import NoteParseError, parse_note

_TRIES = 5
_VERIFY = "`caveat ledger verify` says more"


@dataclass(frozen=True, slots=True)
class Entry:
    """One record where it stands."""

    index: int
    id: str
    record: Record


class PublishedLog:
    """What a ledger folder's checkpoint covers, as of when this was made."""

    def __init__(self, root: Path) -> None:
        """`root`: the ledger folder. Raises `FolderError` where there is no log, `OSError` unreadable."""
        self.folder = Folder(RealDisk(), root)
        self.size = self._size(root)

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """The records from `start` on, in order; raises `FolderError` for one that cannot be read."""
        while start < self.size:
            end = min(self.size, start - start % WIDTH + WIDTH)
            for leaf in self._leaves(start, end):
                yield _entry(start, leaf)
                start += 1

    def find(self, record_id: str) -> Entry | None:
        """The record with this id; None where this log has none. Raises `RecordParseError` for no id."""
        index, _ = parse_record_id(record_id)
        if index >= self.size:
            return None
        found = _entry(index, self._leaves(index, index + 1)[0])
        return found if found.id == record_id else None

    def backwards(self) -> Iterator[Entry]:
        """The records from the newest to the oldest."""
        end = self.size
        while end > 0:
            start = (end - 1) // WIDTH * WIDTH
            leaves = self._leaves(start, end)
            for place in range(len(leaves) - 1, -1, -1):
                yield _entry(start + place, leaves[place])
            end = start

    def _leaves(self, start: int, end: int) -> list[bytes]:
        tries = _TRIES
        while True:
            try:
                return list(self.folder.entries(start, end))
            except FileNotFoundError as error:
                tries -= 1  # a wider tile may have taken its place between listing and reading
                if tries == 0:
                    raise FolderError(f"record {start} cannot be read: no such tile", _VERIFY) from error
            except TileParseError as error:
                raise FolderError(f"record {start} cannot be read: {error}", _VERIFY) from error

    def _size(self, root: Path) -> int:
        try:
            data = self.folder.disk.read(root / CHECKPOINT)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FolderError(f"`{root}` holds no published log") from error
        try:
            return parse_checkpoint(parse_note(data[: MAX_CHECKPOINT_BYTES + 1]).text).size
        except (NoteParseError, CheckpointParseError) as error:
            raise FolderError(f"the checkpoint in `{root}` is no checkpoint: {error}") from error


def _entry(index: int, leaf: bytes) -> Entry:
    try:
        return Entry(index, record_id_of(index, leaf), parse_record(leaf))
    except RecordParseError as error:
        raise FolderError(f"record {index}: {error}", _VERIFY) from error
