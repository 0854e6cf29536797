"""What is known of hashes without a query: most of what is looked for is nobody's, and is told apart here.

Never says of a hash that is stored that it is not, or that it is one manifest's when it is several's.
Source: ADR-0022.
"""

from array import array
from collections.abc import Iterable, Mapping

from caveat.evidence.sentences import CHEAP_MAP_BYTES, cheap_of

SEVERAL = 0xFFFF
_NOBODY = 0
_SLOTS = 1 << 22


class Bits:
    """Which of 2^24 hashes may be known; one that is not here certainly is not. Two megabytes."""

    def __init__(self) -> None:
        """None is."""
        self.marks = bytearray(CHEAP_MAP_BYTES)

    def add(self, value: int) -> None:
        """Marks the hash, and those that share 24 bits with it."""
        self.marks[(value >> 3) & (CHEAP_MAP_BYTES - 1)] |= 1 << (value & 7)

    def known(self, leaves: Iterable[bytes]) -> list[bytes]:
        """Those of these leaf hashes that may be known by their first four bytes."""
        marks, mask, number = self.marks, CHEAP_MAP_BYTES - 1, int.from_bytes
        return [
            leaf
            for leaf in leaves
            if (some := marks[(value := number(leaf[:4], "big")) >> 3 & mask]) and some & 1 << (value & 7)
        ]


class Owners:
    """Which manifest may have an anchor: one alone, one of several, or none. Eight megabytes."""

    def __init__(self) -> None:
        """None has any."""
        self._slots = array("H", bytes(2 * _SLOTS))

    def add(self, anchor: int, manifest: int) -> None:
        """Marks the anchor, and those that share 22 bits with it, as this manifest's, or as several's."""
        place = cheap_of(anchor) & (_SLOTS - 1)
        before = self._slots[place]
        if before != manifest:
            self._slots[place] = manifest if before == _NOBODY and manifest < SEVERAL else SEVERAL

    def grouped(self, anchors: Iterable[int]) -> Mapping[int, list[int]]:
        """Those that may be known, by the number of the one manifest that may have them, or `SEVERAL`."""
        slots, mask = self._slots, _SLOTS - 1
        groups: dict[int, list[int]] = {}
        for anchor in anchors:
            owner = slots[anchor >> 32 & mask]
            if owner in groups:
                groups[owner].append(anchor)
            else:
                groups[owner] = [anchor]
        groups.pop(_NOBODY, None)
        return groups
