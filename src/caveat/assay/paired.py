"""McNemar's exact test: whether two runs of the same cases differ by more than chance. Pure.

Only cases on which the two disagree tell them apart; if nothing differs, either way is equally likely for
each of them. Source: McNemar 1947, in its exact binomial form.
"""

from math import comb

SIGNIFICANT = 0.05


def mcnemar(one_way: int, other_way: int) -> float:
    """The two-sided exact p-value of so many disagreements each way; 1.0 where there is none."""
    n = one_way + other_way
    if min(one_way, other_way) < 0:
        raise ValueError("a count of cases is not negative")
    tail = sum(comb(n, k) for k in range(min(one_way, other_way) + 1))
    return min(1.0, 2 * tail / (1 << n))


def smallest_visible(other_way: int = 0) -> int:
    """How many disagreements one way it takes, beside so many the other way, to be told from chance."""
    needed = other_way + 1
    while mcnemar(needed, other_way) > SIGNIFICANT:
        needed += 1
    return needed
