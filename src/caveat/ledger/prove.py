"""Making a proof that a record is in the log, out of the tiles."""

from caveat.ledger.checkpoint import parse_checkpoint
from caveat.ledger.errors import CheckpointParseError, FolderError, TileParseError
from caveat.ledger.folder import CHECKPOINT, COSIGNED, Folder
from caveat.ledger.proof import LogProof
from caveat.ledger.tiles import nodes_of
from caveat.signing.merkle import inclusion_proof
from caveat.signing.note import NoteParseError, parse_note


def prove(view: Folder, index: int) -> LogProof:
    """The proof of record `index`, under the cosigned checkpoint where that covers it, else the newest.

    Raises `FolderError` where the log has no such record or its tiles cannot be read.
    """
    for name in (COSIGNED, CHECKPOINT):
        try:
            data = view.disk.read(view.root / name)
            size = parse_checkpoint(parse_note(data).text).size
            if index >= size:
                continue
            path = inclusion_proof(index, size, nodes_of(size, view.tile))
            return LogProof(index, path, data, next(view.entries(index, index + 1)))
        except FileNotFoundError as error:
            if name == COSIGNED:
                continue
            raise FolderError("the folder has no such record published", "verify the folder") from error
        except (NoteParseError, CheckpointParseError, TileParseError) as error:
            raise FolderError(f"record {index} cannot be proven: {error}", "verify the folder") from error
    raise FolderError(f"no record {index} is published", "a record is published within a second or so")
