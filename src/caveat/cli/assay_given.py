"""What the commands of the assay are given alike: a policy, and prompts of others."""

from collections.abc import Mapping
from pathlib import Path

import click

from caveat.assay.errors import why
from caveat.cli.exit import CannotRunError
from caveat.store.errors import FolderError
from caveat.store.folder import read_folder

HOLDS, DOES_NOT_HOLD, COULD_NOT_RUN = 0, 1, 2

bundle_option = click.option(
    "--bundle", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="Policy."
)
prompts_option = click.option(
    "--prompts",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON lines with id and prompt, several times.",
)


def files_of(bundle: Path) -> Mapping[str, bytes]:
    """The files of the policy; raises `CannotRunError`."""
    try:
        return read_folder(bundle)
    except FolderError as error:
        raise CannotRunError(str(error), "name the folder that holds `bundle.toml`") from error


def write_out(path: Path, data: bytes) -> None:
    """Writes what was asked for; raises `CannotRunError` where that cannot be done."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise CannotRunError(
            f"`{path}` cannot be written: {why(error)}",
            "name a file that you may write",
        ) from error
