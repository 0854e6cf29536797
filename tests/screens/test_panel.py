"""A panel gives every fact a score, whatever its screens do, and no further screen ever lowers one."""

import asyncio
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.screens.panel import INLINE_CHARS, NOW_CHARS, Gives, Panel, Seat
from caveat.screens.protocol import Calibration, Failure, RawScores, Unavailable
from caveat.screens.readers import Readers

STRAIGHT = Calibration(((0.0, 0), (1.0, 1000)), "nothing")


@dataclass
class Fixed:
    """Says the same of every text."""

    says: Mapping[str, object]
    name: str = "fixed"
    digest: str = "d" * 64
    max_chars: int = 200_000
    heads: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"x": (0.0, 1.0)})

    def score(self, text: str) -> RawScores:  # noqa: ARG002 - the same whatever is asked
        return self.says  # type: ignore[return-value]  # what lies about its type is what is tried


class Raises(Fixed):
    """Raises something of its own."""

    def score(self, text: str) -> RawScores:
        raise RuntimeError(text)


class Hangs:
    """Never answers."""

    digest = "h"

    async def score(self, text: str) -> RawScores | Unavailable:  # noqa: ARG002 - never answers
        await asyncio.Event().wait()
        return {}


def gives(unavailable: int = 700) -> tuple[Gives, ...]:
    return (Gives("risk", "x", 0.0, 1.0, STRAIGHT, unavailable),)


def seat(says: Mapping[str, object], name: str = "one", unavailable: int = 700) -> Seat:
    return Seat(name, gives(unavailable), 1.0, local=Fixed(says))


async def read(*seats: Seat, deadline: float = 1.0) -> tuple[int, str, str]:
    score = (await Panel(seats, deadline).read("text"))["risk"]
    return score.value, score.screen, score.source


async def test_a_score_names_its_screen_and_the_digest_that_it_was_made_by() -> None:
    assert await read(seat({"x": 0.25})) == (250, "one", "d" * 64)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"x": math.nan}, Failure.OUT_OF_RANGE),
        ({"x": math.inf}, Failure.OUT_OF_RANGE),
        ({"x": -0.01}, Failure.OUT_OF_RANGE),
        ({"x": 1.01}, Failure.OUT_OF_RANGE),
        ({"x": "0.1"}, Failure.UNREADABLE),
        ({"x": True}, Failure.UNREADABLE),
        ({"x": None}, Failure.UNREADABLE),
        ({}, Failure.MISSING),
        (None, Failure.FAILED),
        ([1], Failure.MISSING),
    ],
)
async def test_a_screen_that_lies_about_its_range_has_its_declared_failure(
    said: object, why: Failure
) -> None:
    assert await read(seat(said)) == (700, "one", f"unavailable:{why.value}")  # type: ignore[arg-type]  # a lie


async def test_a_screen_that_raises_has_its_declared_failure() -> None:
    assert (await read(Seat("one", gives(), 1.0, local=Raises({}))))[2] == "unavailable:failed"


async def test_a_screen_that_hangs_has_its_declared_failure_and_holds_up_nobody() -> None:
    hanging = Seat("slow", gives(900), 60.0, remote=Hangs())
    assert await read(hanging, seat({"x": 0.1}), deadline=0.01) == (900, "slow", "unavailable:timed_out")


async def test_a_screen_that_nobody_registered_has_its_declared_failure() -> None:
    assert (await read(Seat("away", gives(), 1.0)))[2] == "unavailable:not_registered"


async def test_a_long_text_is_read_as_a_short_one() -> None:
    assert (await Panel((seat({"x": 0.5}),)).read("a" * 100_000))["risk"].value == 500


class Stuck(Fixed):
    """Reads until it is let go."""

    def __init__(self, name: str = "stuck") -> None:
        super().__init__({"x": 0.0}, name)
        self.go, self.asked = threading.Event(), 0

    def score(self, text: str) -> RawScores:
        self.asked += 1
        assert self.go.wait(60)
        return super().score(text)


LONG = "a" * (INLINE_CHARS + 1)


async def source(panel: Panel, text: str = LONG) -> str:
    return (await panel.read(text))["risk"].source


async def test_a_stuck_screen_is_unavailable_at_once_and_no_further_thread_begins() -> None:
    readers, stuck = Readers(threads=2), Stuck()
    panel = Panel((Seat("one", gives(), 0.01, local=stuck),), 60.0, readers)
    assert await source(panel) == "unavailable:timed_out"
    assert readers.stuck == 1
    for text in (LONG, "short") * 10:
        assert await source(panel, text) == "unavailable:stuck"
    assert (stuck.asked, readers.begun) == (1, 1)
    other = Panel((seat({"x": 0.5}),), 60.0, readers)
    assert await source(other) == "d" * 64  # another thread is left, and another screen is not stuck
    stuck.go.set()
    while readers.stuck:  # noqa: ASYNC110 - a thread ends it
        await asyncio.sleep(0)
    assert await source(panel) == "d" * 64


async def test_threads_are_as_many_as_they_may_be_whatever_is_stuck() -> None:
    readers = Readers(threads=2)
    stuck = [Stuck(f"s{at}") for at in range(5)]
    panels = [Panel((Seat("one", gives(), 0.01, local=one),), 60.0, readers) for one in stuck]
    found = [await source(panel) for panel in panels]
    assert found == ["unavailable:timed_out"] * 2 + ["unavailable:stuck"] * 3
    assert readers.begun == 2
    for one in stuck:
        one.go.set()


async def test_texts_that_wait_are_bounded_and_one_that_waited_too_long_is_never_read() -> None:
    readers, first, second = Readers(threads=1, waiting=1), Stuck("first"), Stuck("second")
    holding = asyncio.create_task(readers.read(first, LONG, 60.0))
    while not first.asked:  # noqa: ASYNC110 - a thread begins it
        await asyncio.sleep(0)
    waiting = asyncio.create_task(readers.read(second, LONG, 0.01))
    await asyncio.sleep(0)
    assert await readers.read(second, LONG, 60.0) == Unavailable(Failure.BUSY)
    assert await waiting == Unavailable(Failure.TIMED_OUT)
    assert readers.stuck == 0  # it never began
    first.go.set()
    assert await holding == {"x": 0.0}
    assert await readers.read(seat({"x": 0.3}).local or first, LONG, 60.0) == {"x": 0.3}
    assert second.asked == 0


async def test_what_raises_in_a_thread_has_its_declared_failure() -> None:
    assert await source(Panel((Seat("one", gives(), 1.0, local=Raises({})),))) == "unavailable:failed"


@pytest.mark.parametrize("chars", [INLINE_CHARS, 200_000])
async def test_a_text_beyond_what_a_screen_reads_is_never_given_to_it(chars: int) -> None:
    stuck = Stuck()
    stuck.max_chars = chars
    assert await source(Panel((Seat("one", gives(), 1.0, local=stuck),)), "a" * (chars + 1)) == (
        "unavailable:too_large"
    )
    assert stuck.asked == 0


def test_where_nobody_can_wait_less_is_read() -> None:
    panel = Panel((seat({"x": 0.5}),))
    assert panel.read_now("a" * NOW_CHARS)["risk"].value == 500
    assert panel.read_now("a" * (NOW_CHARS + 1))["risk"].source == "unavailable:too_large"


def test_what_nothing_read_has_the_declared_failure() -> None:
    assert Panel((seat({}),)).unread()["risk"].value == 700


raw = st.one_of(st.floats(0, 1), st.floats(), st.none(), st.text(max_size=2), st.booleans())


@given(st.lists(raw, min_size=1, max_size=4), raw)
def test_a_further_screen_never_lowers_a_score(said: list[object], further: object) -> None:
    seats = tuple(seat({"x": one}, f"s{at}") for at, one in enumerate(said))
    before = Panel(seats).read_now("t")["risk"].value
    after = Panel((*seats, seat({"x": further}, "further"))).read_now("t")["risk"].value
    assert after >= before


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_calibration_never_turns_two_scores_round(one: float, other: float) -> None:
    curve = Calibration(((0.1, 0), (0.4, 300), (0.9, 1000)), "nothing")
    low, high = sorted((one, other))
    assert 0 <= curve(low) <= curve(high) <= 1000
