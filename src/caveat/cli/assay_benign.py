"""`caveat assay benign`: what ordinary prompts of others are blocked without need."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.table import Table

from caveat.assay.benign import SetMeasured, measure_benign
from caveat.assay.benign_sets import read_prompts
from caveat.assay.errors import AssayError
from caveat.assay.shares import share
from caveat.cli.assay_given import (
    COULD_NOT_RUN,
    DOES_NOT_HOLD,
    HOLDS,
    bundle_option,
    files_of,
    prompts_option,
    write_out,
)
from caveat.cli.assay_shown import Bar, explain
from caveat.signing.canonical import JsonObject


@click.command("benign")
@bundle_option
@click.option("--deployment", required=True, help="Deployment of the bundle that asks.")
@click.option(
    "--data",
    default="eval/data",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Prompts of others.",
)
@prompts_option
@click.option(
    "--at-least",
    default=0.99,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of each set that has to pass.",
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here; - prints."
)
@click.option("--seed", default=1, show_default=True, help="Equal seeds make equal keys.")
def benign_command(
    bundle: Path,
    deployment: str,
    data: Path,
    prompts: tuple[Path, ...],
    at_least: float,
    json_path: Path | None,
    seed: int,
) -> int:
    """Count the ordinary prompts that a gateway blocks without need.

    Exit code 0: of every set at least that share passed; 1: not so; 2: it could not be run, or some prompt
    had no verdict.

    \b
    Example:
      caveat init mine --pack assistant
      caveat assay benign --bundle mine/bundle --deployment chat
    """
    files = files_of(bundle)
    try:
        chosen = read_prompts(data, prompts)
        with Bar("asking") as bar:
            measured = asyncio.run(measure_benign(files, chosen, deployment, seed, bar))
    except AssayError as error:
        explain(error)
        return COULD_NOT_RUN
    document: JsonObject = {"version": 1, "sets": {name: _rendered(one) for name, one in measured.items()}}
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    if json_path == Path("-"):
        click.echo(text.decode())
    else:
        _print(measured)
        if json_path is not None:
            write_out(json_path, text + b"\n")
    if any(one.faults for one in measured.values()):
        click.echo("caveat assay: some prompts had no verdict; they count for nothing", err=True)
        return COULD_NOT_RUN
    enough = all((one.passed.value or 0.0) >= at_least for one in measured.values())
    return HOLDS if enough else DOES_NOT_HOLD


def _rendered(one: SetMeasured) -> JsonObject:
    return {
        "passed": share(one.passed),
        "verdicts": {str(verdict): count for verdict, count in one.verdicts.items()},
        "blocked": [*one.blocked],
        "faults": {**one.faults},
        "median_milliseconds": one.median_milliseconds,
    }


def _print(measured: Mapping[str, SetMeasured]) -> None:
    table = Table(title="benign prompts", title_justify="left")
    for column in ("set", "passed", "of", "95 % interval", "median ms"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, one in measured.items():
        interval = one.passed.interval
        shown = "unmeasured" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
        time = "unmeasured" if one.median_milliseconds is None else f"{one.median_milliseconds:.1f}"
        table.add_row(name, str(one.passed.count), str(one.passed.total), shown, time)
    Console().print(table)
