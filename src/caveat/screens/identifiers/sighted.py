"""From content to sightings: who is in it, by keyed ids, and what is said of them. Pure.

Laws: two records of one content that share an identifier of their own are one person; an identifier that
stands beside persons who are surely different tells none of them apart; ids of a declared column never make
fewer persons than it has distinct values. What a content hides in other words is not seen.
Source: LABELS section 1, ADR-0046.
"""

import hmac
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from caveat.labels.subjects import KEYED_ID_BYTES, Sighting, SubjectKind, sighting
from caveat.screens.identifiers.records import (
    Person,
    persons_in_prose,
    persons_in_records,
)
from caveat.screens.identifiers.rows import UnreadableError, read_content

Value = tuple[str, str]


def sightings_of(
    content: bytes, media_type: str, id_column: str | None, key: bytes
) -> tuple[Sighting, ...] | None:
    """The persons and devices in a content, each once; None where it cannot be read, which is unknown.

    `id_column`: the column whose distinct values are distinct persons, as they are counted elsewhere. Ids
    are HMAC-SHA256 under `key` over kind and canonical value, cut to `KEYED_ID_BYTES` bytes.
    """
    try:
        read = read_content(content, media_type, id_column)
    except UnreadableError:
        return None
    if read.prose is not None:
        persons = persons_in_prose(read.prose)
    else:
        persons = persons_in_records(read.records, id_column)
    return tuple(_sighting(group, key) for group in together(persons))


@dataclass(slots=True)
class Group:
    """Records of one person."""

    values: set[Value] = field(default_factory=set[Value])
    attributes: set[str] = field(default_factory=set[str])
    points: int = 0
    days: set[int] = field(default_factory=set[int])
    is_device: bool = True
    is_identified: bool = False


def together(persons: Sequence[Person]) -> list[Group]:
    """The records grouped by person."""
    shared = _shared(persons)
    roots = list(range(len(persons)))

    def root(at: int) -> int:
        while roots[at] != at:
            roots[at] = roots[roots[at]]
            at = roots[at]
        return at

    first: dict[Value, int] = {}
    kept: list[set[Value]] = []
    for at, person in enumerate(persons):
        values = person.own | person.linking
        if not shared.isdisjoint(values):
            beside = {
                (f"name+{kind}", f"{key}|{text}")
                for kind, text in person.linking & shared
                for key in (person.near if person.anchors.keys() <= {"name"} else ())
            }
            values = (values - shared) | (beside - shared)
        kept.append(values)
        for value in (*kept[at], *person.local):
            other = first.setdefault(value, at)
            if other != at:
                a, b = root(other), root(at)
                roots[max(a, b)] = min(a, b)
    groups: dict[int, Group] = defaultdict(Group)
    for at, person in enumerate(persons):
        group = groups[root(at)]
        group.values |= kept[at] or person.local or {("row", person.row)}
        group.attributes |= person.attributes
        group.points += person.points
        group.days |= person.days
        group.is_device &= person.is_device
        group.is_identified |= person.is_identified or bool(person.anchors.get("id"))
    return list(groups.values())


def _shared(persons: Sequence[Person]) -> set[Value]:
    """Identifiers that stand beside persons who are surely different, and so tell none of them apart."""
    holders: dict[Value, list[Person]] = {}
    for person in persons:
        for values in (person.linking, person.own):
            for value in values:
                holders.setdefault(value, []).append(person)
    return {value for value, found in holders.items() if len(found) > 1 and _differ(found)}


def _differ(persons: Sequence[Person]) -> bool:
    known: dict[str, set[str]] = {}
    for person in persons:
        for sort, keys in person.anchors.items():
            seen = known.get(sort)
            if seen is None:
                known[sort] = set(keys)
            elif seen.isdisjoint(keys):
                return True
            else:
                seen |= keys
    return False


def _sighting(group: Group, key: bytes) -> Sighting:
    kind = SubjectKind.DEVICE if group.is_device else SubjectKind.PERSON
    return sighting(
        kind, [keyed(key, value) for value in group.values], group.attributes, group.points, group.days
    )


def keyed(key: bytes, value: Value) -> bytes:
    """The id of a canonical value under a key. No kind holds a `=`, so no two values are one message."""
    return hmac.digest(key, f"{value[0]}={value[1]}".encode(), "sha256")[:KEYED_ID_BYTES]
