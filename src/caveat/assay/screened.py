"""Labelled texts given to screens, one text and one screen at a time, and what the scores are worth.

Laws: a screen that gave no score of a text is counted as unavailable there, and never as one that found
nothing; its figures are of the texts that it did score, and `worst` counts the others against it. A bar that
nobody measured is not met. Nothing of a text is kept. Source: ADR-0051.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from caveat.assay.sampled import Times, times_of
from caveat.assay.separation import Area, Bin, area, auc, calibration, cutoff
from caveat.assay.texts import LabelledText
from caveat.call.call import Point
from caveat.facts.wilson import Share
from caveat.screens.panel import UNAVAILABLE, Panel, Score

Tell = Callable[[int, int], None]
Span = tuple[int, int]
"""The least score of a head and the greatest."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What one screen said of each text, in their order. `heads`: each with its span."""

    screen: str
    digest: str
    heads: Mapping[str, Span]
    scores: tuple[Mapping[str, Score], ...]
    milliseconds: tuple[float, ...]

    @property
    def failures(self) -> Mapping[str, int]:
        """Texts on which it gave no score of some head, by why; a text counts once for each reason."""
        why = Counter(
            reason
            for one in self.scores
            for reason in {
                score.source.removeprefix(UNAVAILABLE)
                for score in one.values()
                if score.source.startswith(UNAVAILABLE)
            }
        )
        return dict(sorted(why.items()))

    @property
    def times(self) -> Times | None:
        """How long it took for one text."""
        return times_of(self.milliseconds)

    def measured(self, head: str) -> list[int | None]:
        """Its score of each text; None where it gave none."""
        found = (one[head] for one in self.scores)
        return [None if score.source.startswith(UNAVAILABLE) else score.value for score in found]


@dataclass(frozen=True, slots=True)
class Limit:
    """A score from which on something binds. `clauses`: what does; `points`: where, if not everywhere."""

    score: int
    clauses: tuple[str, ...] = ()
    points: frozenset[str] = frozenset()

    def binds_at(self, point: Point | None) -> bool:
        """Whether it says something of a text at this point; of one that names none it always does."""
        return not self.points or point is None or point.value in self.points


@dataclass(frozen=True, slots=True)
class AtLimit:
    """`found`: of those to be found, how many score so high. `flagged`: of the harmless ones."""

    limit: Limit
    found: Share
    flagged: Share


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one head over some texts. `cases`, `benign`, `unavailable`: how many, and without score.

    `against`: `own`, or `whole` where these texts are of one kind alone and are told from the others of the
    whole set. `worst`: the area with every missing score counted against the screen. `at_most`: at the lowest
    limit that flags no more of the harmless ones than allowed; None where there is none.
    """

    cases: int
    benign: int
    unavailable: int
    against: str
    area: Area | None
    worst: float | None
    limits: tuple[AtLimit, ...]
    at_most: AtLimit | None


@dataclass(frozen=True, slots=True)
class HeadMeasured:
    """One head of one screen: over the whole set, by source, and what its scores mean."""

    whole: Row
    sources: Mapping[str, Row]
    calibration: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured: which heads, which of them tell attacks, the limits of each, what may be flagged."""

    heads: tuple[str, ...]
    attack_heads: frozenset[str]
    limits: Mapping[str, tuple[Limit, ...]]
    max_flagged: Fraction


async def read_texts(
    panel: Panel, spans: Mapping[str, Span], texts: Sequence[str], tell: Tell
) -> tuple[Readings, ...]:
    """Every screen's scores of every text. `spans`: of each head that the panel gives.

    A text is given to one screen after another, each within its own deadline and the panel's. `tell`: is told
    how many texts are done.
    """
    alone = [Panel((seat,), panel.deadline_seconds, panel.readers) for seat in panel.seats]
    scores: list[list[Mapping[str, Score]]] = [[] for _ in alone]
    times: list[list[float]] = [[] for _ in alone]
    for done, text in enumerate(texts, start=1):
        for at, one in enumerate(alone):
            before = time.perf_counter()
            scores[at].append(await one.read(text))
            times[at].append((time.perf_counter() - before) * 1000)
        tell(done, len(texts))
    return tuple(
        Readings(
            seat.name,
            seat.digest,
            {one.fact: spans[one.fact] for one in seat.gives},
            tuple(found),
            tuple(took),
        )
        for seat, found, took in zip(panel.seats, scores, times, strict=True)
    )


def together(readings: Sequence[Readings], head: str) -> list[int | None]:
    """What clauses read of one head: the highest score of any screen; None where one of them gave none."""
    columns = [one.measured(head) for one in readings if head in one.heads]
    return [
        None if any(score is None for score in row) else max(score for score in row if score is not None)
        for row in zip(*columns, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Case:
    """One text as a head sees it. `score`: None where there is none."""

    score: int | None
    is_case: bool
    point: Point | None
    source: str


def measure(
    texts: Sequence[LabelledText], scores: Sequence[int | None], head: str, span: Span, asked: Asked
) -> HeadMeasured:
    """The figures of one head. `scores`: of each text, in their order; `span`: the least and the highest."""
    every = [
        _Case(score, is_case, text.point, text.source)
        for text, score in zip(texts, scores, strict=True)
        if (is_case := text.is_case_of(head, asked.attack_heads)) is not None
    ]
    limits = asked.limits.get(head, ())
    by_source: dict[str, list[_Case]] = {}
    for one in every:
        by_source.setdefault(one.source, []).append(one)
    sources = {name: _row(own, every, limits, span[1], asked.max_flagged) for name, own in by_source.items()}
    known = [one for one in every if one.score is not None]
    said = [((one.score or 0) - span[0]) / (span[1] - span[0]) for one in known]
    bins = calibration(said, [one.is_case for one in known])
    return HeadMeasured(_row(every, every, limits, span[1], asked.max_flagged), sources, bins)


def _row(
    own: Sequence[_Case], every: Sequence[_Case], limits: Sequence[Limit], greatest: int, share: Fraction
) -> Row:
    kinds = {one.is_case for one in own}
    others = [one for one in every if one.is_case not in kinds]
    compared = [*own, *others]
    yes, no = _scores(compared, is_case=True), _scores(compared, is_case=False)
    return Row(
        cases=sum(one.is_case for one in own),
        benign=sum(not one.is_case for one in own),
        unavailable=sum(one.score is None for one in own),
        against="whole" if others else "own",
        area=area(yes, no),
        worst=auc(
            [-math.inf if one.score is None else one.score for one in compared if one.is_case],
            [math.inf if one.score is None else one.score for one in compared if not one.is_case],
        ),
        limits=tuple(_at(limit, [one for one in own if limit.binds_at(one.point)]) for limit in limits),
        at_most=_at_most(compared, no, greatest, share),
    )


def _at_most(compared: Sequence[_Case], no: Sequence[int], greatest: int, share: Fraction) -> AtLimit | None:
    highest = cutoff(no, share)
    if highest is None:
        return None
    limit = Limit(int(highest) + 1)
    return _at(limit, compared) if limit.score <= greatest else None


def _scores(cases: Sequence[_Case], *, is_case: bool) -> list[int]:
    return [one.score for one in cases if one.is_case is is_case and one.score is not None]


def _at(limit: Limit, cases: Sequence[_Case]) -> AtLimit:
    yes, no = _scores(cases, is_case=True), _scores(cases, is_case=False)
    return AtLimit(
        limit,
        Share(sum(score >= limit.score for score in yes), len(yes)),
        Share(sum(score >= limit.score for score in no), len(no)),
    )
