"""What is shown of people who decide: how much waits, since when, and what is due for a review."""

import math
from collections.abc import Callable

from caveat.gateway.errors import GatewayError
from caveat.gateway.holding import Holding
from caveat.gateway.metrics import Metrics
from caveat.oversight.halts import Halts


def show_oversight(metrics: Metrics, holding: Holding, halts: Halts) -> None:
    """Figures that are computed when somebody reads them; not a number while the clock cannot be used."""
    queue = holding.queue

    def waiting() -> float:
        try:
            return queue.waiting(holding.clock())
        except GatewayError:
            return math.nan

    def oldest_seconds() -> float:
        try:
            now = holding.clock()
        except GatewayError:
            return math.nan
        entry = queue.oldest(now)
        return 0.0 if entry is None else (now - entry.hold.opened_at).total_seconds()

    metrics.oversees(waiting, oldest_seconds, lambda: halts.in_force)
    for kind in ("sample", "emergency"):
        metrics.reviews(kind, *_reviews(holding, kind))


def _reviews(holding: Holding, kind: str) -> tuple[Callable[[], float], Callable[[], float]]:
    def due() -> float:
        return sum(one.kind == kind for one in holding.demands.due())

    def overdue() -> float:
        try:
            now = holding.clock()
        except GatewayError:
            return math.nan
        return sum(one.kind == kind and one.is_overdue(now) for one in holding.demands.due())

    return due, overdue
