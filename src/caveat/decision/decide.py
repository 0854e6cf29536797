"""`decide`: one verdict for one call. Pure and total: same bundle digest, same facts digest, same decision.

The steps are those of DESIGN section 3, in their order, numbered beside the code. A red line that cannot
be evaluated refuses; an exhausted budget asks for evidence; nothing that fails becomes allow. Source:
ADR-0001, ADR-0003.
"""

from functools import lru_cache

from caveat.call.call import Point
from caveat.decision.conflict import find_conflict
from caveat.decision.resolve import Resolved, resolve
from caveat.decision.search import Budget, BudgetExhausted, Program, build_program
from caveat.decision.use import Use, make_use
from caveat.decision.verdict import Decision, Reason, Verdict, strictest
from caveat.decision.world import build_layout
from caveat.facts.fact import Facts
from caveat.policy.bundle import Policy


@lru_cache(maxsize=64)
def program_for(policy: Policy, point: Point) -> Program:
    """The compiled program of a policy at one point; made once."""
    return build_program(build_layout(policy.registry.facts, policy.roles), policy.clauses, point.value)


def decide_use(policy: Policy, point: Point, cases: tuple[Facts, ...]) -> Decision:
    """The strictest decision over the combinations of facts that really occur; none at all is denied."""
    if not cases:
        return Decision(Verdict.DENY, Reason.EVALUATION_ERROR)
    return strictest(tuple(decide(policy, point, case) for case in cases))


def decide(policy: Policy, point: Point, facts: Facts) -> Decision:
    """The verdict on one set of facts, with what decided it and what would change it."""
    return decide_resolved(policy, point, resolve(policy.registry, facts), facts.approvals)


def decide_resolved(policy: Policy, point: Point, resolved: Resolved, approvals: frozenset[str]) -> Decision:
    """`decide` from K and C on."""
    contradiction = policy.mechanisms.get("contradiction")
    if resolved.fault is not None:
        # 1. What no world satisfies, and evidence that is forged or replayed.
        return Decision(
            Verdict.DENY, resolved.fault, (contradiction,) if contradiction else (), incident=True
        )
    use = make_use(policy, program_for(policy, point), resolved, approvals)
    budget = Budget(policy.step_budget)
    try:
        verdict = use.verdict(budget)
        # 2. The caller and an issuer disagree about something that matters.
        conflict = find_conflict(use, verdict, budget)
        if conflict is not None:
            cited = (contradiction,) if contradiction else ()
            return Decision(
                Verdict.DENY,
                Reason.CONFLICT,
                tuple(dict.fromkeys((*cited, *conflict.clauses))),
                incident=conflict.loosened,
                steps=budget.spent,
            )
        return _decide_unconflicted(use, point, verdict, budget)
    except BudgetExhausted:
        return Decision(
            Verdict.NEEDS_EVIDENCE,
            Reason.BUDGET,
            _cited(policy, "unverified_context"),
            steps=budget.spent,
        )


def _decide_unconflicted(use: Use, point: Point, verdict: Verdict, budget: Budget) -> Decision:
    match verdict:
        case Verdict.DENY:
            # 3. Denied on what is known and admitted, whatever the rest may be.
            clauses = use.denying_clauses()
            reason = Reason.CLAUSE if clauses else Reason.NO_PERMIT
            clauses = clauses or _cited(use.policy, "default_deny")
            return Decision(verdict, reason, clauses, steps=budget.spent)
        case Verdict.NEEDS_EVIDENCE:
            # 4. Some completion of what is unknown is denied.
            return _ask_for_evidence(use, budget)
        case Verdict.NEEDS_APPROVAL:
            # 5. People with the roles named may allow it, or settle what was only counted to an interval.
            roles, clauses = use.smallest_approvals(budget)
            straddles = use.interval_straddles(budget)
            reason = Reason.COUNTED_INTERVAL if straddles else Reason.APPROVAL
            return Decision(verdict, reason, clauses, approvals=roles, steps=budget.spent)
        case Verdict.ALLOW:
            # 6. Allowed in every world, and by the second engine too.
            if not use.confirmed(point):
                return Decision(Verdict.DENY, Reason.ENGINES_DISAGREE, incident=True, steps=budget.spent)
            return Decision(verdict, Reason.PERMITTED, use.permitting_clauses(), steps=budget.spent)


def _ask_for_evidence(use: Use, budget: Budget) -> Decision:
    search = use.proof_search(budget)
    try:
        needs = search.smallest()
        reason = Reason.UNATTESTABLE if needs is None else Reason.UNVERIFIED
    except BudgetExhausted:
        needs, reason = search.best_guess(), Reason.BUDGET
    cited = _cited(use.policy, "unverified_context")
    return Decision(Verdict.NEEDS_EVIDENCE, reason, cited, needs=needs or (), steps=budget.spent)


def _cited(policy: Policy, mechanism: str) -> tuple[str, ...]:
    clause = policy.mechanisms.get(mechanism)
    return (clause,) if clause else ()
