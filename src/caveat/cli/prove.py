"""`caveat prove`: what a policy bundle holds, against whom, and who together could open it."""

import importlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from caveat.cli.bundle import load_bundle
from caveat.cli.exit import CannotRunError
from caveat.cli.progress import Bar
from caveat.cli.prove_page import render_page
from caveat.cli.prove_show import show_proof
from caveat.cli.prove_words import table
from caveat.evidence.trust import Trust, TrustError, parse_trust
from caveat.policy.bundle import Bundle
from caveat.policy.clause import AUTHORITIES
from caveat.signing.canonical import Json
from caveat.signing.keys import (
    KeyParseError,
    PrivateKey,
    PublicKey,
    parse_private_key,
    parse_public_key,
)

if TYPE_CHECKING:
    from caveat.analysis.proof import Proof
    from caveat.analysis.value import Case

_HINT = "pip install 'caveat[analysis]'"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked beside the bundle."""

    timeout_seconds: float
    given: frozenset[str]
    statements: Path | None
    scenarios: Path | None


@click.command("prove")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/reference/prove.md).")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page for people.")
@click.option("--given", help="Authorities, by commas: do these alone imply each red line?")
@click.option("--value", is_flag=True, help="With --scenarios: what only each clause holds back.")
@click.option("--scenarios", type=click.Path(path_type=Path, dir_okay=False), help="A file of uses.")
@click.option(
    "--statements", type=click.Path(path_type=Path, dir_okay=False), help="Public sentences to prove (TOML)."
)
@click.option("--formulas", type=click.Path(path_type=Path, file_okay=False), help="Write SMT-LIB here.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.001, max=86_400),
    default=30.0,
    show_default=True,
    help="Seconds for one query; what takes longer is unknown.",
)
@click.option(
    "--sign", "sign_key", type=click.Path(path_type=Path, dir_okay=False), help="Sign with this private key."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("proof.dsse.json"),
    show_default=True,
    help="Where --sign writes the certificate.",
)
@click.option(
    "--verify", type=click.Path(path_type=Path, dir_okay=False), help="Check this certificate instead."
)
@click.option("--key", "public_key", help="With --verify: the public key, or a file that holds it.")
def prove_command(
    bundle: Path,
    *,
    as_json: bool,
    html: Path | None,
    given: str | None,
    value: bool,
    scenarios: Path | None,
    statements: Path | None,
    formulas: Path | None,
    timeout: float,
    sign_key: Path | None,
    out: Path,
    verify: Path | None,
    public_key: str | None,
) -> int:
    """Prove what the policy bundle in the folder BUNDLE holds, a draft included.

    For each red line: whether any use inside it gets through, for each adversary, with a use that the live
    engine lets through where it does; which clauses alone stand before it; and who together could open it.

    Exit codes: 0 every red line holds against honest, silent and lying callers and evaded screens, each
    purpose has a permitted use, and no statement fails; 1 not so; 2 it could not be asked.

    \b
    Examples:
      caveat prove policies/government-analytics
      caveat prove policies/government-analytics --html proof.html --given statute,regulation
      caveat prove policies/government-analytics --value --scenarios conformance/scenarios/dev.jsonl
      caveat prove policies/government-analytics --sign auditor.pem --out proof.dsse.json
      caveat prove policies/government-analytics --verify proof.dsse.json --key auditor.pub
    """
    if value is (scenarios is None):
        raise click.UsageError("`--value` and `--scenarios FILE` go together", click.get_current_context())
    loaded = load_bundle(bundle)
    if verify is not None:
        return _verified(loaded, verify, _public_key(public_key), as_json=as_json)
    key = None if sign_key is None else _private_key(sign_key)
    asked = _Asked(timeout, _authorities(given), statements, scenarios)
    proof = _prove(loaded, asked)
    if formulas is not None:
        _write_formulas(formulas, proof)
    if html is not None:
        html.write_text(render_page(loaded, proof.document), encoding="utf-8")
    if key is not None:
        from caveat.analysis.certificate import sign_proof

        out.write_bytes(sign_proof(proof.document, key))
    if as_json:
        click.echo(orjson.dumps(proof.document, option=orjson.OPT_INDENT_2).decode())
    else:
        show_proof(loaded, proof.document)
        for path, what in ((html, "page"), (out if key is not None else None, "certificate")):
            if path is not None:
                click.echo(f"wrote the {what} {path}")
    return 0 if proof.holds else 1


@contextmanager
def _analysis() -> Generator[None]:
    """What the analysis raises, as the command line says it."""
    from caveat.analysis.errors import (
        AnalysisError,
        CertificateError,
        ReplayError,
        SolverMissingError,
        StatementError,
    )

    try:
        importlib.import_module("caveat.analysis.solve")
    except (ImportError, SolverMissingError) as error:
        raise CannotRunError("the solver is not installed", _HINT) from error

    try:
        yield
    except StatementError as error:
        raise CannotRunError(str(error), "the vocabulary is in docs/reference/prove.md") from error
    except CertificateError:
        raise
    except ReplayError as error:
        raise CannotRunError(str(error), "nothing is printed; please report the bundle") from error
    except AnalysisError as error:
        raise CannotRunError(str(error), "mend the registry of facts, then ask again") from error


def _prove(bundle: Bundle, asked: _Asked) -> "Proof":
    trust = _trust(bundle)
    with _analysis():
        from caveat.analysis.proof import Prover
        from caveat.analysis.solve import Session
        from caveat.analysis.statements import Sentence, parse_statements

        sentences: tuple[Sentence, ...] = ()
        if asked.statements is not None:
            sentences = parse_statements(asked.statements.read_bytes(), bundle)
        prover = Prover(
            Session(asked.timeout_seconds),
            bundle,
            trust,
            given=asked.given,
            sentences=sentences,
            cases=() if asked.scenarios is None else _cases(asked.scenarios, bundle),
        )
        with Bar("proving") as advance:
            return prover.prove(advance)


def _trust(bundle: Bundle) -> Trust:
    try:
        return parse_trust(bundle.files["trust.toml"])
    except TrustError as error:
        raise CannotRunError(f"the trust policy does not load: {error}", "`caveat check` lists it") from error


def _cases(path: Path, bundle: Bundle) -> "tuple[Case, ...]":
    from caveat.analysis.value import Case
    from caveat.assay.errors import AssayError
    from caveat.assay.scenario import parse_scenarios
    from caveat.cli.prove_cases import facts_of_scenario

    try:
        scenarios = parse_scenarios(path.read_bytes(), bundle.registry.facts)
    except AssayError as error:
        raise CannotRunError(
            f"`{path}`: {str(error).splitlines()[0]}", "the fields are in docs/reference/scenarios.md"
        ) from error
    return tuple(Case(one.id, facts_of_scenario(bundle, one.visible)) for one in scenarios)


def _authorities(given: str | None) -> frozenset[str]:
    chosen = frozenset(word.strip() for word in (given or "").split(",") if word.strip())
    unknown = sorted(chosen - set(AUTHORITIES))
    if unknown or (given is not None and not chosen):
        raise CannotRunError(
            f"`{unknown[0] if unknown else given}` is no authority", f"they are {', '.join(AUTHORITIES)}"
        )
    return chosen


def _write_formulas(folder: Path, proof: "Proof") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for digest, text in proof.formulas.items():
        (folder / f"{digest}.smt2").write_text(text, encoding="utf-8")


def _private_key(path: Path) -> PrivateKey:
    try:
        return parse_private_key(path.read_bytes())
    except KeyParseError as error:
        raise CannotRunError(f"`{path}`: {error}", "`caveat keys new --out FILE` makes one") from error


def _public_key(given: str | None) -> PublicKey:
    if given is None:
        raise CannotRunError("no key to verify with", "name it with `--key`")
    text = given
    if ":" not in given:
        text = Path(given).read_text(encoding="utf-8", errors="replace").strip()
    try:
        return parse_public_key(text)
    except KeyParseError as error:
        raise CannotRunError(f"`--key`: {error}", "`caveat keys` prints a public key so") from error


def _verified(bundle: Bundle, path: Path, key: PublicKey, *, as_json: bool) -> int:
    with _analysis():
        from caveat.analysis.certificate import verify_proof
        from caveat.analysis.errors import CertificateError

        finding, document = "", dict[str, Json]()
        try:
            document = dict(verify_proof(path.read_bytes(), key, bundle.digest))
        except CertificateError as error:
            finding = str(error)
    if as_json:
        row: dict[str, Json] = {"version": 1, "verifies": not finding, "finding": finding or None}
        click.echo(orjson.dumps({**row, "holds": document.get("holds")}, option=orjson.OPT_INDENT_2).decode())
    elif finding:
        click.echo(f"✗ {finding}")
    else:
        name = table(document.get("solver")).get("name", "a solver")
        said = "every red line holds" if document.get("holds") is True else "not everything holds"
        click.echo(f"✓ this key says of bundle {bundle.digest[:12]}…, by {name}: {said}")
    return 1 if finding else 0
