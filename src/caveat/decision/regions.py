"""The regions that the clauses distinguish: what an unknown fact ranges over, and when two uses are alike.

Words that no clause tells apart share a region, so a fact with thirty declared values may have five that
matter, and a count has one region between two limits. Exact: whatever a clause says of a value, it says of
every value of that region.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from caveat.decision.cut import limits_of
from caveat.decision.world import Layout
from caveat.facts.registry import FactType
from caveat.facts.value import Interval, Value
from caveat.policy.expression import (
    Atom,
    Compare,
    HasWord,
    OneOf,
    Overlap,
    SameSet,
    SameWord,
    Subset,
    Words,
    WordSet,
    facts_of,
)

Region = int | tuple[int, int]


@dataclass(frozen=True, slots=True)
class Regions:
    """`bits`: for each word and set fact the representative bit of every bit. `cuts`: the first value of each
    further region of a count; None where arithmetic leaves every value a region of its own.
    """

    layout: Layout
    bits: Mapping[str, Mapping[int, int]]
    cuts: Mapping[str, tuple[int, ...] | None]

    def of(self, name: str, value: Value) -> Region:
        """The region of a value: equal regions, equal answers from every clause."""
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, int):
            return self._of_count(name, value)
        if isinstance(value, Interval):
            return self._of_count(name, value.lo), self._of_count(name, value.hi)
        return self._of_words(name, value)

    def _of_words(self, name: str, value: str | frozenset[str]) -> int:
        """The mask of representatives of the regions that the word or the set's members lie in."""
        representative = self.bits[name]
        if isinstance(value, str):
            return representative[self.layout.word_bits[name][value]]
        region = 0
        for word in value:
            region |= representative[self.layout.alphabet[word]]
        return region

    def _of_count(self, name: str, value: int) -> int:
        cuts = self.cuts[name]
        return value if cuts is None else bisect_right(cuts, value)

    def write(self, box: list[int], name: str, value: Value) -> None:
        """Narrows `name` to the representative of the value's region, as `narrow` leaves it."""
        self.layout.write(box, name, value)
        if isinstance(value, (str, frozenset)):
            slot = self.layout.slots[name]
            box[slot] = self._of_words(name, value)
            if self.layout.is_pair(name):
                box[slot + 1] = box[slot]

    def narrow(self, box: list[int]) -> None:
        """Narrows every word and set fact of the widest box to one representative a region, in place."""
        for name, representative in self.bits.items():
            pair = self.layout.specs[name].type is FactType.SET
            slot = self.layout.slots[name] + (1 if pair else 0)
            box[slot] = sum(set(representative.values()))


def find_regions(layout: Layout, tests: Iterable[Atom]) -> Regions:
    """The regions that these tests draw."""
    marks: dict[str, set[int]] = {}
    cuts: dict[str, set[int]] = {}
    whole: set[str] = set()
    for test in tests:
        if isinstance(test, Compare):
            limits = limits_of(test)
            if limits is None:
                whole.update(facts_of(test))
            else:
                cuts.setdefault(limits[0], set()).update(limits[1])
        for fact, mask in _marks(test, layout):
            if mask is None:
                whole.add(fact)
            else:
                marks.setdefault(fact, set()).add(mask)
    bits: dict[str, Mapping[int, int]] = {}
    count_cuts: dict[str, tuple[int, ...] | None] = {}
    for name, spec in layout.specs.items():
        if spec.type is FactType.LONG:
            count_cuts[name] = None if name in whole else tuple(sorted(cuts.get(name, ())))
        elif spec.type is not FactType.BOOL:
            words = layout.word_bits[name] if spec.type is FactType.ENUM else layout.alphabet
            members = [words[word] for word in spec.values]
            drawn = members if name in whole else sorted(marks.get(name, ()))
            bits[name] = _representatives(members, drawn)
    return Regions(layout, MappingProxyType(bits), MappingProxyType(count_cuts))


def _representatives(members: list[int], marks: list[int]) -> dict[int, int]:
    first: dict[tuple[bool, ...], int] = {}
    return {
        member: first.setdefault(tuple(bool(member & mask) for mask in marks), member) for member in members
    }


def _marks(test: Atom, layout: Layout) -> Iterator[tuple[str, int | None]]:
    """The masks that a test draws around words of a fact; None where it needs every word apart."""
    match test:
        case OneOf(fact, values):
            yield fact, layout.words(fact, values)
        case SameWord(left, right):
            yield left, None
            yield right, None
        case HasWord(words, word):
            yield words, None
            yield word, None
        case Overlap(WordSet(fact), Words(values)) | Overlap(Words(values), WordSet(fact)):
            yield fact, layout.mask(values)
        case Subset(WordSet(fact), Words(values)):
            yield fact, layout.mask(values)
        case Subset(Words(values), WordSet(fact)):
            for value in values:
                yield fact, layout.mask(frozenset({value}))
        case Overlap(left, right) | Subset(left, right) | SameSet(left, right):
            for side in (left, right):
                if isinstance(side, WordSet):
                    yield side.fact, None
        case _:
            return
