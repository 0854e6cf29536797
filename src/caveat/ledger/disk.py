"""The few file operations the ledger stands on, so that a faulty disk can take their place in a test.

Nothing is durable until it is synced: a write until `sync`, a new name until its directory is synced.
Every method raises `OSError` when the disk says no; none swallows it.
"""

import errno
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

ASIDE = ".tmp"  # what a file is called until it is whole

_READ_BYTES = 1024 * 1024
_FILE_MODE = 0o640
_FOLDER_MODE = 0o750
_CREATE = os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC


class AppendFile(Protocol):
    """A file that is written at its end only."""

    def write(self, data: bytes) -> None:
        """Appends all of `data`. Not durable before `sync`."""
        ...

    def sync(self) -> None:
        """Returns only when everything written so far survives a crash."""
        ...

    def truncate(self, size: int) -> None:
        """Cuts the file to `size` bytes. Not durable before `sync`."""
        ...

    def close(self) -> None:
        """Gives the file back without syncing it."""
        ...


class SlotFile(Protocol):
    """A small file overwritten in place, without a promise of durability."""

    def put(self, data: bytes) -> None:
        """Replaces the first bytes of the file by `data`."""
        ...

    def close(self) -> None:
        """Gives the file back."""
        ...


class Lock(Protocol):
    """An exclusive lock, held until released or until the process ends."""

    def release(self) -> None:
        """Lets others have it."""
        ...


class Disk(Protocol):
    """What the ledger asks of a file system."""

    def read(self, path: Path) -> bytes:
        """All bytes of a file; raises `FileNotFoundError`."""
        ...

    def names(self, path: Path) -> tuple[str, ...]:
        """The sorted names in a directory; none if there is no such directory."""
        ...

    def is_directory(self, path: Path) -> bool:
        """Whether there is a directory of that name."""
        ...

    def is_link(self, path: Path) -> bool:
        """Whether the name stands for another place."""
        ...

    def make_directory(self, path: Path) -> None:
        """The directory and its parents, durable where they are new; no error if they are there."""
        ...

    def append_to(self, path: Path) -> AppendFile:
        """The file opened for appending, created if missing."""
        ...

    def slot(self, path: Path) -> SlotFile:
        """The file opened for overwriting in place, created if missing."""
        ...

    def write(self, path: Path, data: bytes) -> None:
        """Creates or replaces a file. Neither bytes nor name are durable yet."""
        ...

    def sync_file(self, path: Path) -> None:
        """Makes a file's bytes durable."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Moves a file over another at once. The names are not durable yet."""
        ...

    def remove(self, path: Path) -> None:
        """Removes a file; no error if it is gone."""
        ...

    def remove_directory(self, path: Path) -> None:
        """Removes a directory if it is empty; leaves it otherwise."""
        ...

    def sync_directory(self, path: Path) -> None:
        """Makes the names in a directory durable."""
        ...

    def lock(self, path: Path) -> Lock:
        """The lock of that file; raises `BlockingIOError` if another holds it."""
        ...


def replace_durably(disk: Disk, files: Mapping[Path, bytes]) -> None:
    """Returns only when every file is durable under its name; at no time is half a file under one.

    Order: write all aside, sync all, rename all, sync the directories. Many files at once share the disk's
    journal commits.
    """
    folders = {path.parent for path in files}
    for folder in folders:
        disk.make_directory(folder)
    aside = {path: path.with_name(path.name + ASIDE) for path in files}
    for path, data in files.items():
        disk.write(aside[path], data)
    for path in files:
        disk.sync_file(aside[path])
    for path in files:
        disk.rename(aside[path], path)
    for folder in sorted(folders):
        disk.sync_directory(folder)


class RealDisk:
    """The file system of this machine."""

    def read(self, path: Path) -> bytes:
        """All bytes of a file; raises `FileNotFoundError`."""
        # Not `read_bytes`: the fence reads its token three times a batch, and this costs a third.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            pieces: list[bytes] = []
            while piece := os.read(descriptor, _READ_BYTES):
                pieces.append(piece)
        finally:
            os.close(descriptor)
        return b"".join(pieces)

    def names(self, path: Path) -> tuple[str, ...]:
        """The sorted names in a directory; none if there is no such directory."""
        try:
            return tuple(sorted(os.listdir(path)))  # noqa: PTH208 - names, not paths: a tenth of the cost
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def is_directory(self, path: Path) -> bool:
        """Whether there is a directory of that name."""
        return path.is_dir()

    def is_link(self, path: Path) -> bool:
        """Whether the name stands for another place."""
        return path.is_symlink()

    def make_directory(self, path: Path) -> None:
        """The directory and its parents, durable where they are new."""
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            self.sync_directory(folder.parent)

    def append_to(self, path: Path) -> AppendFile:
        """The file opened for appending."""
        return _RealAppendFile(os.open(path, _CREATE | os.O_APPEND, _FILE_MODE))

    def slot(self, path: Path) -> SlotFile:
        """The file opened for overwriting in place."""
        return _RealSlotFile(os.open(path, _CREATE, _FILE_MODE))

    def write(self, path: Path, data: bytes) -> None:
        """Creates or replaces a file."""
        descriptor = os.open(path, _CREATE | os.O_TRUNC, _FILE_MODE)
        try:
            _write_all(descriptor, data)
        finally:
            os.close(descriptor)

    def sync_file(self, path: Path) -> None:
        """Makes a file's bytes durable."""
        _sync_path(path, os.O_RDONLY)

    def rename(self, source: Path, target: Path) -> None:
        """Moves a file over another at once."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Removes a file; no error if it is gone."""
        path.unlink(missing_ok=True)

    def remove_directory(self, path: Path) -> None:
        """Removes a directory if it is empty."""
        try:
            path.rmdir()
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise

    def sync_directory(self, path: Path) -> None:
        """Makes the names in a directory durable."""
        _sync_path(path, os.O_RDONLY | os.O_DIRECTORY)

    def lock(self, path: Path) -> Lock:
        """The lock of that file; the kernel lets go of it when the process ends, however it ends."""
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        return _RealLock(descriptor)


class _RealAppendFile:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes) -> None:
        _write_all(self._descriptor, data)

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def close(self) -> None:
        os.close(self._descriptor)


class _RealSlotFile:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def put(self, data: bytes) -> None:
        os.pwrite(self._descriptor, data, 0)

    def close(self) -> None:
        os.close(self._descriptor)


class _RealLock:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        os.close(self._descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def _sync_path(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
