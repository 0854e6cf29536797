"""`caveat monitors`: what many uses amount to, in counts that tell nobody's; and the care of what is kept.

No command takes an identifier: nobody can ask whether somebody is among those counted. Source: ADR-0047.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from caveat.cli.data_folder import open_log
from caveat.cli.exit import CannotRunError
from caveat.cli.monitors_keys import (
    agent_command,
    key_command,
    lengthen_command,
    renew_command,
    rotate_command,
)
from caveat.cli.monitors_shown import Shown, lines, render, rows_of
from caveat.cli.monitors_store import DATA, KEY, keys_of, opened, store_of
from caveat.cli.progress import Bar
from caveat.ledger.errors import LedgerError
from caveat.ledger.record import DecisionRecord, Record, parse_time
from caveat.monitors.erasure import plan_erasure
from caveat.monitors.keys import KeysUnavailableError
from caveat.service.contribution_files import ContributionFiles
from caveat.signing.digest import Digest
from caveat.store.errors import ContributionStoreError


@click.group("monitors")
def monitors_command() -> None:
    """See what many uses amount to; keep, change and erase what tells persons apart.

    Nothing here takes an identifier, and no answer tells whether somebody is among those counted.
    """


for _command in (agent_command, key_command, lengthen_command, renew_command, rotate_command):
    monitors_command.add_command(_command)


@monitors_command.command("show")
@DATA
@KEY
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/monitors.md).")
def show_command(data: Path, subject_key: str | None, *, as_json: bool) -> int:
    """Print how many distinct persons were reached, by source, owner group, deployment, purpose and over all.

    Counts are rounded down, to steps of ten at least that are drawn under the key: no two readings tell
    whether one person more was reached. The chain is needed wherever persons were told apart.

    \b
    Examples:
      caveat monitors show --data var/caveat --subject-key subjects.chain
      caveat monitors show --data var/caveat --subject-key unix:/run/keyholder/agent.sock --json
    """
    with opened(data, subject_key) as files:
        shown = _fold(data, files)
    if as_json:
        click.echo(json.dumps(render(shown), indent=2))
        return 0
    for line in lines(shown):
        click.echo(line)
    return 0


@monitors_command.command("erase")
@DATA
@click.option(
    "--subject-key",
    metavar="FILE|unix:SOCKET",
    required=True,
    help="The second party's chain of keys, or its agent.",
)
@click.option("--source", help="What was reached of this lineage or owner group, as the log names it.")
@click.option("--dataset", metavar="DIGEST", help="What was reached by the part with this digest.")
@click.option("--older-than-days", type=click.IntRange(1, 366), help="What no use since then has reached.")
def erase_command(
    data: Path, subject_key: str, source: str | None, dataset: str | None, older_than_days: int | None
) -> int:
    """Erase what tells persons apart, while the gateway does not run. Sums stay, and nobody can say of whom.

    \b
    Examples:
      caveat monitors erase --data var/caveat --subject-key subjects.chain --older-than-days 90
      caveat monitors erase --data var/caveat --subject-key subjects.chain --source lineage-7
    """
    if (source is None) + (dataset is None) + (older_than_days is None) != 2:
        raise CannotRunError("one of --source, --dataset and --older-than-days is needed", "see --help")
    store = store_of(data, read_only=False)
    before = datetime.now(UTC) - timedelta(days=older_than_days or 0)

    def is_gone(record: DecisionRecord, of: str, part: Digest) -> bool:
        if older_than_days is not None:
            return parse_time(record.time) < before
        return of == source if source is not None else part == dataset

    try:
        keys = keys_of(subject_key, data)
        files = ContributionFiles(store, keys)
        records = list(_records(data))
        erasure = plan_erasure(records, files.find, is_gone)
        if erasure.commitments:
            store.erase(erasure, keys)
    except (ContributionStoreError, KeysUnavailableError) as error:
        raise CannotRunError(str(error), "nothing was erased") from error
    finally:
        store.close()
    click.echo(f"erased {len(erasure.commitments):,} contributions; the sums of twelve months stay")
    return 0


def _fold(data: Path, files: ContributionFiles) -> Shown:
    monitors = files.monitors()
    at = datetime.now(UTC)
    for record in _records(data):
        monitors.fold(record)
        if isinstance(record, DecisionRecord):
            at = max(at, parse_time(record.time))
    return Shown(at, rows_of(monitors, at, files.secret), monitors.unresolved)


def _records(data: Path) -> Iterator[Record]:
    log = open_log(data)
    try:
        with Bar("reading the log") as show:
            for entry in log.entries():
                show(entry.index, log.size)
                yield entry.record
    except LedgerError as error:
        raise CannotRunError(str(error), error.hint or "`caveat ledger verify` looks closer") from error
