"""The tile files of a folder held against the tiles that its entries give."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from caveat.ledger.disk import ASIDE
from caveat.ledger.errors import TileParseError
from caveat.ledger.finding import Code, Finding
from caveat.ledger.folder import TILES, Folder
from caveat.ledger.tiles import (
    ENTRIES,
    WIDTH,
    WIDTH_BITS,
    TilePath,
    leading_entries,
    parse_tile_path,
    render_entries,
)
from caveat.signing.merkle import HASH_BYTES


class TileFiles:
    """All files below `tile/`: each must be the tile of its name, or the leading part of it."""

    def __init__(self, folder: Folder) -> None:
        """Lists the files; reads none."""
        self._folder = folder
        self._widths: dict[tuple[int, int], list[int]] = {}
        self._strangers: list[str] = []
        self._changed: list[tuple[TilePath, int | None]] = []
        self._missing: list[TilePath] = []
        for name in self._walk(PurePosixPath(TILES)):
            try:
                path = parse_tile_path(name)
            except TileParseError:
                if not name.endswith(ASIDE):  # a crash may leave a file behind that was not yet whole
                    self._strangers.append(name)
                continue
            self._widths.setdefault((path.level, path.index), []).append(path.width)

    def compare(self, tiles: Mapping[TilePath, bytes], size: int) -> None:
        """Holds the files at these places against the right bytes. `size`: the checkpoint's."""
        for path, right in tiles.items():
            widths = self._widths.pop((path.level, path.index), [])
            for width in widths:
                if width > path.width:
                    self._strangers.append(TilePath(path.level, path.index, width).render())
                    continue
                leading = right if width == path.width else _leading(path.level, right, width)
                self._compare_file(TilePath(path.level, path.index, width), leading)
            needed = _needed_width(path, size)
            if needed and not any(width >= needed for width in widths):
                self._missing.append(TilePath(path.level, path.index, needed))

    def findings(self, edge_size: int, *, root_holds: bool) -> Iterator[Finding]:
        """What does not hold, once every tile was compared up to `edge_size`.

        Where the signed root holds over the entries, a differing tile is the changed one; where it does not,
        the entry below it is, and the tiles above it differ for that reason alone.
        """
        entries_changed = not root_holds and any(path.level == 0 for path, _ in self._changed)
        for path in self._missing:
            yield Finding(Code.TILE_MISSING, None, f"`{path.render()}` is missing")
        for path, index in self._changed:
            if path.level == 0 and not root_holds and index is not None:
                yield Finding(Code.ENTRY_CHANGED, index, "the entry does not match its hash tile")
            elif path.level <= 0 or not entries_changed:
                yield Finding(Code.TILE_CHANGED, index, f"`{path.render()}` is not what the entries give")
        for (level, index), widths in sorted(self._widths.items()):
            for width in widths:
                self._strangers.append(TilePath(level, index, width).render())
        for name in self._strangers:
            yield Finding(
                Code.UNEXPECTED_FILE, None, f"`{name[:200]}` is no tile of a log of {edge_size} records"
            )

    def _compare_file(self, path: TilePath, right: bytes) -> None:
        data = self._folder.disk.read(self._folder.root / path.render())
        if data != right and path.level == ENTRIES:
            self._changed.append((path, None))
        elif data != right:
            at = next(
                (
                    i
                    for i in range(0, len(right), HASH_BYTES)
                    if data[i : i + HASH_BYTES] != right[i : i + HASH_BYTES]
                ),
                None,
            )
            index = None if at is None or path.level else path.index * WIDTH + at // HASH_BYTES
            self._changed.append((path, index))

    def _walk(self, below: PurePosixPath) -> Iterator[str]:
        folder, disk = self._folder.root / below, self._folder.disk
        for name in disk.names(folder):
            inner = folder / name
            if disk.is_directory(inner) and not disk.is_link(inner):
                yield from self._walk(below / name)
            else:
                yield str(below / name)


def _needed_width(path: TilePath, size: int) -> int:
    """How wide the tile must be for a tree of `size` leaves; 0 where that tree has none."""
    level = 0 if path.level == ENTRIES else path.level
    count = (size >> WIDTH_BITS * level) - path.index * WIDTH
    return max(0, min(count, WIDTH))


def _leading(level: int, tile: bytes, width: int) -> bytes:
    """The first `width` hashes or leaves of a tile."""
    return render_entries(leading_entries(tile, width)) if level == ENTRIES else tile[: width * HASH_BYTES]
