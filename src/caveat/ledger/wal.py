"""The write-ahead log: frames of length, CRC-32 and leaf, synced before anything is signed. Pure.

A torn frame ends the log: what follows it was never synced as a whole, so it was never acknowledged. A
frame of length zero is torn as well, because a file system may leave zeros after a crash.
"""

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from caveat.ledger.tiles import MAX_LEAF_BYTES

_HEADER = struct.Struct(">II")
_SEGMENT = re.compile(r"[0-9]{20}\.wal\Z")


@dataclass(frozen=True, slots=True)
class Replayed:
    """Whole frames from the start of a segment. `whole_bytes`: where the first torn frame starts, if any."""

    leaves: tuple[bytes, ...]
    whole_bytes: int


def render_frames(leaves: Sequence[bytes]) -> bytes:
    """The frames of these leaves."""
    return b"".join(_HEADER.pack(len(leaf), zlib.crc32(leaf)) + leaf for leaf in leaves)


def replay_frames(data: bytes) -> Replayed:
    """The leaves up to the first torn frame. Total: whatever the bytes, nothing is raised."""
    leaves: list[bytes] = []
    at = 0
    while at + _HEADER.size <= len(data):
        length, checksum = _HEADER.unpack_from(data, at)
        start = at + _HEADER.size
        end = start + length
        if not 0 < length <= MAX_LEAF_BYTES or end > len(data):
            break
        leaf = data[start:end]
        if zlib.crc32(leaf) != checksum:
            break
        leaves.append(leaf)
        at = end
    return Replayed(tuple(leaves), at)


def segment_name(first_index: int) -> str:
    """The file name of the segment whose first frame is leaf `first_index`; names sort as their indices."""
    return f"{first_index:020d}.wal"


def segment_start(name: str) -> int | None:
    """The first index of a segment by its name; None for a file that is no segment."""
    return int(name[:20]) if _SEGMENT.match(name) else None
