"""A bundle folder as bytes by name: the only place where a bundle touches the file system.

Refuses what another machine might read otherwise: symbolic links, files that are not regular, names that
are not plain. Raises `FolderError` and nothing else. Source: EVIDENCE attack 70 in `THREAT_MODEL.md`.
"""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from caveat.store.errors import FolderError

MAX_FILES = 2_000
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_TOTAL_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 6
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")


def read_folder(folder: Path) -> Mapping[str, bytes]:
    """Every file below `folder`, by its relative name with `/`, sorted; raises `FolderError`.

    Hidden files and folders are left out, since editors and version control put them there.
    """
    if folder.is_symlink():
        raise FolderError(f"`{folder}` is a symbolic link; name the folder itself")
    if not folder.is_dir():
        raise FolderError(f"`{folder}` is no folder; name the folder that holds `bundle.toml`")
    files: dict[str, bytes] = {}
    _read_into(files, folder, "", 0)
    return dict(sorted(files.items()))


def _read_into(files: dict[str, bytes], folder: Path, prefix: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise FolderError(f"`{prefix}` lies more than {MAX_DEPTH} folders deep")
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise FolderError(
            f"`{prefix or folder}` cannot be read: {(error.strerror or 'refused').lower()}"
        ) from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        name = prefix + entry.name
        if _NAME.match(entry.name) is None:
            raise FolderError(f"`{name!a}`: a name in a bundle has letters, digits, `.`, `_` and `-` only")
        if entry.is_symlink():
            raise FolderError(f"`{name}` is a symbolic link; put the file itself there")
        if entry.is_dir(follow_symlinks=False):
            _read_into(files, folder / entry.name, name + "/", depth + 1)
            continue
        files[name] = _read_file(folder / entry.name, name)
        if len(files) > MAX_FILES:
            raise FolderError(f"there are more than {MAX_FILES} files")
        if sum(map(len, files.values())) > MAX_TOTAL_BYTES:
            raise FolderError(f"the files have more than {MAX_TOTAL_BYTES} bytes together")


def _read_file(path: Path, name: str) -> bytes:
    """The bytes of a regular file, opened so that nothing can be put in its place between check and read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FolderError(f"`{name}` is not a regular file")
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise FolderError(f"`{name}` cannot be read: {(error.strerror or 'refused').lower()}") from error
    if len(data) > MAX_FILE_BYTES:
        raise FolderError(f"`{name}` has more than {MAX_FILE_BYTES} bytes")
    return data
