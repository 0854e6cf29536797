"""What it costs to say who is in a content: processor time for a thousand bytes, of rows and of prose."""

import random
import time

from caveat.screens.identifiers import sightings_of

_KEY = b"measured".ljust(32, b".")
_ROWS = 4_000
_GIVEN = ("Anna", "Juan", "Wei", "Ahmed", "Olga", "Peter", "Linda", "Kofi", "Yuki", "Priya", "Sven", "Elif")


def measure_identifiers() -> dict[str, tuple[float, int]]:
    """Milliseconds for 1,000 bytes, by what was read; and how many kilobytes that were."""
    rng = random.Random(1)  # noqa: S311 - rows to read, no secret
    return {
        "identifiers_rows_cpu_ms_kb": _measured(_table(rng), "text/csv", _ROWS),
        "identifiers_prose_cpu_ms_kb": _measured(_prose(rng), "text/plain", _ROWS // 4),
    }


def _measured(content: bytes, media_type: str, persons: int) -> tuple[float, int]:
    began = time.thread_time()
    found = sightings_of(content, media_type, None, _KEY)
    taken = time.thread_time() - began
    if found is None or len(found) < 0.95 * persons:
        raise AssertionError("too few are found in what is measured")
    return taken / len(content) * 1e6, len(content) // 1000


def _table(rng: random.Random) -> bytes:
    rows = [
        f"{rng.choice(_GIVEN)} {_family(rng)},"
        f"19{rng.randrange(50, 99)}-0{rng.randrange(1, 9)}-{rng.randrange(10, 28)},"
        f"u{row}@example.org,+1 415 {rng.randrange(200, 999)} {rng.randrange(1000, 9999)},Springfield,none\n"
        for row in range(_ROWS)
    ]
    return ("name,dob,email,phone,city,religion\n" + "".join(rows)).encode()


def _prose(rng: random.Random) -> bytes:
    lines = [
        f"Mr. {rng.choice(_GIVEN)} {_family(rng)} called +44 20 7946 0{rng.randrange(100, 999)} about the "
        f"order of 2026-11-22. The committee met in Springfield and wrote to u{row}@example.org on Tuesday.\n"
        for row in range(_ROWS // 4)
    ]
    return "".join(lines).encode()


def _family(rng: random.Random) -> str:
    return "".join(rng.choice("bdfgklmnrst") + rng.choice("aeiou") for _ in range(4)).title()
