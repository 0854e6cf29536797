"""Whether a red line holds: does any use inside it get through, and for which adversary.

"Holds" is a proof over every complete set of true facts; "open" comes with a use that the live engine lets
through; a query without an answer is "unknown" and never "holds". Source: POLICY section 4, ADR-0017.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from caveat.analysis.adversary import Adversary, Insider, Seen, insiders, seen_by
from caveat.analysis.encode import EncodedPolicy, encode_policy, inside
from caveat.analysis.errors import EmptyWorldError, ReplayError
from caveat.analysis.frame import Frame, Word, make_frame
from caveat.analysis.shrink import shrunk
from caveat.analysis.solve import (
    Answer,
    Model,
    Session,
    Solver,
    Term,
    Variable,
    conj,
    constant,
    disj,
    neg,
    replaced,
)
from caveat.analysis.witness import (
    Said,
    Witness,
    all_inside,
    denied_completion,
    is_permitted,
    live_decision,
    said_of,
)
from caveat.call.call import Point
from caveat.decision.decide import program_for
from caveat.decision.verdict import Decision
from caveat.evidence.trust import Trust
from caveat.facts.fact import Grade
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause


@dataclass(frozen=True, slots=True)
class RedLine:
    """One red line: the policies of `red_lines/` that share its name. `id` is that of the first."""

    id: str
    name: str
    specification: tuple[Clause, ...]


def red_lines_of(bundle: Bundle) -> tuple[RedLine, ...]:
    """The red lines of a bundle, in the order of their files."""
    grouped: dict[str, list[Clause]] = {}
    for clause in bundle.red_lines:
        grouped.setdefault(clause.red_line or clause.id, []).append(clause)
    return tuple(RedLine(clauses[0].clauses[0], name, tuple(clauses)) for name, clauses in grouped.items())


@dataclass(frozen=True, slots=True)
class Held:
    """The answer for one red line and one adversary. `by`: who has to lie for it, insiders by name."""

    adversary: Adversary
    answer: Answer
    witness: Witness | None = None
    by: tuple[str, ...] = ()

    @property
    def holds(self) -> bool | None:
        """True, False, or None where the solver did not answer."""
        match self.answer:
            case Answer.UNSATISFIABLE:
                return True
            case Answer.SATISFIABLE:
                return False
            case Answer.UNKNOWN:
                return None


@dataclass(slots=True)
class Problem:
    """One bundle under one adversary, encoded once, with its solver.

    `truth` and `seen` are its frames, `policy` its clauses over what is seen, `goals` its red lines over
    what is true, as names that the solver can be asked with.
    """

    bundle: Bundle
    adversary: Adversary
    truth: Frame
    seen: Seen
    policy: EncodedPolicy
    permitted: Term
    goals: Mapping[str, Term]
    solver: Solver
    people: tuple[Insider, ...]


def make_problem(
    session: Session, bundle: Bundle, adversary: Adversary, people: tuple[Insider, ...] = ()
) -> Problem:
    """The problem; raises `EmptyWorldError` where the registry leaves no world."""
    truth = make_frame(bundle.registry.facts, bundle.policy.roles, "t")
    seen = seen_by(bundle, truth, adversary, people)
    policy = encode_policy(seen.frame, bundle.clauses)
    solver = session.solver(truth.well_formed, seen.possible)
    if solver.ask() is Answer.UNSATISFIABLE:
        raise EmptyWorldError("no world satisfies the registry of facts")
    goals = {line.id: solver.name(inside(truth, line.specification)) for line in red_lines_of(bundle)}
    return Problem(
        bundle,
        adversary,
        truth,
        seen,
        policy,
        solver.name(policy.permitted),
        goals,
        solver,
        people,
    )


def ask_open(problem: Problem, line: RedLine, *assumptions: Term) -> Held:
    """Whether a use inside the red line gets through, with a witness replayed on the live engine.

    A value that says "unknown" is no knowledge: where such a use only seems to get through, the denied
    completion that the live engine finds is added as a fact about the rule, and the question asked again.
    """
    while True:
        answer = problem.solver.ask(problem.permitted, problem.goals[line.id], *assumptions)
        if answer is not Answer.SATISFIABLE:
            return Held(problem.adversary, answer)
        model = problem.solver.model()
        witness, by = _candidate(problem, model)
        if is_permitted(witness.decision):
            return Held(problem.adversary, answer, _reduced(problem.bundle, line, witness), by)
        problem.solver.require(_lesson(problem, witness))


def _candidate(problem: Problem, model: Model) -> tuple[Witness, tuple[str, ...]]:
    """The use of a model, decided by the live engine, and the insiders who lie in it."""
    bundle = problem.bundle
    truth = problem.truth.read(model)
    seen = problem.seen.frame.read(model)
    corrupt = {name for name, term in problem.seen.corrupt.items() if model.holds(term)}
    liars = [insider for insider in problem.people if insider.name in corrupt]
    said = {name: _said(problem, liars, name, seen[name], truth[name]) for name in bundle.registry.facts}
    point = problem.truth.read_point(model)
    decision = live_decision(bundle, point, said, truth)
    return Witness(point, truth, said, decision), tuple(sorted(corrupt))


def _said(problem: Problem, liars: list[Insider], name: str, seen: Value, true: Value) -> Said:
    """How one fact comes to be seen so. Whoever understates persons understates their totals too."""
    spec = problem.bundle.registry.facts[name]
    observer = min(spec.observed_by, default="")
    lying = next((insider for insider in liars if name in insider.grants), None)
    if lying is not None and seen != true:
        if lying.role in spec.attested_by:
            return Said(seen, Grade.ATTESTED, lying.role)
        return Said(seen, Grade.OBSERVED, observer)
    if seen != true and any(name in insider.settles for insider in liars):
        return Said(seen, Grade.OBSERVED, observer, settled=True)
    return said_of(spec, seen, true, problem.adversary)


def _reduced(bundle: Bundle, line: RedLine, witness: Witness) -> Witness:
    def still(smaller: Witness) -> Decision | None:
        decision = live_decision(bundle, smaller.point, smaller.said, smaller.truth)
        if is_permitted(decision) and all_inside(bundle, line.specification, smaller):
            return decision
        return None

    return shrunk(bundle, witness, still)


def _lesson(problem: Problem, witness: Witness) -> Term:
    """What the live engine teaches: where these facts are unknown, this completion must be allowed too."""
    specs = problem.bundle.registry.facts
    frame = problem.seen.frame
    unknown = [name for name, said in witness.said.items() if specs[name].is_unknown(said.value)]
    box = denied_completion(problem.bundle, witness)
    if not unknown or box is None:
        raise ReplayError(
            f"the solver found a use that the live engine answers with `{witness.decision.verdict.value}`"
        )
    pairs: list[tuple[Variable, Variable]] = []
    guards: list[Term] = []
    layout = program_for(problem.bundle.policy, Point(witness.point)).layout
    for name in unknown:
        symbol, spec = frame.facts[name], specs[name]
        if not isinstance(symbol, Word):
            raise ReplayError(f"`{name}` cannot be unknown by its value")
        bits = layout.word_bits[name]
        mask = box[layout.slots[name]]
        chosen = next(word for word in spec.values if mask & bits[word])
        guards.append(disj(symbol.is_word(word) for word in sorted(spec.unknown)))
        pairs.append((symbol.bits, constant(symbol.places[chosen], symbol.width)))
    completed = replaced(problem.policy.permitted, pairs)
    return disj([neg(conj([*guards, problem.permitted])), completed])


def adversaries_held(
    session: Session, bundle: Bundle, trust: Trust
) -> Iterator[tuple[RedLine, tuple[Held, ...]]]:
    """Each red line with its answer for each adversary.

    What is open for one adversary is open for those who may do more; they are not asked again.
    """
    lines = red_lines_of(bundle)
    answers: dict[str, list[Held]] = {line.id: [] for line in lines}
    people = insiders(bundle, trust)
    for adversary in Adversary:
        problem = make_problem(session, bundle, adversary, people)
        for line in lines:
            answers[line.id].append(ask_line(problem, line, answers[line.id]))
    for line in lines:
        yield line, tuple(answers[line.id])


def ask_line(problem: Problem, line: RedLine, before: Sequence[Held]) -> Held:
    """The answer for the problem's adversary, after those of weaker ones.

    Of issuers, whether one of them alone opens it.
    """
    opened = next((held for held in before if held.holds is False and held.adversary in _WEAKER), None)
    if opened is not None:
        return Held(problem.adversary, Answer.SATISFIABLE, opened.witness, opened.by)
    if problem.adversary is not Adversary.ISSUER:
        return ask_open(problem, line)
    return _single_issuer(problem, line)


_WEAKER = frozenset({Adversary.HONEST, Adversary.SILENT, Adversary.LIAR, Adversary.EVADER})


def _single_issuer(problem: Problem, line: RedLine) -> Held:
    """Whether one insider alone opens it."""
    unknown = False
    for name, corrupt in problem.seen.corrupt.items():
        others = [neg(term) for other, term in problem.seen.corrupt.items() if other != name]
        held = ask_open(problem, line, corrupt, *others)
        if held.answer is Answer.SATISFIABLE:
            return held
        unknown |= held.answer is Answer.UNKNOWN
    return Held(problem.adversary, Answer.UNKNOWN if unknown else Answer.UNSATISFIABLE)
