"""What would change a decision: counterfactuals over the facts that it rests on."""

from caveat.call.call import Point
from caveat.decision.decide import program_for
from caveat.decision.needs import smallest_sufficient
from caveat.decision.resolve import resolve
from caveat.decision.search import Budget, BudgetExhausted
from caveat.decision.use import make_use
from caveat.facts.fact import Facts
from caveat.policy.bundle import Policy


def facts_behind_denial(policy: Policy, point: Point, facts: Facts) -> tuple[str, ...] | None:
    """A smallest set of known or admitted facts of which other values would not be denied.

    None where the question has no answer: nothing known would have to be otherwise, or the step budget of
    the bundle ends first.
    """
    resolved = resolve(policy.registry, facts)
    if resolved.fault is not None:
        return None
    program = program_for(policy, point)
    use = make_use(policy, program, resolved, facts.approvals)
    admitted = use.admitted
    budget = Budget(policy.step_budget)
    names = [name for name in program.ordered_reads if name in admitted]

    def escapes(freed: frozenset[str]) -> bool:
        kept = {name: value for name, value in admitted.items() if name not in freed}
        return program.find_allowed(use.box(kept, use.all_roles), budget) is not None

    try:
        return smallest_sufficient(names, escapes) or None
    except BudgetExhausted:
        return None


def facts_behind_allow(policy: Policy, point: Point, facts: Facts) -> tuple[str, ...] | None:
    """A smallest set of known facts without which it would not be allowed; None where there is none."""
    resolved = resolve(policy.registry, facts)
    program = program_for(policy, point)
    use = make_use(policy, program, resolved, facts.approvals)
    budget = Budget(policy.step_budget)
    names = [name for name in program.ordered_reads if name in use.known]

    def fails(freed: frozenset[str]) -> bool:
        kept = {name: value for name, value in use.known.items() if name not in freed}
        return program.find_denied(use.box(kept, use.approvals), budget) is not None

    try:
        return smallest_sufficient(names, fails) or None
    except BudgetExhausted:
        return None


def proof_settles(policy: Policy, point: Point, facts: Facts, names: frozenset[str]) -> bool:
    """Whether proof of these facts, as claimed or else at some value, would leave nothing denied.

    False where that cannot be told within the step budget, or where evidence is at fault.
    """
    resolved = resolve(policy.registry, facts)
    if resolved.fault is not None:
        return False
    use = make_use(policy, program_for(policy, point), resolved, facts.approvals)
    search = use.proof_search(Budget(policy.step_budget))
    try:
        return search.suffices([name for name in search.candidates if name in names])
    except BudgetExhausted:
        return False


def provable_facts(policy: Policy, point: Point, facts: Facts) -> tuple[str, ...]:
    """The unknown facts that may matter and that somebody may attest or observe, in registry order."""
    resolved = resolve(policy.registry, facts)
    return make_use(policy, program_for(policy, point), resolved, facts.approvals).askable()
