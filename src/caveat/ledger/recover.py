"""Start-up: what the disk holds, checked against what was signed, before a single record is taken.

Steps: 1 the key file names this key. 2 The published checkpoint is signed by it. 3 Segments of the
write-ahead log follow one another without a gap, and only the last may end in a torn frame. 4 From the
tiles at the first segment's start, the log's leaves give the published root at the published size. 5 The
log reaches as far as the last size signed. 6 It continues every checkpoint that was kept elsewhere, which
alone shows that the whole disk was rolled back. Any failure refuses to start: never sign over a gap.
Source: EVIDENCE attacks 50, 51 and 54, ADR-0002.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from caveat.ledger.checkpoint import Checkpoint, CheckpointSigner, verify_checkpoint
from caveat.ledger.disk import Disk, replace_durably
from caveat.ledger.errors import CheckpointParseError, FolderError, RolledBackError, TileParseError
from caveat.ledger.folder import BUNDLES, CHECKPOINT, KEY_FILE, SIGNED, TILES, WAL, Folder
from caveat.ledger.handover import known_keys, read_handovers
from caveat.ledger.tiles import Edge, edge_at, nodes_of
from caveat.ledger.wal import replay_frames
from caveat.signing.keys import PrivateKey
from caveat.signing.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    CompactRange,
    consistency_proof,
    leaf_hash,
    verify_consistency,
)
from caveat.signing.note import NoteKey

_SIGNED = struct.Struct(f">Q{HASH_BYTES}s")
_RESTORE = "restore the folder from a copy that holds every record, or start a new log with a new origin"


@dataclass(frozen=True, slots=True)
class Recovered:
    """The log as it stands on the disk.

    `published`: the checkpoint on the disk. `edge`: the tiles at its size. `tree`: with the leaves of the
    write-ahead log behind it, `unpublished`. `dropped_bytes`: a torn tail, never acknowledged.
    """

    published: Checkpoint
    edge: Edge
    tree: CompactRange
    unpublished: tuple[bytes, ...]
    dropped_bytes: int


def create(disk: Disk, folder: Path, origin: str, key: PrivateKey) -> None:
    """Makes an empty log, durably. The key file comes last: without it a folder is no log yet."""
    view = Folder(disk, folder)
    signer = CheckpointSigner(origin, key, Checkpoint(origin, 0, EMPTY_ROOT))
    _refuse_remains(view, signer.verifier)
    for name in (WAL, TILES, BUNDLES):
        disk.make_directory(folder / name)
    segment = disk.append_to(view.segment(0))
    segment.sync()
    segment.close()
    disk.sync_directory(folder / WAL)
    replace_durably(disk, {folder / CHECKPOINT: signer.sign(0, EMPTY_ROOT)})
    replace_durably(disk, {folder / KEY_FILE: f"{signer.verifier.render()}\n".encode()})


def _refuse_remains(view: Folder, verifier: NoteKey) -> None:
    """Raises `FolderError` where a log has been: only an empty one, not yet finished, may be begun again."""
    remains = [start for start in view.segments() if start or view.disk.read(view.segment(start))]
    remains.extend(
        len(view.disk.names(view.root / TILES / name)) for name in view.disk.names(view.root / TILES)
    )
    signed = read_signed(view.disk, view.root)
    try:
        begun = verify_checkpoint(view.disk.read(view.root / CHECKPOINT), verifier).size == 0
    except FileNotFoundError:
        begun = True
    except CheckpointParseError:
        begun = False
    if remains or not begun or (signed is not None and signed.size):
        raise FolderError("the folder holds a log without a key file", "do not reuse a damaged log's folder")


def recover(disk: Disk, folder: Path, verifier: NoteKey) -> Recovered:
    """The log in the folder; raises `FolderError` or `RolledBackError` rather than open a doubtful one."""
    view = Folder(disk, folder)
    # 1. the key
    if disk.read(folder / KEY_FILE) != f"{verifier.render()}\n".encode():
        raise FolderError(
            "the log belongs to another key or origin",
            "open it with its own key; `caveat ledger rotate` completes a change of keys that was cut short",
        )
    # 2. the published checkpoint
    try:
        published = verify_checkpoint(disk.read(folder / CHECKPOINT), verifier)
    except FileNotFoundError as error:
        raise RolledBackError("the log has no published checkpoint", _RESTORE) from error
    except CheckpointParseError as error:
        raise FolderError(f"the published checkpoint does not hold: {error}", _RESTORE) from error
    # 3. the write-ahead log
    starts = [start for start in view.segments() if start <= published.size]
    starts = [*starts[-1:], *(start for start in view.segments() if start > published.size)]
    if not starts or starts[0] > published.size:
        raise RolledBackError("the write-ahead log does not reach back to the checkpoint", _RESTORE)
    leaves: list[bytes] = []
    whole = data_bytes = 0
    for start in starts:
        if start != starts[0] + len(leaves) or whole != data_bytes:
            raise RolledBackError("the write-ahead log has a gap", _RESTORE)
        data = disk.read(view.segment(start))
        replayed = replay_frames(data)
        leaves.extend(replayed.leaves)
        whole, data_bytes = replayed.whole_bytes, len(data)
    # 4. the published checkpoint is a prefix
    edge, tree, unpublished = _replay(view, starts[0], leaves, published)
    # 5. so is the last one signed
    signed = read_signed(disk, folder)
    if signed is not None and not _reaches(tree, published.size, unpublished, edge, signed):
        raise RolledBackError("the log does not hold what was last signed", _RESTORE)
    return Recovered(published, edge, tree, unpublished, data_bytes - whole)


def _replay(
    view: Folder, start: int, leaves: list[bytes], published: Checkpoint
) -> tuple[Edge, CompactRange, tuple[bytes, ...]]:
    overlap = published.size - start
    if overlap > len(leaves):
        raise RolledBackError("the disk holds fewer records than its checkpoint", _RESTORE)
    try:
        edge = edge_at(start, view.tile)
    except (FileNotFoundError, TileParseError) as error:
        raise RolledBackError("tiles under the checkpoint are missing or broken", _RESTORE) from error
    for leaf in leaves[:overlap]:
        edge.append(leaf, leaf_hash(leaf))
    edge.take_completed()
    tree = edge.compact()
    if tree.root() != published.root:
        raise RolledBackError("the records on the disk are not those under its checkpoint", _RESTORE)
    unpublished = tuple(leaves[overlap:])
    for leaf in unpublished:
        tree.append(leaf_hash(leaf))
    return edge, tree, unpublished


def check_known(view: Folder, found: Recovered, verifier: NoteKey, known: Sequence[bytes]) -> None:
    """Returns only if the log continues each of these signed checkpoints (step 6).

    Raises `RolledBackError` where it does not, `FolderError` for what is no checkpoint of this log.
    """
    keys = known_keys(read_handovers(view), verifier) if known else ()
    for data in known:
        kept = _verified(data, keys)
        if kept.size > found.tree.size:
            raise RolledBackError(
                f"the log holds {found.tree.size} records and a checkpoint kept elsewhere {kept.size}",
                _RESTORE,
            )
        if not _continues(view, found, kept):
            raise RolledBackError("the log does not continue a checkpoint kept elsewhere", _RESTORE)


def _verified(data: bytes, keys: Sequence[NoteKey]) -> Checkpoint:
    for key in keys:
        try:
            return verify_checkpoint(data, key)
        except CheckpointParseError:
            continue
    raise FolderError(
        "a checkpoint kept elsewhere is none of this log", "name the file that was kept for this log"
    )


def _continues(view: Folder, found: Recovered, kept: Checkpoint) -> bool:
    published = found.published
    if kept.size > published.size:
        return _reaches(found.tree, published.size, found.unpublished, found.edge, kept)
    try:
        proof = consistency_proof(kept.size, published.size, nodes_of(published.size, view.tile))
    except (FileNotFoundError, TileParseError) as error:
        raise RolledBackError("tiles under the checkpoint are missing or broken", _RESTORE) from error
    return verify_consistency(kept.size, published.size, proof, kept.root, published.root)


def _reaches(
    tree: CompactRange, published: int, unpublished: tuple[bytes, ...], edge: Edge, signed: Checkpoint
) -> bool:
    """Whether the log holds `signed` as a prefix. A size below the published one is old news and holds."""
    if signed.size <= published or signed.size > tree.size:
        return signed.size <= published
    prefix = edge.compact()
    for leaf in unpublished[: signed.size - published]:
        prefix.append(leaf_hash(leaf))
    return prefix.root() == signed.root


def render_signed(size: int, root: bytes) -> bytes:
    """What the `signed` file holds: size, root, and a checksum by which a torn write is known."""
    body = _SIGNED.pack(size, root)
    return body + zlib.crc32(body).to_bytes(4)


def read_signed(disk: Disk, folder: Path) -> Checkpoint | None:
    """Size and root last signed; None if absent or torn, since it is written without a sync."""
    try:
        data = disk.read(folder / SIGNED)
    except FileNotFoundError:
        return None
    body, checksum = data[: _SIGNED.size], data[_SIGNED.size :]
    if len(body) != _SIGNED.size or zlib.crc32(body).to_bytes(4) != checksum:
        return None
    size, root = _SIGNED.unpack(body)
    return Checkpoint("", size, root)
