"""How many actors have to act together before a red line opens: the fewest whose amendments let a use inside.

The cut sets are those of a proof (`analysis.cuts`); what is kept of them here is the smallest. Source: POLICY
section 4, ADR-0018.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from caveat.analysis.cuts import opening_cuts
from caveat.analysis.power import make_power
from caveat.analysis.solve import Session
from caveat.policy.amend import Formula, actors_of, is_satisfied
from caveat.policy.bundle import Bundle

ActorSets = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Openers:
    """The smallest sets of actors who can open a red line; the empty set where it is open as it stands.

    `answered`: False where the solver ran out of time before the least number was known.
    """

    sets: ActorSets
    answered: bool = True

    @property
    def consents(self) -> int | None:
        """How many actors it takes; None where amending does not open it, or it is not known."""
        return len(self.sets[0]) if self.sets else None


def openers(session: Session, bundle: Bundle) -> dict[str, Openers]:
    """For each red line of the bundle, who could open it by amending."""
    if not bundle.red_lines:
        return {}
    power = make_power(session, bundle, trust=None)
    found: dict[str, Openers] = {}
    for line in power.lines:
        cuts = opening_cuts(power, line)
        if not cuts.complete:
            found[line.id] = Openers((), answered=False)
            continue
        least = cuts.consents
        found[line.id] = Openers(tuple(cut.members for cut in cuts.sets if len(cut.members) == least))
    return found


def smallest_sets(formula: Formula) -> ActorSets:
    """The minimal sets of actors that satisfy the formula, smallest first."""
    return tuple(_minimal(sorted(actors_of(formula)), lambda chosen: is_satisfied(formula, chosen)))


def _minimal(actors: list[str], suffices: Callable[[frozenset[str]], bool]) -> Iterator[tuple[str, ...]]:
    found: list[frozenset[str]] = []
    for size in range(len(actors) + 1):
        for chosen in combinations(actors, size):
            if not any(smaller <= set(chosen) for smaller in found) and suffices(frozenset(chosen)):
                found.append(frozenset(chosen))
                yield chosen
