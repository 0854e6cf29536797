"""`caveat assay run`: arms against adversaries over generated uses, written down as it goes."""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from caveat.assay.agreement import ARM
from caveat.assay.arms import Arm, every_arm, parse_arm
from caveat.assay.attacks.material import read_material
from caveat.assay.attacks.registry import load_families
from caveat.assay.benign_sets import read_prompts, sample
from caveat.assay.campaign import Plan, staged_uses
from caveat.assay.casework import generate_casework
from caveat.assay.errors import AssayError
from caveat.assay.generator import Pair, pairs_of_scenarios
from caveat.assay.journal import Journal
from caveat.assay.measured import Measured, measure
from caveat.assay.outside import Suite, read_suite
from caveat.assay.peers import Peers
from caveat.assay.players import Settings
from caveat.assay.protection import ADVERSARIES, INSIDER
from caveat.assay.session import Ended, head_of, run_session
from caveat.assay.subjects import generate_uses, unused_layers
from caveat.assay.world import registry_of
from caveat.cli.assay_given import (
    COULD_NOT_RUN,
    DOES_NOT_HOLD,
    HOLDS,
    bundle_option,
    files_of,
    prompts_option,
)
from caveat.cli.assay_insiders import print_agreement
from caveat.cli.assay_model import LOCAL_CONCURRENCY, chosen_model
from caveat.cli.assay_peers import print_described
from caveat.cli.assay_proof import prove_insiders
from caveat.cli.assay_shown import Bar, explain, print_summary
from caveat.cli.exit import CannotRunError
from caveat.policy.bundle import Bundle, BundleError, parse_bundle

_DATA, _PROGRAM, _PEERS = Path("eval/data"), Path("eval/arms/without.py"), Path("eval/peers")


@click.command("run")
@bundle_option
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Journal of the run, written as it goes."
)
@click.option("--resume", is_flag=True, help="Go on with the journal where it stopped.")
@click.option(
    "--arm", "arms", multiple=True, help="What to measure, several times; by default whole and bare."
)
@click.option(
    "--all-arms",
    is_flag=True,
    help="Every arm of ours, each layer alone and by its absence; beside it those of --arm.",
)
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
@click.option(
    "--casework",
    "pieces",
    default=0,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="Pieces of ordinary work, each of several requests.",
)
@click.option(
    "--ordinary",
    default=0,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="Ordinary prompts of others, so many of each set.",
)
@prompts_option
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
@click.option(
    "--peers",
    type=click.Path(path_type=Path),
    help="Folder with the programs of peers; by default eval/peers.",
)
@click.option(
    "--peer-environments",
    default=Path(".peers"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder with the environments that `make peers` makes.",
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
    pieces: int,
    ordinary: int,
    prompts: tuple[Path, ...],
    seed: int,
    budget: int,
    files: tuple[Path, ...],
    data: Path | None,
    arms_program: Path | None,
    peers: Path | None,
    peer_environments: Path,
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
    words), peer:NAME for a peer in its own environment, or NAME=URL#MODEL for an endpoint that speaks
    OpenAI's chat.

    Exit code 0: complete, arm whole let nothing unsafe through and at least 99 % of the twins, and no issuer
    got through what is proved closed to him; 1: not so; 2: it could not be run, or not to its end.

    \b
    Examples:
      caveat assay run --bundle policies/government-analytics --out run.jsonl
      caveat assay run --bundle policies/government-analytics --out run.jsonl --all-arms --pairs 58
      caveat assay run --bundle policies/government-analytics --out run.jsonl --resume
      caveat assay run --bundle policies/government-analytics --out work.jsonl --casework 40 --ordinary 50
      caveat assay run --bundle policies/government-analytics --out real.jsonl --local-model --arm bare
      caveat assay run --bundle policies/government-analytics --out peer.jsonl --arm peer=http://127.0.0.1:9000
      caveat assay run --bundle policies/government-analytics --out peer.jsonl --arm bare --arm peer:litellm
    """
    contents = files_of(bundle)
    try:
        parsed = parse_bundle(contents)
    except BundleError as error:
        raise CannotRunError(str(error), "`caveat check` lists what is wrong with a bundle") from error
    try:
        unused, is_real = unused_layers(parsed), local_model or upstream is not None
        every = every_arm(unused, real_model=is_real) if all_arms else ()
        named = (parse_arm(name) for name in arms or (() if all_arms else ("whole", "bare")))
        chosen = tuple(dict.fromkeys((*every, *named)))
        folder = data or (_DATA if _DATA.is_dir() else None)
        suite = read_suite(folder, seed, each=outside, of_bare=refusal_sample if is_real else 0)
        plan = Plan(
            seed,
            _uses(parsed, contents, seed, pairs, scenarios),
            adversaries or tuple(ADVERSARIES),
            load_families(files),
            read_material(folder),
            budget,
            min(concurrency, LOCAL_CONCURRENCY) if local_model else concurrency,
            generate_casework(registry_of(contents), seed, pieces),
            sample(read_prompts(folder or _DATA, prompts), ordinary, seed) if ordinary else (),
        )
        with chosen_model(local=local_model, upstream=upstream, key=upstream_key) as model:
            settings = Settings(
                contents,
                staged_uses(plan),
                seed,
                datetime.now(UTC).replace(microsecond=0),
                arms_program or (_PROGRAM if _PROGRAM.is_file() else None),
                model,
                api_key,
                timeout,
                Peers(peers or (_PEERS if _PEERS.is_dir() else None), peer_environments),
            )
            name = None if model is None else model.name
            head = head_of(plan, chosen, parsed.digest, name, suite, unused, local=local_model)
            journal = Journal.begin(out, head, resume=resume)
            _prove(parsed, plan, chosen, journal)
            ended = _play(plan, chosen, settings, journal, suite)
    except AssayError as error:
        explain(error)
        return COULD_NOT_RUN
    return _conclude(measure(journal), ended, out)


def _uses(
    bundle: Bundle, files: Mapping[str, bytes], seed: int, pairs: int, scenarios: Path | None
) -> tuple[Pair, ...]:
    if scenarios is None:
        return generate_uses(bundle, seed, pairs)
    return pairs_of_scenarios(scenarios.read_bytes(), registry_of(files), seed)


def _prove(policy: Bundle, plan: Plan, arms: tuple[Arm, ...], journal: Journal) -> None:
    """Has the journal hold what is proved of insiders, where the whole gateway meets one."""
    if journal.proved is not None or INSIDER not in plan.adversaries or ARM not in {a.name for a in arms}:
        return
    proved = prove_insiders(policy, plan.uses)
    if proved is not None:
        journal.note_proved(proved.render())


def _play(
    plan: Plan, arms: tuple[Arm, ...], settings: Settings, journal: Journal, suite: Suite
) -> Ended | None:
    """How it ended; None where it was interrupted."""
    try:
        with Bar("measuring") as bar:
            session = run_session(plan, arms, settings, journal, bar, suite)
            return asyncio.run(_until_stopped(session))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return None
    finally:
        journal.close()


async def _until_stopped(session: Coroutine[None, None, Ended]) -> Ended:
    """The session; whoever asks the process to end interrupts it as the keyboard does, gateways and all."""
    task, loop = asyncio.ensure_future(session), asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        return await task
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def _conclude(measured: Measured, ended: Ended | None, out: Path) -> int:
    print_summary(measured)
    print_described(measured.described)
    if ended is None:
        click.echo(f"caveat assay: interrupted; what was measured so far stands in `{out}`", err=True)
        click.echo("  go on with the same command and --resume", err=True)
        return COULD_NOT_RUN
    for arm, why in ended.left_out.items():
        click.echo(f"caveat assay: arm `{arm}` is unmeasured: {why}", err=True)
    for family, missing in measured.not_tried.items():
        click.echo(f"caveat assay: attacks `{family}` were not tried: no data set {missing}", err=True)
    for each in measured.arms.values():
        if each.faults:
            what = "is unmeasured" if each.is_unmeasured else "is measured in part"
            counted = ", ".join(f"{count} {fault}" for fault, count in each.faults.items())
            click.echo(f"caveat assay: arm `{each.name}` {what}: {counted}", err=True)
    for name in measured.outside_missing:
        click.echo(f"caveat assay: requests of `{name}` were not sent: the set is not there", err=True)
    if ended.digest is None:
        return COULD_NOT_RUN
    click.echo(f"digest of verdicts and counts: {ended.digest}")
    agrees = print_agreement(measured.agreement)
    whole = measured.arms.get("whole")
    if any(each.is_unmeasured for each in measured.arms.values()):
        return COULD_NOT_RUN
    return HOLDS if agrees and (whole is None or whole.holds) else DOES_NOT_HOLD
