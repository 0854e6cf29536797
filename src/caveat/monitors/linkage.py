"""Which ids are of one person, as uses have linked them: union by a shared id, with a limit.

An id is a number of 64 bits. A person is known by one of its ids, chosen by bits that no sample looks at.
Linking lowers a count, so that whoever gets one address written beside everybody would make one person of
all: a person has at most `MAX_IDS` ids, and a sighting that would exceed it links nothing and counts as every
person that its ids name. How many persons a link may hide at most is kept beside it, and a count says both.
Source: ADR-0047.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_IDS = 32
"""Ids of one person. Many more than anybody has; above, it is an address that several share."""
MAX_LINKED = 1_000_000
"""Ids that are linked at all; further ones stand for themselves, which counts too many and never too few."""
_ORDER = 0xFFFF_FFFF


@dataclass(slots=True)
class _Group:
    """`ids` of one person; `widest`: the most of them in one sighting; `links`: what linked them."""

    ids: list[int]
    widest: int
    links: int = 0

    @property
    def hidden(self) -> int:
        """How many persons more these may be: each has an id that nobody else has, and a sighting."""
        return max(0, min(len(self.ids) - self.widest, self.links - 1))


@dataclass(frozen=True, slots=True)
class Linked:
    """What a sighting named: `persons`, one where its ids are linked; `merged` were others until now.

    `grown`: the person may be more persons than before.
    """

    persons: tuple[int, ...]
    merged: tuple[int, ...] = ()
    grown: bool = False


def number_of(subject_id: bytes) -> int:
    """The number that stands for a keyed id: its first 64 bits."""
    return int.from_bytes(subject_id[:8], "big")


class Linkage:
    """Persons by their ids. What was never linked is its own person and takes no room."""

    def __init__(self, limit: int = MAX_LINKED) -> None:
        """Nothing is linked."""
        self._limit = limit
        self._person: dict[int, int] = {}
        self._groups: dict[int, _Group] = {}

    def __len__(self) -> int:
        return len(self._person)

    def person(self, subject: int) -> int:
        """Whose id it is."""
        return self._person.get(subject, subject)

    def named(self, ids: Sequence[int]) -> tuple[int, ...]:
        """The persons whom these ids name by now, in one order."""
        if len(ids) == 1:
            return (self.person(ids[0]),)
        return tuple(sorted({self.person(one) for one in ids}, key=_rank))

    def hidden(self, person: int) -> int:
        """How many persons more than one this may be."""
        group = self._groups.get(person)
        return 0 if group is None else group.hidden

    def groups(self) -> Sequence[tuple[int, ...]]:
        """The ids of every person who has several."""
        return [tuple(group.ids) for group in self._groups.values()]

    def link(self, ids: Sequence[int]) -> Linked:
        """Takes the ids of one sighting as one person's, as far as the limits go."""
        if len(ids) == 1:
            return Linked((self.person(ids[0]),))
        persons = self.named(ids)
        group = self._groups.get(persons[0])
        if len(persons) == 1 and group is not None:
            group.widest = max(group.widest, len(ids))
            return Linked(persons)
        groups = [self._groups.get(one) or _Group([one], 1) for one in persons]
        together = sorted({one for each in groups for one in each.ids}, key=_rank)
        fresh = sum(one not in self._person for one in together)
        if len(together) > MAX_IDS or len(self._person) + fresh > self._limit:
            return Linked(persons)
        first = together[0]
        for one in persons:
            self._groups.pop(one, None)
        widest, links = max(len(ids), *(one.widest for one in groups)), sum(one.links for one in groups)
        self._groups[first] = _Group(together, widest, links + 1)
        for one in together:
            self._person[one] = first
        return Linked((first,), tuple(one for one in persons if one != first), grown=True)


def _rank(subject: int) -> tuple[int, int]:
    return subject & _ORDER, subject
