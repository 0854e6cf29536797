"""A share as JSON."""

from caveat.facts.wilson import Share
from caveat.signing.canonical import Json


def share(one: Share) -> Json:
    """A share with its interval; null where nothing was measured."""
    if one.interval is None:
        return None
    low, high = one.interval
    return {
        "count": one.count,
        "of": one.total,
        "value": round(one.count / one.total, 6),
        "low95": round(low, 6),
        "high95": round(high, 6),
    }
