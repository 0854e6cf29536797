"""What screens are worth on labelled texts, against cases that are counted by hand."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from caveat.assay.screened import Asked, HeadMeasured, Limit, Readings, measure, read_texts, together
from caveat.assay.screens_report import Measurement, ScreensError, check_kinds, measurement, render
from caveat.assay.texts import TextSet, parse_texts
from caveat.facts.wilson import Share
from caveat.screens.panel import Gives, Panel, Seat
from caveat.screens.protocol import Calibration, RawScores

STRAIGHT = Calibration(((0.0, 0), (1000.0, 1000)), "nothing")
SPAN = (0, 1000)
ASKED = Asked(("x",), frozenset({"x"}), {"x": (Limit(500),)}, Fraction(1, 2))


@dataclass
class ByText:
    """Says of each text what it is told to; fails on those that it does not know."""

    says: Mapping[str, float]
    name: str = "by-text"
    digest: str = "d" * 64
    max_chars: int = 100
    heads: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {"x": (0.0, 1000.0)})

    def score(self, text: str) -> RawScores:
        return {"x": self.says[text]}


def seat(says: Mapping[str, float] | None, name: str = "one") -> Seat:
    """A screen; of None, one that nobody registered."""
    gives = (Gives("x", "x", 0.0, 1000.0, STRAIGHT, 1000),)
    return Seat(name, gives, 1.0, local=None if says is None else ByText(says))


def labelled(*lines: tuple[str, str, str]) -> TextSet:
    """Text, label and source of each."""
    return parse_texts(
        json.dumps({"text": text, "label": label, "source": source}).encode() for text, label, source in lines
    )


SET = labelled(
    ("a1", "attack", "one"),
    ("a2", "attack", "one"),
    ("b1", "benign", "one"),
    ("b2", "benign", "one"),
    ("a3", "attack", "two"),
    ("b3", "benign", "three"),
)
SAYS = {"a1": 900, "a2": 400, "b1": 400, "b2": 100, "a3": 700, "b3": 600}


async def read(texts: TextSet, *seats: Seat) -> tuple[Readings, ...]:
    panel = Panel(seats, 1.0)
    return await read_texts(panel, {"x": SPAN}, [one.text for one in texts.texts], lambda _d, _t: None)


async def found(says: Mapping[str, float], texts: TextSet = SET, asked: Asked = ASKED) -> HeadMeasured:
    (one,) = await read(texts, seat(says))
    return measure(texts.texts, one.measured("x"), "x", SPAN, asked)


async def test_the_figures_are_those_of_counting_by_hand() -> None:
    whole = (await found(SAYS)).whole
    assert (whole.cases, whole.benign, whole.unavailable, whole.against) == (3, 3, 0, "own")
    assert whole.area is not None
    assert whole.area.value == whole.worst == (3 + 1.5 + 3) / 9
    (at,) = whole.limits
    assert (at.found, at.flagged) == (Share(2, 3), Share(1, 3))
    assert whole.at_most is not None
    assert (whole.at_most.limit.score, whole.at_most.found, whole.at_most.flagged) == (
        401,
        Share(2, 3),
        Share(1, 3),
    )


async def test_a_source_of_one_kind_is_told_from_the_others_of_the_whole_set() -> None:
    sources = (await found(SAYS)).sources
    one, two, three = (sources[name] for name in ("one", "two", "three"))
    assert [row.against for row in (one, two, three)] == ["own", "whole", "whole"]
    assert [row.area.value for row in (one, two, three) if row.area] == [3.5 / 4, 1.0, 2 / 3]
    assert (two.cases, two.benign, three.cases, three.benign) == (1, 0, 0, 1)
    assert (two.limits[0].found, two.limits[0].flagged) == (Share(1, 1), Share(0, 0))


async def test_a_text_without_a_score_is_counted_and_is_neither_clean_nor_found() -> None:
    says = {name: score for name, score in SAYS.items() if name not in ("a3", "b2")}
    whole = (await found(says)).whole
    assert (whole.cases, whole.benign, whole.unavailable) == (3, 3, 2)
    assert whole.area is not None
    assert whole.area.value == (2 + 0.5) / 4
    assert whole.worst == (2 + 0.5) / 9  # a3 below all, b2 above all
    assert whole.limits[0].found == Share(1, 2)
    assert whole.limits[0].flagged == Share(1, 2)


async def test_a_screen_that_is_away_has_no_figures_at_all_and_meets_no_bar() -> None:
    readings = await read(SET, seat(None, "away"))
    assert readings[0].failures == {"not_registered": 6}
    report = measurement(SET, "", readings, ASKED, {"x": 0.001})
    whole = report.screens[0].heads["x"].whole
    assert (whole.area, whole.at_most, whole.unavailable) == (None, None, 6)
    assert (whole.limits[0].found, whole.limits[0].flagged) == (Share(0, 0), Share(0, 0))
    assert report.unmeasured == ("x",)
    assert not report.bars[0].is_met
    row = render(report)["screens"]
    assert json.loads(json.dumps(row))["away"]["heads"]["x"]["whole"]["auc"] is None


async def test_of_several_screens_the_highest_score_stands_and_one_that_is_away_takes_it_all() -> None:
    other = dict.fromkeys(SAYS, 450.0)
    readings = await read(SET, seat(SAYS), seat(other, "other"))
    assert together(readings, "x") == [900, 450, 450, 450, 700, 600]
    readings = await read(SET, seat(SAYS), seat({"a1": 0.0}, "other"))
    assert together(readings, "x") == [900, None, None, None, None, None]


async def test_a_bar_is_held_against_the_area_in_which_missing_scores_count_against_the_screen() -> None:
    says = {name: score for name, score in SAYS.items() if name != "b3"}

    async def report(bar: float) -> Measurement:
        return measurement(SET, "", await read(SET, seat(says)), ASKED, {"x": bar})

    answered = (await report(0.5)).together["x"].whole
    assert answered.area is not None
    assert answered.area.value == 5.5 / 6
    assert answered.worst == 5.5 / 9
    assert (await report(0.6)).bars[0].is_met
    assert not (await report(0.7)).bars[0].is_met


async def test_a_limit_counts_the_texts_at_its_points_and_those_that_name_none() -> None:
    lines = [
        {"text": "a1", "label": "attack", "point": "output"},
        {"text": "a2", "label": "attack", "point": "prompt"},
        {"text": "a3", "label": "attack"},
        {"text": "b1", "label": "benign", "point": "tool"},
    ]
    texts = parse_texts(json.dumps(one).encode() for one in lines)
    asked = Asked(("x",), frozenset({"x"}), {"x": (Limit(300, ("C1",), frozenset({"output"})),)}, Fraction(0))
    (at,) = (await found(SAYS, texts, asked)).whole.limits
    assert (at.found, at.flagged) == (Share(2, 2), Share(0, 0))


async def test_where_harmless_texts_reach_the_highest_score_no_limit_flags_few_enough() -> None:
    asked = Asked(("x",), frozenset({"x"}), {}, Fraction(0))
    assert (await found(SAYS | {"b1": 1000}, SET, asked)).whole.at_most is None
    whole = (await found(SAYS | {"b1": 999, "a1": 1000}, SET, asked)).whole
    assert whole.at_most is not None
    assert (whole.at_most.limit.score, whole.at_most.found) == (1000, Share(1, 3))


async def test_the_calibration_is_of_what_was_scored() -> None:
    bins = (await found(SAYS)).calibration
    assert [(round(one.said, 3), one.was, one.count) for one in bins] == [
        (0.1, 0.0, 1),
        (0.4, 0.5, 2),
        (0.6, 0.0, 1),
        (0.7, 1.0, 1),
        (0.9, 1.0, 1),
    ]


def test_a_set_of_one_kind_alone_measures_nothing() -> None:
    with pytest.raises(ScreensError, match="no text is labelled as a case of `x`"):
        check_kinds(labelled(("b", "benign", "one")), ASKED)
    with pytest.raises(ScreensError, match="no text is labelled `benign`"):
        check_kinds(labelled(("a", "attack", "one")), ASKED)


async def test_progress_is_told_for_each_text() -> None:
    told: list[tuple[int, int]] = []
    await read_texts(Panel((seat(SAYS),)), {"x": SPAN}, ["a1", "a2"], lambda d, t: told.append((d, t)))
    assert told == [(1, 2), (2, 2)]
