"""Registered tools: what a call of each does, as `tools.toml` says.

A tool that is not registered here leaves the effect of its calls unknown, and so does one whose entry does
not name an effect. A tool says nothing about data: its arguments carry whatever went into the prompt, and
nothing becomes cleaner by passing through a tool. Source: DESIGN section 6, ADR-0026.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.facts.registry import Registry
from caveat.facts.value import Value
from caveat.policy.workflows import INSTRUCTED, Registered, registered_facts

EFFECT = "action_effect"
_MEMBERS = frozenset({"version", "tools"})
_MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `facts` hold of each of its calls; its effect is one of them, where the registry has it."""

    name: str
    facts: Mapping[str, Value]


class _ToolModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    effect: str | None = None
    facts: dict[str, Registered] = Field(default_factory=dict[str, Registered])
    text: str = ""


def parse_tools(table: Mapping[str, object], registry: Registry) -> tuple[Mapping[str, Tool], list[str]]:
    """The tools in `tools.toml`, and a finding for whatever may not stand there."""
    findings = [
        f"`tools.toml`: `{name}` has no meaning; tools stand under `[tools.NAME]`"
        for name in sorted(table.keys() - _MEMBERS)
    ]
    entries = table.get("tools", {})
    if not isinstance(entries, Mapping):
        return MappingProxyType({}), [*findings, "`tools.toml`: `tools` is a table"]
    tools: dict[str, Tool] = {}
    for name, entry in cast("Mapping[str, object]", entries).items():
        where = f"tool `{name}`"
        try:
            model = _ToolModel.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            findings.append(f"{where}, `{'.'.join(map(str, first['loc']))}`: {first['msg'].lower()}")
            continue
        said = dict(model.facts)
        if model.effect is not None and EFFECT in registry.facts:
            said[EFFECT] = model.effect
        facts, wrong = registered_facts(where, said, registry)
        findings.extend((*_limits(where, name, model, registry), *wrong))
        tools[name] = Tool(name, MappingProxyType(facts))
    return MappingProxyType(tools), findings


def _limits(where: str, name: str, model: _ToolModel, registry: Registry) -> Iterator[str]:
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        yield f"{where}: its name has 1 to {_MAX_NAME} printable characters"
    for fact in sorted(model.facts):
        spec = registry.facts.get(fact)
        if fact == EFFECT:
            yield f"{where}: `{EFFECT}` is given as `effect`"
        elif fact in INSTRUCTED:
            yield f"{where}: `{fact}` depends on what is asked, and a tool is asked anything"
        elif spec is not None and spec.about == "data":
            yield f"{where}: `{fact}` is about data, and a call carries whatever went into its prompt"


def unknown_tools(named: Mapping[str, Set[str]], tools: Mapping[str, Tool]) -> Iterator[str]:
    """A finding for each deployment's tool that is not declared, where any is.

    A bundle that declares none is one of an earlier release: it loads, and the effect of every call of a
    tool is unknown. `named`: the tools of each deployment.
    """
    if not tools:
        return
    for deployment, names in named.items():
        for name in sorted(names - tools.keys()):
            yield f"deployment `{deployment}`: tool `{name}` is not declared in `tools.toml`"
