"""The gateway's data folder as the command line finds it: its ledger, and the bundle last in force."""

from pathlib import Path

from caveat.cli.exit import CannotRunError
from caveat.ledger.errors import FolderError
from caveat.ledger.folder import CHECKPOINT
from caveat.ledger.read import PublishedLog
from caveat.ledger.record import BundleRecord, StartRecord
from caveat.ledger.replay import Bundles
from caveat.policy.bundle import Bundle

LEDGER = "ledger"
_HINT = "name the folder that `caveat serve --data` was given"


def check_data_folder(data: Path) -> None:
    """Returns only for a folder that is there; raises `CannotRunError`."""
    if not data.is_dir():
        what = "is no folder" if data.exists() else "does not exist"
        raise CannotRunError(f"`{data}` {what}", _HINT)


def open_log(data: Path) -> PublishedLog:
    """The log in a data folder, or in a ledger folder itself; raises `CannotRunError`."""
    check_data_folder(data)
    root = data if (data / CHECKPOINT).is_file() else data / LEDGER
    if not root.is_dir():
        raise CannotRunError(f"`{data}` holds no ledger", _HINT)
    try:
        return PublishedLog(root)
    except FolderError as error:
        raise CannotRunError(str(error), error.hint or _HINT) from error


def bundle_in_force(log: PublishedLog) -> Bundle | None:
    """The bundle that the newest start or change put into force; None where nothing can be told."""
    for entry in log.backwards():
        if isinstance(entry.record, (StartRecord, BundleRecord)):
            return Bundles(log.folder).get(entry.record.bundle)
    return None
