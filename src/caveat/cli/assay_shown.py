"""How a run of the assay is shown on a terminal: its progress, its figures, what kept it from being run."""

from contextlib import AbstractContextManager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from caveat.assay.errors import AssayError
from caveat.assay.measured import Measured
from caveat.cli.assay_cost import costs_table
from caveat.cli.assay_markup import in_figures
from caveat.cli.assay_outside import outside_table
from caveat.facts.wilson import Share


class Bar(AbstractContextManager["Bar"]):
    """A bar with the time that is left; nothing where there is no terminal."""

    def __init__(self, doing: str) -> None:
        """`doing`: what stands before the bar."""
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._task = self._progress.add_task(doing, total=0)
        self._total = 0

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def expect(self, more: int) -> None:
        """So much is to be done beside what was expected before."""
        self._total += more
        self._progress.update(self._task, total=self._total)

    def advance(self) -> None:
        """One thing is done."""
        self._progress.advance(self._task)


def explain(error: AssayError) -> None:
    """Says on standard error what kept the assay from being run, and what to do."""
    for finding in error.findings:
        click.echo(f"caveat: {finding}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)


def print_summary(measured: Measured) -> None:
    """A row for each arm."""
    partial = "; partial" if measured.partial else ""
    title = f"protection, with 95 % intervals; model: {measured.model}{partial}"
    table = Table(title=title, title_justify="left")
    for column in ("arm", "apparent", f"real ({measured.strongest})", "unsafe", "of", "twins passed", "of"):
        table.add_column(column, justify="left" if column == "arm" else "right", overflow="fold")
    for arm in measured.arms.values():
        table.add_row(
            arm.name,
            in_figures(arm.apparent),
            in_figures(arm.real(measured.strongest)),
            *_counted(arm.unsafe),
            *_counted(arm.twins),
        )
    for name in measured.unmeasured_arms:
        table.add_row(name, *["unmeasured"] * 2, "", "", "", "")
    Console().print(table)
    costs = costs_table(measured)
    if costs is not None:
        Console().print(costs)
    for name in measured.missing_sets:
        click.echo(f"caveat assay: prompts `{name}` were not asked: the set is not there", err=True)
    outside = outside_table(measured)
    if outside is not None:
        Console().print(outside)
    for layer, why in measured.unmeasured_layers.items():
        click.echo(f"layer {layer} is unmeasured: {why}")


def _counted(share: Share) -> tuple[str, str]:
    return (str(share.count), str(share.total)) if share.total else ("unmeasured", "")
