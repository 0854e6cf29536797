"""Which content is to be replaced at one point of control, as the clauses with `@redact` say. Pure.

Law: a clause binds where its condition holds, and also where it cannot be shown not to hold; what is unknown,
contradictory or forged never lifts it, and neither does a claim. So one more known fact, or one more
approval, only ever takes a replacement away. No verdict depends on this. Source: ADR-0031.
"""

from collections.abc import Sequence
from functools import lru_cache

from caveat.call.call import Point
from caveat.decision.resolve import resolve
from caveat.decision.search import Program, build_program
from caveat.decision.use import make_use
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.decision.world import build_layout
from caveat.facts.fact import Facts
from caveat.policy.bundle import Policy
from caveat.policy.clause import Clause


def obligations(
    policy: Policy, redactions: tuple[Clause, ...], point: Point, cases: Sequence[Facts]
) -> tuple[Clause, ...]:
    """The clauses of `redactions` that bind in some case at `point`, in their order; all without a case."""
    here = tuple(clause for clause in redactions if point.value in clause.points)
    if not here or not cases:
        return here
    program = _program(policy, redactions, point)
    bound: set[str] = set()
    for facts in cases:
        bound |= _binding(policy, program, facts)
    return tuple(clause for clause in here if clause.id in bound)


def kinds_of(bound: Sequence[Clause]) -> frozenset[str]:
    """What these clauses have replaced."""
    return frozenset(kind for clause in bound for kind in clause.redacts)


def ids_of(bound: Sequence[Clause]) -> tuple[str, ...]:
    """The clauses of the policy document that these serve, each once."""
    return tuple(dict.fromkeys(name for clause in bound for name in clause.clauses))


def with_unreadable(decision: Decision, clauses: tuple[str, ...], unreadable: int) -> Decision:
    """The decision on content of which so many pieces cannot be read, and these clauses have replaced.

    What cannot be replaced is refused. Another refusal stands as it is.
    """
    if decision.verdict is not Verdict.ALLOW or not unreadable:
        return decision
    return Decision(Verdict.DENY, Reason.OBLIGATION, clauses, steps=decision.steps)


@lru_cache(maxsize=64)
def _program(policy: Policy, redactions: tuple[Clause, ...], point: Point) -> Program:
    return build_program(build_layout(policy.registry.facts, policy.roles), redactions, point.value)


def _binding(policy: Policy, program: Program, facts: Facts) -> set[str]:
    resolved = resolve(policy.registry, facts)
    if resolved.fault is not None:
        return {each.clause.id for each in program.compiled}
    use = make_use(policy, program, resolved, facts.approvals)
    box = use.box(use.known, use.approvals)
    return {each.clause.id for each in program.compiled if each.true(box) or each.error(box)}
