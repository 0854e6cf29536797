"""`caveat ledger`: verification that needs the folder and a public key, nothing of ours that runs."""

from pathlib import Path

import click
import orjson

from caveat.cli.exit import CannotRunError
from caveat.cli.progress import Bar
from caveat.ledger.checkpoint import verify_checkpoint
from caveat.ledger.disk import RealDisk
from caveat.ledger.errors import CheckpointParseError
from caveat.ledger.folder import CHECKPOINT, KEY_FILE, Folder
from caveat.ledger.replay import Bundles, ReplayCheck
from caveat.ledger.verify import Report, verify_folder
from caveat.monitors.once import OnceCheck
from caveat.monitors.totals import TotalsCheck
from caveat.signing.note import NoteKey, NoteParseError, parse_note_key

HOLDS, DOES_NOT_HOLD = 0, 1
_HINT = "name the folder that holds `checkpoint` and `tile/`, and a readable key"
_SHOWN = 20
_OWN_KEY = (
    "the key was read from the folder itself: whoever can rewrite the folder can replace it (--key FILE "
    "takes one that you hold)"
)


@click.group(name="ledger")
def ledger_group() -> None:
    """Verify the log of decisions, offline and without trust in the gateway."""


@ledger_group.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--replay", is_flag=True, help="Derive every verdict again from its bundle and facts.")
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="Verifier key that you hold.")
@click.option(
    "--checkpoint",
    "earlier_file",
    type=click.Path(path_type=Path),
    help="A checkpoint that someone outside has kept; the log must continue it.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the report as JSON (docs/reference/ledger-format.md)."
)
def verify(
    path: Path, *, replay: bool, key_file: Path | None, earlier_file: Path | None, as_json: bool
) -> int:
    """Verify the ledger folder PATH.

    Exit codes: 0 it holds, 1 it does not, 2 it could not be verified.

    \b
    Examples:
      caveat ledger verify var/ledger --replay
      caveat ledger verify var/ledger --key auditor/log.pub --checkpoint auditor/checkpoint
    """
    try:
        key = _read_key(path, key_file)
        earlier = None if earlier_file is None else earlier_file.read_bytes()
        bundles = Bundles(Folder(RealDisk(), path))
        replaying = ReplayCheck(bundles) if replay else None
        checks = (TotalsCheck(bundles.greatest), OnceCheck(), *(() if replaying is None else (replaying,)))
        with Bar("verifying records") as progress:
            report = verify_folder(path, key, checks=checks, earlier=earlier, progress=progress)
    except (OSError, NoteParseError) as error:
        raise CannotRunError(_why(error), _HINT) from error
    notes = report.notes if key_file is not None else (*report.notes, _OWN_KEY)
    replayed = None if replaying is None else replaying.replayed
    if as_json:
        click.echo(orjson.dumps(_render(report, key, notes, replayed), option=orjson.OPT_INDENT_2))
    else:
        _print(report, key, notes, replayed)
    return HOLDS if report.holds else DOES_NOT_HOLD


@ledger_group.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--key", "key_file", type=click.Path(path_type=Path), help="Verifier key that you hold.")
def checkpoint(path: Path, *, key_file: Path | None) -> int:
    """Print the newest checkpoint of the ledger folder PATH, if it is signed: keep it outside.

    Exit codes: 0 printed, 1 it is not rightly signed, 2 it could not be read.

    \b
    Example:
      caveat ledger checkpoint var/caveat/ledger > auditor/checkpoint
    """
    try:
        data = (path / CHECKPOINT).read_bytes()
        verify_checkpoint(data, _read_key(path, key_file))
    except CheckpointParseError as error:
        click.echo(f"does not hold: {error}", err=True)
        return DOES_NOT_HOLD
    except (OSError, NoteParseError) as error:
        raise CannotRunError(_why(error), _HINT) from error
    click.echo(data, nl=False)
    return HOLDS


def _read_key(folder: Path, key_file: Path | None) -> NoteKey:
    text = (key_file or folder / KEY_FILE).read_text(encoding="utf-8", errors="replace")
    return parse_note_key(text.removesuffix("\n"))


def _why(error: Exception) -> str:
    return f"{error.strerror}: `{error.filename}`" if isinstance(error, OSError) else str(error)


def _render(report: Report, key: NoteKey, notes: tuple[str, ...], replayed: int | None) -> dict[str, object]:
    checkpoint = report.checkpoint
    return {
        "version": 1,
        "holds": report.holds,
        "origin": key.name,
        "key": key.render(),
        "size": None if checkpoint is None else checkpoint.size,
        "root": None if checkpoint is None else checkpoint.root.hex(),
        "records": dict(sorted(report.kinds.items())),
        "replayed": replayed,
        "unpublished": report.unpublished,
        "findings": [{"code": f.code.value, "index": f.index, "text": f.text} for f in report.findings],
        "notes": list(notes),
    }


def _print(report: Report, key: NoteKey, notes: tuple[str, ...], replayed: int | None) -> None:
    checkpoint = report.checkpoint
    click.echo(f"log         {key.name}")
    if checkpoint is not None:
        click.echo(f"size        {checkpoint.size}")
        click.echo(f"root        {checkpoint.root.hex()}")
    for kind, count in sorted(report.kinds.items()):
        click.echo(f"  {count:>9}  {kind}")
    if replayed is not None:
        click.echo(f"replayed    {replayed} decisions")
    for finding in report.findings[:_SHOWN]:
        place = "" if finding.index is None else f" at record {finding.index}"
        click.echo(f"FINDING     {finding.code.value}{place}: {finding.text}")
    if len(report.findings) > _SHOWN:
        click.echo(f"            and {len(report.findings) - _SHOWN} more (--json lists them)")
    for note in notes:
        click.echo(f"note        {note}")
    click.echo("holds" if report.holds else "does not hold")
