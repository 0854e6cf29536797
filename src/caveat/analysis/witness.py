"""A use that shows an answer: the facts as they are, how they are seen, and the live engine's own verdict.

No witness is made that the live engine does not confirm. What does not matter is dropped: whatever a
dropped fact is, and though nobody says it, the use stays where it is. Source: POLICY section 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import orjson

from caveat.analysis.adversary import Adversary
from caveat.call.call import Point
from caveat.decision.decide import decide, program_for
from caveat.decision.search import Budget, Program, build_program
from caveat.decision.verdict import Decision, Verdict
from caveat.decision.world import build_layout
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.observers import ABSENT, OBSERVERS
from caveat.facts.registry import FactSpec
from caveat.facts.value import Interval, Value, render_value
from caveat.policy.bundle import Bundle
from caveat.policy.clause import POINTS, Clause
from caveat.policy.expression import APPROVALS, Literal
from caveat.signing.canonical import Json, JsonObject

_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Said:
    """How one fact is seen: by which grade and role, with which value. `settled`: counted up to the truth."""

    value: Value
    grade: Grade
    role: str
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Witness:
    """One use. `truth`: the facts that matter, as they are. `said`: the facts as they are seen.

    What is in neither does not matter. All approvals are given, and `decision` is the live engine's.
    """

    point: str
    truth: Mapping[str, Value]
    said: Mapping[str, Said]
    decision: Decision

    @property
    def size(self) -> int:
        """How many facts it takes."""
        return len(self.truth.keys() | self.said.keys())

    @property
    def lies(self) -> tuple[str, ...]:
        """The facts that are seen otherwise than they are."""
        return tuple(
            name for name, said in self.said.items() if name in self.truth and said.value != self.truth[name]
        )

    def render(self) -> JsonObject:
        """JSON: facts as they are, and apart from them those seen otherwise, with who says so."""
        return {
            "point": self.point,
            "facts": {name: render_value(value) for name, value in self.truth.items()},
            "seen": {
                name: {
                    "value": render_value(said.value),
                    "grade": said.grade.value,
                    "by": "settled by approval" if said.settled else said.role,
                }
                for name, said in self.said.items()
                if name in self.lies or name not in self.truth
            },
            "verdict": self.decision.verdict.value,
            "clauses": list(self.decision.clauses),
            "replayed": True,
        }


def said_of(spec: FactSpec, seen: Value, true: Value, adversary: Adversary) -> Said:
    """How the fact comes to be seen so without any insider: the grade and the role that make it count."""
    if spec.grade is Grade.ESTIMATED:
        return Said(seen, Grade.ESTIMATED, "screen")
    if spec.grade is Grade.CLAIMED:
        return Said(seen, Grade.CLAIMED, "caller")
    if seen != true and spec.neutral_unobserved and adversary is not Adversary.OPERATOR:
        return Said(seen, Grade.OBSERVED, min(spec.observed_by, default=ABSENT))
    observers = sorted(spec.observed_by & OBSERVERS) or sorted(spec.observed_by)
    if spec.attested_by and not (adversary is Adversary.OPERATOR and observers):
        return Said(seen, Grade.ATTESTED, min(spec.attested_by))
    if observers:
        return Said(seen, Grade.OBSERVED, observers[0])
    return Said(seen, Grade.OBSERVED, ABSENT)


def facts_said(
    specs: Mapping[str, FactSpec],
    said: Mapping[str, Said],
    truth: Mapping[str, Value],
    approvals: frozenset[str],
) -> Facts:
    """The facts of the use as `decide` takes them. What is no knowledge is not said."""
    facts: list[Fact] = []
    claims: dict[str, Json] = {}
    for name, one in said.items():
        if specs[name].is_unknown(one.value):
            continue
        if one.grade is Grade.CLAIMED:
            claims[name] = render_value(one.value)
            continue
        value = one.value
        if one.settled and isinstance(value, int) and isinstance(true := truth[name], int) and value < true:
            value = Interval(value, true)
        facts.append(Fact(name, value, one.grade, one.role))
    return Facts(tuple(facts), claims or None, approvals)


def live_decision(
    bundle: Bundle,
    point: str,
    said: Mapping[str, Said],
    truth: Mapping[str, Value],
    approvals: frozenset[str] | None = None,
) -> Decision:
    """What the live engine decides; all approvals are given unless some are named."""
    given = frozenset(bundle.policy.roles) if approvals is None else approvals
    return decide(bundle.policy, Point(point), facts_said(bundle.registry.facts, said, truth, given))


def all_inside(bundle: Bundle, specification: tuple[Clause, ...], witness: Witness) -> bool:
    """Whether the use is inside the red line whatever the facts that the witness leaves out may be."""
    program = specification_program(bundle, specification, witness.point)
    return program.find_allowed(_box(program, witness.truth), Budget(_STEPS)) is None


def none_allowed(bundle: Bundle, witness: Witness, approvals: frozenset[str]) -> bool:
    """Whether no world of what is said is allowed, with these approvals."""
    program = program_for(bundle.policy, Point(witness.point))
    values = {name: said.value for name, said in witness.said.items()}
    box = _box(program, values)
    program.layout.write(box, APPROVALS, approvals)
    return program.find_allowed(box, Budget(_STEPS)) is None


def denied_completion(bundle: Bundle, witness: Witness) -> list[int] | None:
    """A box of denied worlds of what is said, all approvals given; None where none is denied."""
    program = program_for(bundle.policy, Point(witness.point))
    specs = bundle.registry.facts
    values = {
        name: said.value for name, said in witness.said.items() if not specs[name].is_unknown(said.value)
    }
    box = _box(program, values)
    program.layout.write(box, APPROVALS, frozenset(bundle.policy.roles))
    return program.find_denied(box, Budget(_STEPS))


def _box(program: Program, values: Mapping[str, Value]) -> list[int]:
    box = program.widest.copy()
    for name, value in values.items():
        program.layout.write(box, name, value)
    return box


@lru_cache(maxsize=256)
def specification_program(bundle: Bundle, specification: tuple[Clause, ...], point: str) -> Program:
    """The red line as a policy that denies exactly what is inside it."""
    template = specification[0]
    everything = replace(
        template,
        id="outside",
        effect="permit",
        points=frozenset(POINTS),
        condition=Literal(value=True),
        red_line=None,
    )
    layout = build_layout(bundle.registry.facts, bundle.policy.roles)
    return build_program(layout, (*specification, everything), point)


def order_key(witness: Witness) -> tuple[int, bytes]:
    """Smallest witnesses first, ties in one fixed order."""
    return witness.size, orjson.dumps(witness.render(), option=orjson.OPT_SORT_KEYS)


def is_permitted(decision: Decision) -> bool:
    """Whether the use goes through once everybody approved."""
    return decision.verdict is Verdict.ALLOW
