"""`caveat ledger query`: records found by an index, each proven to be in the log before it is shown."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import click
import orjson

from caveat.cli.exit import CannotRunError
from caveat.cli.ledger_view import ANY, DOES_NOT_HOLD, FILE, HOLDS, open_view
from caveat.ledger.audit import Reading, newest_checkpoint, proven
from caveat.ledger.checkpoint import Checkpoint
from caveat.ledger.errors import FolderError, RecordParseError, TileParseError
from caveat.ledger.folder import Folder
from caveat.ledger.read import Entry
from caveat.ledger.record import DecisionRecord, kind_of, parse_time
from caveat.ledger.tiles import edge_at
from caveat.store.errors import LedgerIndexError
from caveat.store.ledger_index import COLUMNS, names_of, open_index


@click.command("query")
@click.argument("path", type=ANY)
@click.option("--key", "key_file", type=FILE, help="Verifier key that you hold.")
@click.option("--deployment", help="Decided or uploaded for this deployment.")
@click.option("--issuer", help="Cites evidence of the issuer key with this id.")
@click.option("--envelope", help="Cites the envelope with this digest.")
@click.option("--dataset", help="Has this data digest or lineage source.")
@click.option("--verdict", help="allow, needs_approval, needs_evidence or deny.")
@click.option("--clause", help="Names this clause.")
@click.option("--kind", help="Of this kind, as in `decision/prompt`.")
@click.option("--since", help="At this time or later, as 2026-01-01T00:00:00.000Z.")
@click.option("--until", help="Before this time.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many."
)
@click.option("--index", "index_file", type=FILE, help="Where the index lies.  [default: beside the ledger]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON (docs/reference/ledger-format.md).")
def query_command(
    path: Path,
    *,
    key_file: Path | None,
    since: str | None,
    until: str | None,
    limit: int,
    index_file: Path | None,
    as_json: bool,
    **named: str | None,
) -> int:
    """Find records of the log in PATH, newest first, by an index that is built from it.

    Each record that is shown was proven to be in the log and holds what was asked for. The index is for
    speed: delete it at will. That nothing is missing, `caveat ledger audit` shows, which does not use it.

    Exit codes: 0 found, 1 nothing was found, 2 it could not be run.

    \b
    Examples:
      caveat ledger query var/caveat --verdict deny --since 2026-01-01T00:00:00.000Z
      caveat ledger query var/caveat --issuer 0123abcd --json
    """
    for name, time in (("--since", since), ("--until", until)):
        _check_time(name, time)
    wanted = {what: value for what in COLUMNS if (value := named.get(what)) is not None}
    with open_view(path, key_file) as view:
        try:
            checkpoint = newest_checkpoint(view.folder, view.key)
            where = index_file or view.folder.root.with_name(f"{view.folder.root.name}.index.sqlite3")
            rows = list(_query(view.folder, checkpoint, where, wanted, since, until, limit))
        except (FolderError, LedgerIndexError) as error:
            hint = getattr(error, "hint", "") or "name a file that may be written with --index"
            raise CannotRunError(str(error), hint) from error
    if as_json:
        click.echo(orjson.dumps({"version": 1, "records": rows}, option=orjson.OPT_INDENT_2))
    else:
        for row in rows:
            click.echo("  ".join(str(value) for value in row.values() if value is not None))
        click.echo(f"{len(rows)} records", err=True)
    return HOLDS if rows else DOES_NOT_HOLD


def _query(
    view: Folder,
    checkpoint: Checkpoint,
    where: Path,
    wanted: dict[str, str],
    since: str | None,
    until: str | None,
    limit: int,
) -> Iterator[dict[str, str | None]]:
    """Rows for people and scripts; a hit of the index that is not borne out by its leaf is an error."""

    def root_at(size: int) -> bytes | None:
        try:
            return edge_at(size, view.tile).compact().root()
        except (FileNotFoundError, TileParseError):
            return None

    def read(start: int) -> Iterator[Entry]:
        reading = Reading(view, checkpoint)
        yield from itertools.islice(reading, start, None)
        if reading.findings:
            raise FolderError("the log does not hold", "`caveat ledger verify` says what is wrong")

    index = open_index(where, checkpoint, root_at, read)
    try:
        numbers = index.find(wanted, since, until, limit)
    finally:
        index.close()
    for number in numbers:
        entry = proven(view, checkpoint, number)
        record = entry.record
        named = set(names_of(record))
        in_time = (since is None or record.time >= since) and (until is None or record.time < until)
        if not in_time or not named.issuperset(wanted.items()):
            raise LedgerIndexError("the index names a record that is not what was asked for; delete it")
        decision = record if isinstance(record, DecisionRecord) else None
        yield {
            "id": entry.id,
            "time": record.time,
            "kind": kind_of(record),
            "deployment": None if decision is None else decision.deployment,
            "verdict": None if decision is None else decision.decision.verdict.value,
            "reason": None if decision is None else decision.decision.reason.value,
        }


def _check_time(name: str, text: str | None) -> None:
    try:
        if text is not None and (len(text) != 24 or parse_time(text).tzinfo is None):
            raise RecordParseError("another width")
    except RecordParseError as error:
        raise CannotRunError(f"{name} is no time", "write it as 2026-01-01T00:00:00.000Z") from error
