"""`caveat explain`: in plain words why a use was decided so, what a record says, whether evidence counts."""

import json
from pathlib import Path

import click

from caveat.cli.data_folder import open_log
from caveat.cli.exit import CannotRunError
from caveat.cli.explain_evidence import evidence_command
from caveat.cli.explain_monitor import monitor_command
from caveat.cli.explained import Explained, explain_decision, say_record, show_explained
from caveat.ledger.errors import FolderError, RecordParseError
from caveat.ledger.read import Entry, PublishedLog
from caveat.ledger.record import DecisionRecord
from caveat.ledger.replay import Bundles
from caveat.ledger.wire import render_record

_WHERE = "the id stands in the header x-caveat-record of the answer, and in the log of the gateway"


@click.group("explain")
def explain_command() -> None:
    """Say in plain words why a use was decided so, what a record says, and whether evidence counts."""


@explain_command.command("use")
@click.argument("record_id", metavar="ID")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="The gateway's data folder.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/observe.md).")
def use_command(record_id: str, data: Path, *, as_json: bool) -> int:
    """Say why the use with the record ID was decided so, and what would change it.

    Derives the verdict again from the recorded facts and the bundle beside the ledger. Exit codes: 0 it was
    explained, 1 deciding again gives another verdict, 2 it could not be explained.

    \b
    Examples:
      caveat explain use 4711-0123456789abcdef --data var/caveat
      caveat explain use 4711-0123456789abcdef --data var/caveat --json
    """
    log, entry = _find(data, record_id)
    record = entry.record
    if not isinstance(record, DecisionRecord):
        raise CannotRunError(
            f"record `{record_id}` is no decision", f"`caveat explain record {record_id} --data {data}`"
        )
    return _explain(log, entry, record, as_json=as_json)


@explain_command.command("record")
@click.argument("record_id", metavar="ID")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="The gateway's data folder.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/observe.md).")
def record_command(record_id: str, data: Path, *, as_json: bool) -> int:
    """Say what the record ID of any kind says. A decision is explained as `explain use` does.

    \b
    Examples:
      caveat explain record 0-0123456789abcdef --data var/caveat
    """
    log, entry = _find(data, record_id)
    if isinstance(entry.record, DecisionRecord):
        return _explain(log, entry, entry.record, as_json=as_json)
    if as_json:
        document = {"version": 1, "record": entry.id, "leaf": render_record(entry.record)}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(say_record(entry.record))
    return 0


explain_command.add_command(evidence_command)
explain_command.add_command(monitor_command)


def _find(data: Path, record_id: str) -> tuple[PublishedLog, Entry]:
    log = open_log(data)
    try:
        entry = log.find(record_id)
    except RecordParseError as error:
        raise CannotRunError(f"`{record_id[:80]}` is no record id: {error}", _WHERE) from error
    except FolderError as error:
        raise CannotRunError(str(error), error.hint) from error
    if entry is None:
        raise CannotRunError(f"the ledger has no record `{record_id}`", _WHERE)
    return log, entry


def _explain(log: PublishedLog, entry: Entry, record: DecisionRecord, *, as_json: bool) -> int:
    bundle = Bundles(log.folder).get(record.bundle)
    if bundle is None:
        raise CannotRunError(
            f"the bundle {record.bundle[:16]} that the record cites does not lie beside the ledger",
            "`caveat ledger verify` says more",
        )
    explained: Explained = explain_decision(bundle, entry.id, record)
    if as_json:
        click.echo(json.dumps(explained.render(), indent=2))
    else:
        show_explained(explained)
    return 1 if explained.differs else 0
