"""What clauses read of the monitors: figures by the facts that a registry declares, and only those."""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from caveat.call.call import Point
from caveat.decision.verdict import Verdict
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.value import Interval, Value
from caveat.gateway.contributing import Contributions, reading_of, with_effects
from caveat.gateway.gather import gather
from caveat.labels.sketch import Bounds
from caveat.ledger.record import Counted, DecisionRecord, Reservation, render_time
from caveat.monitors.figures import FIGURES, OF_EFFECTS
from caveat.monitors.keys import ChainKeys
from caveat.monitors.monitors import Monitors
from caveat.policy.bundle import parse_bundle
from caveat.screens.identifiers import sightings_of
from caveat.signing.digest import sha256
from tests.ledger.logs import decision_record
from tests.support.small_bundle import SmallBundle
from tests.support.splitting import KEY, START, Request, call_of

_FACT = """
[facts.{name}]
type = "long"
grade = "observed"
observed_by = ["monitors"]
hi = 10000000000
severest = 10000000000
amend = "operator"
text = "As the monitors say."
"""
_POPULATION = """
[facts.population_size]
type = "long"
attested_by = ["registration"]
hi = 10000000000
severest = 0
amend = "operator"
text = "Persons whom a source could reach at all."
"""


def declared(*names: str) -> str:
    """The figures as a registry declares them, and the size of a population."""
    return "".join(_FACT.format(name=name) for name in names) + _POPULATION


def bundle_with(*names: str, observers: bool = True) -> Any:
    files = SmallBundle(signed=False).files()
    files["facts.toml"] += declared(*names).encode()
    if observers:
        files["deployments.toml"] = files["deployments.toml"].replace(
            b'observers = ["totals", "counter"]', b'observers = ["totals", "counter", "monitors"]'
        )
    files["deployments.toml"] += b"[deployments.desk.facts]\npopulation_size = 400\n"
    return parse_bundle(files)


class Desk:
    """One deployment whose uses are gathered, and reserved as released."""

    def __init__(self, *names: str, observers: bool = True, keyed: bool = True) -> None:
        self.bundle = bundle_with(*names, observers=observers)
        self.monitors = Monitors()
        self.contribute = Contributions(sightings_of, ChainKeys((KEY,)), self.monitors)
        self.keyed = keyed

    def use(self, table: str, at: datetime = START) -> Mapping[str, Value]:
        desk = self.bundle.deployments["desk"]
        more: dict[str, Any] = {"contribute": self.contribute} if self.keyed else {}
        found = gather(
            call_of(Request(0, at, table, frozenset())),
            desk,
            self.bundle.registry,
            (),
            self.monitors,
            at,
            read=reading_of(self.monitors, "desk", at),
            **more,
        )
        self.monitors.reserve(at, "desk", found.counted, found.reserve, flying=False)
        return {fact.name: fact.value for fact in found.cases[0].facts if fact.role == "monitors"}


def rows(first: int, last: int, columns: str = "region", value: str = "x") -> str:
    width = len(columns.split(","))
    cells = ",".join([value] * width)
    return f"device_id,{columns}\n" + "".join(f"person-number-{n:06d},{cells}\n" for n in range(first, last))


def test_only_the_facts_of_the_registry_are_there_and_only_with_the_observer() -> None:
    assert Desk("attributes_joined_count").use(rows(0, 3)).keys() == {"attributes_joined_count"}
    assert Desk("attributes_joined_count", observers=False).use(rows(0, 3)) == {}


def test_attributes_asked_for_one_by_one_are_joined() -> None:
    desk = Desk("attributes_joined_count", "sensitive_pairs_count")
    seen = [
        desk.use(rows(0, 3, column)) for column in ("religion", "region", "pregnancy", "union_membership")
    ]
    assert [one["attributes_joined_count"] for one in seen] == [1, 2, 3, 4]
    assert [one["sensitive_pairs_count"] for one in seen] == [0, 0, 1, 3]


def test_coverage_is_of_the_population_that_is_registered() -> None:
    desk = Desk("population_coverage_permille")
    assert desk.use(rows(0, 100))["population_coverage_permille"] == 250
    assert desk.use(rows(50, 200))["population_coverage_permille"] == 500


def test_growth_repeats_and_windows() -> None:
    desk = Desk(
        "growth_permille", "repeat_share_permille", "deployment_subject_count_1h", "owner_subject_count_7d"
    )
    desk.use(rows(0, 100))
    seen = desk.use(rows(50, 150), START + timedelta(hours=3))
    assert seen["growth_permille"] == 500
    assert seen["repeat_share_permille"] == 500
    assert seen["deployment_subject_count_1h"] == 100
    assert seen["owner_subject_count_7d"] == 150
    later = desk.use(rows(0, 1), START + timedelta(days=9))
    assert later["owner_subject_count_7d"] == 1


def test_two_uses_that_differ_by_one_person_are_noticed() -> None:
    desk = Desk("least_difference")
    assert desk.use(rows(0, 300))["least_difference"] == 300
    assert desk.use(rows(0, 300, "role"))["least_difference"] == 300  # the same persons tell nothing new
    assert desk.use(rows(0, 299))["least_difference"] == 1


def test_persons_picked_by_what_is_protected_are_counted() -> None:
    desk = Desk("protected_selection_12m")
    desk.use(rows(0, 50, "role"))
    assert desk.use(rows(0, 20, "religion"))["protected_selection_12m"] == 20


def test_places_and_days_of_one_person_add_up() -> None:
    desk = Desk("points_per_person", "span_days_per_person")
    for day in (1, 4, 9):
        table = (
            f"device_id,lat,lon,time\nperson-number-000001,52.{day}1234,4.91234,2026-02-0{day}T08:00:00Z\n"
        )
        seen = desk.use(table)
    assert seen["points_per_person"] == 3
    assert seen["span_days_per_person"] == 9


def test_what_nobody_can_tell_apart_is_open_above_and_a_difference_below() -> None:
    desk = Desk("attributes_joined_count", "owner_subject_count_12m", "least_difference", keyed=False)
    seen = desk.use(rows(0, 30))
    assert seen["attributes_joined_count"] == Interval(0, 10_000_000_000)
    assert seen["owner_subject_count_12m"] == Interval(0, 10_000_000_000)
    assert seen["least_difference"] == Interval(0, 10_000_000_000)


def test_every_figure_is_computed_of_any_use_and_is_a_range() -> None:
    desk = Desk(*FIGURES)
    draw = random.Random(3)
    for n in range(12):
        first = draw.randrange(40)
        seen = desk.use(rows(first, first + draw.randrange(1, 30)), START + timedelta(hours=n))
        assert seen.keys() == FIGURES.keys()


def tool_call(number: int, tool: str, at: datetime, point: Point = Point.TOOL) -> DecisionRecord:
    made = decision_record(number, point=point, of="0-0123456789abcdef")
    return replace(made, action=f"tool:{tool}", deployment="desk", time=render_time(at))


def test_effects_of_tools_are_counted_within_the_hour_with_their_runs_and_after_a_reading() -> None:
    monitors = Monitors()
    start = datetime(2026, 3, 1, tzinfo=UTC)
    monitors.fold(tool_call(0, "mail", start))
    found = replace(decision_record(1), deployment="desk", time=render_time(start + timedelta(minutes=10)))
    monitors.fold(replace(found, reserve=(Reservation("s", sha256(b"x"), 3, 3),)))
    for n, tool in enumerate(("mail", "mail", "mail", "write"), 2):
        monitors.fold(tool_call(n, tool, start + timedelta(minutes=10 + n)))
    monitors.fold(replace(tool_call(9, "mail", start + timedelta(minutes=20)), decision=REFUSED))
    read = reading_of(monitors, "desk", start + timedelta(minutes=30))
    values = read(sorted(OF_EFFECTS), Counted("agency", "p"), (), 0)
    assert [values[name].lo for name in EFFECTS] == [5, 4, 4]
    assert [values[name].lo for name in EFFECTS] == [
        values[f"all_{name}_12m"].lo
        for name in ("effect_count", "effects_after_reading", "longest_effect_run")
    ]
    later = reading_of(monitors, "desk", start + timedelta(minutes=79))
    assert later(["effects_per_hour"], Counted("agency", "p"), (), 0)["effects_per_hour"] == Bounds(1, 1)
    assert later(["deployment_effect_count_24h"], Counted("agency", "p"), (), 0) == {
        "deployment_effect_count_24h": Bounds(5, 5)
    }


EFFECTS = ("effects_per_hour", "effects_after_reading", "longest_effect_run")
REFUSED = replace(decision_record(0).decision, verdict=Verdict.DENY)


def test_a_call_of_a_tool_is_decided_by_what_tools_did_until_then() -> None:
    bundle = bundle_with("effects_per_hour")
    before = Fact("effects_per_hour", 1, Grade.OBSERVED, "monitors")
    (case,) = with_effects((Facts((before,)),), bundle.registry, {"effects_per_hour": Bounds(7, 7)})
    assert [fact.value for fact in case.facts] == [7]
