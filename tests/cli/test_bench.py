"""The bench: what is not measured is null with its reason, and a missed bar is a missed bar."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from click.testing import CliRunner

from caveat.cli import bench
from caveat.cli.bars import BARS, Bar, Figure, Measured
from caveat.cli.bench import exit_code, measure, render_json
from caveat.cli.bench_sources import SOURCES, Source

ALL = frozenset(bar.name for bar in BARS)


def source(*names: str, value: float = 1.0) -> Source:
    return Source(names, lambda: {name: Measured(value, 7) for name in names})


def broken(*names: str) -> Source:
    def run() -> Mapping[str, Measured]:
        raise RuntimeError("no such disk")

    return Source(names, run)


def by_name(figures: tuple[Figure, ...]) -> dict[str, Figure]:
    return {figure.bar.name: figure for figure in figures}


@pytest.mark.parametrize(
    ("bar", "value", "holds"),
    [
        (Bar("x", "us", 100.0), 100.0, True),
        (Bar("x", "us", 100.0), 100.1, False),
        (Bar("x", "1/s", 1000.0, more_is_better=True), 1000.0, True),
        (Bar("x", "1/s", 1000.0, more_is_better=True), 999.0, False),
        (Bar("x", "1/s", None), 5.0, None),
    ],
)
def test_a_bar_is_a_most_or_a_least(bar: Bar, value: float, *, holds: bool | None) -> None:
    assert Figure(bar, Measured(value, 1)).holds is holds


def test_what_cannot_be_measured_is_null_with_its_reason_and_the_rest_goes_on() -> None:
    found = by_name(measure([broken("cold_start_s"), source("idle_rss_mb")], ALL, lambda _name: None))
    assert found["cold_start_s"].measured is None
    assert found["cold_start_s"].reason == "RuntimeError: no such disk"
    assert found["cold_start_s"].holds is None
    assert found["idle_rss_mb"].measured == Measured(1.0, 7)


def test_only_what_is_chosen_is_run_and_reported() -> None:
    started: list[str] = []
    sources = [broken("cold_start_s"), source("idle_rss_mb", "gateway_cpu_ms")]
    figures = measure(sources, frozenset({"idle_rss_mb"}), started.append)
    assert started == ["idle_rss_mb"]
    assert [figure.bar.name for figure in figures] == ["idle_rss_mb"]


def test_the_gateway_is_set_against_the_bare_pass_through_of_the_same_run() -> None:
    sources = [source("gateway_rps", value=1500.0), source("passthrough_rps", value=4500.0)]
    ratio = by_name(measure(sources, ALL, lambda _name: None))["gateway_to_passthrough"]
    assert ratio.measured is not None
    assert ratio.measured.value == pytest.approx(1 / 3)
    alone = by_name(measure(sources[:1], ALL, lambda _name: None))["gateway_to_passthrough"]
    assert alone.measured is None


def test_the_json_has_the_documented_shape() -> None:
    bar = Bar("x", "us", 100.0)
    document: Any = render_json("here", [Figure(bar, Measured(12.34567, 9)), Figure(bar, None, "why")])
    assert (document["version"], document["machine"]) == (1, "here")
    assert document["figures"] == [
        {"name": "x", "value": 12.35, "unit": "us", "bar": 100.0, "holds": True, "n": 9},
        {"name": "x", "value": None, "unit": "us", "bar": 100.0, "holds": None, "n": None, "reason": "why"},
    ]


def test_the_exit_code_is_1_for_a_missed_bar_2_for_an_unmeasured_one_else_0() -> None:
    met, missed = (Figure(Bar("x", "us", 1.0), Measured(value, 1)) for value in (1.0, 2.0))
    unmeasured = Figure(Bar("x", "us", 1.0), None, "why")
    assert exit_code([met]) == 0
    assert exit_code([met, unmeasured]) == 2
    assert exit_code([met, unmeasured, missed]) == 1


def test_every_source_gives_figures_that_have_a_bar_and_every_bar_has_a_source() -> None:
    given = [name for each in SOURCES for name in each.names]
    assert len(given) == len(set(given))
    assert set(given) | {"gateway_to_passthrough"} == ALL


def test_the_names_that_programs_rely_on_stay() -> None:
    names = (
        "evaluator_cpu_us cedar_confirm_cpu_us gateway_cpu_ms gateway_rps passthrough_rps "
        "stream_chunk_cpu_ms durable_records_per_s_128 cold_start_s idle_rss_mb"
    )
    assert set(names.split()) <= ALL


def test_the_command_prints_json_and_refuses_an_unknown_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SOURCES", (source("idle_rss_mb", value=60.0),))
    shown = CliRunner().invoke(bench.bench_command, ["--json", "--only", "idle_rss_mb"])
    (row,) = json.loads(shown.output)["figures"]
    assert (row["name"], row["value"], row["holds"]) == ("idle_rss_mb", 60.0, True)
    assert CliRunner().invoke(bench.bench_command, ["--only", "speed"]).exit_code == 2
    table = CliRunner().invoke(bench.bench_command, ["--only", "idle_rss_mb"])
    assert "idle_rss_mb" in table.output
