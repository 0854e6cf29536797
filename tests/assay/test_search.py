"""The bandit: it finds what gets through, and two of one seed choose alike."""

from hypothesis import given
from hypothesis import strategies as st

from caveat.assay.search import Bandit

FAMILIES = ("a", "b", "c", "d")


def test_every_family_is_tried_before_any_is_tried_again() -> None:
    bandit = Bandit(FAMILIES, "seed")
    first = []
    for _ in FAMILIES:
        first.append(bandit.order()[0])
        bandit.learn(first[-1], got_through=False)
    assert sorted(first) == sorted(FAMILIES)


def test_the_family_that_gets_through_is_tried_most() -> None:
    bandit = Bandit(FAMILIES, "seed")
    tried = []
    for _ in range(100):
        tried.append(bandit.order()[0])
        bandit.learn(tried[-1], got_through=tried[-1] == "c")
    assert tried.count("c") > 60


@given(st.lists(st.tuples(st.sampled_from(FAMILIES), st.booleans())))
def test_equal_histories_make_equal_choices_and_a_copy_learns_alone(history: list[tuple[str, bool]]) -> None:
    one, other = Bandit(FAMILIES, "seed"), Bandit(FAMILIES, "seed")
    for family, got_through in history:
        one.learn(family, got_through=got_through)
        other.learn(family, got_through=got_through)
    before = one.order()
    assert before == other.order()
    one.copy().learn("a", got_through=True)
    assert one.order() == before
