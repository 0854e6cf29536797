"""Figures of people who decide, by person and queue; a queue is a role. Pure.

Laws: only what was revealed of planted cases shows, so that no figure tells one that still waits; a queue's
figures are of all its people together, and of fewer than three nobody is told. Source: ADR-0040.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median, quantiles

from caveat.facts.wilson import Share
from caveat.oversight.past import PastReview
from caveat.oversight.review import Act
from caveat.oversight.vigilance import is_miss, is_vigilant, planted_decisions
from caveat.signing.canonical import Json, JsonObject

LEAST_PERSONS = 3
"""Of fewer people the figures of all tell those of each."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one person, or of a queue. Seconds are None where nothing was measured.

    `let_through`: by clause that asked for a person, how many of the planted cases were approved.
    """

    decisions: int
    refused: Share
    seconds_median: float | None
    seconds_p10: float | None
    items_per_hour: float
    agreed: Share
    caught: Share
    missed_by_clause: Mapping[str, int]
    let_through: Mapping[str, Share]

    def render(self) -> JsonObject:
        """In the documented shape."""
        return {
            "decisions": self.decisions,
            "refused": render_share(self.refused),
            "seconds_median": _tenth(self.seconds_median),
            "seconds_p10": _tenth(self.seconds_p10),
            "items_per_hour": _tenth(self.items_per_hour),
            "agreed": render_share(self.agreed),
            "caught": render_share(self.caught),
            "missed_by_clause": dict[str, Json](self.missed_by_clause),
            "let_through": {
                clause: render_share(share) for clause, share in sorted(self.let_through.items())
            },
        }


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Decisions of the time that is looked at, in the order of the log. `planted`: those that are revealed,
    with the clauses that asked for them."""

    reviews: Sequence[PastReview]
    planted: Mapping[str, Collection[str]]

    def of(self, role: str, person: str | None = None) -> Figures:
        """Of this person in this queue; of the whole queue without one."""
        queue = [one for one in self.reviews if one.role == role]
        own = [one for one in queue if person in (None, one.person)]
        counted = [one for one in own if not one.defect]
        seconds = sorted(one.seconds for one in own if one.seconds is not None)
        planted = planted_decisions(own, self.planted)
        missed = [one for one in planted if is_miss(one)]
        missed_by = Counter(clause for one in missed for clause in self.planted[one.hold])
        planted_by = Counter(clause for one in planted for clause in self.planted[one.hold])
        hours = {(one.person, one.at.replace(minute=0, second=0, microsecond=0)) for one in own}
        return Figures(
            decisions=len(own),
            refused=Share(sum(one.act is Act.REFUSE for one in counted), len(counted)),
            seconds_median=median(seconds) if seconds else None,
            seconds_p10=_tenth_part(seconds),
            items_per_hour=len(own) / len(hours) if hours else 0.0,
            agreed=self._agreed(queue, person),
            caught=Share(len(planted) - len(missed), len(planted)),
            missed_by_clause=missed_by,
            let_through={clause: Share(missed_by[clause], total) for clause, total in planted_by.items()},
        )

    def _agreed(self, queue: Sequence[PastReview], person: str | None) -> Share:
        """Of pairs of people who decided about one hold, blind to each other, those who decided alike."""
        by_hold: dict[str, dict[str, Act]] = {}
        for one in queue:
            if not one.defect and one.hold not in self.planted:
                by_hold.setdefault(one.hold, {}).setdefault(one.person, one.act)
        pairs = [
            (first[1], second[1])
            for acts in by_hold.values()
            for first, second in combinations(acts.items(), 2)
            if person in (None, first[0], second[0])
        ]
        return Share(sum(one is other for one, other in pairs), len(pairs))

    def persons(self, role: str) -> frozenset[str]:
        """Who decided in this queue."""
        return frozenset(one.person for one in self.reviews if one.role == role)

    def render_queue(self, role: str, floor_percent: int) -> JsonObject:
        """The queue without a name: what all did together, and how many are below the floor."""
        persons = self.persons(role)
        below = sum(not is_vigilant(self.of(role, one).caught, floor_percent) for one in persons)
        told = self.of(role).render() if len(persons) >= LEAST_PERSONS else None
        return {"role": role, "persons": len(persons), "below_floor": below, "figures": told}


def render_share(share: Share) -> JsonObject:
    """In the documented shape, with its 95 % interval in per cent."""
    interval = share.interval
    low, high = (None, None) if interval is None else interval
    return {"count": share.count, "of": share.total, "low": _percent(low), "high": _percent(high)}


def _percent(value: float | None) -> Json:
    return None if value is None else round(100 * value, 1)


def _tenth(value: float | None) -> Json:
    return None if value is None else round(value, 1)


def _tenth_part(seconds: Sequence[float]) -> float | None:
    """The time that one decision of ten is faster than."""
    if len(seconds) < 2:
        return seconds[0] if seconds else None
    return quantiles(seconds, n=10, method="inclusive")[0]
