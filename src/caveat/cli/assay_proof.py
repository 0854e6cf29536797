"""What the analysis says of the uses of a run: which issuer could open each of them alone."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import click

from caveat.analysis.errors import AnalysisError, SolverMissingError
from caveat.assay.agreement import Proved
from caveat.assay.attacks.issuer import is_decided_by_facts
from caveat.assay.generator import Pair
from caveat.assay.mint import fact_value
from caveat.cli.progress import Bar
from caveat.evidence.trust import TrustError, parse_trust
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle

MOST_USES = 200
"""Of so many denied uses at most it is asked: six questions each, a few hundredths of a second together."""


def prove_insiders(bundle: Bundle, uses: Sequence[Pair]) -> Proved | None:
    """Of the first denied uses that facts decide; None where the solver is not installed.

    Issuers are those of the run: one for each role, for all that it may attest.
    """
    if not _is_installed():
        return None

    denied = [use for use in uses if use.right == "deny" and is_decided_by_facts(use)][:MOST_USES]
    try:
        with Bar("proving who alone could open each use") as advance:
            return _asked(bundle, denied, advance)
    except (AnalysisError, TrustError) as error:
        click.echo(f"caveat assay: insiders were not compared with a proof: {error}", err=True)
        return None


def _is_installed() -> bool:
    try:
        importlib.import_module("caveat.analysis.solve")
    except (ImportError, SolverMissingError):
        return False
    return True


def _asked(bundle: Bundle, uses: Sequence[Pair], advance: Callable[[int, int], None]) -> Proved:
    from caveat.analysis.single_issuer import cut_sets_of_one, single_issuers
    from caveat.analysis.solve import Session, solver_version

    trust = replace(parse_trust(bundle.files["trust.toml"]), issuers={})
    session = Session()
    asked = single_issuers(session, bundle, trust)
    found = Proved(
        solver=solver_version(),
        openers={},
        cut_sets={
            line: None if names is None else sorted(names)
            for line, names in cut_sets_of_one(session, bundle, trust).items()
        },
    )
    for number, use in enumerate(uses, start=1):
        truth = _truth(bundle, use)
        answer = asked.openers(truth)
        found.openers[use.id] = sorted(answer.alone)
        if answer.unknown:
            found.unknown[use.id] = sorted(answer.unknown)
        found.red_lines[use.id] = sorted(asked.red_lines(truth))
        advance(number, len(uses))
    return found


def _truth(bundle: Bundle, use: Pair) -> Mapping[str, Value]:
    """What is true of the use, as far as the policy knows of it."""
    return {name: fact_value(value) for name, value in use.truth.items() if name in bundle.registry.facts}
