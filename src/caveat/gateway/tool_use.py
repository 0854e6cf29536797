"""One call of a tool as a use of its own: what is called, with what, and what is known of it. Pure.

Law: nothing that is known of a prompt is known better of a call that its answer asks for, save what the
bundle registers of the tool. Source: DESIGN sections 2 and 4, ADR-0026.
"""

from dataclasses import replace

from caveat.call.call import Part
from caveat.call.parts import Origin, classify_parts, raw_part
from caveat.facts.fact import Fact, Facts
from caveat.facts.registry import Registry
from caveat.gateway.shape import facts_of_tool_call
from caveat.gateway.wire.tool_calls import Arguments, ToolCall
from caveat.policy.bundle import Bundle
from caveat.policy.deployments import Deployment
from caveat.policy.tools import Tool

_ORIGINS = {
    Arguments.OBJECT: (Origin.STRUCTURE, "application/json"),
    Arguments.TEXT: (Origin.TEXT, "text/plain"),
    Arguments.UNREADABLE: (Origin.OPAQUE, "application/octet-stream"),
}


def tool_of(asked: ToolCall, bundle: Bundle, deployment: Deployment) -> Tool | None:
    """The tool that is called, where the bundle declares it, the deployment names it, and its arguments can
    be read; None otherwise, of which no effect is known."""
    if asked.name not in deployment.tools or asked.reads is Arguments.UNREADABLE:
        return None
    return bundle.tools.get(asked.name)


def action_of(tool: Tool | None) -> str:
    """What a record says was done. A name that is not declared is the model's word, which no record holds."""
    return "tool" if tool is None else f"tool:{tool.name}"


def parts_of_call(asked: ToolCall, bundle: Bundle, deployment: Deployment) -> tuple[Part, ...]:
    """The arguments as the one part of a call: words, or data where they look like it or cannot be read."""
    if not asked.arguments:
        return ()
    origin, media_type = _ORIGINS[asked.reads]
    piece = raw_part(asked.pointer, "assistant", origin, media_type, asked.arguments)
    return classify_parts((piece,), {}, frozenset(), bundle.typed_text_max_bytes, deployment.max_identifiers)


def cases_of_call(cases: tuple[Facts, ...], tool: Tool | None, registry: Registry) -> tuple[Facts, ...]:
    """The cases of a prompt as they hold of a call of this tool, facts in the order of the registry."""
    order = {name: place for place, name in enumerate(registry.facts)}

    def arranged(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
        return tuple(sorted(facts, key=lambda fact: order.get(fact.name, len(order))))

    return tuple(replace(case, facts=arranged(facts_of_tool_call(case.facts, tool))) for case in cases)
