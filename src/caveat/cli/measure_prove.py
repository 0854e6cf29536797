"""Figures of the analysis: everything `caveat prove` answers, over generated policies of several sizes.

The workload is the decision's, with two red lines, four actors and limits, so it runs wherever the solver is
installed.
"""

import time
from collections.abc import Mapping

import tomli_w

from caveat.cli.measure_decision import CLAUSES, clause_texts, fact_tables
from caveat.evidence.trust import parse_trust
from caveat.policy.bundle import Bundle, parse_bundle

SIZES = (25, CLAUSES, 200)
_ACTORS = ("alpha", "beta", "gamma", "delta")
_RED_LINES = """
@id("L1") @text("No mass use.") @authority("contract") @amend("alpha & beta") @red_line("mass")
forbid (principal, action, resource) when {
  context.count0 > 500000 && context.set0.contains("w3") && context.flag1
};
@id("L2") @text("No use of this kind.") @authority("contract") @amend("alpha & beta") @red_line("kind")
forbid (principal, action, resource) when { context.word1 == "w2" && context.word2 == "w5" };
"""
_GUARDS = """
@id("G1") @text("No mass use.") @authority("contract") @amend("alpha & beta") @red_line("mass")
forbid (principal, action, resource) when { context.count0 > 499999 && context.set0.contains("w3") };
@id("G2") @text("No use of this kind.") @authority("contract") @amend("alpha & beta") @red_line("kind")
forbid (principal, action, resource) when { ["w2", "w3"].contains(context.word1) && context.word2 == "w5" };
"""


def measure_prove() -> Mapping[int, float]:
    """CPU seconds of one whole proof, by the number of clauses."""
    return {clauses: _seconds(prove_bundle(clauses)) for clauses in SIZES}


def _seconds(bundle: Bundle) -> float:
    from caveat.analysis.proof import Prover
    from caveat.analysis.solve import Session

    trust = parse_trust(bundle.files["trust.toml"])
    started = time.process_time()
    proof = Prover(Session(), bundle, trust).prove(lambda _done, _all: None)
    taken = time.process_time() - started
    if not proof.holds:
        raise AssertionError("the red lines of the workload hold by construction")
    return taken


def prove_bundle(clauses: int) -> Bundle:
    """A bundle of so many clauses, two of which stand before its red lines."""
    annotations = '@text("A clause of the workload.") @authority("technical") @amend("{amend}")'
    policies = [
        f'@id("C{i}") {annotations.format(amend=_amend(i))} {text}'
        for i, text in enumerate(clause_texts(clauses - 2))
    ]
    files: dict[str, dict[str, object]] = {
        "bundle.toml": {
            "version": 1,
            "name": "workload",
            "release": "1",
            "text": "A generated workload.",
            "actors": {name: {"keys": [], "text": "An actor."} for name in _ACTORS},
        },
        "facts.toml": {"version": 1, "facts": fact_tables("alpha & beta")},
        "trust.toml": {"version": 1, "expires_at": "2100-01-01T00:00:00Z"},
        "tools.toml": {"version": 1},
        "deployments.toml": {
            "version": 1,
            "deployments": {
                f"desk{i}": {"kind": "pipeline", "operator": "alpha", "owner_group": "g"} for i in range(4)
            },
        },
    }
    encoded = {path: tomli_w.dumps(table).encode() for path, table in files.items()}
    encoded["clauses/workload.cedar"] = ("\n".join(policies) + _GUARDS).encode()
    encoded["red_lines/lines.cedar"] = _RED_LINES.encode()
    return parse_bundle(encoded)


def _amend(i: int) -> str:
    """Some clauses are one actor's, some two together."""
    one, other = _ACTORS[i % 4], _ACTORS[(i + 1) % 4]
    return one if i % 3 == 0 else f"{one} & {other}"
