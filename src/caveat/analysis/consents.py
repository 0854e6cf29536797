"""How many actors have to act together before a red line opens: the fewest whose amendments let a use inside.

Amending is monotone, so an amended prohibition vanishes, an amended permit permits everything, an amended
fact counts when merely claimed, and an amended limit has any value. Approvals are theirs, and they lie up to
the evader. Source: POLICY section 4, ADR-0018.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from caveat.analysis.adversary import Adversary, seen_by
from caveat.analysis.encode import encode_policy, inside
from caveat.analysis.frame import Frame, Integer, Symbol, equal_symbols, make_frame, make_symbol, well_formed
from caveat.analysis.holds import red_lines_of
from caveat.analysis.solve import (
    INTEGER_BITS,
    Answer,
    Session,
    Solver,
    Term,
    conj,
    constant,
    disj,
    flag,
    neg,
    same,
    vector,
)
from caveat.policy.amend import Actor, Both, Formula, actors_of, is_satisfied, parse_amend
from caveat.policy.bundle import Bundle, clauses_over_limits

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
    """For each red line of the bundle, who could open it."""
    if not bundle.red_lines:
        return {}
    truth = make_frame(bundle.registry.facts, bundle.policy.roles, "c")
    actors = sorted({actor for formula in _formulas(bundle) for actor in actors_of(formula)})
    acting = {actor: flag(f"acts!{actor}") for actor in actors}
    frame, possible = _amended_frame(bundle, truth, acting)
    solver = session.solver(truth.well_formed, possible)
    permitted = solver.name(_amended(bundle, frame, acting))
    return {
        line.id: _fewest(solver, conj([permitted, inside(truth, line.specification)]), acting)
        for line in red_lines_of(bundle)
    }


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


def _formulas(bundle: Bundle) -> Iterator[Formula]:
    yield from (clause.amend for clause in bundle.clauses)
    yield from (limit.amend for limit in bundle.manifest.limits.values())
    yield from (parse_amend(spec.amend) for spec in bundle.registry.facts.values())


def _term(formula: Formula, acting: Mapping[str, Term]) -> Term:
    if isinstance(formula, Actor):
        return acting[formula.name]
    parts = [_term(part, acting) for part in formula.parts]
    return conj(parts) if isinstance(formula, Both) else disj(parts)


def _amended_frame(bundle: Bundle, truth: Frame, acting: Mapping[str, Term]) -> tuple[Frame, Term]:
    """What is seen once amended facts count as claimed and amended limits have any value."""
    seen = seen_by(bundle, truth, Adversary.EVADER)
    facts: dict[str, Symbol] = dict(seen.frame.facts)
    ties: list[Term] = [seen.possible]
    for name, spec in bundle.registry.facts.items():
        own = make_symbol(f"amended!{name}", spec)
        amendable = _term(parse_amend(spec.amend), acting)
        ties += [well_formed(own, spec), disj([amendable, equal_symbols(own, facts[name])])]
        facts[name] = own
    for limit in bundle.manifest.limits.values():
        bits = vector(f"limit!{limit.id}", INTEGER_BITS)
        kept = same(bits, constant(limit.value, INTEGER_BITS))
        ties.append(disj([_term(limit.amend, acting), kept]))
        facts[f"limits.{limit.id}"] = Integer(bits)
    return replace(seen.frame, facts=facts), conj(ties)


def _amended(bundle: Bundle, frame: Frame, acting: Mapping[str, Term]) -> Term:
    encoded = encode_policy(frame, clauses_over_limits(bundle)).clauses
    permits: list[Term] = []
    stops: list[Term] = []
    for each in encoded:
        amendable = _term(each.clause.amend, acting)
        standing = neg(amendable)
        stops.append(conj([standing, each.errs]))
        if each.clause.is_permit:
            permits += [each.fires, amendable]
        else:
            stops.append(conj([standing, each.fires]))
    return conj([disj(permits), *(neg(stop) for stop in stops)])


def _fewest(solver: Solver, goal: Term, acting: Mapping[str, Term]) -> Openers:
    """Sizes in order, so the first that opens it is the least."""
    goal = solver.name(goal)
    actors = list(acting)
    if solver.ask(goal) is Answer.UNSATISFIABLE:
        return Openers(())
    for size in range(len(actors) + 1):
        found: list[tuple[str, ...]] = []
        for chosen in combinations(actors, size):
            acts = [term if actor in chosen else neg(term) for actor, term in acting.items()]
            answer = solver.ask(goal, *acts)
            if answer is Answer.UNKNOWN:
                return Openers((), answered=False)
            if answer is Answer.SATISFIABLE:
                found.append(chosen)
        if found:
            return Openers(tuple(found))
    return Openers(())
