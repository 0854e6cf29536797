"""What the shape of a deployment makes known of a use: pipeline, agent or open chat. Pure.

A *pipeline* owes facts to the workflow that a request is, an *agent* its effect to the tools that it
registered, an *open chat* its reach to the words that were typed. What a request does not keep to is
unknown, and no error. Source: DESIGN section 4, ADR-0015.
"""

from collections.abc import Set
from dataclasses import dataclass

from caveat.call.call import Call, PartKind
from caveat.call.identifiers import identifiers
from caveat.facts.fact import Fact, Grade
from caveat.facts.registry import Registry
from caveat.facts.value import Interval
from caveat.gateway.observing import REACH, Registration
from caveat.policy.tools import EFFECT, Tool
from caveat.policy.workflows import REGISTRATION, Workflow, is_workflow
from caveat.signing.digest import Digest


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a use stands in its deployment's shape; equal standings make equal facts.

    `workflow`: the one that the use is. `knows_tools`: whether every tool that it defines is registered.
    `reach`: the persons in reach at most, where that was observed.
    """

    workflow: Workflow | None = None
    knows_tools: bool = True
    reach: int | None = None

    @property
    def key(self) -> tuple[str | None, bool, int | None]:
        """What tells standings of one deployment apart."""
        return (None if self.workflow is None else self.workflow.id, self.knows_tools, self.reach)


def standing(call: Call, deployment: Registration, attested: Set[Digest]) -> Standing:
    """The standing of `call`. `attested`: digests of the parts that accepted evidence speaks of."""
    named = deployment.workflows.get(call.workflow) if call.workflow is not None else None
    workflow = named if named is not None and is_workflow(named, call, attested) else None
    return Standing(workflow, call.form.tools <= deployment.tools, _reach(call, deployment))


def _reach(call: Call, deployment: Registration) -> int | None:
    """The distinct structured identifiers in typed words; None where anything else could be reached."""
    if deployment.kind != "open_chat" or REACH not in deployment.observers or call.form.tools:
        return None
    if any(part.kind is not PartKind.TYPED for part in call.parts):
        return None
    found: set[str] = set()
    for part in call.parts:
        found |= identifiers(part.content.decode(errors="replace"))
    return len(found)


def registered_facts(deployment: Registration, at: Standing) -> tuple[Fact, ...]:
    """What the registration says of a use with this standing."""
    general = {name: value for name, value in deployment.facts.items() if at.knows_tools or name != EFFECT}
    facts = [
        Fact(name, value, Grade.ATTESTED, REGISTRATION, f"deployment:{deployment.id}")
        for name, value in general.items()
    ]
    if at.workflow is not None:
        source = f"workflow:{deployment.id}/{at.workflow.id}"
        facts += [
            Fact(name, value, Grade.ATTESTED, REGISTRATION, source)
            for name, value in at.workflow.facts.items()
        ]
    return tuple(facts)


def reach_facts(registry: Registry, at: Standing) -> tuple[Fact, ...]:
    """The count of persons, known to lie between none and the reach."""
    if at.reach is None:
        return ()
    facts: list[Fact] = []
    for spec in registry.facts.values():
        if REACH in spec.observed_by:
            hi = max(spec.lo, min(at.reach, spec.hi))
            value = hi if hi == spec.lo else Interval(spec.lo, hi)
            facts.append(Fact(spec.name, value, Grade.OBSERVED, REACH))
    return tuple(facts)


def facts_of_tool_call(facts: tuple[Fact, ...], tool: Tool | None) -> tuple[Fact, ...]:
    """What holds of a call of `tool` that an answer to a prompt with these facts asks for.

    Everything that holds of the prompt, save what its registration says of uses without such a call: its
    workflow, the reach of words alone, and whatever the tool registers in its place. What issuers attest
    stands beside it, so that a difference is a contradiction. Of a tool that is not registered (None), or
    that registers no effect, nobody knows the effect, whatever was known of the prompt's.
    """
    own = () if tool is None else tool.facts.items()
    replaced = {name for name, _ in own}
    kept = [
        fact
        for fact in without_workflow(facts)
        if fact.role != REACH
        and not (fact.name in replaced and fact.role == REGISTRATION)
        and not (fact.name == EFFECT and EFFECT not in replaced)
    ]
    source = "" if tool is None else f"tool:{tool.name}"
    said = [Fact(name, value, Grade.ATTESTED, REGISTRATION, source) for name, value in own]
    return (*kept, *said)


def without_workflow(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The facts that hold of an answer which its workflow's limit does not cover."""
    return tuple(fact for fact in facts if not fact.source.startswith("workflow:"))
