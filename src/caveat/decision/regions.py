"""One representative for each region that the clauses distinguish: what an unknown fact ranges over.

Words that no clause tells apart share a region, so a fact with thirty declared values may have five that
matter. Exact: whatever a clause says of any value, it says of that value's representative.
"""

from collections.abc import Iterable, Iterator

from caveat.decision.world import Layout
from caveat.facts.registry import FactType
from caveat.policy.expression import (
    Atom,
    HasWord,
    OneOf,
    Overlap,
    SameSet,
    SameWord,
    Subset,
    Words,
    WordSet,
)


def narrow_to_representatives(box: list[int], layout: Layout, tests: Iterable[Atom]) -> None:
    """Narrows every word and set fact of the widest box to representatives of its regions, in place."""
    marks: dict[str, set[int]] = {}
    whole: set[str] = set()
    for test in tests:
        for fact, mask in _marks(test, layout):
            if mask is None:
                whole.add(fact)
            else:
                marks.setdefault(fact, set()).add(mask)
    for name, spec in layout.specs.items():
        if name in whole or spec.type not in (FactType.ENUM, FactType.SET):
            continue
        slot = layout.slots[name] + (1 if spec.type is FactType.SET else 0)
        box[slot] = _representatives(box[slot], sorted(marks.get(name, ())))


def _representatives(members: int, marks: list[int]) -> int:
    seen: set[tuple[bool, ...]] = set()
    kept = 0
    while members:
        member = members & -members
        members &= members - 1
        region = tuple(bool(member & mask) for mask in marks)
        if region not in seen:
            seen.add(region)
            kept |= member
    return kept


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
