"""Audit exports: what was published since the last export, in one plain archive with a signed manifest.

For sites without a line to the auditor. An export names the checkpoint of the one before it, with the proof
that it continues it, so a missing or exchanged one shows. The manifest stands last: a cut archive has none.
Nothing of an archive is believed for standing in it: paths are on a list, sizes have caps, every digest is
compared. Source: EVIDENCE attacks 68 to 70, ADR-0024.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.ledger.checkpoint import MAX_CHECKPOINT_BYTES, Checkpoint, verify_checkpoint
from caveat.ledger.errors import CheckpointParseError, ExportParseError, FolderError, TileParseError
from caveat.ledger.folder import BUNDLES, CHECKPOINT, COSIGNED, KEY_FILE, ROTATED, TILES, Folder
from caveat.ledger.handover import known_keys, read_handovers
from caveat.ledger.tar import END, MAX_MEMBERS, Member, padding, read_members, render_header
from caveat.ledger.tar_disk import ROOT, TarDisk
from caveat.ledger.tiles import (
    ENTRIES,
    MAX_LEAF_BYTES,
    WIDTH,
    WIDTH_BITS,
    TilePath,
    leading_entries,
    nodes_of,
    parse_tile_path,
    render_entries,
)
from caveat.signing.canonical import StrictJsonError, canonical, parse_strict
from caveat.signing.digest import Digest
from caveat.signing.dsse import (
    EnvelopeParseError,
    UnverifiedEnvelope,
    parse_envelope,
    sign_envelope,
    verify_signers,
)
from caveat.signing.keys import PrivateKey, PublicKey
from caveat.signing.merkle import HASH_BYTES, consistency_proof, verify_consistency
from caveat.signing.note import NoteKey

MANIFEST = "manifest"
PAYLOAD_TYPE = "application/vnd.caveat.audit-export+json"
MAX_MANIFEST_BYTES = 32 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_CAPS = (
    (re.compile(rf"(?:{CHECKPOINT}|{COSIGNED}|{KEY_FILE}|{ROTATED}/[0-9]{{20}})\Z"), MAX_CHECKPOINT_BYTES),
    (re.compile(rf"{BUNDLES}/[0-9a-f]{{64}}/.+\Z"), 16 * 1024 * 1024),
    (re.compile(rf"{MANIFEST}\Z"), MAX_MANIFEST_BYTES),
)
_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TreeHead(_Model):
    """Size and root of the tree under a checkpoint."""

    size: _Count
    root: _Hex


class ExportedFile(_Model):
    """A file of the export."""

    path: Annotated[str, Field(max_length=256)]
    bytes: _Count
    sha256: _Hex


class Manifest(_Model):
    """What an export says it holds. `number` counts from 1; `previous` is the export before it."""

    version: Literal[1]
    number: Annotated[int, Field(ge=1, lt=2**63)]
    origin: Annotated[str, Field(max_length=256)]
    checkpoint: TreeHead
    previous: TreeHead | None
    consistency: Annotated[list[_Hex], Field(max_length=63)]
    files: Annotated[list[ExportedFile], Field(max_length=MAX_MEMBERS)]


@dataclass(frozen=True, slots=True)
class Export:
    """An archive whose files are those of its manifest. Who signed that is `signer`'s to say."""

    view: Folder
    manifest: Manifest
    envelope: UnverifiedEnvelope

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether this key signed the manifest."""
        return key.keyid in verify_signers(self.envelope, {key.keyid: key}).verified


def write_export(
    view: Folder, verifier: NoteKey, exporter: PrivateKey, out: BinaryIO, previous: Manifest | None = None
) -> Manifest:
    """Writes what was published since `previous`, or everything; returns the manifest.

    Raises `FolderError` where the folder cannot be exported or does not continue `previous`, `OSError`.
    """
    try:
        data = view.disk.read(view.root / CHECKPOINT)
        checkpoint = verify_checkpoint(data, known_keys(read_handovers(view), verifier)[-1])
    except (CheckpointParseError, FileNotFoundError) as error:
        raise FolderError("the folder has no checkpoint that the log's key signed") from error
    before = None if previous is None else previous.checkpoint
    if previous is not None and (previous.origin, previous.checkpoint.size <= checkpoint.size) != (
        checkpoint.origin,
        True,
    ):
        raise FolderError("the last export is of another log, or newer than this folder")
    files: list[ExportedFile] = []
    for path, content in _contents(view, data, checkpoint.size, 0 if before is None else before.size):
        out.write(render_header(path, len(content)) + content + padding(len(content)))
        digest = hashlib.sha256(content).hexdigest()
        files.append(ExportedFile(path=path, bytes=len(content), sha256=digest))
    proof = [] if before is None else _proof(view, before, checkpoint)
    manifest = Manifest(
        version=1,
        number=1 if previous is None else previous.number + 1,
        origin=checkpoint.origin,
        checkpoint=TreeHead(size=checkpoint.size, root=checkpoint.root.hex()),
        previous=before,
        consistency=proof,
        files=files,
    )
    envelope = sign_envelope(canonical(manifest.model_dump()), PAYLOAD_TYPE, [exporter])
    out.write(render_header(MANIFEST, len(envelope)) + envelope + padding(len(envelope)) + END)
    return manifest


@contextlib.contextmanager
def open_export(path: Path) -> Generator[Export]:
    """The export in this file, each file compared with the manifest; its log is not verified here.

    Raises `ExportParseError` and nothing else for whatever the bytes are; `OSError` unreadable.
    """
    with path.open("rb") as file:
        members = list(read_members(file))
        for member in members:
            _check_path(member)
        if not members or members[-1].name != MANIFEST:
            raise ExportParseError("the export has no manifest at its end: it was cut, or is none")
        envelope, manifest = _parse_manifest(_read(file, members[-1]))
        told = [(one.path, one.bytes, one.sha256) for one in manifest.files]
        if told != [(one.name, one.size, _digest(file, one)) for one in members[:-1]]:
            raise ExportParseError("the files of the export are not those that its manifest lists")
        yield Export(Folder(TarDisk(file.fileno(), members[:-1]), ROOT), manifest, envelope)


def is_export(path: Path) -> bool:
    """Whether the file begins as an archive does; raises `OSError`."""
    with path.open("rb") as file:
        return file.read(263)[257:] == b"ustar\0"


def tile_paths(size: int, since: int = 0) -> Iterator[TilePath]:
    """The tiles of a tree of `size` leaves that one of `since` whole bundles of leaves does not have."""
    start = since >> WIDTH_BITS << WIDTH_BITS
    level = 0
    while size >> WIDTH_BITS * level:
        count, first = size >> WIDTH_BITS * level, start >> WIDTH_BITS * (level + 1)
        for index in range(first, (count + WIDTH - 1) // WIDTH):
            width = min(count - index * WIDTH, WIDTH)
            yield TilePath(level, index, width)
            if level == 0:
                yield TilePath(ENTRIES, index, width)
        level += 1


def _contents(view: Folder, checkpoint: bytes, size: int, since: int) -> Iterator[tuple[str, bytes]]:
    yield CHECKPOINT, checkpoint
    for name in (COSIGNED, KEY_FILE):
        with contextlib.suppress(FileNotFoundError):
            yield name, view.disk.read(view.root / name)
    for name in view.disk.names(view.root / ROTATED):
        if not name.isdecimal() or int(name) <= since:
            continue  # a reader of this export learnt of it from the one before, which holds the record
        yield f"{ROTATED}/{name}", view.disk.read(view.root / ROTATED / name)
    for digest in view.disk.names(view.root / BUNDLES):
        for name, content in sorted((view.bundle(digest) or {}).items()):
            yield str(PurePosixPath(BUNDLES, digest, name)), content
    for path in tile_paths(size, since):
        yield path.render(), _tile(view, path)


def _tile(view: Folder, path: TilePath) -> bytes:
    """The tile cut to its width at the checkpoint's size: a running gateway may have widened the file."""
    try:
        data = view.tile(path.level, path.index, path.width)
        if path.level == ENTRIES:
            return render_entries(leading_entries(data, path.width))
    except (FileNotFoundError, TileParseError) as error:
        raise FolderError(f"`{path.render()}` cannot be exported", "verify the folder") from error
    return data[: path.width * HASH_BYTES]


def _proof(view: Folder, old: TreeHead, new: Checkpoint) -> list[str]:
    try:
        path = consistency_proof(old.size, new.size, nodes_of(new.size, view.tile))
    except (FileNotFoundError, TileParseError) as error:
        raise FolderError("tiles under the checkpoint are missing", "verify the folder") from error
    if not verify_consistency(old.size, new.size, path, bytes.fromhex(old.root), new.root):
        raise FolderError("the folder does not continue the last export", "verify the folder against it")
    return [node.hex() for node in path]


def _check_path(member: Member) -> None:
    cap = next((cap for pattern, cap in _CAPS if pattern.match(member.name)), None)
    if cap is None and member.name.startswith(f"{TILES}/"):
        try:
            level = parse_tile_path(member.name).level
        except TileParseError as error:
            raise ExportParseError("a file of the export is no tile") from error
        cap = WIDTH * (MAX_LEAF_BYTES + 2) if level == ENTRIES else WIDTH * HASH_BYTES
    if cap is None:
        raise ExportParseError("the export holds a file that does not belong there")
    if member.size > cap:
        raise ExportParseError("a file of the export is too large for what it is")


def _parse_manifest(data: bytes) -> tuple[UnverifiedEnvelope, Manifest]:
    try:
        envelope = parse_envelope(data, max_bytes=MAX_MANIFEST_BYTES)
        value = parse_strict(envelope.payload, max_bytes=MAX_MANIFEST_BYTES, max_depth=8)
        manifest = Manifest.model_validate(value)
    except (EnvelopeParseError, StrictJsonError, ValidationError) as error:
        raise ExportParseError("the manifest of the export is malformed") from error
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ExportParseError("the manifest of the export is of another type")
    return envelope, manifest


def _read(file: BinaryIO, member: Member) -> bytes:
    return os.pread(file.fileno(), member.size, member.offset)


def _digest(file: BinaryIO, member: Member) -> Digest:
    digest = hashlib.sha256()
    for start in range(0, member.size, _CHUNK_BYTES):
        chunk = min(_CHUNK_BYTES, member.size - start)
        digest.update(os.pread(file.fileno(), chunk, member.offset + start))
    return Digest(digest.hexdigest())


def head_of(manifest: Manifest) -> Checkpoint:
    """The checkpoint that an export ends with, as its manifest tells it."""
    return Checkpoint(manifest.origin, manifest.checkpoint.size, bytes.fromhex(manifest.checkpoint.root))
