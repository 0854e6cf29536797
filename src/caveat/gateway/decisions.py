"""Decisions under one bundle, with two short cuts that change none of them.

`DecisionMemo` remembers by regions. Before it stands a memory by identity: a use of typed words alone gets
the very same facts object each time, and the same object needs no second look at each of its facts.
"""

from collections import OrderedDict

from caveat.call.call import Point
from caveat.decision.memo import DecisionMemo
from caveat.decision.verdict import Decision
from caveat.facts.fact import Facts
from caveat.policy.bundle import Policy

_CAPACITY = 256


class Decisions:
    """Decides as `decision.decide.decide_use` does. Immutable facts are what makes identity enough."""

    def __init__(self, policy: Policy) -> None:
        """One for each bundle in force."""
        self._memo = DecisionMemo(policy)
        self._latest: OrderedDict[tuple[Point, int], tuple[tuple[Facts, ...], Decision]] = OrderedDict()

    def decide(self, point: Point, cases: tuple[Facts, ...]) -> Decision:
        """The strictest decision over the cases."""
        key = (point, id(cases))
        known = self._latest.get(key)
        if known is not None and known[0] is cases:
            self._latest.move_to_end(key)
            return known[1]
        decision = self._memo.decide_use(point, cases)
        # The cases are kept with their decision, so that their identity cannot come to name other facts.
        self._latest[key] = (cases, decision)
        if len(self._latest) > _CAPACITY:
            self._latest.popitem(last=False)
        return decision
