"""Whether a red line holds: does any use inside it get through, and for which adversary.

"Holds" is a proof over every complete set of true facts; "open" comes with a use that the live engine lets
through; a query without an answer is "unknown" and never "holds". Source: POLICY section 4, ADR-0017.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from caveat.analysis.adversary import Adversary, Insider, Seen, insiders, seen_by
from caveat.analysis.amended import Acts
from caveat.analysis.board import Board, nothing_unknown
from caveat.analysis.encode import encode_policy, inside
from caveat.analysis.errors import EmptyWorldError
from caveat.analysis.frame import make_frame
from caveat.analysis.solve import Answer, Model, Session, Solver, Term, neg
from caveat.analysis.witness import Said, Witness, said_of
from caveat.evidence.trust import Trust
from caveat.facts.fact import Grade
from caveat.facts.registry import FactSpec
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


@dataclass(frozen=True, slots=True)
class Problem:
    """One bundle under one adversary, encoded once, with its solver: the board, and how it is seen."""

    adversary: Adversary
    seen: Seen
    board: Board

    @property
    def solver(self) -> Solver:
        """The solver that the board stands on."""
        return self.board.solver

    @property
    def permitted(self) -> Term:
        """The name of "it gets through" in the solver."""
        return self.board.permitted

    @property
    def goals(self) -> Mapping[str, Term]:
        """The name of "it is inside" for each red line."""
        return self.board.goals


def make_problem(
    session: Session, bundle: Bundle, adversary: Adversary, people: tuple[Insider, ...] = ()
) -> Problem:
    """The problem; raises `EmptyWorldError` where the registry leaves no world."""
    truth = make_frame(bundle.registry.facts, bundle.policy.roles, "t")
    seen = seen_by(bundle, truth, adversary, people)
    rule = encode_policy(seen.frame, bundle.clauses).permitted
    solver = session.solver(truth.well_formed, seen.possible)
    if solver.ask() is Answer.UNSATISFIABLE:
        raise EmptyWorldError("no world satisfies the registry of facts")

    def say(model: Model, true: Mapping[str, Value], facts: Mapping[str, Value]) -> dict[str, Said]:
        corrupt = {name for name, term in seen.corrupt.items() if model.holds(term)}
        liars = [insider for insider in people if insider.name in corrupt]
        return {
            name: _said(spec, adversary, liars, facts[name], true[name])
            for name, spec in bundle.registry.facts.items()
        }

    board = Board(
        bundle=bundle,
        truth=truth,
        seen=seen.frame,
        rule=rule,
        permitted=solver.name(rule),
        known=solver.name(nothing_unknown(seen.frame)),
        goals={line.id: solver.name(inside(truth, line.specification)) for line in red_lines_of(bundle)},
        solver=solver,
        say=say,
        acts=lambda _model: Acts(),
    )
    return Problem(adversary, seen, board)


def ask_open(problem: Problem, line: RedLine, *assumptions: Term) -> Held:
    """Whether a use inside the red line gets through, with a witness replayed on the live engine."""
    found = problem.board.find(problem.goals[line.id], *assumptions)
    if found.model is None:
        return Held(problem.adversary, found.answer)
    by = tuple(sorted(name for name, term in problem.seen.corrupt.items() if found.model.holds(term)))
    return Held(problem.adversary, found.answer, problem.board.reduced(found, line.specification), by)


def _said(spec: FactSpec, adversary: Adversary, liars: list[Insider], seen: Value, true: Value) -> Said:
    """How one fact comes to be seen so. Whoever understates persons understates their totals too."""
    observer = min(spec.observed_by, default="")
    lying = next((insider for insider in liars if spec.name in insider.grants), None)
    if lying is not None and seen != true:
        if lying.role in spec.attested_by:
            return Said(seen, Grade.ATTESTED, lying.role)
        return Said(seen, Grade.OBSERVED, observer)
    if seen != true and any(spec.name in insider.settles for insider in liars):
        return Said(seen, Grade.OBSERVED, observer, settled=True)
    return said_of(spec, seen, true, adversary)


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
