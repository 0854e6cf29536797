"""Clauses that bind even where a deployment is only observed: those marked `@always_enforced`.

A clause binds a use if it forbids in every world of what is known and admitted, whatever approvals are
given. What is merely possible does not bind: observing holds nothing back for want of evidence. A fault of
the evidence frees nothing, so a forged envelope cannot switch such a clause off. Source: DESIGN section 4.
"""

from dataclasses import replace

from caveat.call.call import Point
from caveat.decision.decide import program_for
from caveat.decision.resolve import resolve
from caveat.decision.use import make_use
from caveat.facts.fact import Fact, Facts
from caveat.policy.bundle import Policy


def binding_clauses(policy: Policy, point: Point, cases: tuple[Facts, ...]) -> tuple[str, ...]:
    """Ids of the always-enforced policies that certainly forbid some case, each once; mostly none."""
    if not any(clause.always_enforced for clause in policy.clauses):
        return ()
    return tuple(dict.fromkeys(name for case in cases for name in _binding(policy, point, case)))


def _binding(policy: Policy, point: Point, facts: Facts) -> list[str]:
    found: list[str] = []
    program = program_for(policy, point)
    for said in _consistent(facts):
        use = make_use(policy, program, resolve(policy.registry, said), said.approvals)
        box = use.box(use.admitted, use.all_roles)
        found += [
            each.clause.id
            for each in program.compiled
            if each.clause.always_enforced
            and not each.clause.is_permit
            and each.true(box)
            and not each.false(box)
            and not each.error(box)
        ]
    return found


def _consistent(facts: Facts) -> list[Facts]:
    """The facts, and where one is said twice, each saying believed alone: contradiction frees nothing."""
    names = [fact.name for fact in facts.facts]
    alone = [fact for fact in facts.facts if names.count(fact.name) > 1]
    return [facts, *(replace(facts, facts=_without_others(facts.facts, fact)) for fact in alone)]


def _without_others(facts: tuple[Fact, ...], kept: Fact) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts if fact.name != kept.name or fact is kept)
