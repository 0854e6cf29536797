"""Where things lie in a ledger folder, and the tiles in it read back.

checkpoint          the newest published checkpoint
log.pub             the verifier key, for whoever has none of their own
tile/               hash tiles and entry bundles
wal/                segments of the write-ahead log, from a size at or below the checkpoint's
bundles/<digest>/   the files of each policy bundle that a record cites
signed              size and root last signed, for start-up after a crash
cosigned            the newest checkpoint that witnesses cosigned, with their lines
rotated/<size>      the last checkpoint of each earlier key; the last record under it names the next key
writer              the token of the process that opened the log last
lock                held by the one process that writes
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from caveat.ledger.disk import ASIDE, Disk
from caveat.ledger.errors import FolderError
from caveat.ledger.tiles import ENTRIES, WIDTH, TilePath, leading_entries
from caveat.ledger.wal import segment_name, segment_start
from caveat.signing.merkle import leaf_hash

CHECKPOINT = "checkpoint"
KEY_FILE = "log.pub"
WAL = "wal"
TILES = "tile"
BUNDLES = "bundles"
SIGNED = "signed"
LOCK = "lock"
COSIGNED = "cosigned"
ROTATED = "rotated"


class Folder:
    """Reads of one ledger folder on one disk. Nothing read is verified here."""

    def __init__(self, disk: Disk, root: Path) -> None:
        """`root`: the ledger folder."""
        self.disk = disk
        self.root = root

    def tile(self, level: int, index: int, width: int) -> bytes:
        """The tile with at least `width` hashes or leaves: the full one, the exact one, or any wider one.

        Raises `FileNotFoundError` if there is none.
        """
        full = self.root / TilePath(level, index).render()
        try:
            return self.disk.read(full)
        except FileNotFoundError:
            if width == WIDTH:
                raise
        partials = full.with_name(full.name + ".p")
        widths = sorted(int(name) for name in self.disk.names(partials) if name.isdecimal())
        for candidate in widths:
            if candidate >= width:
                return self.disk.read(partials / str(candidate))
        raise FileNotFoundError(f"no tile at level {level}, index {index}, width {width}")

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """The leaves [start, end) from the entry bundles; raises `FileNotFoundError` or `TileParseError`."""
        while start < end:
            index, first = divmod(start, WIDTH)
            width = min(end - index * WIDTH, WIDTH)
            yield from leading_entries(self.tile(ENTRIES, index, width), width)[first:]
            start = index * WIDTH + width

    def has_record(self, index: int, prefix: str) -> bool:
        """Whether the leaf at `index` is there and its hash begins so; raises `TileParseError`."""
        try:
            leaf = next(self.entries(index, index + 1))
        except (FileNotFoundError, StopIteration):
            return False
        return leaf_hash(leaf).hex().startswith(prefix)

    def segments(self) -> tuple[int, ...]:
        """The first indices of the write-ahead log's segments, in order."""
        starts = (segment_start(name) for name in self.disk.names(self.root / WAL))
        return tuple(start for start in starts if start is not None)

    def segment(self, start: int) -> Path:
        """The file of the segment that starts there."""
        return self.root / WAL / segment_name(start)

    def bundle(self, digest: str) -> dict[str, bytes] | None:
        """The files of a stored policy bundle by their relative names; None if it is not there."""
        root = self.root / BUNDLES / digest
        found = dict(self._files(root, PurePosixPath()))
        return found or None

    def _files(self, root: Path, below: PurePosixPath) -> Iterator[tuple[str, bytes]]:
        for name in self.disk.names(root / below):
            if self.disk.is_directory(root / below / name):
                yield from self._files(root, below / name)
            elif not name.endswith(ASIDE):  # a crash may leave a file behind that was not yet whole
                yield str(below / name), self.disk.read(root / below / name)


def bundle_paths(folder: Path, digest: str, names: tuple[str, ...]) -> dict[str, Path]:
    """Where the files of a bundle go; raises `FolderError` for a name that leads out of its folder."""
    root = folder / BUNDLES / digest
    paths: dict[str, Path] = {}
    for name in names:
        pure = PurePosixPath(name)
        odd = not pure.parts or str(pure) != name or "\0" in name or name.endswith(ASIDE)
        if odd or pure.is_absolute() or ".." in pure.parts:
            raise FolderError("a policy bundle has a file name that leads elsewhere")
        paths[name] = root / pure
    return paths
