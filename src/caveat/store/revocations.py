"""The newest list of revocations of each authority, as files beside the ledger, durable before they count."""

import os
from pathlib import Path

from caveat.signing.digest import sha256

MAX_LIST_BYTES = 128 * 1024


class RevocationFiles:
    """A folder with one file for each authority. Raises `OSError` where the disk fails."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made with the first list."""
        self._folder = folder

    def read(self, authority: str) -> bytes | None:
        """The list of this authority; None where there is none, or one that is larger than any list."""
        try:
            with self._path(authority).open("rb") as opened:
                raw = opened.read(MAX_LIST_BYTES + 1)
        except FileNotFoundError:
            return None
        return raw if len(raw) <= MAX_LIST_BYTES else None

    def write(self, authority: str, raw: bytes) -> None:
        """Puts the list in the place of the one before, whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(authority)
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _path(self, authority: str) -> Path:
        # By digest: an authority's id may have a `/` in it.
        return self._folder / f"{sha256(authority.encode())[:32]}.json"
