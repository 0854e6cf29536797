"""`caveat ledger oversight`: what observers see, computed from the ledger itself."""

from pathlib import Path

import click
import orjson

from caveat.cli.exit import CannotRunError
from caveat.cli.ledger_view import ANY, DOES_NOT_HOLD, FILE, HOLDS, open_view
from caveat.cli.progress import Bar
from caveat.ledger.audit import newest_checkpoint
from caveat.ledger.checkpoint import Checkpoint
from caveat.ledger.errors import FolderError, RecordParseError, TileParseError
from caveat.ledger.folder import Folder
from caveat.ledger.record import record_id_of
from caveat.ledger.wire import parse_record
from caveat.oversight.view import Oversight, View
from caveat.signing.merkle import CompactRange, leaf_hash


@click.command("oversight")
@click.argument("path", type=ANY)
@click.option("--size", type=click.IntRange(1), help="Of the first so many records.  [default: all]")
@click.option("--key", "key_file", type=FILE, help="Verifier key that you hold.")
@click.option("--json", "as_json", is_flag=True, help="View and digest, as GET /v1/oversight has them.")
def oversight_command(path: Path, *, size: int | None, key_file: Path | None, as_json: bool) -> int:
    """Compute what observers see of the log in PATH, up to a size, and its digest.

    Whoever sees another digest at the same size was shown something else than the log says. All records are
    read, and must have the root that was signed.

    Exit codes: 0 computed, 1 the records are not those that were signed, 2 it could not be run.

    \b
    Examples:
      caveat ledger oversight var/caveat
      caveat ledger oversight auditor/ledger --size 1200 --key auditor/log.pub --json
    """
    with open_view(path, key_file) as view:
        try:
            checkpoint = newest_checkpoint(view.folder, view.key)
        except FolderError as error:
            raise CannotRunError(str(error), error.hint) from error
        wanted = checkpoint.size if size is None else size
        if wanted > checkpoint.size:
            raise CannotRunError(f"the log has {checkpoint.size} records", "ask for a smaller --size")
        found = _view(view.folder, checkpoint, wanted)
    if found is None:
        click.echo("does not hold: the records are not those that were signed", err=True)
        return DOES_NOT_HOLD
    if as_json:
        document = {"version": 1, "digest": found.digest, "view": found.shown}
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return HOLDS
    click.echo(orjson.dumps(found.shown, option=orjson.OPT_INDENT_2))
    click.echo(f"digest {found.digest} at {wanted} records")
    for note in view.notes:
        click.echo(f"note: {note}", err=True)
    return HOLDS


def _view(folder: Folder, checkpoint: Checkpoint, size: int) -> View | None:
    """The view of the first `size` records; None where the log is not the one that was signed."""
    folded, tree, found = Oversight(), CompactRange(), None
    with Bar("reading records") as progress:
        try:
            for index, leaf in enumerate(folder.entries(0, checkpoint.size)):
                tree.append(leaf_hash(leaf))
                if index < size:
                    folded.fold(parse_record(leaf), record_id_of(index, leaf), leaf)
                if index + 1 == size:
                    found = folded.render(checkpoint.origin)
                if index % 256 == 0:
                    progress(index, checkpoint.size)
        except (FileNotFoundError, TileParseError, RecordParseError):
            return None
    return found if tree.root() == checkpoint.root else None
