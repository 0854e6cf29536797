"""How well scores tell what is to be found from what is harmless. Pure, and a function of the scores alone.

A higher score says "found". Ties count half. A figure of nothing is None, never zero. The interval of an area
keeps its level near 1 and for few texts, where the usual ones claim too much. Source: ADR-0051.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from caveat.facts.wilson import Z95

_HALVINGS = 60
BINS = 10


@dataclass(frozen=True, slots=True)
class Area:
    """The area under the ROC curve: how often one to be found scores above a harmless one; 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """`said`: the mean score of so many, from 0 to 1. `was`: the share of them that was to be found."""

    said: float
    was: float
    count: int


def auc(positives: Sequence[float], negatives: Sequence[float]) -> float | None:
    """The area alone: exact, rounded once. None where either side is empty."""
    pairs = len(positives) * len(negatives)
    if not pairs:
        return None
    ordered = sorted(negatives)
    halves = sum(bisect_left(ordered, one) + bisect_right(ordered, one) for one in positives)
    return halves / (2 * pairs)


def area(positives: Sequence[float], negatives: Sequence[float]) -> Area | None:
    """The area with its interval. None where either side is empty."""
    value = auc(positives, negatives)
    if value is None:
        return None
    misses = _misses(value, len(positives), len(negatives))
    return Area(value, _end(misses, 0.0, value), _end(misses, 1.0, value))


def _misses(value: float, positives: int, negatives: int) -> Callable[[float], bool]:
    """Whether a true area lies too far from the measured one. Source: Newcombe 2006, part 2, method 5."""
    more = (positives + negatives) / 2 - 1

    def misses(true: float) -> bool:
        spread = true * (1 - true) * (1 + more * (1 - true) / (2 - true) + more * true / (1 + true))
        return abs(value - true) > Z95 * math.sqrt(max(spread, 0.0) / (positives * negatives))

    return misses


def _end(misses: Callable[[float], bool], outside: float, inside: float) -> float:
    """Where the interval ends between a point outside of it, or its last, and one within."""
    if not misses(outside):
        return outside
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if misses(middle):
            outside = middle
        else:
            inside = middle
    return outside


def cutoff(negatives: Sequence[float], share: Fraction) -> float | None:
    """The lowest score above which no more than this share of the harmless ones lies; it is one of theirs.

    None of nothing, and where the share is all of them. Flagged is what scores above it, and not it itself.
    """
    allowed = math.floor(share * len(negatives))
    return sorted(negatives, reverse=True)[allowed] if allowed < len(negatives) else None


def calibration(said: Sequence[float], was: Sequence[bool]) -> tuple[Bin, ...]:
    """What was so where the scores said so, in ten bins of equal width; empty ones are left out.

    `said`: from 0 to 1. Raises `ValueError` where a score lies outside, or has no answer.
    """
    if any(not 0 <= one <= 1 for one in said):
        raise ValueError("a score to be calibrated lies from 0 to 1")
    held: dict[int, list[tuple[float, bool]]] = {}
    for pair in zip(said, was, strict=True):
        held.setdefault(min(int(pair[0] * BINS), BINS - 1), []).append(pair)
    return tuple(
        Bin(
            math.fsum(score for score, _ in here) / len(here),
            sum(yes for _, yes in here) / len(here),
            len(here),
        )
        for _, here in sorted(held.items())
    )
