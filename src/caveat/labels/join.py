"""The joins that a registry may declare for a fact: how its values over several parts become one.

Laws, each a property test: `union` and `greatest` are idempotent, commutative and associative; `total` is
commutative and associative, and is not idempotent, so whoever folds with it counts equal content once.
"""

from enum import StrEnum
from typing import assert_never


class Join(StrEnum):
    """`none`: values never collapse, each part is decided with its own."""

    NONE = "none"
    UNION = "union"
    GREATEST = "greatest"
    TOTAL = "total"


def join_sets(join: Join, left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    """The union; raises `ValueError` for a join that sets do not have."""
    if join is not Join.UNION:
        raise ValueError(f"sets do not join by `{join.value}`")
    return left | right


def join_counts(join: Join, left: int, right: int) -> int:
    """The greatest or the total of two counts; raises `ValueError` for a join that counts do not have."""
    match join:
        case Join.GREATEST:
            return max(left, right)
        case Join.TOTAL:
            return left + right
        case Join.NONE | Join.UNION:
            raise ValueError(f"counts do not join by `{join.value}`")
        case _:
            assert_never(join)
