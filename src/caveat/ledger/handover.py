"""A change of the log's key: the old key's last checkpoint covers a record that names the new key.

So whoever holds any key that the log ever had can follow it to the newest, with no word from anybody.
`rotated/<size>` holds that checkpoint; the record is the leaf before it. Source: EVIDENCE attacks 40 and 55,
ADR-0024.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from caveat.ledger.checkpoint import Checkpoint, verify_checkpoint
from caveat.ledger.errors import CheckpointParseError, FolderError, RecordParseError, TileParseError
from caveat.ledger.folder import ROTATED, Folder
from caveat.ledger.record import KeyRecord
from caveat.ledger.wire import parse_record
from caveat.signing.note import NoteKey, NoteParseError, parse_note_key

_NAME = re.compile(r"[0-9]{20}\Z")
_HINT = "`caveat ledger verify` says more"


@dataclass(frozen=True, slots=True)
class Handover:
    """`before` signed `checkpoint`, and the last record under it hands over to `after`."""

    checkpoint: Checkpoint
    before: NoteKey
    after: NoteKey


def handover_name(size: int) -> str:
    """The file name below `rotated/`; names sort as their sizes."""
    return f"{size:020d}"


def read_handovers(view: Folder) -> tuple[Handover, ...]:
    """Every change of keys, in order, each signed by the key before it; raises `FolderError`.

    That the checkpoints lie on the log's one history is for whoever reads all entries to check.
    """
    found: list[Handover] = []
    for name in view.disk.names(view.root / ROTATED):
        if _NAME.match(name):
            handover = _read(view, name)
            if found and found[-1].after != handover.before:
                raise FolderError("the log's keys do not follow one another", _HINT)
            found.append(handover)
    return tuple(found)


def known_keys(handovers: Sequence[Handover], held: NoteKey) -> tuple[NoteKey, ...]:
    """Every key of the log, the newest last, where `held` is one of them; else `held` alone."""
    keys = [*(handover.before for handover in handovers), *(handover.after for handover in handovers[-1:])]
    return tuple(keys) if held in keys else (held,)


def _read(view: Folder, name: str) -> Handover:
    size = int(name)
    try:
        record = parse_record(next(iter(view.entries(size - 1, size)))) if size else None
        if not isinstance(record, KeyRecord):
            raise FolderError("a change of the log's key is not in its records", _HINT)
        before, after = parse_note_key(record.before), parse_note_key(record.after)
        checkpoint = verify_checkpoint(view.disk.read(view.root / ROTATED / name), before)
    except (
        FileNotFoundError,
        TileParseError,
        RecordParseError,
        NoteParseError,
        CheckpointParseError,
    ) as error:
        raise FolderError(f"a change of the log's key does not hold: {error}", _HINT) from error
    if checkpoint.size != size or after.name != before.name:
        raise FolderError("a change of the log's key does not hold: it is of another size or log", _HINT)
    return Handover(checkpoint, before, after)
