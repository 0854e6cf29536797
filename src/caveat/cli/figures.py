"""Figures of people who decide, as lines to read."""

from collections.abc import Iterator
from typing import Any


def figure_lines(figures: dict[str, Any]) -> Iterator[str]:
    """What `GET /v1/approvals/figures` answers, one's own first."""
    yield f"since {figures['since']}"
    for own in figures["own"]:
        yield f"you as {own['role']}"
        yield from _lines(own)
        if not own["vigilant"]:
            yield "  too many planted cases missed: your approvals count as none until you catch more of them"
    for queue in figures["queues"]:
        yield f"all {queue['persons']} as {queue['role']}, {queue['below_floor']} of them below the floor"
        if queue["figures"] is None:
            yield "  not told: of fewer than three people it would tell those of each"
        else:
            yield from _lines(queue["figures"])


def _lines(said: dict[str, Any]) -> Iterator[str]:
    yield f"  decisions        {said['decisions']}, {_number(said['items_per_hour'])} an hour"
    yield f"  seconds each     median {_number(said['seconds_median'])}, p10 {_number(said['seconds_p10'])}"
    yield f"  refused          {_share(said['refused'])}"
    yield f"  agreed           {_share(said['agreed'])}"
    yield f"  planted, caught  {_share(said['caught'])}"
    if "afterwards" in said:
        yield f"  found wrong      {_share(said['afterwards']['wrong'])} of what went through"
        yield f"  planted, found   {_share(said['afterwards']['caught'])}"
    for clause, share in sorted(said["let_through"].items()):
        yield f"  let through      {_share(share)} planted under {clause}"


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:g}"


def _share(share: dict[str, Any]) -> str:
    if not share["of"]:
        return "not measured"
    return f"{share['count']} of {share['of']} (95 %: {share['low']:g} to {share['high']:g} %)"
