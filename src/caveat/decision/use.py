"""One use under decision: the worlds that its facts leave open, and the questions of the verdict rule.

Every question is asked of boxes: `known` holds what is known and every value of the rest, `admitted` adds
what the caller claims of the rest. Approvals stand at those given, or at all that the roles could give.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from caveat.call.call import Point
from caveat.decision.compile import Compiled
from caveat.decision.needs import smallest_sufficient
from caveat.decision.proof import ProofSearch
from caveat.decision.resolve import Resolved
from caveat.decision.search import Budget, Program
from caveat.decision.verdict import Verdict
from caveat.facts.fact import Grade
from caveat.facts.value import Interval, Value
from caveat.policy.bundle import Policy
from caveat.policy.cedar import cedar_value
from caveat.policy.expression import APPROVALS


@dataclass(frozen=True, slots=True)
class Use:
    """What is known, claimed and approved of one use, over one compiled policy."""

    policy: Policy
    program: Program
    known: Mapping[str, Value]
    claims: Mapping[str, Value]
    attested: frozenset[str]
    approvals: frozenset[str]

    def box(
        self, values: Mapping[str, Value], approvals: frozenset[str], *, pinned: bool = False
    ) -> list[int]:
        """The worlds with these values and approvals; `pinned`: counted intervals at their lower end."""
        layout = self.program.layout
        box = self.program.widest.copy()
        for name, value in values.items():
            layout.write(box, name, value.lo if pinned and isinstance(value, Interval) else value)
        layout.write(box, APPROVALS, approvals)
        return box

    @property
    def all_roles(self) -> frozenset[str]:
        """Every approval that the roles of the bundle could give."""
        return frozenset(self.policy.roles)

    @property
    def admitted(self) -> Mapping[str, Value]:
        """K and the claims on what K leaves open."""
        return {**self.claims, **self.known}

    @property
    def _has_intervals(self) -> bool:
        return any(isinstance(value, Interval) for value in self.known.values())

    def verdict(self, budget: Budget) -> Verdict:
        """Steps 3 to 6 of the rule, without their reasons."""
        box = self.box(self.known, self.approvals)
        if not self.program.can_deny(box):
            return Verdict.ALLOW
        everyone = self.all_roles
        if self.program.find_allowed(self.box(self.admitted, everyone), budget) is None:
            return Verdict.DENY
        if self.program.find_denied(self.box(self.known, everyone), budget) is not None:
            return Verdict.NEEDS_APPROVAL if self.interval_straddles(budget) else Verdict.NEEDS_EVIDENCE
        if self.program.find_denied(box, budget) is None:
            return Verdict.ALLOW
        return Verdict.NEEDS_APPROVAL

    def interval_straddles(self, budget: Budget) -> bool:
        """Whether some world is denied, and none once every counted interval stands at its lower end."""
        if not self._has_intervals:
            return False
        everyone = self.all_roles
        if self.program.find_denied(self.box(self.known, everyone), budget) is None:
            return False
        return self.program.find_denied(self.box(self.known, everyone, pinned=True), budget) is None

    def proof_search(self, budget: Budget) -> ProofSearch:
        """The search for a smallest set of unknown facts that, attested as claimed, leaves nothing denied.

        A claim that nobody knows the value is no usable claim: such a fact may take some value, like one
        of which nothing is claimed. Counted intervals stand at their lower end, since people settle those.
        """
        facts = self.policy.registry.facts
        usable = {
            name: value
            for name, value in self.claims.items()
            if name not in self.known and not facts[name].is_unknown(value)
        }
        box = self.box(self.known, self.all_roles, pinned=True)
        return ProofSearch(self.program, box, usable, self.askable(), budget)

    def askable(self) -> tuple[str, ...]:
        """Unknown facts that the clauses read and somebody may attest or observe, in registry order."""
        facts = self.policy.registry.facts
        return tuple(
            name
            for name, spec in facts.items()
            if name not in self.known and name in self.program.reads and spec.attestable
        )

    def smallest_approvals(self, budget: Budget) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """A smallest set of further roles whose approval allows every world, and the clauses that ask."""
        role = self.policy.interval_role
        straddles = self.interval_straddles(budget)
        first = (role,) if straddles and role is not None else ()
        candidates = [name for name in self.policy.roles if name not in self.approvals and name not in first]

        def suffices(roles: frozenset[str]) -> bool:
            box = self.box(self.known, self.approvals.union(first, roles), pinned=straddles)
            return self.program.find_denied(box, budget) is None

        roles = smallest_sufficient(candidates, suffices) or ()
        box = self.box(self.known, self.approvals)
        return (*first, *roles), self._clauses(
            lambda each: not each.clause.is_permit and bool(each.true(box))
        )

    def denying_clauses(self) -> tuple[str, ...]:
        """Forbids that hold in every world of what is known and admitted; else those that hold in some.

        Empty where no clause is in the way and nothing permits. The search has a budget of its own: what is
        cited never changes a verdict.
        """
        box = self.box(self.admitted, self.all_roles)
        budget = Budget(self.policy.step_budget)
        certain = self._clauses(
            lambda each: not each.clause.is_permit and bool(each.true(box)) and not each.false(box)
        )
        return certain or self._clauses(lambda each: self.program.can_stop(each, box, budget))

    def permitting_clauses(self) -> tuple[str, ...]:
        """Permits that hold in every world."""
        box = self.box(self.known, self.approvals)
        return self._clauses(
            lambda each: each.clause.is_permit and bool(each.true(box)) and not each.false(box)
        )

    def _clauses(self, chosen: Callable[[Compiled], bool]) -> tuple[str, ...]:
        """Ids of the policy document, red lines first, each once."""
        found = [each.clause for each in self.program.compiled if chosen(each)]
        found.sort(key=lambda clause: clause.red_line is None)
        return tuple(dict.fromkeys(name for clause in found for name in clause.clauses))

    def confirmed(self, point: Point) -> bool:
        """Whether Cedar itself allows the two complete fact sets at the ends of what is unknown."""
        severest = {name: spec.severest for name, spec in self.policy.registry.facts.items()}
        admitted, worst = {**severest, **self.admitted}, {**severest, **self.known}
        contexts = [worst]
        if any(admitted[name] != worst[name] for name in self.program.reads if name != APPROVALS):
            contexts.append(admitted)
        return all(
            self.policy.engine.allows(
                point.value,
                {name: cedar_value(value) for name, value in context.items()}
                | {APPROVALS: sorted(self.approvals)},
            )
            for context in contexts
        )


def make_use(policy: Policy, program: Program, resolved: Resolved, approvals: frozenset[str]) -> Use:
    """The use that these facts describe. A missing score stands at its neutral value, or
    where the registry declares none at the severest.

    An approval of a role that the bundle does not declare is none. Where the bundle's interval role has
    approved, counted intervals stand at their lower end.
    """
    known = dict(resolved.known)
    for name, spec in policy.registry.facts.items():
        if spec.grade is Grade.ESTIMATED:
            known.setdefault(name, spec.severest if spec.neutral is None else spec.neutral)
    if policy.interval_role in approvals:
        known = {name: value.lo if isinstance(value, Interval) else value for name, value in known.items()}
    given = approvals.intersection(policy.roles)
    return Use(policy, program, known, resolved.claims, resolved.attested, given)
