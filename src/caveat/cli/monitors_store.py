"""The contributions of a data folder as the command line opens them, with whoever holds the chain."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click

from caveat.cli.data_folder import check_data_folder
from caveat.cli.exit import CannotRunError
from caveat.monitors.keys import KeysUnavailableError, SubjectKeys
from caveat.service.contribution_files import FILE, ContributionFiles
from caveat.service.log_keys import DataFolderError
from caveat.service.subject_keys import SubjectKeyError, open_keys, read_chain_file
from caveat.store.contributions import SqliteContributions
from caveat.store.errors import ContributionStoreError

DATA = click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="The gateway's data folder."
)
KEY = click.option(
    "--subject-key", metavar="FILE|unix:SOCKET", help="The second party's chain of keys, or its agent."
)
HINT = "docs/how-to/hold-the-key-of-the-monitors.md says who holds the chain and where"


def store_of(data: Path, *, read_only: bool) -> SqliteContributions:
    """The store of a data folder; raises `CannotRunError`."""
    check_data_folder(data)
    path = data / FILE
    if not path.is_file():
        raise CannotRunError(f"`{data}` has no `{FILE}`", "a gateway of this release makes it at its start")
    try:
        return SqliteContributions(path, read_only=read_only)
    except ContributionStoreError as error:
        raise CannotRunError(str(error), "is the file whole, and may this account read it?") from error


def keys_of(given: str, data: Path) -> SubjectKeys:
    """The chain that is named; raises `CannotRunError`."""
    try:
        return open_keys(given, data)
    except (SubjectKeyError, DataFolderError) as error:
        raise CannotRunError(str(error), HINT) from error


def read_chain(path: Path, data: Path | None) -> tuple[bytes, ...]:
    """The keys in a file; raises `CannotRunError`."""
    try:
        return read_chain_file(path, data)
    except SubjectKeyError as error:
        raise CannotRunError(str(error), HINT) from error


@contextmanager
def opened(data: Path, subject_key: str | None) -> Generator[ContributionFiles]:
    """The contributions of a data folder, read only; closed on leaving. Raises `CannotRunError`."""
    store = store_of(data, read_only=True)
    try:
        keys = None if subject_key is None else keys_of(subject_key, data)
        yield ContributionFiles(store, keys, note=False)
    except (ContributionStoreError, KeysUnavailableError) as error:
        raise CannotRunError(str(error), HINT) from error
    finally:
        store.close()
