"""Costs: paired by request, with intervals, and nothing made of what was not measured."""

import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.assay.cost import LayerCost, comparable, cost_of, layer_cost
from caveat.assay.cost_account import render_cost, render_layer_cost
from caveat.assay.journal import Entry, Result
from caveat.assay.protection import Contrast
from caveat.assay.sampled import mean_of, times_of


def twin(use: str, milliseconds: float, outcome: Result = "passed", arm: str = "whole") -> Entry:
    return Entry(
        arm=arm,
        use=use,
        search="twin:plain",
        at=0,
        family="plain",
        outcome=outcome,
        milliseconds=[milliseconds],
    )


def test_latency_is_paired_request_by_request() -> None:
    """The slow request is slow in both arms; medians apart would say nothing was added to it."""
    bare = comparable([twin("a", 2), twin("b", 100), twin("c", 3)])
    cost = cost_of([twin("a", 12), twin("b", 110), twin("c", 13), twin("d", 999)], bare)
    assert cost.added is not None
    assert (cost.added.n, cost.added.median, cost.added.p95) == (3, 10, 10)
    assert cost.added.interval is None, "three values say nothing of where a median lies"


def test_what_did_not_answer_has_no_time_and_blocks_nothing() -> None:
    cost = cost_of([twin("a", 12), twin("b", 60_000, "unmeasured")], comparable([twin("a", 2), twin("b", 2)]))
    assert cost.added is not None
    assert cost.added.n == 1
    assert cost.blocked["twins"].total == 1


def test_the_cost_of_a_layer_is_with_minus_without() -> None:
    with_layer = comparable([twin(str(at), 15, "blocked" if at < 8 else "passed") for at in range(20)])
    without = comparable([twin(str(at), 5) for at in range(20)])
    cost = layer_cost(with_layer, without)
    assert (cost.blocked.stopped, cost.blocked.undone, cost.blocked.total) == (8, 0, 20)
    assert cost.added is not None
    assert cost.added.median == 10
    assert layer_cost(with_layer, None) == LayerCost(Contrast(0, 0, 0), None, None)


def test_what_was_not_measured_is_null() -> None:
    empty = render_cost(cost_of([], None))
    assert empty["false_blocks"] == {}
    assert {empty[name] for name in ("over_asking", "questions_per_task", "added_milliseconds")} == {None}
    nothing = render_layer_cost(layer_cost(None, None))
    assert set(nothing.values()) == {None}


def test_means_and_medians_have_intervals_where_they_can() -> None:
    assert mean_of([]) is None
    assert times_of([]) is None
    single = mean_of([3.0])
    assert single is not None
    assert single.interval is None
    many = mean_of([1.0, 2.0, 3.0, 4.0])
    assert many is not None
    assert many.interval is not None
    assert many.interval[0] < many.value == 2.5 < many.interval[1]
    times = times_of([float(n) for n in range(1, 101)])
    assert times is not None
    assert (times.median, times.p95, times.interval) == (50.5, 95, (40, 61))


@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=300))
def test_the_median_lies_in_its_interval(values: list[float]) -> None:
    times = times_of(values)
    assert times is not None
    assert times.interval is not None
    assert times.interval[0] <= times.median <= times.interval[1]


@pytest.mark.parametrize("n", [6, 25, 80])
def test_the_interval_of_a_median_holds_the_true_one_as_often_as_it_says(n: int) -> None:
    rng = random.Random(n)
    held = 0
    for _ in range(2000):
        found = times_of([rng.random() for _ in range(n)])
        assert found is not None
        assert found.interval is not None
        held += found.interval[0] <= 0.5 <= found.interval[1]
    assert held / 2000 > 0.94
    assert median([0.0, 1.0]) == 0.5
