"""Areas, intervals, cutoffs and calibrations against cases that are counted by hand."""

import math
import random
from fractions import Fraction
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.assay.separation import Bin, area, auc, calibration, cutoff
from caveat.facts.wilson import Z95

SCORES = st.lists(st.integers(0, 5), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"),
    [
        ([9, 8], [1, 2, 3], 1.0),
        ([1, 2], [8, 9], 0.0),
        ([5], [5], 0.5),
        ([5, 7], [5, 6], (0.5 + 0 + 1 + 1) / 4),
        ([1, 1, 1], [1, 0], (3 * 0.5 + 3) / 6),
        ([math.inf, 0], [0, 3], (2 + 0.5) / 4),
        ([-math.inf, 5], [5, -math.inf], (0.5 + 1 + 0.5) / 4),
    ],
)
def test_the_area_is_the_share_of_pairs_that_are_told_and_a_tie_is_half_of_one(
    positives: list[float], negatives: list[float], expected: float
) -> None:
    assert auc(positives, negatives) == expected


def test_nothing_on_either_side_is_unmeasured_and_no_area() -> None:
    assert auc([], [1]) is None
    assert auc([1], []) is None
    assert area([], []) is None


@given(SCORES, SCORES)
def test_the_area_is_that_of_counting_every_pair(positives: list[int], negatives: list[int]) -> None:
    pairs = [(one > other) + 0.5 * (one == other) for one in positives for other in negatives]
    assert auc(positives, negatives) == pytest.approx(sum(pairs) / len(pairs))


@given(SCORES, SCORES)
def test_told_the_other_way_round_area_and_interval_are_mirrored(
    positives: list[int], negatives: list[int]
) -> None:
    one, other = area(positives, negatives), area(negatives, positives)
    assert one is not None
    assert other is not None
    assert one.value == pytest.approx(1 - other.value)
    assert one.low == pytest.approx(1 - other.high)
    assert 0 <= one.low <= one.value <= one.high <= 1


def test_the_ends_of_the_interval_are_where_a_true_area_would_just_be_missed() -> None:
    """Source: Newcombe 2006, part 2, method 5; the equation is written out again here."""
    found = area([3, 4, 5, 5, 6, 9, 9], [1, 2, 3, 5, 5])
    assert found is not None
    more = (7 + 5) / 2 - 1
    for true in (found.low, found.high):
        spread = true * (1 - true) * (1 + more * (1 - true) / (2 - true) + more * true / (1 + true)) / 35
        assert abs(found.value - true) == pytest.approx(Z95 * math.sqrt(spread))


def test_perfect_separation_of_few_texts_claims_little() -> None:
    found = area([9] * 5, [1] * 5)
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.5 < found.low < 0.75
    many = area([9] * 500, [1] * 500)
    assert many is not None
    assert many.low > 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("size", "other"), [(10, 10), (20, 80), (50, 50)])
@pytest.mark.parametrize("true", [0.7, 0.9, 0.97, 0.99])
def test_the_interval_holds_the_true_area_about_as_often_as_it_says(
    size: int, other: int, true: float
) -> None:
    drawn, apart, runs = random.Random(1), NormalDist().inv_cdf(true) * math.sqrt(2), 300
    held = 0
    for _ in range(runs):
        found = area([drawn.gauss(apart) for _ in range(size)], [drawn.gauss() for _ in range(other)])
        assert found is not None
        held += found.low <= true <= found.high
    assert held / runs >= 0.92


def test_a_cutoff_flags_no_more_than_the_share_and_is_the_lowest_that_does() -> None:
    harmless = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert cutoff(harmless, Fraction(0)) == 100
    assert cutoff(harmless, Fraction(1, 10)) == 90
    assert cutoff(harmless, Fraction(19, 100)) == 90
    assert cutoff(harmless, Fraction(3, 10)) == 70
    assert cutoff([5, 5, 5, 1], Fraction(1, 4)) == 5  # one may be flagged, and three stand together
    assert cutoff(harmless, Fraction(1)) is None
    assert cutoff([], Fraction(1, 2)) is None


@given(SCORES, st.fractions(0, Fraction(99, 100)))
def test_above_a_cutoff_lies_the_share_or_less_and_above_any_lower_score_more(
    harmless: list[int], share: Fraction
) -> None:
    found = cutoff(harmless, share)
    assert found is not None
    assert sum(one > found for one in harmless) <= share * len(harmless)
    for lower in (one for one in harmless if one < found):
        assert sum(one > lower for one in harmless) > share * len(harmless)


def test_a_calibration_holds_what_was_said_against_what_was() -> None:
    bins = calibration([0.05, 0.07, 0.95, 1.0, 0.5], [False, True, True, True, False])
    assert bins == (
        Bin(pytest.approx(0.06), 0.5, 2),  # type: ignore[arg-type]  # compared within a hair
        Bin(0.5, 0.0, 1),
        Bin(pytest.approx(0.975), 1.0, 2),  # type: ignore[arg-type]  # compared within a hair
    )
    assert calibration([], []) == ()
    with pytest.raises(ValueError, match="lies from 0 to 1"):
        calibration([1.5], [True])
    with pytest.raises(ValueError, match="zip"):
        calibration([0.5], [])
