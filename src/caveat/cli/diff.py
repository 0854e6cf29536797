"""`caveat diff`: which uses an edit of a bundle opens and which it closes, or the proof that none differ."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caveat.cli.bundle import load_bundle
from caveat.cli.diff_page import render_page
from caveat.cli.diff_recorded import recorded_cases
from caveat.cli.diff_words import sentences
from caveat.cli.difference import TIMEOUT_SECONDS, USES, difference_of
from caveat.cli.exit import CannotRunError
from caveat.cli.progress import Bar
from caveat.cli.scenario_decisions import read_scenarios, scenario_facts
from caveat.decision.decide import decide_use
from caveat.policy.bundle import Bundle, BundleError, parse_bundle
from caveat.policy.clause_text import EditError
from caveat.policy.edit import read_as

if TYPE_CHECKING:
    from caveat.analysis.difference import ScenarioVerdict

HOLDS, WEAKER, UNKNOWN = 0, 1, 2


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path), required=False)
@click.option(
    "--scenarios",
    "scenario_files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Decide each scenario of this file before and after.",
)
@click.option(
    "--records", type=click.Path(path_type=Path), help="A ledger folder: which recorded uses change."
)
@click.option("--key", type=click.Path(path_type=Path), help="Verifier key of the ledger, held outside it.")
@click.option(
    "--reading",
    "readings",
    multiple=True,
    metavar="CLAUSE=FILE",
    help="Read a clause as this file has it, in place of its text.",
)
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page for lawyers here."
)
@click.option(
    "--uses",
    default=USES,
    show_default=True,
    type=click.IntRange(1, 200),
    help="At most this many uses in each direction.",
)
@click.option(
    "--timeout",
    default=TIMEOUT_SECONDS,
    show_default=True,
    type=click.FloatRange(0.001),
    help="Seconds for each question to the solver.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/reference/diff.md).")
def diff_command(
    old: Path,
    new: Path | None,
    *,
    scenario_files: tuple[Path, ...],
    records: Path | None,
    key: Path | None,
    readings: tuple[str, ...],
    html: Path | None,
    uses: int,
    timeout: float,
    as_json: bool,
) -> int:
    """Show which uses differ between the policy bundles in the folders OLD and NEW, drafts included.

    With --reading, NEW may be left out: OLD is compared with itself under the other text. Exit codes: 0 no
    red line gets weaker, 1 one does, 2 it could not be told.

    \b
    Examples:
      caveat diff policies/government-analytics /tmp/edited
      caveat diff policies/government-analytics /tmp/edited --scenarios conformance/scenarios/dev.jsonl
      caveat diff policies/government-analytics --reading R1.b=other-reading.cedar --html reading.html
    """
    before = load_bundle(old)
    if new is None and not readings:
        raise CannotRunError("there is nothing to compare with", "name a second folder, or give --reading")
    after = _read_otherwise(before if new is None else load_bundle(new), readings)
    rows = [row for path in scenario_files for row in _scenarios(path, before, after)]
    recorded = [] if records is None else list(_records(records, key, before, after))
    difference = replace(
        difference_of(before, after, uses=uses, timeout_seconds=timeout),
        scenarios=tuple(rows),
        records=tuple(recorded),
    )
    if html is not None:
        html.write_text(render_page(difference, before, after), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(difference.render(), indent=2))
    else:
        for sentence in sentences(difference):
            click.echo(sentence)
        if html is not None:
            click.echo(f"wrote {html}")
    return {True: WEAKER, False: HOLDS, None: UNKNOWN}[difference.weaker]


def _read_otherwise(bundle: Bundle, readings: tuple[str, ...]) -> Bundle:
    files = dict(bundle.files)
    for reading in readings:
        clause, sign, path = reading.partition("=")
        if not sign or not path:
            raise CannotRunError(f"`{reading}` names no file", "write it as CLAUSE=FILE")
        try:
            files = dict(read_as(files, clause, Path(path).read_text(encoding="utf-8")).files)
        except (EditError, UnicodeDecodeError) as error:
            raise CannotRunError(f"`{path}`: {error}", "the file holds the clause in Cedar") from error
    if not readings:
        return bundle
    try:
        return parse_bundle(files)
    except BundleError as error:
        raise CannotRunError(
            f"that reading does not load: {error}", "see docs/reference/policy.md"
        ) from error


def _scenarios(path: Path, old: Bundle, new: Bundle) -> Iterator["ScenarioVerdict"]:
    from caveat.analysis.difference import ScenarioVerdict

    registry = {**old.registry.facts, **new.registry.facts}
    found = read_scenarios(path, registry)
    with Bar("deciding scenarios") as progress:
        for done, scenario in enumerate(found, start=1):
            progress(done, len(found))
            before, after = (
                decide_use(b.policy, *scenario_facts(b, scenario.visible)).verdict.value for b in (old, new)
            )
            yield ScenarioVerdict(scenario.id, before, after)


def _records(folder: Path, key: Path | None, old: Bundle, new: Bundle) -> Iterator["ScenarioVerdict"]:
    """The recorded uses on which the two bundles differ; the ledger is verified before it is read."""
    from caveat.analysis.difference import ScenarioVerdict

    with Bar("deciding records") as progress:
        for name, point, before_cases, after_cases in recorded_cases(folder, key, old, new, progress):
            before = decide_use(old.policy, point, before_cases).verdict.value
            after = decide_use(new.policy, point, after_cases).verdict.value
            if before != after:
                yield ScenarioVerdict(name, before, after)
