"""The tour's last look: what the policy just served holds, and what taking one clause out would open.

Both are proofs by the solver, which is an extra; where it is missing the tour says so and goes on.
"""

from dataclasses import dataclass

from caveat.analysis.errors import SolverMissingError
from caveat.cli.development import example_bundle
from caveat.cli.diff_words import use_sentence
from caveat.cli.difference import difference_if_installed
from caveat.evidence.trust import parse_trust
from caveat.policy.bundle import parse_bundle
from caveat.policy.edit import delete_clause
from caveat.store.folder import read_folder

CLAUSE = "R1.b"


@dataclass(frozen=True, slots=True)
class Proved:
    """`holds`: every red line, against honest, silent and lying callers and evaded screens. `opened`: a use
    that goes through without the clause. `consents`: who has to sign that.
    """

    holds: bool
    opened: str
    consents: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether it is what must come out: nothing open, and the clause opens something if it goes."""
        return self.holds and bool(self.opened) and len(self.consents) > 1


def prove_policy() -> Proved | None:
    """The proofs about the example policy; None where the solver is not installed."""
    try:
        # Imported here: the solver is an extra.
        from caveat.analysis.adversary import Adversary
        from caveat.analysis.holds import adversaries_held
        from caveat.analysis.solve import Session
    except SolverMissingError:
        return None
    files = read_folder(example_bundle())
    bundle = parse_bundle(files)
    outsiders = {Adversary.HONEST, Adversary.SILENT, Adversary.LIAR, Adversary.EVADER}
    rows = list(adversaries_held(Session(), bundle, parse_trust(bundle.files["trust.toml"])))
    holds = bool(rows) and all(
        held.holds is True for _, row in rows for held in row if held.adversary in outsiders
    )
    without = parse_bundle(delete_clause(files, CLAUSE).files)
    difference = difference_if_installed(bundle, without, uses=1)
    if difference is None:
        return None
    uses = [use_sentence(use) for use in difference.opened.uses]
    return Proved(holds, uses[0] if uses else "", difference.made_by[0] if difference.made_by else ())
