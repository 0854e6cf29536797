"""Cutting a box of worlds along one open test, into pieces that lie apart and together make the box.

For words and sets the piece that makes the test false comes last, where a depth-first search looks first.
"""

from caveat.decision.world import FALSE, TRUE, Layout
from caveat.policy.expression import (
    Atom,
    Compare,
    Count,
    HasWord,
    IsTrue,
    Number,
    OneOf,
    Overlap,
    SameSet,
    SameWord,
    SetTerm,
    Subset,
    Words,
    WordSet,
    terms,
)


def cut(atom: Atom, box: list[int], layout: Layout) -> list[list[int]]:
    """At least two non-empty pieces of `box`, cut on a fact that the test reads; none if none is open."""
    match atom:
        case OneOf(fact, values):
            return _cut_mask(box, layout.slots[fact], layout.words(fact, values))
        case IsTrue(fact):
            return _cut_mask(box, layout.slots[fact], TRUE) if box[layout.slots[fact]] == TRUE | FALSE else []
        case Compare():
            return _cut_comparison(atom, box, layout)
        case Overlap(left, right) | SameSet(left, right):
            return _cut_sets((left, right), box, layout)
        case Subset(inner, outer):
            return _cut_subset(inner, outer, box, layout)
        case SameWord(left, right):
            return _cut_words((left, right), box, layout)
        case HasWord(words, word):
            return _cut_words((word,), box, layout) or _cut_sets((WordSet(words),), box, layout)


def _with(box: list[int], slot: int, value: int) -> list[int]:
    piece = box.copy()
    piece[slot] = value
    return piece


def _cut_mask(box: list[int], slot: int, mask: int) -> list[list[int]]:
    inside, outside = box[slot] & mask, box[slot] & ~mask
    return [_with(box, slot, inside), _with(box, slot, outside)] if inside and outside else []


def _cut_words(names: tuple[str, ...], box: list[int], layout: Layout) -> list[list[int]]:
    for name in names:
        value = box[layout.slots[name]]
        if value & (value - 1):
            return _cut_mask(box, layout.slots[name], value & -value)
    return []


def _cut_comparison(atom: Compare, box: list[int], layout: Layout) -> list[list[int]]:
    """At the limit where a fact meets a constant; in the middle where arithmetic hides the limit."""
    simple = limits_of(atom)
    if simple is None:
        return _cut_middle((*terms(atom.left), *terms(atom.right)), box, layout)
    fact, limits = simple
    slot = layout.slots[fact]
    for first_above in limits:
        if box[slot] < first_above <= box[slot + 1]:
            return [_with(box, slot, first_above), _with(box, slot + 1, first_above - 1)]
    return []


def limits_of(atom: Compare) -> tuple[str, tuple[int, ...]] | None:
    """The fact, and the first value of each upper region, for a comparison of a fact with a constant."""
    if isinstance(atom.left, Count) and isinstance(atom.right, Number):
        fact, at, above = atom.left.fact, atom.right.value, atom.op == "<="
    elif isinstance(atom.left, Number) and isinstance(atom.right, Count):
        fact, at, above = atom.right.fact, atom.left.value, atom.op == "<"
    else:
        return None
    if atom.op == "==":
        return fact, (at, at + 1)
    return fact, (at + 1 if above else at,)


def _cut_middle(names: tuple[str, ...], box: list[int], layout: Layout) -> list[list[int]]:
    for name in names:
        slot = layout.slots[name]
        lo, hi = box[slot], box[slot + 1]
        if lo < hi:
            middle = (lo + hi) // 2
            return [_with(box, slot, middle + 1), _with(box, slot + 1, middle)]
    return []


def _cut_subset(inner: SetTerm, outer: SetTerm, box: list[int], layout: Layout) -> list[list[int]]:
    if isinstance(inner, WordSet) and isinstance(outer, Words):
        return _cut_member(inner.fact, ~layout.mask(outer.values), box, layout)
    if isinstance(inner, Words) and isinstance(outer, WordSet):
        return _cut_member(outer.fact, layout.mask(inner.values), box, layout)
    return _cut_sets((inner, outer), box, layout)


def _cut_sets(sides: tuple[SetTerm, ...], box: list[int], layout: Layout) -> list[list[int]]:
    constants = [layout.mask(side.values) for side in sides if isinstance(side, Words)]
    for side in sides:
        if isinstance(side, WordSet):
            relevant = constants[0] if constants else -1
            pieces = _cut_member(side.fact, relevant, box, layout) or _cut_member(side.fact, -1, box, layout)
            if pieces:
                return pieces
    return []


def _cut_member(fact: str, relevant: int, box: list[int], layout: Layout) -> list[list[int]]:
    """With the first open member that matters, and without it."""
    slot = layout.slots[fact]
    must, may = box[slot], box[slot + 1]
    undecided = may & ~must & relevant
    if not undecided:
        return []
    member = undecided & -undecided
    return [_with(box, slot, must | member), _with(box, slot + 1, may & ~member)]
