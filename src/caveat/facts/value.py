"""Values of facts: an enumerated word, a set of words, an integer, a Boolean, or a counted interval."""

from dataclasses import dataclass
from typing import TypeAlias

from caveat.signing.canonical import Json

LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Interval:
    """A count known to lie in [lo, hi], both ends included. One point where `lo == hi`."""

    lo: int
    hi: int

    def __post_init__(self) -> None:
        """Raises `ValueError` for an empty interval: an empty set of worlds must not arise silently."""
        if self.lo > self.hi:
            raise ValueError("an interval holds at least one value")


Value: TypeAlias = str | int | bool | frozenset[str] | Interval


def render_value(value: Value) -> Json:
    """JSON of a value: sets sorted, an interval as `{"lo", "hi"}`."""
    if isinstance(value, frozenset):
        return [*sorted(value)]
    if isinstance(value, Interval):
        return {"lo": value.lo, "hi": value.hi}
    return value
