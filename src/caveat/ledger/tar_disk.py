"""An archive read as the disk it was made from, without unpacking it. Every write is refused."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from caveat.ledger.disk import AppendFile, Lock, SlotFile
from caveat.ledger.tar import Member

ROOT = Path("/")


class TarDisk:
    """The files of an archive below `ROOT`. Constant memory for their bytes, which stay in the archive."""

    def __init__(self, descriptor: int, members: Sequence[Member]) -> None:
        """`descriptor`: the archive, open for reading for as long as this is used."""
        self._descriptor = descriptor
        self._files = {ROOT / member.name: member for member in members}
        self._folders: dict[Path, set[str]] = {}
        for path in self._files:
            for name, folder in zip((path, *path.parents), path.parents, strict=False):
                self._folders.setdefault(folder, set()).add(name.name)

    def read(self, path: Path) -> bytes:
        """All bytes of a file; raises `FileNotFoundError`."""
        member = self._files.get(path)
        if member is None:
            raise FileNotFoundError(errno.ENOENT, "no such file in the export", str(path))
        return os.pread(self._descriptor, member.size, member.offset)

    def names(self, path: Path) -> tuple[str, ...]:
        """The sorted names in a directory."""
        return tuple(sorted(self._folders.get(path, ())))

    def is_directory(self, path: Path) -> bool:
        """Whether there is a directory of that name."""
        return path in self._folders

    def is_link(self, path: Path) -> bool:  # noqa: ARG002 - the protocol's signature
        """Never: an export has no links."""
        return False

    def make_directory(self, path: Path) -> None:
        """Refused."""
        _refuse(path)

    def append_to(self, path: Path) -> AppendFile:
        """Refused."""
        _refuse(path)

    def slot(self, path: Path) -> SlotFile:
        """Refused."""
        _refuse(path)

    def write(self, path: Path, data: bytes) -> None:  # noqa: ARG002 - the protocol's signature
        """Refused."""
        _refuse(path)

    def sync_file(self, path: Path) -> None:
        """Refused."""
        _refuse(path)

    def rename(self, source: Path, target: Path) -> None:  # noqa: ARG002 - the protocol's signature
        """Refused."""
        _refuse(source)

    def remove(self, path: Path) -> None:
        """Refused."""
        _refuse(path)

    def remove_directory(self, path: Path) -> None:
        """Refused."""
        _refuse(path)

    def sync_directory(self, path: Path) -> None:
        """Refused."""
        _refuse(path)

    def lock(self, path: Path) -> Lock:
        """Refused."""
        _refuse(path)


def _refuse(path: Path) -> NoReturn:
    raise OSError(errno.EROFS, "an export is only read", str(path))
