"""Which uses are reviewed: by chance that anybody derives again, and of no stratum too few."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from caveat.ledger.record import Share
from caveat.oversight.sampling import Candidate, Period, drawn, share_of, ticket

SEED, OTHER = b"s" * 32, b"t" * 32
ALL = Share("", "", 0, 1)


def uses(count: int, deployment: str = "chat", clause: str = "C1") -> list[Candidate]:
    return [Candidate(f"{number}-0123456789abcdef", deployment, (clause,)) for number in range(count)]


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.uuids().map(str),
        st.sampled_from(["chat", "desk"]),
        st.lists(st.sampled_from(["C1", "C2", "C3"]), unique=True).map(tuple),
    ),
    max_size=60,
    unique_by=lambda one: one.id,
)
SHARES = st.tuples(
    st.builds(Share, st.just(""), st.just(""), st.integers(0, 100), st.integers(0, 4)),
    st.builds(Share, st.just("desk"), st.just(""), st.integers(0, 100), st.integers(0, 4)),
    st.builds(Share, st.just(""), st.just("C2"), st.integers(0, 100), st.integers(0, 4)),
)


@given(CANDIDATES, SHARES, st.randoms())
def test_the_order_of_uses_changes_no_draw(
    candidates: list[Candidate], shares: tuple[Share, ...], chance: random.Random
) -> None:
    shuffled = list(candidates)
    chance.shuffle(shuffled)
    assert drawn(candidates, shares, SEED) == drawn(shuffled, shares, SEED)


@given(CANDIDATES, SHARES)
def test_of_each_stratum_the_least_is_drawn_where_there_is_as_much(
    candidates: list[Candidate], shares: tuple[Share, ...]
) -> None:
    found = set(drawn(candidates, shares, SEED))
    there, reviewed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in candidates:
        for stratum in one.strata:
            there[stratum] += 1
            reviewed[stratum] += one.id in found
    for stratum, count in there.items():
        percent, least = share_of(stratum, shares)
        assert reviewed[stratum] >= min(least, count)
        assert percent < 100 or reviewed[stratum] == count


@given(CANDIDATES, SHARES)
def test_what_is_drawn_at_the_end_was_never_let_go(
    candidates: list[Candidate], shares: tuple[Share, ...]
) -> None:
    period, kept = Period(1, SEED, shares), set[str]()
    for one in candidates:
        taken = period.add(one)
        if taken.drawn or taken.kept:
            kept.add(one.id)
        kept -= set(taken.dropped)
    assert kept == set(period.drawn())


def test_the_share_is_about_what_the_bundle_says() -> None:
    found = drawn(uses(20_000), [Share("", "", 5, 0)], SEED)
    assert 880 <= len(found) <= 1120


def test_another_secret_draws_others() -> None:
    both = [set(drawn(uses(2_000), [Share("", "", 10, 0)], seed)) for seed in (SEED, OTHER)]
    assert len(both[0] & both[1]) < len(both[0]) / 2


def test_rows_only_ever_add() -> None:
    rows = [Share("", "", 5, 1), Share("desk", "", 1, 3), Share("desk", "C2", 50, 0)]
    assert share_of(("desk", "C2"), rows) == (50, 3)
    assert share_of(("chat", "C2"), rows) == (5, 1)


def test_a_ticket_is_of_the_use_and_the_secret() -> None:
    assert ticket(SEED, "a") != ticket(SEED, "b") != ticket(OTHER, "b")
