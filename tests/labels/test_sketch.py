"""Laws of the sketch: joins, windows against a naive count, bounds that hold, ids that cannot be chosen."""

import hashlib
import hmac
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.labels.sketch import Bounds, Sketch, bounds_of, join_all

WINDOWS = (1, 12, 100)
SUBJECTS = st.integers(0, 99).map(
    lambda n: int.from_bytes(hashlib.sha256(b"%d" % n).digest()[:8], "big")
)  # spread as keyed ids are
SEEN = st.lists(st.tuples(SUBJECTS, st.integers(0, 40)), max_size=40)


def made(seen: list[tuple[int, int]], capacity: int = 8) -> Sketch:
    sketch = Sketch(WINDOWS, capacity)
    for subject, bucket in sorted(seen, key=lambda one: one[1]):
        sketch.see(subject, bucket)
    sketch.advance(40)
    return sketch


def state(sketch: Sketch) -> tuple[int, dict[int, int], list[Bounds]]:
    return sketch.level, dict(sketch.kept()), [sketch.bounds(place) for place in range(len(WINDOWS))]


@given(SEEN, SEEN, SEEN)
def test_joins_are_idempotent_commutative_and_associative(
    one: list[tuple[int, int]], two: list[tuple[int, int]], three: list[tuple[int, int]]
) -> None:
    a, b, c = made(one), made(two), made(three)
    assert state(a.join(a)) == state(a)
    assert state(a.join(b)) == state(b.join(a))
    assert state(a.join(b).join(c)) == state(a.join(b.join(c)))


@given(SEEN, SEEN)
def test_two_sketches_join_to_the_one_that_saw_everything(
    one: list[tuple[int, int]], two: list[tuple[int, int]]
) -> None:
    assert state(join_all([made(one), made(two)], WINDOWS, 8)) == state(made(one + two))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 300)), max_size=60), st.integers(0, 200))
def test_an_exact_sketch_counts_as_a_set_does_in_every_window(seen: list[tuple[int, int]], more: int) -> None:
    sketch = Sketch(WINDOWS, 1000)
    latest: dict[int, int] = {}
    now = 0
    for subject, bucket in sorted(seen, key=lambda one: one[1]):
        sketch.see(subject, bucket)
        latest[subject] = now = bucket
    sketch.advance(now + more)
    for place, window in enumerate(WINDOWS):
        count = sum(last >= now + more - window for last in latest.values())
        assert sketch.bounds(place) == Bounds(count, count)


@given(SEEN, SUBJECTS, st.integers(0, 40))
def test_restoring_undoes_a_sighting(seen: list[tuple[int, int]], subject: int, before: int) -> None:
    sketch = Sketch(WINDOWS, 1000)
    for each, bucket in sorted(seen, key=lambda one: one[1]):
        sketch.see(each, min(bucket, before))
    sketch.advance(40)
    untouched, last = state(sketch), sketch.last(subject)
    sketch.see(subject, 40)
    sketch.restore(subject, last)
    assert state(sketch) == untouched


def test_three_standard_deviations_hold_in_all_but_a_few_of_many_trials() -> None:
    wrong = 0
    for trial in range(200):
        draw = random.Random(trial)
        true = draw.randrange(200, 4000)
        sketch = Sketch(WINDOWS, 128)
        for _ in range(true):
            sketch.see(draw.getrandbits(64), 1)
        bounds = sketch.bounds()
        assert sketch.level > 0
        wrong += not bounds.lo <= true <= bounds.hi
    assert wrong <= 2


def test_bounds_of_none_in_a_coarse_sample_do_not_claim_that_there_is_nobody() -> None:
    assert bounds_of(0, 0) == Bounds(0, 0)
    assert bounds_of(0, 4).lo == 0
    assert bounds_of(0, 4).hi >= 9 * 16 - 1


KEY = b"k" * 32


def unkeyed(name: bytes) -> int:
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big")


def keyed(name: bytes) -> int:
    return int.from_bytes(hmac.digest(KEY, name, "sha256")[:8], "big")


@pytest.mark.slow
def test_ids_chosen_against_an_unkeyed_sketch_evade_it_and_not_a_keyed_one() -> None:
    # Whoever knows the hash keeps those ids that a coarse sketch never looks at: 20,000 of them.
    chosen = [name for n in range(60_000) if unkeyed(name := b"person-%d" % n) >> 62][:20_000]
    assert len(chosen) == 20_000
    ordinary = [b"before-%d" % n for n in range(8_000)]
    counts: dict[str, Bounds] = {}
    for said, number in (("unkeyed", unkeyed), ("keyed", keyed)):
        sketch = Sketch(WINDOWS, 1024)
        for name in ordinary:
            sketch.see(number(name), 1)
        before = sketch.bounds()
        for name in chosen:
            sketch.see(number(name), 1)
        counts[said] = sketch.bounds()
        assert before.lo <= 8_000 <= before.hi
    assert counts["unkeyed"].hi < 10_000  # none of the 20,000 was noticed
    assert counts["keyed"].lo <= 28_000 <= counts["keyed"].hi
