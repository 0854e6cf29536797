"""`caveat monitors`: what many uses amount to, in counts that tell nobody's; and the care of what is kept.

No command takes an identifier: nobody can ask whether somebody is among those counted. Source: ADR-0047.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from caveat.cli.data_folder import check_data_folder, open_log
from caveat.cli.exit import CannotRunError, because
from caveat.cli.progress import Bar
from caveat.ledger.errors import LedgerError
from caveat.ledger.record import DecisionRecord, Record, parse_time
from caveat.monitors.erasure import plan_erasure
from caveat.monitors.windows import NAMES, YEAR
from caveat.service.contribution_files import FILE, ContributionFiles
from caveat.service.subject_keys import SubjectKeyError, new_key, read_chain_file, write_chain
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.digest import Digest
from caveat.store.contributions import SqliteContributions
from caveat.store.errors import ContributionStoreError

LEAST = 10
"""Counts below are not told, and all others are rounded down to a multiple of it: two readings with one use
in between do not tell whom it reached."""
_FOLDER = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, dir_okay=False)
_DATA = click.option("--data", type=_FOLDER, required=True, help="The gateway's data folder.")
_KEY = click.option("--subject-key", type=_FILE, help="The second party's chain of keys.")
_HINT = "docs/how-to/hold-the-key-of-the-monitors.md says who holds the chain and where"


@click.group("monitors")
def monitors_command() -> None:
    """See what many uses amount to; keep, change and erase what tells persons apart.

    Nothing here takes an identifier, and no answer tells whether somebody is among those counted.
    """


@monitors_command.command("show")
@_DATA
@_KEY
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/monitors.md).")
def show_command(data: Path, subject_key: Path | None, *, as_json: bool) -> int:
    """Print how many distinct persons were reached, by source, owner group, deployment, purpose and over all.

    Counts below 10 are not told, and others are rounded down to tens. The chain of keys is needed only where
    keys were changed or contributions erased; without it these count by their data.

    \b
    Examples:
      caveat monitors show --data var/caveat
      caveat monitors show --data var/caveat --json
    """
    with _opened(data, subject_key) as files:
        shown = _fold(data, files)
    if as_json:
        click.echo(json.dumps(_render(shown), indent=2))
        return 0
    width = max((len(row.scope) for row in shown.rows), default=5)
    click.echo(f"{'scope'.ljust(width)}  " + "".join(name.rjust(9) for name in NAMES))
    for row in shown.rows:
        cells = "".join((f"< {LEAST}" if count is None else f"{count:,}").rjust(9) for count in row.persons)
        click.echo(f"{row.scope.ljust(width)}  {cells}")
    click.echo(f"distinct persons and devices, in tens; read at {shown.at:%Y-%m-%d %H:%M} UTC")
    if shown.missing:
        click.echo(f"of {shown.missing:,} uses nobody can tell who they reached: they count by their data")
    return 0


@monitors_command.command("key")
@click.option("--out", type=_FILE, required=True, help="The file to make; it is never overwritten.")
def key_command(out: Path) -> int:
    """Make a chain with one new key. The second party does, on a machine of its own.

    \b
    Examples:
      caveat monitors key --out /run/keyholder/subjects.chain
    """
    _write_chain(out, (new_key(),))
    click.echo(f"wrote {out}: whoever has this file and the gateway's disk can test who was counted")
    return 0


@monitors_command.command("rotate")
@_DATA
@click.option("--subject-key", type=_FILE, required=True, help="The chain as it is.")
@click.option("--out", type=_FILE, required=True, help="The chain with one key more; never overwritten.")
def rotate_command(data: Path, subject_key: Path, out: Path) -> int:
    """Put every id that is kept under one new key more, while the gateway does not run.

    The counts stay. Afterwards the gateway is started with the new chain; the old one reads nothing more.

    \b
    Examples:
      caveat monitors rotate --data var/caveat --subject-key old.chain --out new.chain
    """
    keys = (*_chain(subject_key, data), new_key())
    store = _store(data, read_only=False)
    try:
        _write_chain(out, keys)
        changed = store.rewrap(keys)
    except ContributionStoreError as error:
        raise CannotRunError(str(error), "go on with the old chain; nothing was changed") from error
    finally:
        store.close()
    click.echo(f"{changed:,} contributions are under {len(keys)} keys; start the gateway with {out}")
    return 0


@monitors_command.command("erase")
@_DATA
@click.option("--subject-key", type=_FILE, required=True, help="The second party's chain of keys.")
@click.option("--source", help="What was reached of this lineage or owner group, as the log names it.")
@click.option("--dataset", metavar="DIGEST", help="What was reached by the part with this digest.")
@click.option("--older-than-days", type=click.IntRange(1, 366), help="What no use since then has reached.")
def erase_command(
    data: Path, subject_key: Path, source: str | None, dataset: str | None, older_than_days: int | None
) -> int:
    """Erase what tells persons apart, while the gateway does not run. Sums stay, and nobody can say of whom.

    \b
    Examples:
      caveat monitors erase --data var/caveat --subject-key subjects.chain --older-than-days 90
      caveat monitors erase --data var/caveat --subject-key subjects.chain --source lineage-7
    """
    if (source is None) + (dataset is None) + (older_than_days is None) != 2:
        raise CannotRunError("one of --source, --dataset and --older-than-days is needed", "see --help")
    keys = _chain(subject_key, data)
    store = _store(data, read_only=False)
    before = datetime.now(UTC) - timedelta(days=older_than_days or 0)

    def is_gone(record: DecisionRecord, of: str, part: Digest) -> bool:
        if older_than_days is not None:
            return parse_time(record.time) < before
        return of == source if source is not None else part == dataset

    try:
        files = ContributionFiles(store, keys)
        records = list(_records(data))
        erasure = plan_erasure(records, files.find, is_gone)
        if erasure.commitments:
            store.erase(erasure, keys)
    except ContributionStoreError as error:
        raise CannotRunError(str(error), "nothing was erased") from error
    finally:
        store.close()
    click.echo(f"erased {len(erasure.commitments):,} contributions; the sums of twelve months stay")
    return 0


@dataclass(frozen=True, slots=True)
class _Row:
    scope: str
    persons: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class _Shown:
    at: datetime
    rows: tuple[_Row, ...]
    missing: int


def told(count: int) -> int | None:
    """A count as it is told: in tens, and not at all below ten."""
    return None if count < LEAST else count - count % LEAST


def _fold(data: Path, files: ContributionFiles) -> _Shown:
    monitors = files.monitors()
    at = datetime.now(UTC)
    for record in _records(data):
        monitors.fold(record)
        if isinstance(record, DecisionRecord):
            at = max(at, parse_time(record.time))
    subjects = monitors.subjects
    rows = tuple(
        _Row(scope, tuple(told(subjects.bounds(scope, window, at).hi) for window in range(YEAR + 1)))
        for scope in subjects.scopes
    )
    return _Shown(at, rows, monitors.unresolved)


def _render(shown: _Shown) -> JsonObject:
    rows: list[Json] = [
        {"scope": row.scope, "persons": dict[str, Json](zip(NAMES, row.persons, strict=True))}
        for row in shown.rows
    ]
    return {
        "version": 1,
        "at": f"{shown.at:%Y-%m-%dT%H:%M:%SZ}",
        "rounded_to": LEAST,
        "missing": shown.missing,
        "scopes": rows,
    }


def _records(data: Path) -> Iterator[Record]:
    log = open_log(data)
    try:
        with Bar("reading the log") as show:
            for entry in log.entries():
                show(entry.index, log.size)
                yield entry.record
    except LedgerError as error:
        raise CannotRunError(str(error), error.hint or "`caveat ledger verify` looks closer") from error


class _opened:  # noqa: N801 - used like a function
    """The contributions of a data folder, read only; closed on leaving."""

    def __init__(self, data: Path, subject_key: Path | None) -> None:
        self._keys = () if subject_key is None else _chain(subject_key, data)
        self._store = _store(data, read_only=True)

    def __enter__(self) -> ContributionFiles:
        return ContributionFiles(self._store, self._keys)

    def __exit__(self, *_: object) -> None:
        self._store.close()


def _store(data: Path, *, read_only: bool) -> SqliteContributions:
    check_data_folder(data)
    path = data / FILE
    if not path.is_file():
        raise CannotRunError(f"`{data}` has no `{FILE}`", "a gateway of this release makes it at its start")
    try:
        return SqliteContributions(path, read_only=read_only)
    except ContributionStoreError as error:
        raise CannotRunError(str(error), "is the file whole, and may this account read it?") from error


def _chain(path: Path, data: Path) -> tuple[bytes, ...]:
    try:
        return read_chain_file(path, data)
    except SubjectKeyError as error:
        raise CannotRunError(str(error), _HINT) from error


def _write_chain(out: Path, keys: tuple[bytes, ...]) -> None:
    try:
        write_chain(out, keys)
    except FileExistsError as error:
        raise CannotRunError(f"`{out}` exists already", "choose another file") from error
    except OSError as error:
        raise CannotRunError(f"`{out}` cannot be written: {because(error)}", "choose another file") from error
