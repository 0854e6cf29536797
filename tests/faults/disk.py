"""Disks that fail: one that keeps writes in memory until they are synced, and ones that lie or are full."""

import errno
import random
import threading
from pathlib import Path, PurePath
from typing import Final

from caveat.ledger.disk import AppendFile, RealDisk

_DIRECTORY: Final = "directory"


class Inode:
    """A file: what is on the platter, and what programs see."""

    def __init__(self) -> None:
        self.durable = b""
        self.volatile = bytearray()


class BufferedUntilSyncDisk:
    """A disk in memory. What was not synced is at the mercy of the crash: bytes and names alike.

    At operation `crash_at` the power goes: that operation and all later ones fail. `survivor` is what the
    next process finds: synced bytes whole; of each unsynced file any leading part; of the unsynced names in
    a directory the changes up to any one of them.
    """

    def __init__(self, crash_at: int | None = None) -> None:
        self.crash_at = crash_at
        self.operations = 0
        self.crashed = False
        self._lock = threading.RLock()
        self._names: dict[Path, Inode | str] = {Path("/"): _DIRECTORY}
        self._durable: dict[Path, Inode | str] = dict(self._names)
        self._pending: dict[Path, list[dict[Path, Inode | str | None]]] = {}  # each happens whole or not
        self._locked: set[Path] = set()

    def _step(self) -> None:
        if self.crashed:
            raise OSError(errno.EIO, "the power is gone")
        self.operations += 1
        if self.operations == self.crash_at:
            self.crashed = True
            raise OSError(errno.EIO, "the power is gone")

    def _file(self, path: Path) -> Inode:
        inode = self._names.get(path)
        if not isinstance(inode, Inode):
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        return inode

    def _set_name(self, path: Path, inode: Inode | str | None) -> None:
        if inode is None:
            self._names.pop(path, None)
        else:
            if self._names.get(path.parent) != _DIRECTORY:
                raise FileNotFoundError(errno.ENOENT, "no such directory", str(path.parent))
            self._names[path] = inode
        self._pending.setdefault(path.parent, []).append({path: inode})

    def read(self, path: Path) -> bytes:
        with self._lock:
            return bytes(self._file(path).volatile)

    def names(self, path: Path) -> tuple[str, ...]:
        with self._lock:
            return tuple(sorted(p.name for p in self._names if p.parent == path and p != path))

    def is_directory(self, path: Path) -> bool:
        with self._lock:
            return self._names.get(path) == _DIRECTORY

    def is_link(self, path: Path) -> bool:  # noqa: ARG002 - the protocol's signature
        return False

    def make_directory(self, path: Path) -> None:
        with self._lock:
            self._step()
            for folder in (*reversed(path.parents), path):
                if folder not in self._names:
                    self._set_name(folder, _DIRECTORY)
                    self._apply(self._pending.pop(folder.parent))

    def append_to(self, path: Path) -> "_Append":
        with self._lock:
            self._step()
            if path not in self._names:
                self._set_name(path, Inode())
            return _Append(self, self._file(path))

    def slot(self, path: Path) -> "_Slot":
        with self._lock:
            self._step()
            if path not in self._names:
                self._set_name(path, Inode())
            return _Slot(self, self._file(path))

    def write(self, path: Path, data: bytes) -> None:
        with self._lock:
            if path not in self._names:
                self._set_name(path, Inode())
            inode = self._file(path)
            if inode.durable:
                inode.durable = b""  # truncated first, as open does
            inode.volatile[:] = data
            self._step()

    def sync_file(self, path: Path) -> None:
        with self._lock:
            self._step()
            inode = self._file(path)
            inode.durable = bytes(inode.volatile)

    def rename(self, source: Path, target: Path) -> None:
        with self._lock:
            self._step()
            inode = self._names[target] = self._file(source)
            del self._names[source]
            self._pending.setdefault(target.parent, []).append({source: None, target: inode})

    def remove(self, path: Path) -> None:
        with self._lock:
            self._step()
            if path in self._names:
                self._set_name(path, None)

    def remove_directory(self, path: Path) -> None:
        with self._lock:
            self._step()
            if path in self._names and not self.names(path):
                self._set_name(path, None)

    def sync_directory(self, path: Path) -> None:
        with self._lock:
            self._step()
            self._apply(self._pending.pop(path, []))

    def lock(self, path: Path) -> "_Held":
        with self._lock:
            if path in self._locked:
                raise BlockingIOError(errno.EAGAIN, "locked")
            self._locked.add(path)
            return _Held(self, path)

    def release(self, path: Path) -> None:
        with self._lock:
            self._locked.discard(path)

    def sync_appended(self, inode: Inode) -> None:
        """What fdatasync does."""
        with self._lock:
            self._step()
            inode.durable = bytes(inode.volatile)

    def _apply(self, changes: list[dict[Path, Inode | str | None]]) -> None:
        for path, inode in (item for change in changes for item in change.items()):
            if inode is None:
                self._durable.pop(path, None)
            else:
                self._durable[path] = inode

    def outlive_the_process(self) -> None:
        """The process was killed and the machine goes on: what was written is seen, and still not durable."""
        with self._lock:
            self.crashed, self.crash_at = False, None
            self._locked.clear()

    def survivor(self, dice: random.Random) -> "BufferedUntilSyncDisk":
        """The disk that the next process finds after the power came back."""
        with self._lock:
            self.crashed = True
            for changes in self._pending.values():
                self._apply(changes[: dice.randint(0, len(changes))])
            self._pending.clear()
            disk = BufferedUntilSyncDisk()
            for path, inode in sorted(self._durable.items()):
                if any(self._durable.get(parent) != _DIRECTORY for parent in path.parents):
                    continue
                disk._names[path] = disk._durable[path] = _survived(inode, dice)
            return disk

    def copy_to(self, folder: Path, source: Path) -> None:
        """Writes the files below `source` into a real folder, for tools that read one."""
        with self._lock:
            for path, inode in self._names.items():
                if isinstance(inode, Inode) and source in path.parents:
                    target = folder / PurePath(path).relative_to(source)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(bytes(inode.volatile))


def _survived(inode: Inode | str, dice: random.Random) -> Inode | str:
    if isinstance(inode, str):
        return inode
    survived = Inode()
    synced, whole = inode.durable, bytes(inode.volatile)
    if whole.startswith(synced):
        survived.volatile[:] = whole[: dice.randint(len(synced), len(whole))]
        if dice.random() < 0.2:  # a file's size may reach the disk before its bytes: zeros
            survived.volatile += bytes(len(whole) - len(survived.volatile))
    else:  # overwritten in place
        cut = dice.randint(0, len(whole))
        survived.volatile[:] = whole[:cut] + synced[cut:]
    survived.durable = bytes(survived.volatile)
    return survived


class _Append:
    def __init__(self, disk: BufferedUntilSyncDisk, inode: Inode) -> None:
        self._disk = disk
        self._inode = inode

    def write(self, data: bytes) -> None:
        with self._disk._lock:
            if not self._disk.crashed:
                self._inode.volatile += data
            self._disk._step()

    def sync(self) -> None:
        self._disk.sync_appended(self._inode)

    def truncate(self, size: int) -> None:
        with self._disk._lock:
            self._disk._step()
            del self._inode.volatile[size:]
            self._inode.durable = self._inode.durable[:size]

    def close(self) -> None:
        """Nothing is held."""


class _Slot(_Append):
    def put(self, data: bytes) -> None:
        with self._disk._lock:
            self._disk._step()
            self._inode.volatile[: len(data)] = data


class _Held:
    def __init__(self, disk: BufferedUntilSyncDisk, path: Path) -> None:
        self._disk = disk
        self._path = path

    def release(self) -> None:
        self._disk.release(self._path)


class LyingDisk(BufferedUntilSyncDisk):
    """Its fdatasync returns at once and makes nothing durable."""

    def sync_appended(self, inode: Inode) -> None:  # noqa: ARG002 - forgotten, which is the lie
        with self._lock:
            self._step()


class FullDisk(RealDisk):
    """A real disk on which, once `room` is set, appends fail when they have used it up."""

    def __init__(self, fault: int = errno.ENOSPC, *, on_sync: bool = False) -> None:
        self.room: int | None = None
        self.fault = fault
        self.on_sync = on_sync

    def append_to(self, path: Path) -> AppendFile:
        return _FullFile(self, super().append_to(path))

    def remove(self, path: Path) -> None:
        if path.name == "reserve" and self.room is not None and self.fault == errno.ENOSPC:
            self.room += path.stat().st_size
        super().remove(path)


class _FullFile:
    def __init__(self, disk: FullDisk, file: AppendFile) -> None:
        self._disk = disk
        self._file = file

    def write(self, data: bytes) -> None:
        room = self._disk.room
        if room is None or self._disk.on_sync or len(data) <= room:
            self._file.write(data)
            self._disk.room = room if room is None else room - len(data)
            return
        self._file.write(data[:room])  # a full disk takes what it can
        self._disk.room = 0
        raise OSError(self._disk.fault, "the disk says no")

    def sync(self) -> None:
        if self._disk.on_sync and self._disk.room is not None:
            raise OSError(self._disk.fault, "the disk says no")
        self._file.sync()

    def truncate(self, size: int) -> None:
        self._file.truncate(size)

    def close(self) -> None:
        self._file.close()
