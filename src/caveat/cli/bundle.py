"""Reading a bundle folder at the edge, with every finding shown at once."""

from pathlib import Path

from caveat.cli.exit import CannotRunError
from caveat.policy.bundle import Bundle, BundleError, parse_bundle
from caveat.store.errors import FolderError
from caveat.store.folder import read_folder


def load_bundle(folder: Path) -> Bundle:
    """The bundle in the folder, a draft included; raises `CannotRunError` where it does not load."""
    try:
        return parse_bundle(read_folder(folder))
    except FolderError as error:
        raise CannotRunError(str(error), "name the folder that holds `bundle.toml`") from error
    except BundleError as error:
        raise CannotRunError(
            f"the bundle does not load: {error}", f"`caveat check {folder}` lists every finding"
        ) from error


def is_draft(bundle: Bundle) -> bool:
    """Whether it lacks consent that it asks for, or holds what is not served."""
    return bool(bundle.unsigned or bundle.unsafe)
