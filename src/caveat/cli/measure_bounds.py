"""What the monitors may take at most, and what an agent that holds the key costs."""

import os
import statistics
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from caveat.gateway.contributing import MAX_MADE
from caveat.labels.sketch import Sketch
from caveat.labels.subjects import KEYED_ID_BYTES, SubjectKind, sighting
from caveat.ledger.record import Reservation
from caveat.monitors.differences import MAX_NUMBERS
from caveat.monitors.linkage import MAX_LINKED, Linkage
from caveat.monitors.monitors import MAX_AT_HAND
from caveat.monitors.profiles import CAPACITY, MAX_MARKS, Profiles
from caveat.monitors.subjects import MAX_KEPT, MAX_SCOPES, Reached, Subjects
from caveat.monitors.totals import MAX_DIGESTS, Totals
from caveat.monitors.windows import WINDOWS
from caveat.service.key_agent import AgentKeys, KeyAgent
from caveat.signing.digest import Digest

_SAMPLE = 1_000
_ASKED = 1_000
_BUCKET = 7_000_000
_START = datetime(2026, 1, 1, tzinfo=UTC)


def measure_bound() -> tuple[float, int]:
    """Megabytes of all that the monitors keep in memory where every limit is reached, from what one of each
    takes; and how many of each were made to tell."""
    takes: tuple[tuple[Callable[[], object], int], ...] = (
        (_numbers, MAX_KEPT),
        (_scopes, MAX_SCOPES),
        (_linked, MAX_LINKED),
        (_profiles, CAPACITY),
        (_digests, MAX_DIGESTS),
        (_sightings, MAX_AT_HAND + MAX_MADE),
    )
    return sum(_bytes_of(make) * limit for make, limit in takes) / 1e6 + MAX_NUMBERS * 8 / 1e6, _SAMPLE


def measure_agent() -> tuple[float, int]:
    """Milliseconds, at the median, until an agent in another thread has wrapped one person's id, over a
    socket; and how often that was asked."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "agent"
        with KeyAgent(path, (os.urandom(32),), os.getuid()) as agent:
            thread = threading.Thread(target=agent.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            keys = AgentKeys(path, os.urandom(32))
            took = list(_took(keys))
            keys.close()
            agent.shutdown()
            thread.join()
    return statistics.median(took) * 1e3, _ASKED


def _took(keys: AgentKeys) -> Iterator[float]:
    for _ in range(_ASKED):
        one = [os.urandom(KEYED_ID_BYTES)]
        began = time.perf_counter()
        keys.wrap(one, 1)
        yield time.perf_counter() - began


def _bytes_of(make: Callable[[], object]) -> float:
    """Of one of `_SAMPLE` that are made."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    made = make()
    size = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    del made
    return size / _SAMPLE


def _number() -> int:
    return int.from_bytes(os.urandom(8), "big")


def _numbers() -> Sketch:
    sketch = Sketch(WINDOWS)
    for number in range(_SAMPLE):
        sketch.see(_number(), _BUCKET + number // 100)
    return sketch


def _scopes() -> Subjects:
    subjects = Subjects()
    for number in range(0, _SAMPLE, 2):  # two of each source: its persons, and its devices
        one = sighting(SubjectKind.DEVICE, [os.urandom(KEYED_ID_BYTES)])
        subjects.reserve(_START, Reached("o", "d", "p", {f"{number:040d}": (one,)}), flying=False)
    return subjects


def _linked() -> Linkage:
    linkage = Linkage()
    for _ in range(_SAMPLE // 2):
        linkage.link([_number(), _number()])
    return linkage


def _profiles() -> Profiles:
    profiles = Profiles()
    names = [f"{n}" for n in range(MAX_MARKS)]
    one = sighting(SubjectKind.PERSON, [b"x" * KEYED_ID_BYTES], names)
    for _ in range(_SAMPLE):
        profiles.join(_number(), one, frozenset(("owner:o",)), _BUCKET)
    return profiles


def _digests() -> Totals:
    totals = Totals()
    for _ in range(_SAMPLE):
        totals.reserve(_START, [Reservation("s", Digest(os.urandom(32).hex()), 1, 1)])
    return totals


def _sightings() -> list[object]:
    return [
        sighting(SubjectKind.PERSON, [os.urandom(KEYED_ID_BYTES), os.urandom(KEYED_ID_BYTES)], ["region"])
        for _ in range(_SAMPLE)
    ]
