"""`caveat coverage`: which shape of which endpoint this installation decides, and where."""

import asyncio
from collections.abc import Iterable

import click
import orjson
from rich.console import Console
from rich.table import Table

from caveat import __version__
from caveat.cli.progress import Bar
from caveat.gateway.coverage import Cell, Matrix, measure_coverage
from caveat.signing.canonical import Json, JsonObject

HOLDS, DOES_NOT_HOLD = 0, 1


@click.command("coverage")
@click.option("--json", "as_json", is_flag=True, help="Print every shape as JSON in place of the table.")
@click.option("--endpoint", metavar="PATH", help="Show this endpoint alone.")
def coverage_command(*, as_json: bool, endpoint: str | None) -> int:
    """Prove with planted uses that each shape of each endpoint is decided.

    Every shape that the official SDKs' types have, and of each a variant that no type has yet, is played
    through the gateway's own code with something in it that a built-in law refuses, and again without it.
    No operator's policy, ledger, budget or log takes part, and nothing leaves the process. The same uses are
    played whenever `caveat serve` starts.

    Exit code 0: every cell holds; 1: one does not; 2: it could not be run.

    \b
    Examples:
      caveat coverage
      caveat coverage --endpoint /v1/messages
      caveat coverage --json | jq '.cells[] | select(.holds | not)'
    """
    with Bar("planted uses") as progress:
        matrix = asyncio.run(measure_coverage(progress))
    cells = _chosen(matrix, endpoint)
    if as_json:
        click.echo(orjson.dumps(render_json(matrix, cells), option=orjson.OPT_INDENT_2).decode())
    else:
        _print_table(matrix, cells)
    return HOLDS if all(cell.holds for cell in cells) else DOES_NOT_HOLD


def _chosen(matrix: Matrix, endpoint: str | None) -> tuple[Cell, ...]:
    if endpoint is None:
        return matrix.cells
    chosen = tuple(cell for cell in matrix.cells if cell.plant.at == endpoint)
    if not chosen:
        served = ", ".join(dict.fromkeys(cell.plant.at for cell in matrix.cells))
        raise click.BadParameter(
            f"no use is decided there; the endpoints are {served}", param_hint="--endpoint"
        )
    return chosen


def render_json(matrix: Matrix, cells: Iterable[Cell]) -> JsonObject:
    """Version 1: a row for each cell; `point` is empty and `fault` says why where one does not hold."""
    rows: list[Json] = [_row(cell) for cell in cells]
    return {"version": 1, "caveat": __version__, "sdks": dict(matrix.sdks), "cells": rows}


def _row(cell: Cell) -> JsonObject:
    plant = cell.plant
    return {
        "endpoint": plant.at,
        "direction": plant.shape.direction.value,
        "group": plant.shape.group,
        "shape": plant.shape.name,
        "planted": plant.what,
        "stream": plant.stream,
        "point": cell.point,
        "twin_passes": cell.twin_passes,
        "holds": cell.holds,
        "fault": cell.fault,
    }


def _print_table(matrix: Matrix, cells: tuple[Cell, ...]) -> None:
    sdks = ", ".join(f"{name} {version}" for name, version in sorted(matrix.sdks.items()))
    table = Table(title=f"Shapes of {sdks}", title_justify="left")
    for column in ("endpoint", "content", "decided at", "whole", "stream", "twin passes", "cells"):
        table.add_column(column, justify="right" if column == "cells" else "left", overflow="fold")
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        shape = cell.plant.shape
        side = "asked" if shape.direction.value == "request" else "answered"
        groups.setdefault((cell.plant.at, side, shape.group), []).append(cell)
    before = ""
    for (at, side, group), own in groups.items():
        if before not in ("", at):
            table.add_section()
        points = sorted({cell.point for cell in own if cell.point}, key=("prompt", "tool", "output").index)
        table.add_row(
            at if at != before else "",
            f"{side}: {group}",
            ", ".join(points),
            _said(cell.holds for cell in own if not cell.plant.stream),
            _said(cell.holds for cell in own if cell.plant.stream),
            _said(cell.twin_passes for cell in own),
            str(len(own)),
        )
        before = at
    console = Console()
    console.print(table)
    for cell in cells:
        if not cell.holds:
            console.print(f"NO: {cell.name}: {cell.fault}", markup=False, highlight=False, soft_wrap=True)


def _said(outcomes: Iterable[bool | None]) -> str:
    found = list(outcomes)
    return "" if not found else "yes" if all(found) else "NO"
