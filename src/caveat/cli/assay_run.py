"""`caveat assay run`: arms against adversaries over generated uses, written down as it goes."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from caveat.assay.arms import Arm, every_arm, parse_arm
from caveat.assay.attacks.material import read_material
from caveat.assay.attacks.registry import load_families
from caveat.assay.campaign import Plan
from caveat.assay.errors import AssayError
from caveat.assay.generator import generate_pairs, pairs_of_scenarios
from caveat.assay.journal import Journal
from caveat.assay.measured import Measured, measure
from caveat.assay.outside import Suite, read_suite
from caveat.assay.players import Settings
from caveat.assay.protection import ADVERSARIES
from caveat.assay.session import Ended, head_of, run_session
from caveat.assay.world import registry_of
from caveat.cli.assay_model import LOCAL_CONCURRENCY, chosen_model
from caveat.cli.assay_shown import Bar, explain, print_summary
from caveat.cli.exit import CannotRunError
from caveat.policy.bundle import BundleError, parse_bundle
from caveat.store.errors import FolderError
from caveat.store.folder import read_folder

HOLDS, DOES_NOT_HOLD, COULD_NOT_RUN = 0, 1, 2
_DATA, _PROGRAM = Path("eval/data"), Path("eval/arms/without.py")


@click.command("run")
@click.option(
    "--bundle", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="Policy."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Journal of the run, written as it goes."
)
@click.option("--resume", is_flag=True, help="Go on with the journal where it stopped.")
@click.option(
    "--arm", "arms", multiple=True, help="What to measure, several times; by default whole and bare."
)
@click.option("--all-arms", is_flag=True, help="Every arm of ours: each layer alone and by its absence.")
@click.option(
    "--adversary",
    "adversaries",
    multiple=True,
    type=click.Choice(list(ADVERSARIES)),
    help="Who attacks, several times; by default everybody.",
)
@click.option(
    "--pairs",
    default=100,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="Harmful uses, each with a benign twin.",
)
@click.option(
    "--scenarios",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Uses of a scenario file in place of generated ones.",
)
@click.option("--seed", default=1, show_default=True, help="Equal seeds make equal runs.")
@click.option(
    "--budget",
    default=3,
    show_default=True,
    type=click.IntRange(1, 100),
    help="Attempts of each adversary on each use.",
)
@click.option(
    "--family",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Python file with further attack families.",
)
@click.option("--data", type=click.Path(path_type=Path), help="Data sets of others; by default eval/data.")
@click.option(
    "--arms-program",
    type=click.Path(path_type=Path),
    help="Program that takes layers out; by default eval/arms/without.py.",
)
@click.option("--upstream", help="URL#NAME of a model in place of the scripted one.")
@click.option(
    "--upstream-key", envvar="CAVEAT_ASSAY_UPSTREAM_KEY", default="", help="Its key; better as variable."
)
@click.option("--local-model", is_flag=True, help="The small local model in place of the scripted one.")
@click.option(
    "--outside",
    default=0,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="Requests of each set of others, sent to every arm.",
)
@click.option(
    "--refusal-sample",
    default=100,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Requests of AdvBench that a real model gets bare, so that its refusals are known.",
)
@click.option(
    "--api-key", envvar="CAVEAT_ASSAY_API_KEY", default="", help="Key for endpoints; better as variable."
)
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="At once.")
@click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for one answer.")
def run_command(
    bundle: Path,
    out: Path,
    resume: bool,
    arms: tuple[str, ...],
    all_arms: bool,
    adversaries: tuple[str, ...],
    pairs: int,
    scenarios: Path | None,
    seed: int,
    budget: int,
    files: tuple[Path, ...],
    data: Path | None,
    arms_program: Path | None,
    upstream: str | None,
    upstream_key: str,
    local_model: bool,
    outside: int,
    refusal_sample: int,
    api_key: str,
    concurrency: int,
    timeout: float,
) -> int:
    """Measure arms against adversaries who adapt, over HTTP.

    An arm is whole, bare, placebo, without:LAYER, only:LAYER, a dummy (allow-all, block-all, random-flags,
    words), or NAME=URL#MODEL for an endpoint that speaks OpenAI's chat.

    Exit code 0: complete, and arm whole let nothing unsafe through and at least 99 % of the twins; 1: it did
    not; 2: it could not be run, or not to its end.

    \b
    Examples:
      caveat assay run --bundle policies/government-analytics --out run.jsonl
      caveat assay run --bundle policies/government-analytics --out run.jsonl --all-arms --pairs 58
      caveat assay run --bundle policies/government-analytics --out run.jsonl --resume
      caveat assay run --bundle policies/government-analytics --out real.jsonl --local-model --arm bare
      caveat assay run --bundle policies/government-analytics --out peer.jsonl --arm peer=http://127.0.0.1:9000
    """
    try:
        contents = read_folder(bundle)
        digest = parse_bundle(contents).digest
    except (FolderError, BundleError) as error:
        raise CannotRunError(str(error), "name the folder that holds `bundle.toml`") from error
    try:
        is_real = local_model or upstream is not None
        chosen = (
            every_arm(real_model=is_real)
            if all_arms
            else tuple(parse_arm(name) for name in arms or ("whole", "bare"))
        )
        folder = data or (_DATA if _DATA.is_dir() else None)
        material = read_material(folder)
        suite = read_suite(folder, seed, each=outside, of_bare=refusal_sample if is_real else 0)
        uses = (
            generate_pairs(seed, pairs)
            if scenarios is None
            else pairs_of_scenarios(scenarios.read_bytes(), registry_of(contents), seed)
        )
        plan = Plan(
            seed,
            uses,
            adversaries or tuple(ADVERSARIES),
            load_families(files),
            material,
            budget,
            min(concurrency, LOCAL_CONCURRENCY) if local_model else concurrency,
        )
        now = datetime.now(UTC).replace(microsecond=0)
        program = arms_program or (_PROGRAM if _PROGRAM.is_file() else None)
        with chosen_model(local=local_model, upstream=upstream, key=upstream_key) as model:
            settings = Settings(contents, uses, seed, now, program, model, api_key, timeout)
            head = head_of(plan, chosen, digest, None if model is None else model.name, suite)
            journal = Journal.begin(out, head, resume=resume)
            ended = _play(plan, chosen, settings, journal, suite)
    except AssayError as error:
        explain(error)
        return COULD_NOT_RUN
    return _conclude(measure(journal), ended, out)


def _play(
    plan: Plan, arms: tuple[Arm, ...], settings: Settings, journal: Journal, suite: Suite
) -> Ended | None:
    """How it ended; None where it was interrupted."""
    try:
        with Bar("measuring") as bar:
            return asyncio.run(run_session(plan, arms, settings, journal, bar, suite))
    except KeyboardInterrupt:
        return None
    finally:
        journal.close()


def _conclude(measured: Measured, ended: Ended | None, out: Path) -> int:
    print_summary(measured)
    if ended is None:
        click.echo(f"caveat assay: interrupted; what was measured so far stands in `{out}`", err=True)
        click.echo("  go on with the same command and --resume", err=True)
        return COULD_NOT_RUN
    for arm, why in ended.left_out.items():
        click.echo(f"caveat assay: arm `{arm}` is unmeasured: {why}", err=True)
    for family, missing in measured.not_tried.items():
        click.echo(f"caveat assay: attacks `{family}` were not tried: no data set {missing}", err=True)
    for name in measured.outside_missing:
        click.echo(f"caveat assay: requests of `{name}` were not sent: the set is not there", err=True)
    if ended.digest is None:
        return COULD_NOT_RUN
    click.echo(f"digest of verdicts and counts: {ended.digest}")
    whole = measured.arms.get("whole")
    return HOLDS if whole is None or whole.holds else DOES_NOT_HOLD
