"""The Cedar engine asked directly, with its reasons, and our evaluator asked about one complete world."""

from collections.abc import Mapping
from dataclasses import dataclass

import cedarpy

from caveat.call.call import Point
from caveat.decision.decide import program_for
from caveat.decision.search import Program
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle
from caveat.policy.cedar import cedar_value

World = Mapping[str, Value]


@dataclass(frozen=True)
class Opinion:
    """What Cedar says: whether it allows without any error, and the ids of the clauses that decided."""

    allows: bool
    reasons: tuple[str, ...]
    errors: bool


def ask_cedar(bundle: Bundle, point: Point, world: World) -> Opinion:
    """Cedar's own answer on a complete world."""
    engine = bundle.policy.engine
    request = {
        "principal": {"type": "Deployment", "id": "requester"},
        "action": {"type": "Action", "id": point.value},
        "resource": {"type": "Model", "id": "model"},
        "context": {name: cedar_value(value) for name, value in world.items()},
    }
    result = cedarpy.is_authorized(request, engine._policies, engine._entities, engine._schema)
    assert result.decision is not cedarpy.Decision.NoDecision, result.diagnostics.errors
    errors = bool(result.diagnostics.errors)
    allows = result.decision is cedarpy.Decision.Allow and not errors
    ids = [bundle.clauses[int(name.removeprefix("policy"))].id for name in result.diagnostics.reasons]
    return Opinion(allows, tuple(ids), errors)


@dataclass(frozen=True)
class Evaluator:
    """Our evaluator on boxes of one world."""

    program: Program

    def box(self, world: World) -> list[int]:
        """The box that holds this world alone."""
        box = self.program.widest.copy()
        for name, value in world.items():
            self.program.layout.write(box, name, value)
        return box

    def allows(self, world: World) -> bool:
        """Our answer; raises where the two questions contradict each other on one world."""
        box = self.box(world)
        can_allow, can_deny = bool(self.program.can_allow(box)), bool(self.program.can_deny(box))
        assert can_allow is not can_deny, "one world is either allowed or denied"
        return can_allow

    def firing(self, world: World) -> tuple[set[str], set[str]]:
        """Ids of the forbids and of the permits that hold."""
        box = self.box(world)
        held = [each.clause for each in self.program.compiled if each.true(box)]
        permits = {clause.id for clause in held if clause.is_permit}
        return {clause.id for clause in held} - permits, permits


def evaluator_for(bundle: Bundle, point: Point) -> Evaluator:
    """Our evaluator for a bundle at a point."""
    return Evaluator(program_for(bundle.policy, point))
