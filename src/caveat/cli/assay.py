"""`caveat assay`: how much of a safeguard is real, measured through the real gateway."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from caveat.assay.errors import AssayError
from caveat.assay.report import Scored, print_tables, render_json, score_run
from caveat.assay.runner import ArmRun, run_arm
from caveat.assay.scenario import Scenario, parse_scenarios
from caveat.assay.staging import Arm, Settings
from caveat.assay.world import registry_of
from caveat.cli.assay_benign import benign_command
from caveat.cli.assay_refusals import refusals_command
from caveat.cli.assay_report import report_command
from caveat.cli.assay_run import run_command
from caveat.cli.assay_screens import screens_command
from caveat.cli.assay_shown import explain
from caveat.cli.assay_signed import record_command, verify_command
from caveat.cli.exit import CannotRunError
from caveat.store.errors import FolderError
from caveat.store.folder import read_folder

HOLDS, DOES_NOT_HOLD, COULD_NOT_RUN = 0, 1, 2


@click.group("assay")
def assay_group() -> None:
    """Measure how much of a safeguard is real."""


@assay_group.command("scenarios")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--bundle", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="Policy."
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Write the figures here; - prints."
)
@click.option(
    "--arm",
    "arms",
    multiple=True,
    default=[Arm.WHOLE.value],
    show_default=True,
    type=click.Choice([arm.value for arm in Arm]),
    help="What stands before the model; may be given several times.",
)
@click.option("--upstream", help="URL of the model instead of a scripted one.")
@click.option("--seed", default=0, show_default=True, help="Equal seeds make equal worlds and data.")
@click.option("--constant-text", help="Send this text in place of every request text.")
def scenarios_command(
    file: Path,
    bundle: Path,
    json_path: Path | None,
    arms: tuple[str, ...],
    upstream: str | None,
    seed: int,
    constant_text: str | None,
) -> int:
    """Play every use of a scenario FILE through a real gateway and score the verdicts.

    Exit code 0: all expected verdicts came and nothing unsafe was let through (or the file expects nothing);
    1: not so; 2: it could not be run.

    \b
    Example:
      caveat assay scenarios uses.jsonl --bundle policies/government-analytics
    """
    try:
        files = read_folder(bundle)
    except FolderError as error:
        raise CannotRunError(str(error), "name the folder that holds `bundle.toml`") from error
    try:
        scenarios = parse_scenarios(file.read_bytes(), registry_of(files))
        settings = Settings(files, datetime.now(UTC).replace(microsecond=0), seed, upstream, constant_text)
        chosen = [arm for arm in Arm if arm.value in arms]
        runs = _run(chosen, scenarios, settings)
    except AssayError as error:
        explain(error)
        return COULD_NOT_RUN
    registry = registry_of(files)
    scored = {run.arm: score_run(run, scenarios, registry) for run in runs}
    _publish(scenarios, scored, json_path)
    whole = scored.get(Arm.WHOLE)
    return HOLDS if whole is None or whole.figures.holds else DOES_NOT_HOLD


assay_group.add_command(run_command)
assay_group.add_command(record_command)
assay_group.add_command(verify_command)
assay_group.add_command(report_command)
assay_group.add_command(benign_command)
assay_group.add_command(refusals_command)
assay_group.add_command(screens_command)


@dataclass(slots=True)
class _Bar:
    """One task of a progress display."""

    progress: Progress
    task: TaskID
    total: int = 0

    def expect(self, more: int) -> None:
        self.total += more
        self.progress.update(self.task, total=self.total)

    def advance(self) -> None:
        self.progress.advance(self.task)


def _run(arms: Sequence[Arm], scenarios: Sequence[Scenario], settings: Settings) -> list[ArmRun]:
    visible = [scenario.visible for scenario in scenarios]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        runs: list[ArmRun] = []
        for arm in arms:
            meter = _Bar(progress, progress.add_task(f"arm {arm.value}", total=0))
            runs.append(asyncio.run(run_arm(arm, visible, settings, meter)))
        return runs


def _publish(scenarios: Sequence[Scenario], scored: dict[Arm, Scored], json_path: Path | None) -> None:
    document = orjson.dumps(render_json(len(scenarios), scored), option=orjson.OPT_INDENT_2)
    if json_path == Path("-"):
        click.echo(document.decode())
        return
    print_tables(Console(), scenarios, scored)
    if json_path is not None:
        json_path.write_bytes(document + b"\n")
