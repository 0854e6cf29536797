"""`caveat ledger rotate`: another key signs the log from now on, and everybody can follow."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

import click

from caveat.cli.data_folder import LEDGER, check_data_folder
from caveat.cli.exit import CannotRunError
from caveat.cli.keys import read_private_key
from caveat.ledger.errors import LedgerError
from caveat.ledger.record import render_time
from caveat.ledger.rotate import rotate
from caveat.signing.keys import Algorithm, private_key_from_seed

KEY, NEXT = "log.pem", "log.next.pem"


@click.command("rotate")
@click.argument("data", type=click.Path(path_type=Path, file_okay=False))
def rotate_command(data: Path) -> int:
    """Change the key that signs the log in the gateway's data folder DATA. The gateway must be stopped.

    The old key signs a last checkpoint over a record that names the new one. If it is cut short, call it
    again: until it is done neither key opens the log. The old private key is deleted at the end.

    \b
    Example:
      caveat ledger rotate var/caveat
    """
    check_data_folder(data)
    current, following = data / KEY, data / NEXT
    try:
        if not following.exists():
            _create(following, private_key_from_seed(Algorithm.ED25519, secrets.token_bytes(32)).pem())
        old, new = read_private_key(current), read_private_key(following)
        verifier = rotate(data / LEDGER, old, new, render_time(datetime.now(UTC)))
        following.rename(current)
    except LedgerError as error:
        raise CannotRunError(str(error), error.hint or "stop the gateway, then call it again") from error
    click.echo(verifier.render())
    click.echo("give this verifier key to the witnesses of the log; auditors follow by themselves", err=True)
    return 0


def _create(path: Path, content: bytes) -> None:
    """The file, durable and readable by its owner alone; it appears whole or not at all."""
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.rename(path)
