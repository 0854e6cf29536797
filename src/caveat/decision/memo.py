"""Decisions remembered by the regions that the clauses distinguish, so that like uses cost one decision.

The raw counters would never repeat; their regions do. Two uses with one key get one answer from every
clause, so they get one decision: the memo changes no verdict, and no law of the room depends on it.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping

from caveat.call.call import Point
from caveat.decision.decide import decide_resolved, program_for
from caveat.decision.resolve import Resolved, resolve
from caveat.decision.search import Program
from caveat.decision.verdict import Decision, Reason, Verdict, strictest
from caveat.facts.fact import Facts
from caveat.facts.value import Value
from caveat.policy.bundle import Policy


class DecisionMemo:
    """Decides uses under one policy, remembering at most `capacity` decisions, the latest used."""

    def __init__(self, policy: Policy, capacity: int = 4096) -> None:
        """`capacity`: 0 remembers nothing."""
        self.policy = policy
        self.capacity = capacity
        self.hits = 0
        self.misses = 0
        self._known: OrderedDict[Hashable, Decision] = OrderedDict()

    def decide_use(self, point: Point, cases: tuple[Facts, ...]) -> Decision:
        """The strictest decision over the cases, as `decision.decide.decide_use` gives it."""
        if not cases:
            return Decision(Verdict.DENY, Reason.EVALUATION_ERROR)
        return strictest(tuple(self.decide(point, case) for case in cases))

    def decide(self, point: Point, facts: Facts) -> Decision:
        """The decision that `decision.decide.decide` gives on these facts."""
        resolved = resolve(self.policy.registry, facts)
        if resolved.fault is not None or self.capacity == 0:
            return decide_resolved(self.policy, point, resolved, facts.approvals)
        program = program_for(self.policy, point)
        key = (point, facts.approvals, *_regions(program, resolved))
        decision = self._known.get(key)
        if decision is not None:
            self.hits += 1
            self._known.move_to_end(key)
            return decision
        self.misses += 1
        decision = decide_resolved(self.policy, point, resolved, facts.approvals)
        self._known[key] = decision
        if len(self._known) > self.capacity:
            self._known.popitem(last=False)
        return decision


def _regions(program: Program, resolved: Resolved) -> tuple[Hashable, ...]:
    """What the decision depends on: regions of known and claimed facts, and which an issuer signed."""
    specs = program.layout.specs

    def seen(values: Mapping[str, Value]) -> tuple[Hashable, ...]:
        of = program.regions.of
        return tuple(
            (of(name, values[name]), specs[name].is_unknown(values[name])) if name in values else None
            for name in program.ordered_reads
        )

    claimed = resolved.claims
    contradictable = tuple(name in resolved.attested for name in program.ordered_reads if name in claimed)
    return seen(resolved.known), seen(claimed), contradictable
