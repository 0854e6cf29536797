"""A measurement of screens on a set of texts: its figures, its bars, and its document. Pure.

No text, and no line of one, stands in the document. What was not measured is null. Source: ADR-0051.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from caveat.assay.errors import AssayError
from caveat.assay.sampled import Times
from caveat.assay.screened import Asked, AtLimit, HeadMeasured, Readings, Row, measure, together
from caveat.assay.separation import Bin
from caveat.assay.shares import share
from caveat.assay.texts import TextSet
from caveat.signing.canonical import Json, JsonObject


class ScreensError(AssayError):
    """The set cannot tell what was asked: some head has no case in it, or no benign text."""


@dataclass(frozen=True, slots=True)
class ScreenMeasured:
    """One screen: what its scores were made by, the heads that it gives, its failures and times."""

    name: str
    digest: str
    heads: Mapping[str, HeadMeasured]
    failures: Mapping[str, int]
    times: Times | None


@dataclass(frozen=True, slots=True)
class BarHeld:
    """A bar and the area that is held against it; None where there is none."""

    head: str
    bar: float
    area: float | None

    @property
    def is_met(self) -> bool:
        """Never by what was not measured."""
        return self.area is not None and self.area >= self.bar


@dataclass(frozen=True, slots=True)
class Measurement:
    """`together`: by head, the highest score of all screens that give it, which is what clauses read."""

    texts: TextSet
    bundle: str
    asked: Asked
    screens: tuple[ScreenMeasured, ...]
    together: Mapping[str, HeadMeasured]
    bars: tuple[BarHeld, ...]

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Heads that some screen should have given and of which it gave too few scores for any figure."""
        columns = [*(one.heads for one in self.screens), self.together]
        return tuple(
            head
            for head in self.asked.heads
            if any(head in column and column[head].whole.area is None for column in columns)
        )


def check_kinds(texts: TextSet, asked: Asked) -> None:
    """Raises `ScreensError` where all texts that speak of a head are of one kind."""
    for head in asked.heads:
        kinds = {one.is_case_of(head, asked.attack_heads) for one in texts.texts}
        if True not in kinds:
            raise ScreensError((f"no text is labelled as a case of `{head}`",), _KINDS)
        if False not in kinds:
            raise ScreensError(("no text is labelled `benign`",), _KINDS)


_KINDS = "a screen is measured by telling cases from benign texts: the set needs both"


def measurement(
    texts: TextSet, bundle: str, readings: Sequence[Readings], asked: Asked, bars: Mapping[str, float]
) -> Measurement:
    """The figures of every screen by itself and of all together. `bundle`: its digest, or nothing."""
    spans = {head: span for one in readings for head, span in one.heads.items()}

    def held(scores: Sequence[int | None], head: str) -> HeadMeasured:
        return measure(texts.texts, scores, head, spans[head], asked)

    screens = tuple(
        ScreenMeasured(
            one.screen,
            one.digest,
            {head: held(one.measured(head), head) for head in asked.heads if head in one.heads},
            one.failures,
            one.times,
        )
        for one in readings
    )
    whole = {head: held(together(readings, head), head) for head in asked.heads}
    bound = tuple(BarHeld(head, bar, _area_at_worst(whole[head].whole)) for head, bar in bars.items())
    return Measurement(texts, bundle, asked, screens, whole, bound)


def _area_at_worst(row: Row) -> float | None:
    """What a bar is held against: every missing score counts against the screens."""
    return None if row.area is None else row.worst


def render(found: Measurement) -> JsonObject:
    """The document, version 1: docs/reference/assay.md."""
    sources: JsonObject = {
        name: sum(one.source == name for one in found.texts.texts) for name in found.texts.sources
    }
    return {
        "version": 1,
        "set": {
            "sha256": found.texts.sha256,
            "texts": len(found.texts.texts),
            "repeated": found.texts.repeated,
            "sources": sources,
        },
        "bundle": found.bundle or None,
        "max_flagged": round(float(found.asked.max_flagged), 6),
        "screens": {one.name: _screen(one) for one in found.screens},
        "together": {head: _head(one) for head, one in found.together.items()},
        "bars": {
            one.head: {"bar": one.bar, "area": _rounded(one.area), "met": one.is_met} for one in found.bars
        },
    }


def _screen(one: ScreenMeasured) -> JsonObject:
    return {
        "digest": one.digest or None,
        "unavailable": cast("JsonObject", {**one.failures}),
        "milliseconds": None
        if one.times is None
        else {"p50": _rounded(one.times.median), "p95": _rounded(one.times.p95), "n": one.times.n},
        "heads": {head: _head(found) for head, found in one.heads.items()},
    }


def _head(one: HeadMeasured) -> JsonObject:
    return {
        "whole": _row(one.whole),
        "sources": {name: _row(row) for name, row in one.sources.items()},
        "calibration": [_bin(each) for each in one.calibration],
    }


def _row(row: Row) -> JsonObject:
    area = row.area
    return {
        "cases": row.cases,
        "benign": row.benign,
        "unavailable": row.unavailable,
        "against": row.against,
        "auc": None
        if area is None
        else {"value": _rounded(area.value), "low95": _rounded(area.low), "high95": _rounded(area.high)},
        "auc_at_worst": _rounded(row.worst),
        "limits": [_limit(each) for each in row.limits],
        "at_most": None if row.at_most is None else _limit(row.at_most),
    }


def _limit(one: AtLimit) -> JsonObject:
    return {
        "score": one.limit.score,
        "clauses": [*one.limit.clauses],
        "points": [*sorted(one.limit.points)],
        "found": share(one.found),
        "flagged": share(one.flagged),
    }


def _bin(one: Bin) -> JsonObject:
    return {"said": _rounded(one.said), "was": _rounded(one.was), "texts": one.count}


def _rounded(value: float | None) -> Json:
    return None if value is None else round(value, 6)
