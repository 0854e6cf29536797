"""Persons and devices as one use reached them: keyed ids, linked to each other, never what they stand for.

An id is an HMAC of a canonical identifier under a key that whoever holds the disk does not hold. Two
sightings that share an id are of one person. Source: LABELS section 1 (`subjects`), ADR-0046.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

KEYED_ID_BYTES = 16


class SubjectKind(StrEnum):
    """What was seen. A device is counted by itself unless something links it to a person."""

    PERSON = "person"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One person or device in one use.

    `ids`: keyed ids of `KEYED_ID_BYTES` bytes, sorted, distinct, at least one; all of the same person, as the
    content links them. `attributes`: what is said of the person beside who they are, in canonical names.
    `points`: places at times. `days`: days since 1970-01-01 that those times fall on.
    """

    kind: SubjectKind
    ids: tuple[bytes, ...]
    attributes: frozenset[str] = frozenset()
    points: int = 0
    days: frozenset[int] = frozenset()


def sighting(
    kind: SubjectKind,
    ids: Iterable[bytes],
    attributes: Iterable[str] = (),
    points: int = 0,
    days: Iterable[int] = (),
) -> Sighting:
    """A sighting in its canonical form. Raises `ValueError` for no id, or for one of another length."""
    distinct = tuple(sorted(set(ids)))
    if not distinct or any(len(one) != KEYED_ID_BYTES for one in distinct):
        raise ValueError(f"a sighting has at least one keyed id of {KEYED_ID_BYTES} bytes")
    return Sighting(kind, distinct, frozenset(attributes), points, frozenset(days))
