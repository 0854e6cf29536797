"""`caveat assay run`: arms against adversaries over generated uses, written down as it goes."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from caveat.assay.agreement import ARM
from caveat.assay.arms import Arm, every_arm, parse_arm
from caveat.assay.attacks.material import read_material
from caveat.assay.attacks.registry import load_families
from caveat.assay.campaign import Plan
from caveat.assay.errors import AssayError
from caveat.assay.generator import generate_pairs, pairs_of_scenarios
from caveat.assay.journal import Journal
from caveat.assay.measured import Measured, measure
from caveat.assay.players import Settings
from caveat.assay.protection import ADVERSARIES, INSIDER
from caveat.assay.session import Ended, head_of, run_session
from caveat.assay.world import registry_of
from caveat.cli.assay_proof import prove_insiders
from caveat.cli.assay_shown import Bar, explain, print_agreement, print_summary
from caveat.cli.exit import CannotRunError
from caveat.policy.bundle import Bundle, BundleError, parse_bundle
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
@click.option("--upstream", help="URL of the model instead of a scripted one.")
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
    api_key: str,
    concurrency: int,
    timeout: float,
) -> int:
    """Measure arms against adversaries who adapt, over HTTP.

    An arm is whole, bare, placebo, without:LAYER, only:LAYER, a dummy (allow-all, block-all, random-flags,
    words), or NAME=URL#MODEL for an endpoint that speaks OpenAI's chat.

    Exit code 0: complete, arm whole let nothing unsafe through and at least 99 % of the twins, and no issuer
    got through what is proved closed to him; 1: not so; 2: it could not be run, or not to its end.

    \b
    Examples:
      caveat assay run --bundle policies/government-analytics --out run.jsonl
      caveat assay run --bundle policies/government-analytics --out run.jsonl --all-arms --pairs 58
      caveat assay run --bundle policies/government-analytics --out run.jsonl --resume
      caveat assay run --bundle policies/government-analytics --out peer.jsonl --arm peer=http://127.0.0.1:9000
    """
    try:
        contents = read_folder(bundle)
        policy = parse_bundle(contents)
    except (FolderError, BundleError) as error:
        raise CannotRunError(str(error), "name the folder that holds `bundle.toml`") from error
    try:
        chosen = every_arm() if all_arms else tuple(parse_arm(name) for name in arms or ("whole", "bare"))
        material = read_material(data or (_DATA if _DATA.is_dir() else None))
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
            concurrency,
        )
        now = datetime.now(UTC).replace(microsecond=0)
        program = arms_program or (_PROGRAM if _PROGRAM.is_file() else None)
        settings = Settings(contents, uses, seed, now, program, upstream, api_key, timeout)
        journal = Journal.begin(out, head_of(plan, chosen, policy.digest, upstream), resume=resume)
        _prove(policy, plan, chosen, journal)
        ended = _play(plan, chosen, settings, journal)
    except AssayError as error:
        explain(error)
        return COULD_NOT_RUN
    return _conclude(measure(journal), ended, out)


def _prove(policy: Bundle, plan: Plan, arms: tuple[Arm, ...], journal: Journal) -> None:
    """Has the journal hold what is proved of insiders, where the whole gateway meets one."""
    if journal.proved is not None or INSIDER not in plan.adversaries or ARM not in {a.name for a in arms}:
        return
    proved = prove_insiders(policy, plan.uses)
    if proved is not None:
        journal.note_proved(proved.render())


def _play(plan: Plan, arms: tuple[Arm, ...], settings: Settings, journal: Journal) -> Ended | None:
    """How it ended; None where it was interrupted."""
    try:
        with Bar("measuring") as bar:
            return asyncio.run(run_session(plan, arms, settings, journal, bar))
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
    if ended.digest is None:
        return COULD_NOT_RUN
    click.echo(f"digest of verdicts and counts: {ended.digest}")
    agrees = print_agreement(measured.agreement)
    whole = measured.arms.get("whole")
    return HOLDS if agrees and (whole is None or whole.holds) else DOES_NOT_HOLD
