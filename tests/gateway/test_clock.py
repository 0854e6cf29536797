"""The guarded clock: time never goes back behind what was signed, and too far behind is a stop."""

from datetime import UTC, datetime, timedelta

import pytest

from caveat.gateway.clock import TOLERANCE_SECONDS, GuardedClock
from caveat.gateway.errors import FaultError

START = datetime(2030, 6, 1, 12, tzinfo=UTC)


class Machine:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


def test_time_stands_still_while_the_clock_is_a_little_behind() -> None:
    """36"""
    machine = Machine()
    clock = GuardedClock(machine)
    assert clock() == START
    machine.time = START - timedelta(seconds=TOLERANCE_SECONDS)
    assert clock() == START
    assert not clock.is_behind
    machine.time = START + timedelta(seconds=1)
    assert clock() == machine.time


def test_a_clock_too_far_behind_gives_no_time_until_it_is_put_right() -> None:
    """36"""
    machine = Machine()
    clock = GuardedClock(machine)
    clock()
    machine.time = START - timedelta(seconds=TOLERANCE_SECONDS, microseconds=1)
    with pytest.raises(FaultError) as caught:
        clock()
    assert (caught.value.status, caught.value.code) == (503, "clock_behind")
    assert clock.is_behind
    machine.time = START
    assert clock() == START


def test_a_time_that_was_signed_elsewhere_is_a_floor_too() -> None:
    """36: the newest record before a restart, or a witness's cosignature"""
    machine = Machine()
    clock = GuardedClock(machine)
    clock.not_before(START + timedelta(seconds=30))
    assert clock() == START + timedelta(seconds=30)
    clock.not_before(START + timedelta(hours=1))
    assert clock.behind_seconds == 3600
    with pytest.raises(FaultError):
        clock()
