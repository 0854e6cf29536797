"""A negotiation in a folder: a ledger of its own, and beside it the parties and what the acts speak of.

negotiation.json    id and parties, each with its pinned keys
checkpoint, tile/…  the log, as in every ledger folder; its origin is the negotiation's id
bundles/<digest>/   the files of terms and documents, by the digest that the acts name

One process writes; whoever reads folds the acts with the rules by which they were admitted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from caveat.ledger import Entry, Ledger
from caveat.ledger.disk import RealDisk, replace_durably
from caveat.ledger.errors import FolderError as LogError
from caveat.ledger.errors import LedgerError, RecordParseError
from caveat.ledger.folder import CHECKPOINT, KEY_FILE, Folder
from caveat.ledger.read import PublishedLog
from caveat.ledger.record import StoppedRecord, TermsRecord
from caveat.ledger.tiles import WIDTH
from caveat.ledger.wire import parse_record, render_record
from caveat.negotiation.errors import (
    ActParseError,
    BrokenLogError,
    FolderError,
    PartiesParseError,
    RefusedActError,
)
from caveat.negotiation.parties import Parties, parse_parties
from caveat.negotiation.protocol import Negotiation, Recorded
from caveat.policy.bundle import bundle_digest
from caveat.signing.digest import Digest
from caveat.signing.keys import PrivateKey
from caveat.signing.merkle import leaf_hash
from caveat.signing.note import NoteKey, NoteParseError, parse_note_key

PARTIES_FILE = "negotiation.json"
_VERIFY = "`caveat ledger verify FOLDER` says what is wrong with the log"


@dataclass(frozen=True, slots=True)
class Opened:
    """A negotiation as read: its acts, the leaves they stand in, and the checkpoint over them."""

    root: Path
    negotiation: Negotiation
    leaves: tuple[bytes, ...]
    checkpoint: bytes
    key: NoteKey

    def files(self, digest: Digest) -> Mapping[str, bytes]:
        """What is kept under a digest; raises `FolderError` where it is missing or has changed."""
        files = Folder(RealDisk(), self.root).bundle(digest)
        if files is None or bundle_digest(files) != digest:
            raise BrokenLogError(f"the files of `{digest[:16]}` are missing or changed", _VERIFY)
        return files


def read_parties(root: Path) -> Parties | None:
    """The parties of the negotiation in the folder; None where none has begun. Raises `FolderError`."""
    try:
        data = (root / PARTIES_FILE).read_bytes()
    except FileNotFoundError:
        return None
    try:
        return parse_parties(data)
    except PartiesParseError as error:
        raise FolderError(
            f"`{PARTIES_FILE}`: {error}", "restore the file; every act is signed over it"
        ) from error


def _begin(root: Path, parties: Parties, raw_log_key: bytes, first: TermsRecord) -> None:
    """Makes the folder of a negotiation, durably, if its first act would be admitted."""
    Negotiation(parties, raw_log_key).check(first)
    disk = RealDisk()
    disk.make_directory(root)
    replace_durably(disk, {root / PARTIES_FILE: parties.render()})


def read_negotiation(root: Path, key: NoteKey | None = None) -> Opened:
    """The negotiation in the folder, every act verified and folded; raises `FolderError`, `OSError`.

    `key`: the log's verifier key as the reader holds it; without it, the one in the folder is taken.
    """
    parties = read_parties(root)
    if parties is None:
        raise FolderError(f"`{root}` holds no negotiation", "`caveat terms offer` begins one")
    key = key or _own_key(root)
    if key.name != parties.negotiation:
        raise FolderError("the log belongs to another negotiation", "name the key of this log")
    leaves, checkpoint = _published(root)
    negotiation = _fold(parties, key.key.raw, enumerate(leaves))
    return Opened(root, negotiation, leaves, checkpoint, key)


def append(
    root: Path, parties: Parties, log_key: PrivateKey, record: TermsRecord, files: Mapping[str, bytes]
) -> Recorded:
    """The act in `record`, admitted and durable; raises `RefusedActError`, `FolderError`, `LedgerError`.

    The first act begins the negotiation. The rules are checked while the log is held, so that two writers
    cannot both answer one offer.
    """
    raw = log_key.public().raw
    found = read_parties(root)
    if found is None:
        _begin(root, parties, raw, record)
    elif found != parties:
        raise FolderError(
            f"the folder holds the negotiation `{found.negotiation}`, with its own parties",
            "name another folder",
        )
    log = Ledger.open(root, log_key, origin=parties.negotiation, publish_seconds=0)
    try:
        negotiation = _fold(parties, raw, ((entry.index, entry.leaf) for entry in _entries(log)))
        negotiation.check(record)
        if log.store_bundle(files) != record.bundle:
            raise FolderError(
                "the files are not those that the act speaks of", "name the bundle that was signed"
            )
        receipt = log.append_blocking(render_record(record))
        return negotiation.admit(receipt.index, receipt.leaf_hash, record)
    finally:
        log.close()


def _entries(log: Ledger) -> Iterator[Entry]:
    try:
        yield from log.records()
    except LogError as error:
        raise BrokenLogError(str(error), _VERIFY) from error


def fold_leaves(parties: Parties, log_key: bytes, leaves: Iterable[bytes]) -> Negotiation:
    """The negotiation that these leaves are; raises `FolderError` at the first that breaks a rule."""
    return _fold(parties, log_key, enumerate(leaves))


def _fold(parties: Parties, log_key: bytes, entries: Iterable[tuple[int, bytes]]) -> Negotiation:
    negotiation = Negotiation(parties, log_key)
    for index, leaf in entries:
        try:
            record = parse_terms(leaf)
            if record is not None:
                negotiation.admit(index, Digest(leaf_hash(leaf).hex()), record)
        except (RecordParseError, ActParseError, RefusedActError) as error:
            raise BrokenLogError(f"record {index} does not stand rightly: {error}", _VERIFY) from error
    return negotiation


def parse_terms(leaf: bytes) -> TermsRecord | None:
    """The record of an act, or None for the last word of a log that the disk stopped.

    Raises `RecordParseError` for any other record: nothing else stands in this log.
    """
    record = parse_record(leaf)
    if isinstance(record, StoppedRecord):
        return None
    if not isinstance(record, TermsRecord):
        raise RecordParseError("the record is no act of a negotiation")
    return record


def _published(root: Path) -> tuple[tuple[bytes, ...], bytes]:
    try:
        log = PublishedLog(root)
        checkpoint = (root / CHECKPOINT).read_bytes()
        leaves: list[bytes] = []
        for start in range(0, log.size, WIDTH):
            leaves += log.folder.entries(start, min(log.size, start + WIDTH))
    except (LedgerError, ValueError, FileNotFoundError) as error:
        raise BrokenLogError(f"the log cannot be read: {error}", _VERIFY) from error
    return tuple(leaves), checkpoint


def _own_key(root: Path) -> NoteKey:
    try:
        text = (root / KEY_FILE).read_text(encoding="utf-8", errors="replace")
        return parse_note_key(text.removesuffix("\n"))
    except (FileNotFoundError, NoteParseError) as error:
        raise FolderError(f"`{root}` holds no log with a key", "`caveat terms offer` begins one") from error
