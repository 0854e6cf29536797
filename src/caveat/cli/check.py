"""`caveat check`: lint and validate a policy bundle, list every finding, say what is still unsigned."""

import json
from collections.abc import Sized
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import click

from caveat.cli.amending import check_history
from caveat.cli.exit import CannotRunError
from caveat.cli.scenario_decisions import decided_by
from caveat.evidence.trust import TrustError, parse_trust
from caveat.gateway.trust_succession import trust_consent
from caveat.policy.bundle import Bundle, BundleError, parse_bundle
from caveat.policy.chain import ChainError, History, adopted_chain
from caveat.policy.review import ClauseState, clause_states, flags
from caveat.policy.trust_signatures import is_trust_signed, trust_signers
from caveat.store.errors import FolderError
from caveat.store.folder import read_folder


@click.command("check")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--scenarios",
    "scenario_files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Scenario files: a clause that decides one of them is tested.",
)
@click.option("--sources", type=click.Path(path_type=Path), help="Folder of the documents that clauses cite.")
@click.option("--signed", is_flag=True, help="Hold only if every signature that it asks for is there.")
@click.option(
    "--history", type=click.Path(path_type=Path), help="Earlier bundles, where it follows one by amendments."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON (docs/reference/policy.md).")
def check_command(
    bundle: Path,
    *,
    scenario_files: tuple[Path, ...],
    sources: Path | None,
    signed: bool,
    history: Path | None,
    as_json: bool,
) -> int:
    """Lint and validate the policy bundle in the folder BUNDLE, and say what stands behind each clause.

    A clause is tested, enforced, or paper only. Flags are for people and change no exit code. Exit codes: 0
    it is well-formed (with --signed: and adopted), 1 it is not, 2 it could not be read.

    \b
    Examples:
      caveat check policies/government-analytics
      caveat check --signed --json policies/government-analytics
      caveat check policies/government-analytics --scenarios conformance/scenarios/dev.jsonl
    """
    try:
        files = read_folder(bundle)
    except FolderError as error:
        raise CannotRunError(str(error), "name the folder that holds `bundle.toml`") from error
    try:
        parsed = parse_bundle(files)
        parse_trust(files["trust.toml"])
    except BundleError as error:
        return _report(None, error.findings, _NOTHING, signed=signed, as_json=as_json)
    except TrustError as error:
        return _report(None, error.findings, _NOTHING, signed=signed, as_json=as_json)
    folder = check_history(history)
    if folder is not None and parsed.unsigned:
        parsed = _carried(parsed, folder.bundle)
    documents = {} if sources is None else _documents(sources)
    tested = decided_by(parsed, scenario_files)
    review = Review(clause_states(parsed, tested, _never(parsed)), flags(parsed, documents))
    return _report(parsed, parsed.unsafe, review, signed=signed, as_json=as_json)


def _carried(bundle: Bundle, history: History) -> Bundle:
    """The bundle with the consent of the amendments that carry it; as it is where none do."""
    try:
        chain = adopted_chain(bundle, history)
    except ChainError:
        return bundle
    note = "it follows an adopted bundle by a whole chain of amendments"
    signers = bundle.signers | trust_consent(chain)
    return replace(bundle, unsigned=(), signers=signers, notes=(*bundle.notes, note))


@dataclass(frozen=True, slots=True)
class Review:
    """What stands behind each clause, and what a reader should question."""

    states: tuple[ClauseState, ...]
    flags: tuple[str, ...]


_NOTHING = Review((), ())


def _documents(folder: Path) -> dict[str, bytes]:
    """Every file of the folder: a clause may cite any of them by digest."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def _never(bundle: Bundle) -> frozenset[str]:
    """Policies that can never apply, where the solver is installed; without it nothing is said of that."""
    if find_spec("z3") is None:
        return frozenset()
    from caveat.analysis.firing import never_apply
    from caveat.analysis.solve import Session

    return never_apply(Session(), bundle)


def _report(
    bundle: Bundle | None, findings: tuple[str, ...], review: Review, *, signed: bool, as_json: bool
) -> int:
    unsigned = _unsigned(bundle) if bundle is not None else ()
    holds = bundle is not None and not findings and not (signed and unsigned)
    if as_json:
        click.echo(json.dumps(_document(bundle, findings, review, holds=holds), indent=2))
        return 0 if holds else 1
    for finding in findings:
        click.echo(f"✗ {finding}")
    if bundle is None:
        click.echo(f"{len(findings)} finding{'s' * (len(findings) != 1)}; the bundle does not load")
        return 1
    ids = {name for clause in bundle.written for name in clause.clauses}
    ids |= {row.id for row in bundle.manifest.process}
    red = {clause.red_line for clause in bundle.red_lines}
    if findings:
        click.echo(f"  {_count(findings, 'finding')}; it can be analysed, and is not served")
    mark = "✗" if findings else "✓"
    click.echo(
        f"{mark} {bundle.manifest.name} {bundle.manifest.release}: {_count(ids, 'clause')} in "
        f"{_count(bundle.written, 'policy')}, {_count(red, 'red line')}, "
        f"{_count(bundle.registry.facts, 'fact')}, {_count(bundle.deployments, 'deployment')}"
    )
    click.echo(f"  digest {bundle.digest}")
    for note in bundle.notes:
        click.echo(f"  note: {note}")
    for state in ("tested", "enforced", "paper only"):
        named = [each.id for each in review.states if each.state == state]
        if named:
            click.echo(f"  {state}: {', '.join(named)}")
    for flag in review.flags:
        click.echo(f"  flag: {flag}")
    if unsigned:
        signers = ", ".join(sorted(bundle.signers)) or "nobody"
        click.echo(
            f"  draft: {len(unsigned)} parts lack consent; signed by {signers}. A draft is not served."
        )
    else:
        signers = ", ".join(sorted(bundle.signers))
        click.echo(f"  adopted by {signers}" if signers else "  adopted by its amendments")
    return 0 if holds else 1


def _unsigned(bundle: Bundle) -> tuple[str, ...]:
    """What lacks consent, the trust policy of a bundle that may be served beyond loopback included."""
    signers = bundle.signers | trust_signers(bundle.files, bundle.manifest.name, bundle.manifest.actors)
    enough = bundle.manifest.development or is_trust_signed(signers)
    return bundle.unsigned if enough else (*bundle.unsigned, "trust.toml")


def _count(things: Sized, noun: str) -> str:
    plural = noun.removesuffix("y") + "ies" if noun.endswith("y") else noun + "s"
    return f"{len(things)} {noun if len(things) == 1 else plural}"


def _document(
    bundle: Bundle | None, findings: tuple[str, ...], review: Review, *, holds: bool
) -> dict[str, object]:
    return {
        "version": 1,
        "holds": holds,
        "findings": list(findings),
        "digest": None if bundle is None else bundle.digest,
        "clauses": [] if bundle is None else sorted({n for c in bundle.written for n in c.clauses}),
        "policies": [] if bundle is None else [clause.id for clause in bundle.written],
        "process": [] if bundle is None else [row.id for row in bundle.manifest.process],
        "facts": [] if bundle is None else list(bundle.registry.facts),
        "signers": [] if bundle is None else sorted(bundle.signers),
        "unsigned": [] if bundle is None else list(_unsigned(bundle)),
        "notes": [] if bundle is None else list(bundle.notes),
        "states": [each.render() for each in review.states],
        "flags": list(review.flags),
    }
