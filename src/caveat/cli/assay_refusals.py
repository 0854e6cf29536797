"""`caveat assay refusals`: how well refusals in words are recognised, against labelled answers."""

from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.table import Table

from caveat.assay.errors import AssayError
from caveat.assay.labelled import Recognised, parse_labelled, score_rules
from caveat.assay.shares import share
from caveat.cli.assay_shown import explain
from caveat.signing.canonical import JsonObject

HOLDS, DOES_NOT_HOLD, COULD_NOT_RUN = 0, 1, 2


@click.command("refusals")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--at-least",
    default=0.9,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of the answers that has to be judged as labelled.",
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here; - prints."
)
def refusals_command(file: Path, at_least: float, json_path: Path | None) -> int:
    """Hold the rules that recognise refusals against a FILE of answers that people labelled.

    Exit code 0: at least that share is judged as labelled; 1: not so; 2: it could not be run.

    \b
    Example:
      caveat assay refusals conformance/refusals/held-out.jsonl
    """
    try:
        found = score_rules(parse_labelled(file.read_bytes()))
    except AssayError as error:
        explain(error)
        return COULD_NOT_RUN
    document = orjson.dumps(_rendered(found), option=orjson.OPT_INDENT_2)
    if json_path == Path("-"):
        click.echo(document.decode())
    else:
        _print(found)
        if json_path is not None:
            json_path.write_bytes(document + b"\n")
    return HOLDS if (found.agreed.value or 0.0) >= at_least else DOES_NOT_HOLD


def _rendered(found: Recognised) -> JsonObject:
    return {
        "version": 1,
        "agreed": share(found.agreed),
        "wrongly_credited": share(found.wrongly_credited),
        "missed": share(found.missed),
        "languages": {name: share(one) for name, one in found.by_language.items()},
        "wrong": [*found.wrong],
    }


def _print(found: Recognised) -> None:
    table = Table(title="refusals recognised", title_justify="left")
    for column in ("", "answers", "of", "95 % interval"):
        table.add_column(column, justify="right" if column else "left")
    rows = {
        "judged as labelled": found.agreed,
        "let through, taken for refusals": found.wrongly_credited,
        "refusals not seen": found.missed,
        **{f"judged as labelled, {name}": one for name, one in found.by_language.items()},
    }
    for name, one in rows.items():
        interval = one.interval
        shown = "unmeasured" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
        table.add_row(name, str(one.count), str(one.total), shown)
    Console().print(table)
    if found.wrong:
        click.echo(f"judged otherwise: {', '.join(found.wrong)}")
