"""What each clause does, and what a policy is good for, asked of uses that are seen as they truly are.

One board answers all of it: sole guards, clauses that never fire, change nothing or can be an error, the law
alone, and whether each purpose has a permitted use. An adversary is not among the questions here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from caveat.analysis.adversary import Adversary
from caveat.analysis.amended import Acts, amended
from caveat.analysis.board import Board, Found, Switched, nothing_unknown, permitted_with
from caveat.analysis.encode import encode_policy, inside
from caveat.analysis.errors import EmptyWorldError
from caveat.analysis.frame import Members, has_value, make_frame, make_symbol, well_formed
from caveat.analysis.holds import RedLine, red_lines_of
from caveat.analysis.solve import (
    Answer,
    Bits,
    Model,
    Session,
    Term,
    below,
    conj,
    constant,
    disj,
    flag,
    iff,
    neg,
    same,
    vector,
)
from caveat.analysis.witness import Said, said_of
from caveat.facts.fact import Grade
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause

PURPOSE = "task"


@dataclass(frozen=True, slots=True)
class Purpose:
    """Something that the bundle is for: a value of the fact `task`, or what a deployment registers."""

    name: str
    facts: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Guard:
    """A clause without which the red line is open; `found`: the use that then gets through."""

    clause: str
    found: Found


@dataclass(slots=True)
class Questions:
    """A board on which what is known is true. `removed`: which clause is away, by its place from 1.

    `honest`: every approval is given, and each screen that compares nothing sees the worst. `whole`: the
    policy with no clause away permits it.
    """

    board: Board
    lines: tuple[RedLine, ...]
    groups: tuple[str, ...]
    removed: Bits
    honest: tuple[Term, ...]
    whole: Term
    clauses: tuple[Switched, ...]
    _places: dict[int, Term] = field(default_factory=dict[int, Term])

    def only(self, place: int) -> Term:
        """The clause at this place is away and no other; none for 0."""
        known = self._places.get(place)
        if known is None:
            term = same(self.removed, constant(place, self.removed.size()))
            known = self._places[place] = self.board.solver.name(term)
        return known

    def removed_in(self, model: Model) -> int:
        """The place of the clause that is away in a model."""
        return model.index(self.removed)


def clause_ids(clauses: Iterable[Clause]) -> tuple[str, ...]:
    """The ids of the policy document, in order."""
    return tuple(dict.fromkeys(name for clause in clauses for name in clause.clauses))


def make_questions(session: Session, bundle: Bundle, unknowable: frozenset[str] = frozenset()) -> Questions:
    """The board; `unknowable`: facts that nobody attests or observes. Raises `EmptyWorldError`."""
    specs = bundle.registry.facts
    truth = make_frame(specs, bundle.policy.roles, "t")
    scores = {name: make_symbol(f"s!{name}", spec) for name, spec in specs.items() if _is_score(bundle, name)}
    given = {role: flag(f"approved!{role}") for role in bundle.policy.roles}
    seen = replace(truth, facts={**truth.facts, **scores}, approvals=Members(given))
    groups = clause_ids(bundle.clauses)
    width = max(1, len(groups).bit_length())
    removed = vector("removed", width)
    places = {name: same(removed, constant(place, width)) for place, name in enumerate(groups, 1)}
    encoded = encode_policy(seen, bundle.clauses)
    clauses = tuple(
        Switched(each, gone=disj(places[name] for name in each.clause.clauses)) for each in encoded.clauses
    )
    solver = session.solver(
        truth.well_formed,
        below(removed, len(groups) + 1) if len(groups) + 1 < 1 << width else True,
        *(well_formed(symbol, specs[name]) for name, symbol in scores.items()),
    )
    if solver.ask() is Answer.UNSATISFIABLE:
        raise EmptyWorldError("no world satisfies the registry of facts")
    named = tuple(_named(solver.name, each) for each in clauses)
    rule = permitted_with(named)
    lines = red_lines_of(bundle)
    # What compares content with words finds nothing where all words are true; any other sees the worst.
    screened = conj(
        has_value(symbol, specs[name].severest)
        for name, symbol in scores.items()
        if specs[name].neutral is None
    )
    by_place = dict(enumerate(groups, 1))

    def say(_model: Model, true: Mapping[str, Value], facts: Mapping[str, Value]) -> dict[str, Said]:
        return {
            name: said_of(spec, facts[name], true[name], Adversary.HONEST)
            for name, spec in specs.items()
            if name not in unknowable
        }

    def acts(model: Model) -> Acts:
        name = by_place.get(model.index(removed))
        gone = frozenset(clause.id for clause in bundle.clauses if name in clause.clauses)
        return Acts(removed=gone, unknowable=unknowable)

    return Questions(
        board=Board(
            bundle=bundle,
            truth=truth,
            seen=seen,
            rule=permitted_with(clauses),
            permitted=solver.name(rule),
            known=solver.name(nothing_unknown(seen)),
            goals={line.id: solver.name(inside(truth, line.specification)) for line in lines},
            solver=solver,
            say=say,
            acts=acts,
        ),
        lines=lines,
        groups=groups,
        removed=removed,
        honest=(solver.name(conj(given.values())), solver.name(screened)),
        whole=solver.name(permitted_with(Switched(each.encoded) for each in named)),
        clauses=named,
    )


def _is_score(bundle: Bundle, name: str) -> bool:
    return bundle.registry.facts[name].grade is Grade.ESTIMATED


def _named(name: Callable[[Term], Term], each: Switched) -> Switched:
    """The clause with a variable for what it says, so that it is encoded once."""
    encoded = replace(each.encoded, fires=name(each.encoded.fires), errs=name(each.encoded.errs))
    return Switched(encoded, each.gone, each.whole)


def sole_guards(questions: Questions, line: RedLine) -> Iterator[Guard]:
    """Each clause that alone denies some use inside the red line, with the use that its removal lets through.

    Ends early where the solver does not answer; the session counts that.
    """
    board = questions.board
    found_places = [0]
    while True:
        found = board.find(
            board.goals[line.id],
            *questions.honest,
            neg(questions.whole),
            *(neg(questions.only(place)) for place in found_places),
        )
        if found.model is None:
            return
        place = questions.removed_in(found.model)
        found_places.append(place)
        yield Guard(questions.groups[place - 1], found)


def never_firing(questions: Questions) -> tuple[str, ...]:
    """Clauses no part of which ever applies and holds, whatever the facts and the approvals."""
    return _without(questions, lambda each: each.encoded.fires)


def erring(questions: Questions) -> tuple[str, ...]:
    """Clauses some part of which can be an error."""
    never = set(_without(questions, lambda each: each.encoded.errs))
    return tuple(name for name in questions.groups if name not in never)


def _without(questions: Questions, term: Callable[[Switched], Term]) -> tuple[str, ...]:
    """Clauses for none of whose policies the term can be true. One model settles many of them."""
    solver = questions.board.solver
    waiting = [each for each in questions.clauses if term(each) is not False]
    seen: set[str] = set()
    while waiting:
        answer = solver.ask(solver.name(disj(term(each) for each in waiting)))
        if answer is Answer.UNKNOWN:
            # What is not known to be idle is not called idle.
            seen.update(name for each in waiting for name in each.encoded.clause.clauses)
            break
        if answer is Answer.UNSATISFIABLE:
            break
        model = solver.model()
        holding = [each for each in waiting if model.holds(term(each))]
        seen.update(name for each in holding for name in each.encoded.clause.clauses)
        waiting = [each for each in waiting if not model.holds(term(each))]
    return tuple(name for name in questions.groups if name not in seen)


def redundant(questions: Questions) -> tuple[str, ...]:
    """Clauses whose removal changes no verdict, whatever the facts and the approvals."""
    board = questions.board
    differs = board.solver.name(neg(iff(questions.whole, board.permitted)))
    return tuple(
        name
        for place, name in enumerate(questions.groups, 1)
        if board.solver.ask(differs, questions.only(place)) is Answer.UNSATISFIABLE
    )


def purposes(bundle: Bundle) -> tuple[Purpose, ...]:
    """What the bundle is for: each task that its registry names, else each deployment and workflow."""
    task = bundle.registry.facts.get(PURPOSE)
    if task is not None and task.values:
        return tuple(Purpose(word, {PURPOSE: word}) for word in task.values if word not in task.unknown)
    found: list[Purpose] = []
    for deployment in bundle.deployments.values():
        if not deployment.workflows:
            found.append(Purpose(deployment.id, deployment.facts))
        found += [
            Purpose(f"{deployment.id}/{name}", {**deployment.facts, **workflow.facts})
            for name, workflow in deployment.workflows.items()
        ]
    return tuple(found)


def permitted_use(questions: Questions, purpose: Purpose) -> Found:
    """A use for this purpose that an honest caller gets through, once everybody approved.

    What a screen makes of a harmless use is its own: here no score stands at its worst.
    """
    board = questions.board
    facts = conj(has_value(board.truth.facts[name], value) for name, value in purpose.facts.items())
    return board.find(board.solver.name(facts), questions.honest[0], questions.only(0))


def open_by_law(
    session: Session, bundle: Bundle, authorities: frozenset[str], line: RedLine
) -> tuple[Found, Questions]:
    """A use inside the red line that the forbids of these authorities leave open, on their board.

    Every permit permits everything here, so nothing is left to the absence of a permit.
    """
    law = Acts(
        removed=frozenset(
            clause.id
            for clause in bundle.clauses
            if not clause.is_permit and clause.authority not in authorities
        ),
        widened=frozenset(clause.id for clause in bundle.clauses if clause.is_permit),
    )
    questions = make_questions(session, amended(bundle, law))
    found = questions.board.find(questions.board.goals[line.id], *questions.honest, questions.only(0))
    return found, questions
