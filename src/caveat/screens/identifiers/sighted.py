"""From content to sightings: who is in it, by keyed ids, and what is said of them. Pure.

Laws: two records of one content that share an identifier of their own are one person; an identifier that
stands beside persons who are surely different tells none of them apart; ids of a declared column never make
fewer persons than it has distinct values. What a content hides in other words is not seen.
Source: LABELS section 1, ADR-0046.
"""

import hmac
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from caveat.labels.subjects import KEYED_ID_BYTES, Sighting, SubjectKind
from caveat.screens.identifiers.namesakes import Namesakes
from caveat.screens.identifiers.records import (
    Person,
    persons_of,
    row_of,
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
    in_rows, in_words = persons_of(read, id_column)
    keyed = Keyed(key)
    return tuple(map(keyed.sighting_of, together([*in_rows, *in_words])))


@dataclass(slots=True)
class Group:
    """Records of one person. `is_loose`: all of them by a loose name alone; `is_usual`: a usual one."""

    values: Set[Value]
    attributes: Set[str]
    points: int
    days: Set[int]
    is_device: bool
    is_identified: bool
    is_loose: bool
    is_usual: bool


def together(persons: Sequence[Person]) -> list[Group]:
    """The records grouped by person."""
    held = _held(persons)
    shared = {value for value, ats in held.items() if _differ([persons[at] for at in ats])}
    beside = _beside(shared, held, persons)
    kept: dict[int, Set[Value]] = {}
    for at in {at for value in shared for at in held[value]}:
        kept[at] = ((persons[at].own | persons[at].linking) - shared) | beside.get(at, set())
        for value in kept[at] - (persons[at].own | persons[at].linking):
            held.setdefault(value, []).append(at)
    for at, person in enumerate(persons):
        for value in person.local:
            held.setdefault(value, []).append(at)
    roots = _roots(len(persons), [ats for value, ats in held.items() if value not in shared])
    groups: dict[int, Group] = {}
    rows: dict[str, int] = {}
    for at, person in enumerate(persons):
        values = kept[at] if at in kept else person.own | person.linking
        values = values or person.local or {("row", row_of(person, rows))}
        group = groups.get(roots[at])
        if group is None:
            groups[roots[at]] = _group(person, values)
        else:
            _add(group, person, values)
    return list(groups.values())


def _held(persons: Sequence[Person]) -> dict[Value, list[int]]:
    """By each identifier that several records have, which records they are."""
    first: dict[Value, int] = {}
    held: dict[Value, list[int]] = {}
    for at, person in enumerate(persons):
        for values in (person.own, person.linking):
            for value in values:
                other = first.setdefault(value, at)
                if other != at:
                    held.setdefault(value, [other]).append(at)
    return held


def _beside(
    shared: Set[Value], held: Mapping[Value, Sequence[int]], persons: Sequence[Person]
) -> dict[int, set[Value]]:
    """What stands for whoever has an identifier that others have too: it, together with the name."""
    beside: dict[int, set[Value]] = {}
    for value in shared:
        kind, text = value
        named = [
            (at, name)
            for at in held[value]
            if (name := persons[at].name) is not None
            and not persons[at].anchors
            and value in persons[at].linking
        ]
        namesakes = Namesakes(name for _, name in named)
        for at, name in named:
            keys = {(f"name+{kind}", f"{key}|{text}") for key in namesakes.keys(name)}
            beside.setdefault(at, set()).update(keys)
    return beside


def _roots(count: int, joined: Sequence[Sequence[int]]) -> list[int]:
    """By each record the first one that is of the same person."""
    roots = list(range(count))

    def root(at: int) -> int:
        while roots[at] != at:
            roots[at] = roots[roots[at]]
            at = roots[at]
        return at

    for first, *others in joined:
        for at in others:
            a, b = root(first), root(at)
            roots[max(a, b)] = min(a, b)
    return [root(at) for at in roots] if joined else roots


def _group(person: Person, values: Set[Value]) -> Group:
    identified = person.is_identified or bool(person.anchors.get("id"))
    loose = person.is_loose and not person.anchors.get("id")
    return Group(
        values,
        person.attributes,
        person.points,
        person.days,
        person.is_device,
        identified,
        loose,
        person.is_usual,
    )


def _add(group: Group, person: Person, values: Set[Value]) -> None:
    group.values = group.values | values
    group.attributes = group.attributes | person.attributes
    group.points += person.points
    group.days = group.days | person.days
    group.is_device &= person.is_device
    group.is_identified |= person.is_identified or bool(person.anchors.get("id"))
    group.is_loose &= person.is_loose or not person.is_identified
    group.is_usual |= person.is_usual


def _differ(persons: Sequence[Person]) -> bool:
    """Whether surely more than one person is among these."""
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
    names = {person.name for person in persons if person.name is not None}
    return len(names) > 1 and not Namesakes(names).are_one


class Keyed:
    """Ids of canonical values under a key: HMAC-SHA256 over kind and value, cut to `KEYED_ID_BYTES` bytes.

    No kind holds a `=`, so no two values are one message. What every hash begins with is computed once.
    """

    def __init__(self, key: bytes) -> None:
        self._begun = hmac.new(key, digestmod="sha256")

    def id_of(self, value: Value) -> bytes:
        """The id of one canonical value."""
        message = self._begun.copy()
        message.update(f"{value[0]}={value[1]}".encode())
        return message.digest()[:KEYED_ID_BYTES]

    def sighting_of(self, group: Group) -> Sighting:
        """One person or device, by ids alone."""
        kind = SubjectKind.DEVICE if group.is_device else SubjectKind.PERSON
        ids = tuple(sorted(map(self.id_of, group.values)))
        return Sighting(kind, ids, frozenset(group.attributes), group.points, frozenset(group.days))
