"""What a use costs the monitors after many persons were reached: processor time, and memory of the counts."""

import os
import time
import tracemalloc
from datetime import UTC, datetime, timedelta

from caveat.labels.subjects import KEYED_ID_BYTES, Sighting, SubjectKind, sighting
from caveat.ledger.record import Counted, Reservation
from caveat.monitors.monitors import Monitors
from caveat.monitors.subjects import Reached
from caveat.signing.digest import sha256

SUBJECTS = 200_000
FULL_SUBJECTS = 10_000_000
_AT_ONCE = 1_000
_USES = 2_000
_OF = Counted("owner", "purpose")
_START = datetime(2026, 1, 1, tzinfo=UTC)


def measure_monitors(subjects: int = SUBJECTS) -> tuple[float, float, int]:
    """Milliseconds for one use of one person's data with `subjects` reached before, from the reading of its
    total to its end; megabytes that the counts take; and how many uses were measured."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    monitors = Monitors()
    for number in range(0, subjects, _AT_ONCE):
        now = _START + timedelta(days=300) * (number / (subjects + _USES))
        seen = tuple([_somebody() for _ in range(_AT_ONCE)])
        monitors.subjects.reserve(
            now, Reached("owner", "deployment", "purpose", {"source": seen}), flying=False
        )
    size = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    uses = [[_somebody()] for _ in range(_USES)]
    began = time.thread_time()
    for number, one in enumerate(uses):
        _reach(monitors, one, subjects + number, subjects)
    return (time.thread_time() - began) / _USES * 1e3, size / 1e6, _USES


def _reach(monitors: Monitors, seen: list[Sighting], number: int, of: int) -> None:
    part = sha256(b"%d" % number)
    now = _START + timedelta(days=300) * (number / (of + _USES))
    reserved = (Reservation("source", part, len(seen), len(seen), part, len(seen)),)
    monitors.offer(part, tuple(seen))
    monitors.with_use(now, reserved)
    monitors.reserve(now, "deployment", _OF, reserved)
    monitors.settle("deployment", _OF, reserved)


def _somebody() -> Sighting:
    return sighting(SubjectKind.DEVICE, [os.urandom(KEYED_ID_BYTES)], ["region"], 1)
