"""Clauses that some caller can always switch off, and facts whose omission could open the gate.

A clause is *theatre* when for every true use where it fires, some adversary up to the evader makes it not
fire. The question has two quantifiers; it is settled by examples: each way out that is found is generalised,
until no use is left or one is found that no caller escapes. Source: POLICY section 4, ADR-0017.
"""

from collections.abc import Sequence
from dataclasses import replace

from caveat.analysis.board import pinned
from caveat.analysis.encode import encode_policy
from caveat.analysis.frame import (
    Frame,
    Members,
    equal_symbols,
    has_value,
    make_frame,
    make_symbol,
    variables_of,
)
from caveat.analysis.questions import Questions, clause_ids
from caveat.analysis.solve import Answer, Session, Term, Variable, conj, disj, neg, replaced
from caveat.facts.fact import Grade
from caveat.facts.registry import FactSpec
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause
from caveat.policy.expression import atoms, facts_of

_MOST_WAYS_OUT = 500


def is_free(spec: FactSpec) -> bool:
    """Whether a caller, with no issuer's help, has a say in the value that counts."""
    return spec.grade in (Grade.CLAIMED, Grade.ESTIMATED) or spec.neutral_unobserved


def theatre(session: Session, bundle: Bundle) -> tuple[str, ...]:
    """Clauses that some caller can always switch off. What the solver leaves open is not listed."""
    free = {name for name, spec in bundle.registry.facts.items() if is_free(spec)}
    found: list[str] = []
    for name in clause_ids(bundle.clauses) if free else ():
        forbids = [clause for clause in bundle.clauses if name in clause.clauses and not clause.is_permit]
        read = {fact for clause in forbids for atom, _ in atoms(clause.condition) for fact in facts_of(atom)}
        if forbids and read & free and _always_avoidable(session, bundle, forbids, free):
            found.append(name)
    return tuple(found)


def _always_avoidable(session: Session, bundle: Bundle, forbids: Sequence[Clause], free: set[str]) -> bool:
    frame = make_frame(bundle.registry.facts, bundle.policy.roles, "h")
    # A caller gives no approvals, so here there are none.
    frame = _without_approvals(frame)
    encoded = encode_policy(frame, forbids)
    fires = disj(term for each in encoded.clauses for term in (each.fires, each.errs))
    scores = [name for name in free if bundle.registry.facts[name].grade is Grade.ESTIMATED]
    honest = [has_value(frame.facts[name], bundle.registry.facts[name].severest) for name in scores]
    uses = session.solver(frame.well_formed, fires, *honest)
    seen_one = False
    for _ in range(_MOST_WAYS_OUT):
        answer = uses.ask()
        if answer is not Answer.SATISFIABLE:
            return answer is Answer.UNSATISFIABLE and seen_one
        seen_one = True
        use = frame.read(uses.model())
        way_out = _way_out(session, bundle, frame, fires, use, free)
        if way_out is None:
            return False
        pairs = [pair for name, value in way_out.items() for pair in pinned(frame.facts[name], value)]
        uses.require(replaced(fires, pairs))
    session.unknown += 1
    return False


def _without_approvals(frame: Frame) -> Frame:
    return replace(frame, approvals=Members(dict.fromkeys(frame.approvals.terms, False)))


def _way_out(
    session: Session,
    bundle: Bundle,
    frame: Frame,
    fires: Term,
    use: dict[str, Value],
    free: set[str],
) -> dict[str, Value] | None:
    """What a caller makes of the free facts of this use so that the clause does not fire; None: nothing."""
    held = [has_value(frame.facts[name], value) for name, value in use.items() if name not in free]
    for name in free:
        spec = bundle.registry.facts[name]
        if spec.grade not in (Grade.CLAIMED, Grade.ESTIMATED):
            ways = [use[name]] if spec.neutral is None else [use[name], spec.neutral]
            held.append(disj(has_value(frame.facts[name], value) for value in ways))
    solver = session.solver(frame.well_formed, neg(fires), *held)
    if solver.ask() is not Answer.SATISFIABLE:
        return None
    seen = frame.read(solver.model())
    specs = bundle.registry.facts
    return {
        name: seen[name]
        for name in free
        if specs[name].grade in (Grade.CLAIMED, Grade.ESTIMATED) or seen[name] != use[name]
    }


def omission_opens(questions: Questions) -> tuple[str, ...]:
    """Facts that, left unsaid, get a use through that is denied when they are known.

    What is unknown ranges over all its values, the true one among them, so leaving out any of those facts
    opens nothing: one query for all of them together. A neutral value that nothing establishes is asked
    about for itself. What the solver leaves open is listed.
    """
    specs = questions.board.bundle.registry.facts
    standing = [name for name, spec in specs.items() if spec.neutral_unobserved]
    ranging = [name for name in specs if name not in standing]
    found = [name for name in standing if _opens(questions, [name])]
    return tuple(found if not _opens(questions, ranging) else [*found, *ranging])


def _opens(questions: Questions, names: Sequence[str]) -> bool:
    board, specs = questions.board, questions.board.bundle.registry.facts
    pairs: list[tuple[Variable, Variable]] = []
    counts: list[Term] = []
    for name in names:
        own, unsaid = board.seen.facts[name], make_symbol(f"o!{name}", specs[name])
        pairs += zip(variables_of(own), variables_of(unsaid), strict=True)
        neutral = specs[name].neutral
        if neutral is not None and specs[name].neutral_unobserved:
            counts.append(has_value(unsaid, neutral))
        else:
            counts.append(equal_symbols(unsaid, own))
    asked = board.solver.name(conj([*counts, replaced(board.rule, pairs)]))
    held = (neg(board.permitted), questions.only(0), questions.honest[0])
    return board.solver.ask(asked, *held) is not Answer.UNSATISFIABLE
