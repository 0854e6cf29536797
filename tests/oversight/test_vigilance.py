"""When somebody misses too many planted cases, how often cases come, and what they are made of."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.facts.wilson import Share
from caveat.gateway.planted_data import renewed
from caveat.ledger.record import PlantedRecord, parse_record_id
from caveat.oversight.past import PastReview
from caveat.oversight.planted import ENROLMENT_MOST, MOST_GAPS, Pace, commitment, delay
from caveat.oversight.review import Act, Defect
from caveat.oversight.reviewers import Reviewed
from caveat.oversight.vigilance import FIRST, NEWEST, caught, is_vigilant, proven_after

NOW = datetime(2026, 11, 21, tzinfo=UTC)
APPROVED, REFUSED = Act.APPROVE, Act.REFUSE


def review(hold: int, act: Act = APPROVED, defect: str = "", person: str = "anna") -> PastReview:
    at = NOW + timedelta(minutes=hold)
    return PastReview(f"{hold}-0", "desk", person, "officer", act, at, at - timedelta(seconds=20), defect)


PLANTED = {f"{number}-0": ("C4",) for number in range(400)}


def test_one_missed_case_proves_nothing_and_two_of_two_do() -> None:
    assert is_vigilant(Share(0, 0), 90)
    assert is_vigilant(Share(0, 1), 90)
    assert not is_vigilant(Share(0, 2), 90)
    assert is_vigilant(Share(1, 2), 90)


def test_from_enough_cases_on_the_lower_end_decides() -> None:
    enough = proven_after(90)
    assert is_vigilant(Share(enough - 1, enough), 90)
    assert is_vigilant(Share(enough - 3, enough - 1), 90)
    assert not is_vigilant(Share(enough - 2, enough), 90)


@given(st.integers(0, NEWEST), st.integers(0, NEWEST), st.integers(1, 99))
def test_catching_one_more_never_makes_it_worse(one: int, other: int, floor: int) -> None:
    total, count = max(one, other), min(one, other)
    if count < total and is_vigilant(Share(count, total), floor):
        assert is_vigilant(Share(count + 1, total), floor)


def test_a_quick_or_blind_approval_of_a_planted_case_is_a_miss_and_no_later_refusal_mends_it() -> None:
    for defect in (Defect.TOO_FAST, Defect.BATCH, Defect.NOT_SHOWN, Defect.OVER_SPAN, Defect.VIGILANCE):
        assert caught([review(1, APPROVED, defect), review(1, REFUSED)], PLANTED) == Share(0, 1)
    assert caught([review(1, APPROVED, Defect.OTHER_POLICY), review(1, REFUSED)], PLANTED) == Share(1, 1)


@given(st.lists(st.booleans(), max_size=60))
def test_refusing_what_is_not_planted_moves_no_figure(refused: list[bool]) -> None:
    real = [review(500 + n, REFUSED if one else APPROVED) for n, one in enumerate(refused)]
    assert caught([*real, review(1, REFUSED)], PLANTED) == Share(1, 1)


def test_only_the_newest_cases_make_the_figure() -> None:
    reviews = [review(n) for n in range(50)] + [review(n, REFUSED) for n in range(50, 50 + NEWEST)]
    assert caught(reviews, PLANTED) == Share(NEWEST, NEWEST)


@pytest.mark.parametrize("seed", range(50))
def test_whoever_is_not_proven_meets_two_cases_within_forty_holds(seed: int) -> None:
    pace = Pace(random.Random(seed))
    assert sum(pace.opened(0.03, enrolling=True) for _ in range(2 * ENROLMENT_MOST)) >= 2


def test_whoever_is_proven_meets_as_many_as_the_bundle_says() -> None:
    pace = Pace(random.Random(5))
    planted = sum(pace.opened(0.03, enrolling=False) for _ in range(50_000))
    assert 0.027 < planted / (planted + 50_000) < 0.033


def test_a_case_comes_as_long_after_a_hold_as_one_to_four_once_took_to_come() -> None:
    opened = [NOW + timedelta(seconds=second) for second in (0, 7, 20, 21, 50, 90)]
    found = {delay(opened, random.Random(seed)).total_seconds() for seed in range(300)}
    runs = [
        later - earlier for n, earlier in enumerate(opened) for later in opened[n + 1 : n + 1 + MOST_GAPS]
    ]
    assert found == {one.total_seconds() for one in runs}
    assert delay(opened[:1], random.Random(1)) == timedelta()


def items_until_exposed(seed: int) -> int:
    """How many items somebody who approves all is shown, oldest first, until two planted cases were missed;
    each case comes as late as one can."""
    pace, due, shown, missed = Pace(random.Random(seed)), list[int](), 0, 0
    for hold in range(60):
        shown += 1
        if pace.opened(0.02, enrolling=True):
            due.append(hold + MOST_GAPS)
        for _ in [moment for moment in due if moment == hold]:
            shown += 1
            missed += 1
        if missed >= FIRST:
            return shown
    raise AssertionError("two cases come within 60 holds")


def test_whoever_approves_everything_is_exposed_within_fifty_items_whatever_chance_does() -> None:
    found = sorted(items_until_exposed(seed) for seed in range(5_000))
    assert found[-1] < 50
    assert found[len(found) // 2] <= 18
    assert found[len(found) * 95 // 100] <= 36
    assert not is_vigilant(caught([review(1), review(2)], PLANTED), 90)


def test_what_a_reviewer_lets_through_is_told_by_the_clause_that_asked() -> None:
    planted = {"1-0": ("C4", "C5"), "2-0": ("C4",), "3-0": ("C5",)}
    reviews = [
        replace(review(n, act), hold=f"{n}-0") for n, act in ((1, APPROVED), (2, APPROVED), (3, REFUSED))
    ]
    found = Reviewed(reviews, planted).of("officer", "anna")
    assert found.let_through == {"C4": Share(2, 2), "C5": Share(1, 2)}
    assert found.render()["let_through"] == {
        clause: {"count": share.count, "of": share.total, "low": low, "high": high}
        for clause, share, low, high in (
            ("C4", Share(2, 2), 34.2, 100.0),
            ("C5", Share(1, 2), 9.5, 90.5),
        )
    }


def test_a_queue_of_two_is_not_told_and_one_of_three_is_told_without_names() -> None:
    reviews = [review(1), review(2, person="ben")]
    assert Reviewed(reviews, PLANTED).render_queue("officer", 90)["figures"] is None
    found = Reviewed([*reviews, review(3, REFUSED, person="cara")], PLANTED).render_queue("officer", 90)
    assert isinstance(found["figures"], dict)
    assert not {"anna", "ben", "cara"} & set(repr(found).replace("'", " ").split())
    assert found["figures"]["missed_by_clause"] == {"C4": 2}


def test_agreement_is_of_two_people_about_the_same_hold() -> None:
    reviews = [review(900), review(900, REFUSED, person="ben"), review(901), review(901, person="ben")]
    found = Reviewed([*reviews, replace(reviews[0], hold="902-0")], {}).of("officer", "anna")
    assert found.agreed == Share(1, 2)
    assert found.seconds_median == found.seconds_p10 == 20


@given(st.integers(2, 30), st.integers(0, 1000))
def test_other_people_are_as_many_in_the_same_order_and_look_alike(count: int, seed: int) -> None:
    table = "device_id,place\n" + "".join(f"n{seed}d{number},x\n" for number in range(count))
    other = renewed(table, "device_id", random.Random(seed))
    assert other is not None
    assert len(other) == len(table)
    old, new = ([line.split(",")[0] for line in one.split("\n")[1:-1]] for one in (table, other))
    assert not set(old) & set(new)
    assert len(set(new)) == len(set(old))
    assert [one.split("d")[1] for one in new] == [one.split("d")[1] for one in old]


def test_a_table_without_the_column_is_left_as_it_is() -> None:
    assert renewed("a,b\n1,2\n", "device_id", random.Random(1)) is None
    assert renewed("device_id\n", "device_id", random.Random(1)) is None


def test_a_secret_has_one_size() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        commitment(b"short")
    assert parse_record_id(PlantedRecord("", "1-0123456789abcdef", "").hold)[0] == 1
