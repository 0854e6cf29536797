"""Changing the key that signs a log, with the gateway stopped. Cut short, it goes on when it is called again.

Order: 1 the old key signs a checkpoint whose last record names the new key; 2 that checkpoint is kept under
`rotated/`; 3 the new key signs the same size and root; 4 the key file names the new key. In between neither
key opens the log. Source: EVIDENCE attack 55, ADR-0024.
"""

from pathlib import Path

from caveat.ledger.checkpoint import CheckpointSigner, verify_checkpoint
from caveat.ledger.disk import Disk, RealDisk, replace_durably
from caveat.ledger.errors import CheckpointParseError, FolderError, LockedError
from caveat.ledger.fence import Fence
from caveat.ledger.folder import CHECKPOINT, KEY_FILE, LOCK, ROTATED, Folder
from caveat.ledger.handover import handover_name, read_handovers
from caveat.ledger.ledger import Ledger
from caveat.ledger.record import KeyRecord
from caveat.ledger.wire import render_record
from caveat.signing.keys import PrivateKey
from caveat.signing.note import NoteKey, NoteParseError, note_key, parse_note_key


def key_in_force(disk: Disk, folder: Path) -> NoteKey | None:
    """The verifier key that the folder names, believed as it stands; None where there is no log yet.

    Raises `FolderError` where the file names none.
    """
    try:
        return parse_note_key(disk.read(folder / KEY_FILE).decode("utf-8", "replace").removesuffix("\n"))
    except FileNotFoundError:
        return None
    except NoteParseError as error:
        raise FolderError(f"`{KEY_FILE}` names no key of a log: {error}", "restore it from a copy") from error


def rotate(folder: Path, old: PrivateKey, new: PrivateKey, time: str, *, disk: Disk | None = None) -> NoteKey:
    """The log's new verifier key, once the log is signed by `new`; raises the ledger's errors, `OSError`."""
    real = disk or RealDisk()
    current = key_in_force(real, folder)
    if current is None:
        raise FolderError("there is no log whose key could change", "name the ledger folder")
    before, after = note_key(current.name, old.public()), note_key(current.name, new.public())
    if current == after:
        return after
    if before == after:
        raise FolderError("the new key is the old one", "make a new key")
    view = Folder(real, folder)
    if not _is_begun(view, after):
        _announce(real, folder, old, before, after, time)
    try:
        lock = real.lock(folder / LOCK)
    except BlockingIOError as error:
        raise LockedError(
            "another process writes this log", "stop the gateway, then change the key"
        ) from error
    try:
        Fence.take(real, folder)
        _complete(real, view, new, after)
    finally:
        lock.release()
    return after


def _is_begun(view: Folder, after: NoteKey) -> bool:
    return any(handover.after == after for handover in read_handovers(view))


def _announce(disk: Disk, folder: Path, old: PrivateKey, before: NoteKey, after: NoteKey, time: str) -> None:
    """Step 1 and 2."""
    ledger = Ledger.open(folder, old, origin=before.name, disk=disk)
    try:
        ledger.append_blocking(render_record(KeyRecord(time, before.render(), after.render())))
    finally:
        ledger.close()
    data = disk.read(folder / CHECKPOINT)
    size = verify_checkpoint(data, before).size
    replace_durably(disk, {folder / ROTATED / handover_name(size): data})


def _complete(disk: Disk, view: Folder, new: PrivateKey, after: NoteKey) -> None:
    """Steps 3 and 4, once the newest record is the one that names the new key."""
    last = read_handovers(view)[-1]
    published = disk.read(view.root / CHECKPOINT)
    keys = (last.before, after)
    if last.after != after or not any(_signs(key, published, last.checkpoint.size) for key in keys):
        raise FolderError("the log went on under its old key", "call it again with the gateway stopped")
    signed = CheckpointSigner(after.name, new, last.checkpoint).sign(
        last.checkpoint.size, last.checkpoint.root
    )
    replace_durably(disk, {view.root / CHECKPOINT: signed})
    replace_durably(disk, {view.root / KEY_FILE: f"{after.render()}\n".encode()})


def _signs(key: NoteKey, data: bytes, size: int) -> bool:
    try:
        return verify_checkpoint(data, key).size == size
    except CheckpointParseError:
        return False
