"""`caveat bench`: what this machine makes of the budgets. Measured here and now, or null with a reason.

The rooms measure themselves; this verb knows the bars, runs what is asked for, and says what holds. A
figure that could not be measured is null and its reason stands beside it: never zero, never a guess.
"""

import os
import platform
from collections.abc import Callable, Sequence

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from caveat.cli.bars import BARS, Figure, Measured
from caveat.cli.bench_sources import FULL_SOURCES, SOURCES, Source
from caveat.signing.canonical import JsonObject

HOLDS, DOES_NOT_HOLD, COULD_NOT_RUN = 0, 1, 2


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
    "--only",
    multiple=True,
    metavar="FIGURE",
    type=click.Choice([bar.name for bar in BARS]),
    help="Measure this alone (docs/reference/bench.md names each).",
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
    figures = _with_progress(chosen, FULL_SOURCES if full else SOURCES)
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
