"""`caveat bench`: what this machine makes of the budgets. Measured here and now, or null with a reason.

The rooms measure themselves; this verb knows the bars, runs what is asked for, and says what holds. A
figure that could not be measured is null and its reason stands beside it: never zero, never a guess.
"""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from caveat.signing.canonical import Json, JsonObject

HOLDS, DOES_NOT_HOLD, COULD_NOT_RUN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure is compared with: at most `bar`, or at least where `more_is_better`. None: no bar."""

    name: str
    unit: str
    bar: float | None
    more_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """A value and how many observations stand behind it."""

    value: float
    n: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the report. `measured` is None where there is none, and `reason` says why."""

    bar: Bar
    measured: Measured | None
    reason: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the bar is met; None without a value or without a bar."""
        if self.measured is None or self.bar.bar is None:
            return None
        value = self.measured.value
        return value >= self.bar.bar if self.bar.more_is_better else value <= self.bar.bar


BARS = (
    Bar("evaluator_cpu_us", "us", 100.0),
    Bar("cedar_confirm_cpu_us", "us", 450.0),
    Bar("decisions_per_cpu_s_memo_off", "1/s", None, more_is_better=True),
    Bar("decisions_per_cpu_s_memo_on", "1/s", None, more_is_better=True),
    Bar("evidence_new_cpu_us", "us", 300.0),
    Bar("evidence_known_cpu_us", "us", 20.0),
    Bar("caller_key_cpu_us", "us", 20.0),
    Bar("caller_token_new_cpu_us", "us", 300.0),
    Bar("caller_token_known_cpu_us", "us", 20.0),
    Bar("caller_certificate_cpu_us", "us", 20.0),
    Bar("parts_100kb_rows_cpu_ms", "ms", 20.0),
    Bar("parts_100kb_text_cpu_ms", "ms", 20.0),
    Bar("parts_4kb_chat_cpu_ms", "ms", 1.0),
    Bar("parts_none_registered_cpu_us", "us", None),
    Bar("turn_10_cpu_ms", "ms", None),
    Bar("turn_200_cpu_ms", "ms", None),
    Bar("turn_200_to_10", "ratio", 1.5),
    Bar("agent_turn_10_cpu_ms", "ms", None),
    Bar("agent_turn_200_cpu_ms", "ms", None),
    Bar("agent_turn_200_to_10", "ratio", 1.5),
    Bar("monitors_use_cpu_ms", "ms", 0.2),
    Bar("monitors_memory_mb", "MB", None),
    Bar("monitors_bound_mb", "MB", 1500),
    Bar("monitors_agent_ms", "ms", 1.0),
    Bar("durable_records_per_s_128", "1/s", 10_000.0, more_is_better=True),
    Bar("verify_million_cpu_s", "s", 60.0),
    Bar("verify_peak_mb", "MB", None),
    Bar("gateway_cpu_ms", "ms", 1.0),
    Bar("gateway_rps", "1/s", 1_000.0, more_is_better=True),
    Bar("gateway_p50_ms", "ms", None),
    Bar("gateway_p99_ms", "ms", None),
    Bar("passthrough_rps", "1/s", None, more_is_better=True),
    Bar("passthrough_cpu_ms", "ms", None),
    Bar("gateway_to_passthrough", "ratio", None, more_is_better=True),
    Bar("stream_chunk_cpu_ms", "ms", 0.1),
    Bar("phrases_chunk_cpu_ms", "ms", 0.1),
    Bar("panel_message_cpu_ms", "ms", 3.0),
    Bar("redact_chunk_cpu_ms", "ms", 0.1),
    Bar("classifier_200_tokens_cpu_ms", "ms", 1.0),
    Bar("classifier_megabyte_cpu_s", "s", None),
    Bar("identifiers_rows_cpu_ms_kb", "ms", 1.0),
    Bar("identifiers_prose_cpu_ms_kb", "ms", 1.0),
    Bar("prove_25_s", "s", None),
    Bar("prove_50_s", "s", 2.0),
    Bar("prove_200_s", "s", None),
    Bar("cold_start_s", "s", 2.0),
    Bar("coverage_cpu_s", "s", None),
    Bar("idle_rss_mb", "MB", 120.0),
    Bar("diff_25_s", "s", None),
    Bar("diff_50_s", "s", 0.3),
    Bar("diff_200_s", "s", None),
)
"""Source: DESIGN section 9, `docs/reference/bench.md`."""


@dataclass(frozen=True, slots=True)
class Source:
    """A measurement that gives one or several figures; raises where it cannot be made."""

    names: tuple[str, ...]
    run: Callable[[], Mapping[str, Measured]]


def measure(
    sources: Sequence[Source], only: frozenset[str], advance: Callable[[str], None]
) -> tuple[Figure, ...]:
    """Every chosen figure in the order of `BARS`; a source that raises leaves its figures unmeasured."""
    measured: dict[str, Measured] = {}
    reasons: dict[str, str] = {}
    for source in sources:
        if only.isdisjoint(source.names):
            continue
        advance(source.names[0])
        try:
            measured.update(source.run())
        except Exception as error:  # whatever it is becomes the reason in the report: nothing is hidden
            reasons.update(dict.fromkeys(source.names, f"{type(error).__name__}: {error}".rstrip(": ")))
    if {"gateway_rps", "passthrough_rps"} <= measured.keys():
        gateway, limit = measured["gateway_rps"], measured["passthrough_rps"]
        measured["gateway_to_passthrough"] = Measured(gateway.value / limit.value, gateway.n)
    return tuple(
        Figure(bar, measured.get(bar.name), reasons.get(bar.name, "")) for bar in BARS if bar.name in only
    )


def render_json(machine: str, figures: Sequence[Figure]) -> JsonObject:
    """Version 1: `value`, `holds` and `n` are null where nothing was measured, and `reason` says why."""
    return {"version": 1, "machine": machine, "figures": [_row(figure) for figure in figures]}


def _row(figure: Figure) -> JsonObject:
    measured = figure.measured
    row: JsonObject = {
        "name": figure.bar.name,
        "value": None if measured is None else float(f"{measured.value:.4g}"),
        "unit": figure.bar.unit,
        "bar": figure.bar.bar,
        "holds": figure.holds,
        "n": None if measured is None else measured.n,
    }
    return row if measured is not None else {**row, "reason": figure.reason}


def machine_name() -> str:
    """Processor, cores and versions: enough to compare figures with others of the same machine alone."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a pseudo-file, read by line
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass  # no such file on this system; the architecture will do
    return platform.machine()


@click.command("bench")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of the table.")
@click.option(
    "--only", multiple=True, type=click.Choice([bar.name for bar in BARS]), help="Measure this alone."
)
@click.option("--full", is_flag=True, help="The monitors with 10,000,000 subjects in place of 200,000.")
def bench_command(*, as_json: bool, only: tuple[str, ...], full: bool) -> int:
    """Measure this machine against the budgets.

    Takes a minute or two and both processors, with --full ten minutes more: run it alone. Exit code 0:
    every bar holds; 1: one does not;
    2: something could not be measured.

    \b
    Examples:
      caveat bench
      caveat bench --only evaluator_cpu_us --json
    """
    chosen = frozenset(only) or frozenset(bar.name for bar in BARS)
    if "gateway_to_passthrough" in chosen:
        chosen |= {"gateway_rps", "passthrough_rps"}
    figures = _with_progress(chosen, _FULL_SOURCES if full else SOURCES)
    if as_json:
        document = render_json(machine_name(), figures)
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        _print_table(figures)
    return exit_code(figures)


def exit_code(figures: Sequence[Figure]) -> int:
    """1 where a bar is missed, else 2 where something is unmeasured, else 0."""
    if any(figure.holds is False for figure in figures):
        return DOES_NOT_HOLD
    return COULD_NOT_RUN if any(figure.measured is None for figure in figures) else HOLDS


def _with_progress(chosen: frozenset[str], every: Sequence[Source]) -> tuple[Figure, ...]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    sources = [source for source in every if not chosen.isdisjoint(source.names)]
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("measuring", total=len(sources))

        def advance(name: str) -> None:
            progress.update(task, description=name, advance=1)

        return measure(sources, chosen, advance)


def _print_table(figures: Sequence[Figure]) -> None:
    table = Table(title=machine_name(), title_justify="left")
    for column in ("figure", "value", "unit", "bar", "holds", "n"):
        table.add_column(column, justify="right" if column in {"value", "bar", "n"} else "left")
    for figure in figures:
        bar, measured = figure.bar, figure.measured
        sign = "≥" if bar.more_is_better else "≤"
        table.add_row(
            bar.name,
            "unmeasured" if measured is None else f"{measured.value:,.4g}",
            bar.unit,
            "" if bar.bar is None else f"{sign} {bar.bar:,g}",
            {True: "yes", False: "NO", None: figure.reason}[figure.holds],
            "" if measured is None else f"{measured.n:,}",
        )
    Console().print(table)


def _rows(rows: Sequence[Mapping[str, Json]]) -> Mapping[str, Measured]:
    """What a room reports as rows of this report; only the value and the count are taken from it."""
    found: dict[str, Measured] = {}
    for row in rows:
        name, value, n = row["name"], row["value"], row["n"]
        if isinstance(name, str) and isinstance(value, (int, float)) and isinstance(n, int):
            found[name] = Measured(float(value), n)
    return found


def _decision() -> Mapping[str, Measured]:
    from caveat.cli.measure_decision import measure_decision

    found = measure_decision()
    return {
        "evaluator_cpu_us": Measured(found.evaluator_cpu_us, found.n),
        "cedar_confirm_cpu_us": Measured(found.cedar_confirm_cpu_us, found.n // 3),
        "decisions_per_cpu_s_memo_off": Measured(found.decisions_per_s_memo_off, found.n),
        "decisions_per_cpu_s_memo_on": Measured(found.decisions_per_s_memo_on, 2 * found.n),
    }


def _prove() -> Mapping[str, Measured]:
    from caveat.cli.measure_prove import measure_prove

    return {f"prove_{clauses}_s": Measured(taken, 1) for clauses, taken in measure_prove().items()}


def _identifiers() -> Mapping[str, Measured]:
    from caveat.cli.measure_identifiers import measure_identifiers

    return {name: Measured(value, n) for name, (value, n) in measure_identifiers().items()}


def _evidence() -> Mapping[str, Measured]:
    from caveat.evidence.measure import measure_evidence

    return _rows(measure_evidence())


def _callers() -> Mapping[str, Measured]:
    from caveat.cli.measure_callers import measure_callers

    return {name: Measured(value, n) for name, (value, n) in measure_callers().items()}


def _parts() -> Mapping[str, Measured]:
    from caveat.cli.measure_parts import measure_parts

    return _rows(measure_parts())


def _turns() -> Mapping[str, Measured]:
    from caveat.cli.measure_turns import measure_turns

    return {name: Measured(value, n) for name, (value, n) in measure_turns().items()}


def _ledger() -> Mapping[str, Measured]:
    from caveat.ledger.measure import measure_durable_records

    seconds = 5.0
    rate = measure_durable_records(callers=128, seconds=seconds)
    return {"durable_records_per_s_128": Measured(rate, round(rate * seconds))}


def _verification() -> Mapping[str, Measured]:
    from caveat.ledger.measure import measure_verification

    records = 20_000
    seconds, megabytes = measure_verification(records)
    return {
        "verify_million_cpu_s": Measured(seconds, records),
        "verify_peak_mb": Measured(megabytes, records),
    }


def _gateway() -> Mapping[str, Measured]:
    from caveat.cli.measure_gateway import measure_gateway, measure_passthrough, staged

    with staged() as stage:
        figures = [*measure_passthrough(), *measure_gateway(stage)]
    return {figure.name: Measured(figure.value, figure.n) for figure in figures}


def _cold_start() -> Mapping[str, Measured]:
    from caveat.cli.measure_gateway import measure_cold_start, staged

    with staged() as stage:
        return {figure.name: Measured(figure.value, figure.n) for figure in measure_cold_start(stage)}


def _panel() -> Mapping[str, Measured]:
    from caveat.cli.measure_panel import measure_panel

    return {"panel_message_cpu_ms": Measured(*measure_panel())}


def _phrases() -> Mapping[str, Measured]:
    from caveat.cli.measure_phrases import measure_phrases

    return {"phrases_chunk_cpu_ms": Measured(*measure_phrases())}


def _monitors(*, full: bool = False) -> Mapping[str, Measured]:
    from caveat.cli.measure_monitors import FULL_SUBJECTS, SUBJECTS, measure_monitors

    milliseconds, megabytes, n = measure_monitors(FULL_SUBJECTS if full else SUBJECTS)
    return {"monitors_use_cpu_ms": Measured(milliseconds, n), "monitors_memory_mb": Measured(megabytes, 1)}


def _bounds() -> Mapping[str, Measured]:
    from caveat.cli.measure_bounds import measure_agent, measure_bound

    return {
        "monitors_bound_mb": Measured(*measure_bound()),
        "monitors_agent_ms": Measured(*measure_agent()),
    }


def _coverage() -> Mapping[str, Measured]:
    from caveat.cli.measure_coverage import measure_proof

    seconds, cells = measure_proof()
    return {"coverage_cpu_s": Measured(seconds, cells)}


def _redaction() -> Mapping[str, Measured]:
    from caveat.cli.measure_redaction import measure_redaction

    return {"redact_chunk_cpu_ms": Measured(*measure_redaction())}


def _classifier() -> Mapping[str, Measured]:
    from caveat.cli.measure_classifier import measure_megabyte, measure_message

    return {
        "classifier_200_tokens_cpu_ms": Measured(*measure_message()),
        "classifier_megabyte_cpu_s": Measured(*measure_megabyte()),
    }


def _diff() -> Mapping[str, Measured]:
    from caveat.cli.measure_diff import measure_diff

    return {f"diff_{clauses}_s": Measured(*measure_diff(clauses)) for clauses in (25, 50, 200)}


SOURCES = (
    Source(
        (
            "evaluator_cpu_us",
            "cedar_confirm_cpu_us",
            "decisions_per_cpu_s_memo_off",
            "decisions_per_cpu_s_memo_on",
        ),
        _decision,
    ),
    Source(("phrases_chunk_cpu_ms",), _phrases),
    Source(("identifiers_rows_cpu_ms_kb", "identifiers_prose_cpu_ms_kb"), _identifiers),
    Source(("panel_message_cpu_ms",), _panel),
    Source(("redact_chunk_cpu_ms",), _redaction),
    Source(("classifier_200_tokens_cpu_ms", "classifier_megabyte_cpu_s"), _classifier),
    Source(("evidence_new_cpu_us", "evidence_known_cpu_us"), _evidence),
    Source(
        (
            "caller_key_cpu_us",
            "caller_token_new_cpu_us",
            "caller_token_known_cpu_us",
            "caller_certificate_cpu_us",
        ),
        _callers,
    ),
    Source(
        (
            "parts_100kb_rows_cpu_ms",
            "parts_100kb_text_cpu_ms",
            "parts_4kb_chat_cpu_ms",
            "parts_none_registered_cpu_us",
        ),
        _parts,
    ),
    Source(
        (
            "turn_10_cpu_ms",
            "turn_200_cpu_ms",
            "turn_200_to_10",
            "agent_turn_10_cpu_ms",
            "agent_turn_200_cpu_ms",
            "agent_turn_200_to_10",
        ),
        _turns,
    ),
    Source(("monitors_use_cpu_ms", "monitors_memory_mb"), _monitors),
    Source(("monitors_bound_mb", "monitors_agent_ms"), _bounds),
    Source(("durable_records_per_s_128",), _ledger),
    Source(("verify_million_cpu_s", "verify_peak_mb"), _verification),
    Source(
        (
            "gateway_cpu_ms",
            "gateway_rps",
            "gateway_p50_ms",
            "gateway_p99_ms",
            "passthrough_rps",
            "passthrough_cpu_ms",
            "stream_chunk_cpu_ms",
            "idle_rss_mb",
        ),
        _gateway,
    ),
    Source(("prove_25_s", "prove_50_s", "prove_200_s"), _prove),
    Source(("cold_start_s",), _cold_start),
    Source(("coverage_cpu_s",), _coverage),
    Source(("diff_25_s", "diff_50_s", "diff_200_s"), _diff),
)
"""Each imports its room only when it is run: `caveat bench --help` costs nothing."""
_FULL_SOURCES = tuple(
    replace(source, run=partial(_monitors, full=True)) if source.run is _monitors else source
    for source in SOURCES
)
