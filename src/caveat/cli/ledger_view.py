"""A ledger as the command line finds it, a folder or an audit export, and the key to read it by."""

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from time import time

import click

from caveat.cli.data_folder import LEDGER
from caveat.cli.exit import CannotRunError, because
from caveat.ledger.disk import RealDisk
from caveat.ledger.errors import ExportParseError, PolicyParseError
from caveat.ledger.export import is_export, open_export
from caveat.ledger.finding import Finding
from caveat.ledger.folder import CHECKPOINT, KEY_FILE, Folder
from caveat.ledger.quorum import Policy, parse_policy
from caveat.signing.keys import KeyParseError, PublicKey, parse_public_key
from caveat.signing.note import NoteKey, NoteParseError, parse_note_key

HOLDS, DOES_NOT_HOLD = 0, 1
HINT = "name the folder that holds `checkpoint` and `tile/`, and a readable key"
OWN_KEY = (
    "the key was read from the folder itself: whoever can rewrite the folder can replace it (--key FILE "
    "takes one that you hold)"
)
SHOWN = 20
FILE = click.Path(path_type=Path, dir_okay=False)
ANY = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class LedgerView:
    """The files of a log, and the key that the caller holds or, failing that, the folder names."""

    folder: Folder
    key: NoteKey
    notes: tuple[str, ...]


@contextlib.contextmanager
def open_view(path: Path, key_file: Path | None) -> Generator[LedgerView]:
    """The log in a ledger folder, a data folder or an audit export; raises `CannotRunError`."""
    with contextlib.ExitStack() as stack:
        try:
            if path.is_file() and is_export(path):
                folder = stack.enter_context(open_export(path)).view
            else:
                folder = Folder(RealDisk(), ledger_folder(path))
            key = read_key(folder, key_file)
        except ExportParseError as error:
            raise CannotRunError(f"`{path}`: {error}", "it is no audit export; do not rely on it") from error
        except (OSError, NoteParseError) as error:
            raise CannotRunError(why(error), HINT) from error
        yield LedgerView(folder, key, () if key_file is not None else (OWN_KEY,))


def ledger_folder(path: Path) -> Path:
    """The ledger folder that is meant: this one, or the one in a gateway's data folder."""
    inner = path / LEDGER
    return inner if not (path / CHECKPOINT).is_file() and (inner / CHECKPOINT).is_file() else path


def read_key(folder: Folder, key_file: Path | None) -> NoteKey:
    """The verifier key in a file, or in the folder; raises `OSError` or `NoteParseError`."""
    data = folder.disk.read(folder.root / KEY_FILE) if key_file is None else key_file.read_bytes()
    return parse_note_key(data.decode("utf-8", "replace").removesuffix("\n"))


def read_exporter(path: Path | None) -> PublicKey | None:
    """The public line of whoever makes the exports; raises `CannotRunError`."""
    if path is None:
        return None
    try:
        return parse_public_key(path.read_text("ascii", errors="replace").strip())
    except (OSError, KeyParseError) as error:
        raise CannotRunError(
            f"`{path}`: {why(error)}", "name a file with the public line of a key"
        ) from error


def read_policy(path: Path) -> Policy:
    """The policy of witnesses in a file; raises `CannotRunError`."""
    try:
        return parse_policy(path.read_bytes())
    except (OSError, PolicyParseError) as error:
        hint = "docs/how-to/have-a-witness.md has an example"
        raise CannotRunError(f"`{path}`: {why(error)}", hint) from error


def posix_seconds() -> int:
    """Now, by this machine's clock."""
    return int(time())


def why(error: Exception) -> str:
    """One line for an error at the file edge."""
    return f"{because(error)}: `{error.filename}`" if isinstance(error, OSError) else str(error)


def render_finding(finding: Finding) -> dict[str, object]:
    """A finding as JSON."""
    return {"code": finding.code.value, "index": finding.index, "text": finding.text}


def print_findings(findings: tuple[Finding, ...], notes: tuple[str, ...]) -> None:
    """Findings, notes and the last line, for people."""
    for finding in findings[:SHOWN]:
        place = "" if finding.index is None else f" at record {finding.index}"
        click.echo(f"FINDING     {finding.code.value}{place}: {finding.text}")
    if len(findings) > SHOWN:
        click.echo(f"            and {len(findings) - SHOWN} more (--json lists them)")
    for note in notes:
        click.echo(f"note        {note}")
    click.echo("does not hold" if findings else "holds")
