"""What apparent and real protection mean: laws, and the figures of small examples."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.assay.paired import SIGNIFICANT, mcnemar, smallest_visible
from caveat.assay.protection import (
    ADVERSARIES,
    OUTSIDER,
    Contrast,
    Effect,
    Outcome,
    Power,
    Twin,
    contrast,
    credit,
    overall,
    protection,
    realness,
    worst,
)
from caveat.facts.wilson import Share

outcomes = st.lists(st.sampled_from(Outcome))
twins = st.lists(st.sampled_from(Twin))
credits_of_uses = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([True, False, None]))


def test_every_adversary_is_its_powers_and_the_strongest_outsider_holds_nobodys_key() -> None:
    assert ADVERSARIES["naive"] == frozenset()
    assert ADVERSARIES[OUTSIDER] == set(Power) - {Power.ISSUER_KEY}
    assert set[Power]().union(*ADVERSARIES.values()) == set(Power)


@given(outcomes, outcomes)
def test_more_attempts_never_hold_what_fewer_breach(few: list[Outcome], more: list[Outcome]) -> None:
    if worst(few) is Outcome.BREACHED:
        assert worst(few + more) is Outcome.BREACHED
    if worst(few + more) is Outcome.HELD and few:
        assert worst(few) is Outcome.HELD


@given(outcomes, twins)
def test_credit_needs_harm_that_is_held_and_twins_that_pass(
    attempts: list[Outcome], benign: list[Twin]
) -> None:
    given_credit = credit(worst(attempts), benign)
    if given_credit:
        assert set(attempts) == {Outcome.HELD}
        assert set(benign) == {Twin.PASSED}
    if given_credit is False:
        assert Outcome.BREACHED in attempts or Twin.BLOCKED in benign


def test_who_blocks_everything_has_no_credit() -> None:
    assert credit(Outcome.HELD, [Twin.BLOCKED]) is False


def test_nothing_measured_is_no_zero() -> None:
    assert credit(Outcome.UNMEASURED, [Twin.PASSED]) is None
    assert credit(Outcome.HELD, []) is None
    share = protection({"a": None})
    assert (share.total, share.value, share.interval) == (0, None, None)
    assert Contrast(0, 0, 0).effect is Effect.UNMEASURED


@given(credits_of_uses, credits_of_uses)
def test_what_one_run_stops_the_other_way_round_is_undone(
    one: dict[str, bool | None], other: dict[str, bool | None]
) -> None:
    forth, back = contrast(one, other), contrast(other, one)
    assert (forth.total, forth.stopped, forth.undone) == (back.total, back.undone, back.stopped)
    assert forth.effect is back.effect or forth.stopped != forth.undone
    assert contrast(one, one).stopped == contrast(one, one).undone == 0


def test_a_layer_that_changes_nothing_has_no_measured_effect_only_in_a_run_that_could_see_one() -> None:
    large, small = Contrast(100, 0, 0), Contrast(5, 0, 0)
    assert large.effect is Effect.NONE_MEASURED
    assert large.smallest == 0.06
    assert small.effect is Effect.UNMEASURED
    assert small.smallest is None
    assert overall(large, large) is Effect.NONE_MEASURED
    assert overall(large, small) is Effect.UNMEASURED
    assert overall(small, Contrast(100, 6, 0)) is Effect.MEASURED


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_two_sided_binomial(one: int, other: int) -> None:
    n = one + other
    as_extreme = [k for k in range(n + 1) if comb(n, k) <= comb(n, one)]
    assert mcnemar(one, other) == pytest.approx(min(1.0, sum(comb(n, k) for k in as_extreme) / 2**n))


@given(st.integers(0, 60))
def test_the_smallest_visible_effect_is_visible_and_one_less_is_not(other: int) -> None:
    least = smallest_visible(other)
    assert mcnemar(least, other) <= SIGNIFICANT < mcnemar(least - 1, other)


def test_a_ratio_is_given_only_where_apparent_protection_surely_exceeds_a_tenth() -> None:
    assert realness(Share(90, 100), Share(45, 100)) == pytest.approx(0.5)
    assert realness(Share(15, 100), Share(15, 100)) is None, "its interval reaches below a tenth"
    assert realness(Share(0, 0), Share(0, 0)) is None
    assert realness(Share(90, 100), Share(0, 0)) is None
