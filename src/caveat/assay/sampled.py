"""Means and times with their intervals. Pure. What was not measured is None, never zero.

A mean has the normal 95 % interval. A median has the exact interval that the order of the values gives
(binomial), and none where there are too few. Source: Hahn and Meeker 1991, section 5.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from caveat.facts.wilson import Z95

_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of `n` values; `interval` is None for a single one."""

    n: int
    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Times:
    """`n` times in milliseconds: their median with its interval, None where there are too few, and p95."""

    n: int
    median: float
    interval: tuple[float, float] | None
    p95: float


def mean_of(values: Sequence[float]) -> Mean | None:
    """The mean; None of nothing."""
    if not values:
        return None
    middle = fmean(values)
    if len(values) == 1:
        return Mean(1, middle, None)
    spread = Z95 * stdev(values) / math.sqrt(len(values))
    return Mean(len(values), middle, (middle - spread, middle + spread))


def times_of(values: Sequence[float]) -> Times | None:
    """Median and p95; None of nothing. p95 is the value that 95 % do not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    n = len(ordered)
    return Times(n, median(ordered), _interval(ordered), ordered[math.ceil(0.95 * n) - 1])


def _interval(ordered: Sequence[float]) -> tuple[float, float] | None:
    """The values between which the true median lies in 95 of 100 samples, at least."""
    n, at, below = len(ordered), 0, 0.5 ** len(ordered)
    if below > _TAIL:
        return None
    while below + math.comb(n, at + 1) * 0.5**n <= _TAIL:
        at += 1
        below += math.comb(n, at) * 0.5**n
    return ordered[at], ordered[n - 1 - at]
