"""Several screens of one text, each within its time and all within theirs: scores, or declared failures.

Guarantees: every fact that the panel gives has a score after `read`, whatever the screens do; a screen that
is late, away, broken or outside of its range has the score that the bundle declares for this; of two scores
of one fact the higher stands, so a further screen only tightens. Source: ADR-0048.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caveat.screens.protocol import Calibration, Failure, RawScores, RemoteScreen, Screen, Unavailable, within
from caveat.screens.readers import READERS, Readers

INLINE_CHARS = 4_096
"""A longer text is read by one of a few threads, so that others are answered meanwhile."""
UNAVAILABLE = "unavailable:"
"""What the source of a score begins with that no screen gave; why follows."""
NOW_CHARS = 65_536
"""What is read where nobody can wait; a longer text has its declared failure there."""


@dataclass(frozen=True, slots=True)
class Score:
    """One fact's score: whose it is, and by what. `source`: a digest, or `unavailable:` and why."""

    value: int
    screen: str
    source: str


Scored = Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class Gives:
    """One score of a screen as a fact. `least`, `greatest`: its range; `unavailable`: if there is none."""

    fact: str
    head: str
    least: float
    greatest: float
    calibration: Calibration
    unavailable: int


@dataclass(frozen=True, slots=True)
class Seat:
    """A screen of the panel, in this process or asked over a network; neither: it was not registered.

    `lacks`: what is missing then, for whoever operates the gateway. `inline_chars`: up to which length a text
    is read where it is asked about, and not by a thread; `now_chars`: and where nobody can wait.
    """

    name: str
    gives: tuple[Gives, ...]
    deadline_seconds: float
    local: Screen | None = None
    remote: RemoteScreen | None = None
    lacks: str = ""
    inline_chars: int = INLINE_CHARS
    now_chars: int = NOW_CHARS

    @property
    def digest(self) -> str:
        """Of what it decides by, as records cite it."""
        one = self.local or self.remote
        return "" if one is None else one.digest

    def failed(self, why: Failure) -> dict[str, Score]:
        """What stands for its scores."""
        return {
            one.fact: Score(one.unavailable, self.name, f"{UNAVAILABLE}{why.value}") for one in self.gives
        }

    def read(self, raw: RawScores) -> dict[str, Score]:
        """The scores of an answer; each that is missing or outside of its range is a failure of its own."""
        found: dict[str, Score] = {}
        for one in self.gives:
            value = within(raw[one.head], one.least, one.greatest) if one.head in raw else Failure.MISSING
            if isinstance(value, Failure):
                score = Score(one.unavailable, self.name, f"{UNAVAILABLE}{value.value}")
            else:
                score = Score(one.calibration(value), self.name, self.digest)
            raise_to(found, {one.fact: score})
        return found


@dataclass(frozen=True, slots=True)
class Panel:
    """All seats. `deadline_seconds`: of one text, however many screens read it."""

    seats: tuple[Seat, ...] = ()
    deadline_seconds: float = 5.0
    readers: Readers = READERS

    @property
    def facts(self) -> frozenset[str]:
        """What it gives scores of."""
        return frozenset(one.fact for seat in self.seats for one in seat.gives)

    async def read(self, text: str) -> dict[str, Score]:
        """The score of every fact of the panel. Takes no longer than the deadline."""
        found: dict[str, Score] = {}
        waiting: list[Seat] = []
        for seat in self.seats:
            if seat.local is not None and len(text) <= seat.inline_chars:
                raise_to(found, self._asked_here(seat, seat.local, text, seat.inline_chars))
            else:
                waiting.append(seat)
        for scores in await asyncio.gather(*(self._asked(seat, text) for seat in waiting)):
            raise_to(found, scores)
        return found

    def read_now(self, text: str) -> dict[str, Score]:
        """As `read`, for a place that cannot wait: what is asked over a network has its declared failure."""
        found: dict[str, Score] = {}
        for seat in self.seats:
            local = seat.local
            raise_to(
                found,
                seat.failed(Failure.UNREAD)
                if local is None
                else self._asked_here(seat, local, text, seat.now_chars),
            )
        return found

    def unread(self) -> dict[str, Score]:
        """What stands where content is that nothing has read."""
        found: dict[str, Score] = {}
        for seat in self.seats:
            raise_to(found, seat.failed(Failure.UNREAD))
        return found

    def clean(self) -> dict[str, Score]:
        """What stands where there is no content yet: of a stream that has said nothing."""
        found: dict[str, Score] = {}
        for seat in self.seats:
            raise_to(
                found,
                {one.fact: Score(one.calibration(one.least), seat.name, seat.digest) for one in seat.gives},
            )
        return found

    async def _asked(self, seat: Seat, text: str) -> dict[str, Score]:
        seconds = min(seat.deadline_seconds, self.deadline_seconds)
        local, remote = seat.local, seat.remote
        try:
            if local is not None:
                refused = self._refused(local, text)
                answer = refused or await self.readers.read(local, text, seconds)
            elif remote is None:
                return seat.failed(Failure.NOT_REGISTERED)
            else:
                async with asyncio.timeout(seconds):
                    answer = await remote.score(text)
        except TimeoutError:
            return seat.failed(Failure.TIMED_OUT)
        except Exception:  # others' models and services: whatever they raise, its declared score stands
            return seat.failed(Failure.FAILED)
        return seat.failed(answer.why) if isinstance(answer, Unavailable) else seat.read(answer)

    def _asked_here(self, seat: Seat, screen: Screen, text: str, most_chars: int) -> dict[str, Score]:
        refused = self._refused(screen, text, most_chars)
        if refused is not None:
            return seat.failed(refused.why)
        try:
            return seat.read(screen.score(text))
        except Exception:  # as above
            return seat.failed(Failure.FAILED)

    def _refused(self, screen: Screen, text: str, most_chars: int | None = None) -> Unavailable | None:
        """Why this screen is not asked about this text at all."""
        if len(text) > min(screen.max_chars, most_chars or screen.max_chars):
            return Unavailable(Failure.TOO_LARGE)
        return Unavailable(Failure.STUCK) if self.readers.is_stuck(screen) else None


def raise_to(scores: dict[str, Score], found: Scored) -> None:
    """The higher of two scores of one fact stands."""
    for fact, score in found.items():
        before = scores.get(fact)
        if before is None or score.value > before.value:
            scores[fact] = score


def highest(readings: Sequence[Scored]) -> dict[str, Score]:
    """The highest score of each fact in any of these."""
    scores: dict[str, Score] = {}
    for one in readings:
        raise_to(scores, one)
    return scores
