"""How real the reviews are, on a page: one's own figures first, then those of the queue.

Laws: others are told of together and without a name, of fewer than three nobody is told; by name only whose
approvals count as none, for then everybody has to know who no longer decides. Source: ADR-0040, ADR-0044.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from caveat.facts.wilson import Share
from caveat.gateway.console.answers import Page
from caveat.gateway.console.door import Visit
from caveat.gateway.console.hold_rooms import waiting_for
from caveat.gateway.console.views import span
from caveat.oversight.past import PastReview
from caveat.oversight.reviewers import LEAST_PERSONS, Figures, Reviewed
from caveat.oversight.vigilance import is_vigilant
from caveat.policy.oversight import Floors

_YEAR, _MONTH = timedelta(days=365), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Bar:
    """A share with its interval, in per cent; None where nothing was measured. `floor`: the least, if any."""

    name: str
    count: int
    of: int
    value: float | None
    low: float | None
    high: float | None
    floor: int | None


@dataclass(frozen=True, slots=True)
class Queue:
    """One role. `others`: of all together, or None of too few; `below`: whose approvals count as none."""

    role: str
    floors: Floors
    own: Figures
    own_bars: tuple[Bar, ...]
    vigilant: bool
    persons: int
    others: Figures | None
    other_bars: tuple[Bar, ...]
    below: tuple[tuple[str, Bar], ...]


async def show_figures(visit: Visit) -> Page:
    """The page."""
    person, overseeing = visit.somebody.overseer, visit.premises.overseeing
    now, book = overseeing.now(), overseeing.holding.book
    waiting = waiting_for(visit)
    mine = book.decisions_of(person.person, now - _MONTH)
    hours = _hours(mine, now)
    reviewed = Reviewed(book.reviews(now - _YEAR), book.revealed)
    oversight = visit.law.bundle.oversight
    return visit.page(
        "figures",
        waiting=len(waiting),
        oldest=span(now - waiting[0].hold.opened_at) if waiting else "none",
        decided=len(mine),
        approved=sum(one.act.value == "approve" and not one.defect for one in mine),
        refused=sum(one.act.value == "refuse" and not one.defect for one in mine),
        counted_as_none=sum(bool(one.defect) for one in mine),
        queues=[_queue(reviewed, role, person.person, oversight.of(role)) for role in sorted(person.roles)],
        hours=hours,
        chart=", ".join(f"{count} {ago} h ago" for ago, count in hours if count) or "none",
    )


def _queue(reviewed: Reviewed, role: str, person: str, floors: Floors) -> Queue:
    own, persons = reviewed.of(role, person), reviewed.persons(role)
    others = reviewed.of(role) if len(persons) >= LEAST_PERSONS else None
    below = [
        (one, _bar("Planted cases caught", reviewed.of(role, one).caught, floors.caught_percent))
        for one in sorted(persons)
        if not is_vigilant(reviewed.of(role, one).caught, floors.caught_percent)
    ]
    return Queue(
        role,
        floors,
        own,
        _bars(own, floors),
        is_vigilant(own.caught, floors.caught_percent),
        len(persons),
        others,
        () if others is None else _bars(others, floors),
        tuple(below),
    )


def _bars(figures: Figures, floors: Floors) -> tuple[Bar, ...]:
    return (
        _bar("Refused", figures.refused, None),
        _bar("Agreed with others", figures.agreed, None),
        _bar("Planted cases caught", figures.caught, floors.caught_percent),
    )


def _bar(name: str, share: Share, floor: int | None) -> Bar:
    low, high = (None, None) if share.interval is None else share.interval
    return Bar(name, share.count, share.total, _percent(share.value), _percent(low), _percent(high), floor)


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 1)


def _hours(mine: Iterable[PastReview], now: datetime) -> list[tuple[int, int]]:
    """How many decisions in each of the last twelve hours, oldest first."""
    counts = [0] * 12
    for one in mine:
        ago = int((now - one.at).total_seconds() // 3600)
        if 0 <= ago < len(counts):
            counts[ago] += 1
    return [(ago, counts[ago]) for ago in range(len(counts) - 1, -1, -1)]
