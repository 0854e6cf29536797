"""A token that the last process to open a log holds: whoever finds another one there may not write any more.

The lock of the folder keeps a second process out. The token is for when the lock did not hold: its file was
removed, or a file system let it go while this process was paused. Source: EVIDENCE attack 54, ADR-0024.
"""

import re
import secrets
from pathlib import Path
from typing import Self

from caveat.ledger.disk import Disk, replace_durably
from caveat.ledger.errors import FencedError

WRITER = "writer"
_TOKEN = re.compile(rb"([1-9][0-9]{0,17}) [0-9a-f]{32}\n\Z")


class Fence:
    """The token of this process. Made by `Fence.take`."""

    def __init__(self, disk: Disk, path: Path, token: bytes) -> None:
        """Use `Fence.take`."""
        self._disk = disk
        self._path = path
        self._token = token

    @classmethod
    def take(cls, disk: Disk, folder: Path) -> Self:
        """Takes the log over, durably: every earlier holder finds out before it signs again."""
        path = folder / WRITER
        try:
            found = _TOKEN.match(disk.read(path))
        except FileNotFoundError:
            found = None
        epoch = 1 if found is None else int(found[1]) + 1
        token = f"{epoch} {secrets.token_hex(16)}\n".encode()
        replace_durably(disk, {path: token})
        return cls(disk, path, token)

    def check(self) -> None:
        """Returns only while this process holds the log.

        Raises `FencedError`, or `OSError` if it is unknown.
        """
        if self._disk.read(self._path) != self._token:
            raise FencedError(
                "another process took this log over", "this one must end; it signs and releases nothing more"
            )
