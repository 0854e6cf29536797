"""Totals per source against a naive sum, and what an auditor finds where they do not add up."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.value import LONG_MAX, Interval
from caveat.ledger.finding import Code
from caveat.ledger.record import DecisionRecord, Reservation, render_time
from caveat.monitors.totals import FACT, WINDOW, Total, Totals, TotalsCheck, fold_totals
from caveat.signing.digest import sha256
from tests.ledger.logs import DENIED, EPOCH, decision_record, moment, records

DIGESTS = [sha256(b"%d" % n) for n in range(4)]
SOURCES = ["s", "t"]
GREATEST = LONG_MAX
RESERVATIONS = st.builds(
    lambda source, digest, lo, more: Reservation(source, digest, lo, None if more is None else lo + more),
    st.sampled_from(SOURCES),
    st.sampled_from(DIGESTS),
    st.integers(0, 9),
    st.none() | st.integers(0, 9) | st.just(0),
)
USES = st.lists(st.tuples(st.integers(0, 500), st.lists(RESERVATIONS, max_size=3)), max_size=12)


def naive(uses: list[tuple[int, list[Reservation]]], source: str, day: int) -> Total:
    """The rule, read aloud: greatest count of each digest last used within the window, added up."""
    latest: dict[str, int] = {}
    counts: dict[str, list[Reservation]] = {}
    for used, reservations in uses:
        for own in reservations:
            if own.source != source:
                continue
            if own.digest in latest and latest[own.digest] <= used - WINDOW.days:
                counts[own.digest] = []  # forgotten before this use
            latest[own.digest] = used
            counts.setdefault(own.digest, []).append(own)
    lo, hi = 0, 0
    unknown = False
    for digest, used in latest.items():
        if used <= day - WINDOW.days:
            continue
        lo += max(own.lo for own in counts[digest])
        unknown |= any(own.hi is None for own in counts[digest])
        hi += max(own.hi or 0 for own in counts[digest])
    return Total(lo, None if unknown else hi)


@pytest.mark.slow
@given(USES, st.integers(0, 400))
def test_the_fold_is_the_naive_sum(uses: list[tuple[int, list[Reservation]]], more: int) -> None:
    uses.sort(key=lambda use: use[0])
    totals = Totals()
    for day, reservations in uses:
        totals.reserve(EPOCH + timedelta(days=day), reservations)
    end = (uses[-1][0] if uses else 0) + more
    for source in SOURCES:
        assert totals.prior(source, EPOCH + timedelta(days=end)) == naive(uses, source, end)


@pytest.mark.slow
@given(USES, st.lists(RESERVATIONS, min_size=1, max_size=3))
def test_what_a_use_would_make_of_the_totals_is_what_it_makes_of_them(
    uses: list[tuple[int, list[Reservation]]], last: list[Reservation]
) -> None:
    totals = Totals()
    day = 0
    for day, reservations in sorted(uses, key=lambda use: use[0]):
        totals.reserve(EPOCH + timedelta(days=day), reservations)
    now = EPOCH + timedelta(days=day)
    foretold = totals.with_use(now, last)
    totals.reserve(now, last)
    assert foretold == {own.source: totals.prior(own.source, now) for own in last}


@given(st.lists(RESERVATIONS, max_size=4), RESERVATIONS)
def test_taking_a_reservation_back_leaves_the_totals_as_they_were(
    before: list[Reservation], own: Reservation
) -> None:
    totals = Totals()
    totals.reserve(EPOCH, before)
    priors = [totals.prior(source, EPOCH) for source in SOURCES]
    totals.reserve(EPOCH, [own])
    totals.give_back([own])
    assert [totals.prior(source, EPOCH) for source in SOURCES] == priors


@pytest.mark.slow
@given(st.lists(RESERVATIONS, max_size=4))
def test_within_one_moment_order_and_repetition_do_not_matter(reservations: list[Reservation]) -> None:
    results = set()
    for order in permutations(reservations):
        totals = Totals()
        for own in (*order, *order):
            totals.reserve(EPOCH, [own])
        results.add(tuple(totals.prior(source, EPOCH) for source in SOURCES))
    assert len(results) == 1


def test_the_same_data_counts_once_and_other_data_add_up() -> None:
    totals = Totals()
    first, second = (Reservation("s", DIGESTS[n], 999, 999) for n in range(2))
    totals.reserve(EPOCH, [first])
    assert totals.with_use(EPOCH, [first])["s"].value(GREATEST) == 999
    assert totals.with_use(EPOCH, [second])["s"].value(GREATEST) == 1998
    assert totals.prior("s", EPOCH, [DIGESTS[0]]) == Total(0, 0)
    assert totals.prior("elsewhere", EPOCH) == Total(0, 0)


def test_unknown_is_never_zero() -> None:
    totals = Totals()
    totals.reserve(EPOCH, [Reservation("s", DIGESTS[0], 5, None), Reservation("s", DIGESTS[1], 7, 7)])
    assert totals.prior("s", EPOCH) == Total(12, None)
    assert totals.prior("s", EPOCH).value(GREATEST) == Interval(12, GREATEST)
    assert totals.prior("s", EPOCH, [DIGESTS[0]]).value(GREATEST) == 7
    assert Total(3, 9).value(GREATEST) == Interval(3, 9)


def test_twelve_months_are_forgotten_and_not_a_day_less() -> None:
    totals = Totals()
    totals.reserve(EPOCH, [Reservation("s", DIGESTS[0], 5, 5)])
    assert totals.prior("s", EPOCH + timedelta(days=365)).value(GREATEST) == 5
    assert totals.prior("s", EPOCH + WINDOW - timedelta(milliseconds=1)).value(GREATEST) == 5
    assert totals.prior("s", EPOCH + WINDOW).value(GREATEST) == 0


def test_a_total_never_exceeds_what_a_fact_can_hold() -> None:
    totals = Totals()
    totals.reserve(EPOCH, [Reservation("s", digest, LONG_MAX, LONG_MAX) for digest in DIGESTS[:2]])
    assert totals.prior("s", EPOCH).value(GREATEST) == LONG_MAX
    assert totals.with_use(EPOCH, [Reservation("s", DIGESTS[2], 1, 1)])["s"].value(GREATEST) == LONG_MAX


def use(number: int, total: int | Interval | None, **members: object) -> DecisionRecord:
    """A use of 10 persons that carried `total`."""
    facts = () if total is None else (Fact(FACT, total, Grade.OBSERVED, "totals"),)
    own = Reservation("s", DIGESTS[number % 4], 10, 10)
    return decision_record(number, cases=(Facts(facts),), reserve=[own], **members)  # type: ignore[arg-type]


def found(*items: DecisionRecord) -> list[tuple[Code, int | None]]:
    check = TotalsCheck(lambda _digest, _fact: GREATEST)
    return [
        (finding.code, finding.index)
        for index, item in enumerate(items)
        for finding in check.check(index, item)
    ]


def test_totals_that_add_up_hold() -> None:
    assert found(use(0, 10), use(1, 20), use(1, 20), use(2, None), use(3, 40)) == []


@pytest.mark.parametrize("total", [10, 19, 21, Interval(10, 20)])
def test_a_use_that_hid_earlier_ones_is_found(total: int | Interval) -> None:
    assert found(use(0, 10), use(1, total)) == [(Code.TOTALS_DIFFER, 1)]


def test_a_removed_use_shows_in_the_next() -> None:
    assert found(use(0, 10), use(2, 30)) == [(Code.TOTALS_DIFFER, 1)]


def test_a_refused_use_reserves_nothing() -> None:
    assert (Code.RESERVE_WITHOUT_RELEASE, 0) in found(use(0, 10, decision=DENIED))


def test_the_fold_over_records_is_what_was_reserved_live() -> None:
    items = [use(0, 10), use(1, 20), *records(3)]
    totals = fold_totals(items)
    assert totals.prior("s", EPOCH + timedelta(seconds=5)).value(GREATEST) == 20
    assert moment(0) == render_time(EPOCH)


def test_digests_beyond_the_room_leave_sums_that_count_on_and_fall_out_of_the_window() -> None:
    totals = Totals(max_digests=100)
    uses = [Reservation("s", sha256(b"%d" % n), 3, 3) for n in range(1_000)]
    for n, one in enumerate(uses):
        totals.reserve(EPOCH + timedelta(hours=n), [one])
    end = EPOCH + timedelta(hours=1_000)
    assert len(totals._sources["s"].counts) <= 100
    assert totals.prior("s", end) == Total(3_000, 3_000)
    assert not totals.is_exact("s")
    again = totals.with_use(end, [uses[0]])["s"]
    assert again == Total(3_003, 3_003), "what is no longer told apart counts again"
    assert totals.with_use(end, [uses[-1]])["s"] == Total(3_000, 3_000)
    last_day = totals.prior("s", EPOCH + timedelta(hours=999) + WINDOW - timedelta(seconds=1))
    assert 3 <= last_day.lo <= 3 * 25
    assert totals.prior("s", EPOCH + timedelta(hours=1_000) + WINDOW) == Total(0, 0)


def test_sources_beyond_the_room_share_a_total_and_none_has_less() -> None:
    totals = Totals(max_sources=5)
    for n in range(50):
        totals.reserve(EPOCH, [Reservation(f"s{n}", sha256(b"%d" % n), 2, 2)])
    assert len(totals._sources) <= 6
    assert all(totals.prior(f"s{n}", EPOCH).lo >= 2 for n in range(50))
    assert totals.prior("never seen", EPOCH).lo == 90


def test_the_check_of_a_log_with_more_digests_than_there_is_room_for_finds_what_is_too_high() -> None:
    check = TotalsCheck(lambda _digest, _fact: GREATEST, Totals(max_digests=20))
    said = 0
    for number in range(60):
        said += 10
        own = Reservation("s", sha256(b"%d" % number), 10, 10)
        total = said if number != 50 else 5 * said
        fact = Fact(FACT, total, Grade.OBSERVED, "totals")
        record = decision_record(number, cases=(Facts((fact,)),), reserve=[own])
        assert [one.code for one in check.check(number, record)] == (
            [Code.TOTALS_DIFFER] if number == 50 else []
        )
