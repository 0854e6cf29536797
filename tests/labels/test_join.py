"""The joins keep their laws, and refuse what they are not made for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.labels.join import Join, join_counts, join_sets

sets = st.frozensets(st.sampled_from("abcdef"), max_size=4)
counts = st.integers(0, 10**10)


@given(sets, sets, sets)
def test_union_is_idempotent_commutative_and_associative(
    one: frozenset[str], two: frozenset[str], three: frozenset[str]
) -> None:
    join = Join.UNION
    assert join_sets(join, one, one) == one
    assert join_sets(join, one, two) == join_sets(join, two, one)
    assert join_sets(join, join_sets(join, one, two), three) == join_sets(
        join, one, join_sets(join, two, three)
    )
    assert one <= join_sets(join, one, two)


@given(st.sampled_from([Join.GREATEST, Join.TOTAL]), counts, counts, counts)
def test_greatest_and_total_are_commutative_associative_and_never_less_than_a_part(
    join: Join, one: int, two: int, three: int
) -> None:
    assert join_counts(join, one, two) == join_counts(join, two, one)
    left = join_counts(join, join_counts(join, one, two), three)
    assert left == join_counts(join, one, join_counts(join, two, three))
    assert join_counts(join, one, two) >= max(one, two)


@given(counts)
def test_greatest_is_idempotent_and_total_counts_twice(one: int) -> None:
    assert join_counts(Join.GREATEST, one, one) == one
    assert join_counts(Join.TOTAL, one, one) == 2 * one


@pytest.mark.parametrize("join", [Join.NONE, Join.GREATEST, Join.TOTAL])
def test_sets_join_by_union_only(join: Join) -> None:
    with pytest.raises(ValueError, match=f"sets do not join by `{join.value}`"):
        join_sets(join, frozenset(), frozenset())


@pytest.mark.parametrize("join", [Join.NONE, Join.UNION])
def test_counts_join_by_greatest_or_total_only(join: Join) -> None:
    with pytest.raises(ValueError, match=f"counts do not join by `{join.value}`"):
        join_counts(join, 1, 1)
