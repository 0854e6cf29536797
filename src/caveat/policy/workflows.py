"""Registered workflows: what a fixed instruction makes known of a use, and whether a use is that workflow.

A workflow's facts hold only for a request that is its template and nothing else. The caller names it, and
the name proves nothing: whatever differs leaves the facts absent, so unknown. `task` and
`selection_criteria` say what is asked; a workflow may fix them only if every slot of its template is typed
and its output is limited, since whoever may write freely may ask for something else. Source: ADR-0015.
"""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from caveat.call.call import Call, Part, PartKind
from caveat.call.template import DataDigest, Template, TemplateError, match_template, parse_template
from caveat.facts.fact import Grade
from caveat.facts.registry import Registry
from caveat.facts.value import Value
from caveat.signing.digest import Digest

REGISTRATION = "registration"
INSTRUCTED = frozenset({"task", "selection_criteria"})
"""Facts about what is asked: no deployment registers them, and no workflow with a free slot fixes them."""

_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}\Z")
Registered: TypeAlias = str | bool | int | list[str]


@dataclass(frozen=True, slots=True)
class Workflow:
    """One workflow. `system`: the system prompt that goes with it, word by word; None: there is none.

    `max_output_bytes`, `max_output_tokens`: how much an answer may hold for the facts to hold of it.
    """

    id: str
    template: Template
    system: str | None
    facts: Mapping[str, Value]
    max_output_bytes: int | None
    max_output_tokens: int | None


class WorkflowModel(BaseModel):
    """A workflow as it stands in `deployments.toml`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    template: str
    system: str | None = None
    facts: dict[str, Registered] = Field(default_factory=dict[str, Registered])
    max_output_bytes: int | None = Field(default=None, ge=1)
    max_output_tokens: int | None = Field(default=None, ge=1)


def parse_workflows(
    deployment: str, models: Mapping[str, WorkflowModel], registry: Registry, registered: Set[str]
) -> tuple[Mapping[str, Workflow], list[str]]:
    """The workflows of one deployment, and a finding for each that may not be registered so.

    `registered`: the facts that the deployment registers for all its uses.
    """
    workflows: dict[str, Workflow] = {}
    findings: list[str] = []
    for name, model in models.items():
        where = f"{deployment}, workflow `{name}`"
        try:
            template = parse_template(model.template)
        except TemplateError as error:
            findings.append(f"{where}, `template`: {error}")
            continue
        facts, wrong = registered_facts(where, model.facts, registry)
        findings.extend(wrong)
        findings.extend(_limits(where, name, model, template, registered))
        workflows[name] = Workflow(
            id=name,
            template=template,
            system=model.system,
            facts=MappingProxyType(facts),
            max_output_bytes=model.max_output_bytes,
            max_output_tokens=model.max_output_tokens,
        )
    return MappingProxyType(workflows), findings


def _limits(
    where: str, name: str, model: WorkflowModel, template: Template, registered: Set[str]
) -> list[str]:
    findings: list[str] = []
    if _ID.match(name) is None:
        findings.append(f"{where}: its name has small letters, digits, `_`, `.` and `-`")
    if model.system == "":
        findings.append(f"{where}: `system` is left out where there is none")
    findings.extend(
        f"{where}: `{fact}` is registered for the deployment already"
        for fact in sorted(registered & model.facts.keys())
    )
    instructed = " and ".join(f"`{fact}`" for fact in sorted(INSTRUCTED & model.facts.keys()))
    if instructed and not template.is_typed:
        findings.append(f"{where}: a slot takes free text, so whoever fills it decides on {instructed}")
    if instructed and model.max_output_bytes is None and model.max_output_tokens is None:
        findings.append(f"{where}: {instructed} needs `max_output_bytes` or `max_output_tokens`")
    return findings


def registered_facts(
    where: str, values: Mapping[str, Registered], registry: Registry
) -> tuple[dict[str, Value], list[str]]:
    """The typed facts of a registration, and a finding for each that the registry does not let stand."""
    facts: dict[str, Value] = {}
    findings: list[str] = []
    for name, raw in values.items():
        spec = registry.facts.get(name)
        if spec is None:
            findings.append(f"{where}: fact `{name}` is not declared in `facts.toml`")
            continue
        value = spec.parse(list(raw) if isinstance(raw, list) else raw)
        if value is None:
            findings.append(f"{where}: the value of `{name}` is not declared in `facts.toml`")
        elif not registry.counts(name, Grade.ATTESTED, REGISTRATION):
            findings.append(f"{where}: `{name}` cannot be registered; its `attested_by` lacks `registration`")
        else:
            facts[name] = value
    return facts, findings


def is_workflow(workflow: Workflow, call: Call, attested: Set[Digest]) -> bool:
    """Whether `call` is this workflow and nothing else.

    One user message, whose first part is the template with its slots filled and whose other parts are the
    data that the slots name, in their order, each covered by evidence (`attested`): data that nobody
    vouches for could hold an instruction. Before it the registered system prompt, if there is one. No
    history, no tool, no other member of the request. A limit in tokens is set by the request itself; an
    answer that streams cannot be measured before it is released, so it has no limit in bytes.
    """
    if not call.form.plain or call.form.tools:
        return False
    if workflow.max_output_bytes is not None and call.stream:
        return False
    if workflow.max_output_tokens is not None and (
        call.form.max_output_tokens is None or call.form.max_output_tokens > workflow.max_output_tokens
    ):
        return False
    system = [part for part in call.parts if part.role in ("system", "developer")]
    rest = call.parts[len(system) :]
    if tuple(system) != call.parts[: len(system)] or not rest:
        return False
    if [_text(part) for part in system] != ([] if workflow.system is None else [workflow.system]):
        return False
    return _is_one_user_message(rest) and _is_filled(workflow.template, rest, attested)


def _is_one_user_message(parts: tuple[Part, ...]) -> bool:
    messages = {part.pointer.split("/content", 1)[0] for part in parts}
    return len(messages) == 1 and all(part.role == "user" for part in parts)


def _is_filled(template: Template, parts: tuple[Part, ...], attested: Set[Digest]) -> bool:
    instruction, data = parts[0], parts[1:]
    text = _text(instruction) if instruction.kind is PartKind.TYPED else None
    filled = match_template(template, text) if text is not None else None
    if filled is None:
        return False
    named = [filled[slot.name] for slot in template.slots if isinstance(slot.type, DataDigest)]
    return named == [part.digest for part in data] and all(
        part.kind is PartKind.DATA and part.digest in attested for part in data
    )


def _text(part: Part) -> str | None:
    """The text of a part that is text; its bytes are UTF-8, since the request was."""
    return part.content.decode() if part.media_type == "text/plain" else None
