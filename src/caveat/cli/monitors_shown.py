"""What `caveat monitors show` tells: counts on a grid that nobody knows, so that no two of them tell of one
person.

A count that were rounded to tens would be told apart by whoever adds persons of their own up to the next ten,
and then one more. The points at which a figure moves on are drawn under the key, and drawn anew for each
window that begins: how many are missing to the next one nobody knows. Source: ADR-0047.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from caveat.monitors.monitors import Monitors
from caveat.monitors.subjects import DEVICES, MARKED
from caveat.monitors.windows import NAMES, WINDOWS, YEAR, bucket_of
from caveat.signing.canonical import Json, JsonObject

LEAST = 10
"""The least step between two figures, and the least figure."""
_SHARE = 50
"""Of a larger count the step is one in so many at least, and three times that at most."""
FLOORS: Mapping[str, tuple[int, ...]] = {
    "attributes": (2, 4, 8),
    "sensitive_pairs": (1, 3),
    "points": (10, 100, 1_000),
    "span_days": (7, 30, 90),
}
"""Of what is joined: the persons with at least so much are counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One scope. Counts are None where they are not told; `joined` is by `FLOORS`, over twelve months.

    `effects`: calls of tools, those after reading, and the longest run, by window; None without any.
    """

    scope: str
    persons: tuple[int | None, ...]
    joined: Mapping[str, tuple[int | None, ...]]
    repeat_share_percent: int | None
    effects: tuple[tuple[int, int, int], ...] | None


@dataclass(frozen=True, slots=True)
class Shown:
    """All scopes at one moment. `missing`: uses of which nobody can tell whom they reached."""

    at: datetime
    rows: tuple[Row, ...]
    missing: int


def told(count: int, secret: bytes, period: int = 0) -> int | None:
    """The greatest point of the grid that is not above the count; None below the first one.

    `period`: the grid is another one in each.
    """
    point, number = 0, 0
    while True:
        drawn = hmac.digest(secret, b"figures\x00%d\x00%d" % (period, number), "sha256")
        step = max(LEAST, point // _SHARE)
        following = point + step + int.from_bytes(drawn[:8], "big") % (2 * step + 1)
        if following > count:
            return point or None
        point, number = following, number + 1


def rows_of(monitors: Monitors, at: datetime, secret: bytes) -> tuple[Row, ...]:
    """One row for each scope, of persons or of tools."""
    names = sorted({*monitors.subjects.scopes, *monitors.effects.scopes})
    return tuple(_row(monitors, name, at, secret) for name in names)


def _row(monitors: Monitors, scope: str, at: datetime, secret: bytes) -> Row:
    subjects, now = monitors.subjects, bucket_of(at)
    persons = tuple(
        told(subjects.bounds(scope, window, at).hi, secret, now // length)
        for window, length in enumerate(WINDOWS)
    )
    period = now // WINDOWS[YEAR]
    joined: dict[str, tuple[int | None, ...]] = {}
    if not scope.startswith((DEVICES, MARKED)) and persons[YEAR] is not None:
        found = subjects.joined_above(scope, tuple(FLOORS.values()), at)
        joined = {
            name: tuple(told(count, secret, period) for count in counts)
            for name, counts in zip(FLOORS, found, strict=True)
        }
    sightings, fresh = (told(each, secret, period) for each in subjects.shares(scope))
    repeats = None if sightings is None else 100 - 100 * min(fresh or 0, sightings) // sightings
    rates = [monitors.effects.rate(scope, at, window) for window in range(len(WINDOWS))]
    effects = tuple((one.calls, one.after_reading, one.longest_run) for one in rates)
    return Row(scope, persons, joined, repeats, effects if any(any(each) for each in effects) else None)


def render(shown: Shown) -> JsonObject:
    """As documented in docs/reference/monitors.md."""
    rows: list[Json] = []
    for row in shown.rows:
        rendered: JsonObject = {
            "scope": row.scope,
            "persons": dict[str, Json](zip(NAMES, row.persons, strict=True)),
            "repeat_share_percent": row.repeat_share_percent,
            "joined": {name: _by_floor(FLOORS[name], counts) for name, counts in row.joined.items()},
        }
        if row.effects is not None:
            rendered["effects"] = {
                name: {"calls": calls, "after_reading": after, "longest_run": longest}
                for name, (calls, after, longest) in zip(NAMES, row.effects, strict=True)
            }
        rows.append(rendered)
    return {
        "version": 2,
        "at": f"{shown.at:%Y-%m-%dT%H:%M:%SZ}",
        "least": LEAST,
        "missing": shown.missing,
        "scopes": rows,
    }


def _by_floor(floors: Sequence[int], counts: Sequence[int | None]) -> JsonObject:
    return {f"{floor}": count for floor, count in zip(floors, counts, strict=True)}


def lines(shown: Shown) -> list[str]:
    """As text: a table of persons, and below it what is joined and what tools did."""
    width = max((len(row.scope) for row in shown.rows), default=5)
    found = [f"{'scope'.ljust(width)}  " + "".join(name.rjust(9) for name in NAMES)]
    for row in shown.rows:
        cells = "".join(("few" if count is None else f"{count:,}").rjust(9) for count in row.persons)
        found.append(f"{row.scope.ljust(width)}  {cells}")
    found.append(
        f"distinct persons and devices, at least so many; read at {shown.at:%Y-%m-%d %H:%M} UTC; "
        f"`few` is fewer than {3 * LEAST}"
    )
    for row in shown.rows:
        found += [f"{row.scope}: {said}" for said in (*_joined(row), *_done(row))]
    if shown.missing:
        found.append(f"of {shown.missing:,} uses nobody can tell who they reached: they count by their data")
    return found


_WORDS = {
    "attributes": "attributes",
    "sensitive_pairs": "pairs of protected attributes",
    "points": "places",
    "span_days": "days of places",
}


def _joined(row: Row) -> list[str]:
    return [
        f"{count:,} persons with at least {floor:,} {_WORDS[name]} in twelve months"
        for name, counts in row.joined.items()
        for floor, count in zip(FLOORS[name], counts, strict=True)
        if count is not None
    ]


def _done(row: Row) -> list[str]:
    if row.effects is None:
        return []
    return [
        f"{calls:,} calls of tools in {name}, {after:,} after reading, {longest:,} in a row"
        for name, (calls, after, longest) in zip(NAMES, row.effects, strict=True)
        if calls
    ]
