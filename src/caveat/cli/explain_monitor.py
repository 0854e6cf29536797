"""`caveat explain monitor`: what a figure of the monitors counts, over what, and which clauses read it."""

import json
from pathlib import Path

import click

from caveat.cli.bundle import load_bundle
from caveat.cli.exit import CannotRunError
from caveat.monitors.figures import FIGURES, OBSERVER
from caveat.monitors.totals import FACT
from caveat.monitors.totals import OBSERVER as TOTALS
from caveat.policy.expression import atoms, facts_of

_TOTAL = (
    "Distinct persons that uses of the source have reached, this one included; of data whose persons nobody "
    "could tell apart, the sum over distinct data"
)


@click.command("monitor")
@click.argument("name", required=False)
@click.option("--bundle", type=click.Path(path_type=Path), help="Name the clauses of it that read this.")
@click.option("--json", "as_json", is_flag=True, help="As JSON (docs/reference/monitors.md).")
def monitor_command(name: str | None, bundle: Path | None, *, as_json: bool) -> int:
    """Say what the figure NAME counts, over which scope and window. Without NAME: all of them.

    \b
    Examples:
      caveat explain monitor cumulative_subject_count_12m
      caveat explain monitor attributes_joined_count --bundle policies/government-analytics
    """
    known = {FACT: (_TOTAL, "source", "12m", TOTALS)} | {
        each: (figure.text, figure.scope, figure.window, OBSERVER) for each, figure in FIGURES.items()
    }
    if name is not None and name not in known:
        raise CannotRunError(f"`{name[:80]}` is no figure", "`caveat explain monitor` lists them")
    clauses = {} if bundle is None else _readers(bundle)
    rows = [
        {
            "name": each,
            "text": text,
            "scope": scope,
            "window": window,
            "observer": observer,
            "clauses": clauses.get(each, []),
        }
        for each, (text, scope, window, observer) in known.items()
        if name in (None, each)
    ]
    if as_json:
        click.echo(json.dumps({"version": 1, "figures": rows}, indent=2))
        return 0
    for row in rows:
        click.echo(f"{row['name']}\n  {row['text']}\n  per {row['scope']}, over {row['window']}")
        click.echo(f"  known from the observer `{row['observer']}`, where a registry declares the fact")
        if bundle is not None:
            click.echo(f"  read by {', '.join(row['clauses']) or 'no clause of this bundle'}")
    return 0


def _readers(folder: Path) -> dict[str, list[str]]:
    """For each fact, the clauses that read it."""
    readers: dict[str, list[str]] = {}
    for clause in load_bundle(folder).written:
        for fact in sorted({name for atom, _ in atoms(clause.condition) for name in facts_of(atom)}):
            readers.setdefault(fact, []).append(clause.id)
    return readers
