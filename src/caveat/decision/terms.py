"""Tests that need more than a bit mask: arithmetic with exact overflow, and facts compared with facts.

Each compiles to a function from a box to a set of outcomes: bits `CAN_TRUE`, `CAN_FALSE`, `CAN_ERROR`.
"""

from collections.abc import Callable
from typing import TypeAlias

from caveat.decision.world import Layout
from caveat.facts.value import LONG_MAX, LONG_MIN
from caveat.policy.expression import Arithmetic, Compare, Count, HasWord, Number, SameWord, Term

CAN_TRUE, CAN_FALSE, CAN_ERROR = 1, 2, 4
Outcomes: TypeAlias = Callable[[list[int]], int]
_Range: TypeAlias = "tuple[int, int, bool, bool]"  # lo, hi, may it be an error, must it be one
_Ranger: TypeAlias = Callable[[list[int]], _Range]


def comparison(compare: Compare, layout: Layout) -> Outcomes:
    """The outcomes of `left op right` over 64-bit integers; overflow of either side is an error."""
    left, right = _ranger(compare.left, layout), _ranger(compare.right, layout)
    op = compare.op

    def outcomes(box: list[int]) -> int:
        left_lo, left_hi, left_may, left_must = left(box)
        right_lo, right_hi, right_may, right_must = right(box)
        if left_must or right_must:
            return CAN_ERROR
        bits = CAN_ERROR if left_may or right_may else 0
        if op == "==":
            if left_lo <= right_hi and right_lo <= left_hi:
                bits |= CAN_TRUE
            if not left_lo == left_hi == right_lo == right_hi:
                bits |= CAN_FALSE
        elif op == "<":
            bits |= (CAN_TRUE if left_lo < right_hi else 0) | (CAN_FALSE if left_hi >= right_lo else 0)
        else:
            bits |= (CAN_TRUE if left_lo <= right_hi else 0) | (CAN_FALSE if left_hi > right_lo else 0)
        return bits

    return outcomes


def _ranger(term: Term, layout: Layout) -> _Ranger:
    match term:
        case Number(value):
            fixed = (value, value, False, False)
            return lambda _box: fixed
        case Count(fact):
            slot = layout.slots[fact]
            return lambda box: (box[slot], box[slot + 1], False, False)
        case Arithmetic(op, left, right):
            return _arithmetic(op, _ranger(left, layout), _ranger(right, layout))


def _arithmetic(op: str, left: _Ranger, right: _Ranger) -> _Ranger:
    def ranger(box: list[int]) -> _Range:
        a, b, left_may, left_must = left(box)
        c, d, right_may, right_must = right(box)
        if op == "+":
            lo, hi = a + c, b + d
        elif op == "-":
            lo, hi = a - d, b - c
        else:
            corners = (a * c, a * d, b * c, b * d)
            lo, hi = min(corners), max(corners)
        must = left_must or right_must or hi < LONG_MIN or lo > LONG_MAX
        may = left_may or right_may or lo < LONG_MIN or hi > LONG_MAX
        return max(lo, LONG_MIN), min(hi, LONG_MAX), may, must

    return ranger


def same_word(atom: SameWord, layout: Layout) -> Outcomes:
    """Whether two enumerated facts have one value; words are matched by name, not by place."""
    left, right = layout.slots[atom.left], layout.slots[atom.right]
    left_bits, right_bits = layout.word_bits[atom.left], layout.word_bits[atom.right]
    pairs = [(bit, right_bits[word]) for word, bit in left_bits.items() if word in right_bits]

    def outcomes(box: list[int]) -> int:
        one, other = box[left], box[right]
        bits = 0
        if any(one & bit and other & twin for bit, twin in pairs):
            bits |= CAN_TRUE
        if one & (one - 1) or other & (other - 1) or not bits:
            bits |= CAN_FALSE
        if atom.left == atom.right:
            return CAN_TRUE
        return bits

    return outcomes


def has_word(atom: HasWord, layout: Layout) -> Outcomes:
    """Whether a set fact holds the value of an enumerated fact."""
    words, word = layout.slots[atom.words], layout.slots[atom.word]
    pairs = [(bit, layout.alphabet.get(text, 0)) for text, bit in layout.word_bits[atom.word].items()]

    def outcomes(box: list[int]) -> int:
        must, may, value = box[words], box[words + 1], box[word]
        bits = 0
        for bit, member in pairs:
            if value & bit:
                bits |= CAN_TRUE if member & may else 0
                bits |= CAN_FALSE if not member & must else 0
        return bits

    return outcomes
