"""How real the reviews were, measured: what clauses read of a deployment. Pure.

Laws: what counts as none never improves a figure; a refusal never lowers one, and never raises one beside an
approval; nothing measured is nothing, and never a good value. Source: clauses R2.b and P09 of the example
policy, ADR-0040.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from statistics import median
from types import MappingProxyType

from caveat.facts.value import Value
from caveat.oversight.past import PastReview
from caveat.oversight.review import Act, Defect

WINDOW = 50
"""How many of the newest decisions about holds of a deployment are looked at."""
WINDOW_AGE = timedelta(days=30)
"""And how old they may be."""

SECONDS_FACT = "review_seconds_median"
MODE_FACT = "approval_mode"
OBSERVER = "review"


class Mode(StrEnum):
    """How decisions came. Nothing measured is the registry's own neutral value."""

    PER_ITEM = "per_item"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a deployment, by fact, until `until`: then some decision is too old."""

    values: tuple[tuple[str, Value], ...]
    until: datetime

    @property
    def by_fact(self) -> Mapping[str, Value]:
        """The values by the names of the facts."""
        return dict(self.values)


NOTHING = Measured((), datetime.max.replace(tzinfo=UTC))
"""Of a deployment about whose holds nobody has decided."""


class Windows:
    """The newest decisions about holds, by deployment; what they measure is kept until one more comes."""

    def __init__(self) -> None:
        """No decision."""
        self._newest: dict[str, deque[PastReview]] = {}
        self._known: dict[str, Measured] = {}

    def add(self, review: PastReview) -> None:
        """Takes in a decision, in the order of the log. Of those that count as none, batches alone matter."""
        if review.defect and review.defect != Defect.BATCH:
            return
        self._newest.setdefault(review.deployment, deque(maxlen=WINDOW)).append(review)
        self._known.pop(review.deployment, None)

    def measured(self, deployment: str, now: datetime) -> Measured:
        """What is measured of this deployment at `now`."""
        known = self._known.get(deployment)
        if known is None or now >= known.until:
            known = measure(self._newest.get(deployment, ()), now)
            self._known[deployment] = known
        return known


def measure(reviews: Iterable[PastReview], now: datetime) -> Measured:
    """The facts that these decisions make at `now`. Nothing where none of them counts.

    The median is of approvals, for they are what lets something through; of refusals only where there is no
    approval. It is rounded down.
    """
    young = [one for one in reviews if one.at > now - WINDOW_AGE]
    counted = [one for one in young if not one.defect]
    if not counted:
        return NOTHING if not young else Measured(((MODE_FACT, Mode.BATCH.value),), _until(young))
    approvals = [one for one in counted if one.act is Act.APPROVE] or counted
    seconds = [one.seconds for one in approvals if one.seconds is not None]
    mode = Mode.PER_ITEM if len(counted) == len(young) else Mode.BATCH
    values: list[tuple[str, Value]] = [(MODE_FACT, mode.value)]
    if seconds:
        values.append((SECONDS_FACT, max(int(median(seconds)), 0)))
    return Measured(tuple(values), _until(young))


def _until(young: Iterable[PastReview]) -> datetime:
    return min(one.at for one in young) + WINDOW_AGE


FACTS = MappingProxyType(
    {
        SECONDS_FACT: "median seconds from first display to decision",
        MODE_FACT: "whether decisions came one by one or in batches",
    }
)
"""The facts that the observer `review` measures, where a registry declares them."""
