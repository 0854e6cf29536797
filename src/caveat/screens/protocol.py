"""What a screen is: a name, a digest of what it decides by, heads with ranges, and one text at a time.

One text at a time, so that a score can be had again from the same text and the same digest. A screen answers
with numbers or is unavailable; nothing else is an answer. Source: ADR-0048.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Failure(StrEnum):
    """Why a screen gave no score. None of these reads as "nothing found"."""

    NOT_REGISTERED = "not_registered"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    MISSING = "missing_score"
    OUT_OF_RANGE = "out_of_range"
    FAILED = "failed"
    STUCK = "stuck"
    BUSY = "busy"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No score, and why."""

    why: Failure


RawScores = Mapping[str, float]


class Screen(Protocol):
    """A screen within this process. `heads`: each score it gives, with its least and greatest value.

    Caveat's own alone: what is written elsewhere is asked over a network. Its work is linear in the text.
    """

    @property
    def name(self) -> str:
        """Its kind."""
        ...

    @property
    def digest(self) -> str:
        """Of the model or the rules; empty where nobody can know them."""
        ...

    @property
    def heads(self) -> Mapping[str, tuple[float, float]]:
        """The declared range of each score."""
        ...

    @property
    def max_chars(self) -> int:
        """What it reads of one text at most; a longer one is not read at all."""
        ...

    def score(self, text: str) -> RawScores:
        """The scores of one text. Whatever it raises makes it unavailable."""
        ...


class RemoteScreen(Protocol):
    """A screen that is asked over a network."""

    @property
    def digest(self) -> str:
        """Of how it is asked: its model is not in sight."""
        ...

    async def score(self, text: str) -> RawScores | Unavailable:
        """The scores of one text."""
        ...


def within(value: object, least: float, greatest: float) -> float | Failure:
    """A number in the declared range; anything else is a failure, never a score at an end of the range."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return Failure.UNREADABLE
    if not math.isfinite(value) or not least <= value <= greatest:
        return Failure.OUT_OF_RANGE
    return float(value)


@dataclass(frozen=True, slots=True)
class Calibration:
    """From raw scores to thousandths by straight lines between points; never falling, so order is kept.

    `points`: raw score and thousandths, ascending. `data`: what they were fitted on.
    """

    points: tuple[tuple[float, int], ...]
    data: str

    def __call__(self, raw: float) -> int:
        """Thousandths, rounded up: what rounding takes away could be what tightens."""
        first, last = self.points[0], self.points[-1]
        if raw <= first[0]:
            return first[1]
        if raw >= last[0]:
            return last[1]
        for (low, at_low), (high, at_high) in zip(self.points, self.points[1:], strict=False):
            if raw <= high:
                return math.ceil(at_low + (at_high - at_low) * (raw - low) / (high - low))
        return last[1]
