"""How a measurement of screens is shown on a terminal: no wider than eighty columns, and without any text."""

from collections.abc import Iterator, Mapping

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from caveat.assay.screened import AtLimit, HeadMeasured, Row
from caveat.assay.screens_report import Measurement, ScreenMeasured
from caveat.facts.wilson import Share

_WHOLE = "all"
_CELLS = 20


def print_measurement(found: Measurement) -> None:
    """The set, then each screen with its heads, then the bars."""
    console = Console()
    repeated = f", {found.texts.repeated} repeated" if found.texts.repeated else ""
    click.echo(f"set {found.texts.sha256[:16]}: {len(found.texts.texts)} texts{repeated}")
    if found.bundle:
        click.echo(f"bundle {found.bundle[:16]}")
    for one in found.screens:
        click.echo(f"\n{_said(one)}")
        _print_heads(console, one.heads, found)
    several = {
        head: measured
        for head, measured in found.together.items()
        if sum(head in one.heads for one in found.screens) > 1
    }
    if several:
        click.echo("\nall screens together, the highest score of each text")
        _print_heads(console, several, found)
    for bar in found.bars:
        area = "unmeasured" if bar.area is None else f"{bar.area:.3f}"
        click.echo(f"bar {bar.head} {bar.bar:g}: {area}, {'met' if bar.is_met else 'missed'}")


def _said(one: ScreenMeasured) -> str:
    times = "" if one.times is None else f", p50 {one.times.median:.1f} ms, p95 {one.times.p95:.1f} ms"
    digest = f" {one.digest[:16]}" if one.digest else ""
    failures = "".join(f", {count} {why}" for why, count in one.failures.items())
    return f"screen {one.name}{digest}{times}{failures}"


def _print_heads(console: Console, heads: Mapping[str, HeadMeasured], found: Measurement) -> None:
    for head, measured in heads.items():
        rows = {_WHOLE: measured.whole, **(measured.sources if len(measured.sources) > 1 else {})}
        console.print(_areas(head, rows))
        console.print(_limits(rows, float(found.asked.max_flagged)))
        for each in measured.calibration:
            filled = "█" * round(each.was * _CELLS)
            click.echo(f"said {each.said:.3f}  was {each.was:.3f}  {filled:<{_CELLS}}  n={each.count}")


def _areas(head: str, rows: Mapping[str, Row]) -> Table:
    table = Table(title=escape(head), title_justify="left")
    for column in ("source", "cases", "benign", "no score", "AUC", "95 % interval"):
        table.add_column(column, justify="left" if column == "source" else "right", overflow="fold")
    for name, row in rows.items():
        mark = "*" if row.against == "whole" else ""
        area = row.area
        cells = (
            ("unmeasured", "")
            if area is None
            else (f"{area.value:.3f}{mark}", f"{area.low:.3f} to {area.high:.3f}")
        )
        table.add_row(escape(name), str(row.cases), str(row.benign), str(row.unavailable), *cells)
    if any(row.against == "whole" for row in rows.values()):
        table.caption = "* of one kind alone: told from the others of the whole set"
        table.caption_justify = "left"
    return table


def _limits(rows: Mapping[str, Row], max_flagged: float) -> Table:
    table = Table()
    for column in ("source", "from", "read by", "found", "of", "flagged", "of"):
        table.add_column(
            column, justify="left" if column in ("source", "read by") else "right", overflow="fold"
        )
    for name, row in rows.items():
        for one in row.limits:
            by = ", ".join(one.limit.clauses) or "–"
            table.add_row(escape(name), str(one.limit.score), escape(by), *_shares(one))
        label = f"at most {max_flagged:.3g} flagged" if max_flagged < 0.001 else f"at most {max_flagged:.1%}"
        if row.at_most is None:
            table.add_row(escape(name), "none", label, *["–"] * 4)
        else:
            table.add_row(escape(name), str(row.at_most.limit.score), label, *_shares(row.at_most))
    return table


def _shares(one: AtLimit) -> Iterator[str]:
    for share in (one.found, one.flagged):
        yield from _share(share)


def _share(share: Share) -> tuple[str, str]:
    return ("–", "0") if share.value is None else (f"{share.value:.1%}", str(share.total))
