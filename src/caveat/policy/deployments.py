"""Registered deployments: who operates each, what is known of it by registration, and what observes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.facts.registry import Registry
from caveat.facts.value import Value
from caveat.policy.callers import Callers, CallersModel, build_callers
from caveat.policy.workflows import (
    INSTRUCTED,
    REGISTRATION,
    Registered,
    Workflow,
    WorkflowModel,
    parse_workflows,
    registered_facts,
)
from caveat.signing.digest import Digest, parse_digest

__all__ = ["REGISTRATION", "Deployment", "parse_deployments"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What one API key may use up. None is no limit. It is no part of a verdict: no clause can read it."""

    requests_per_minute: int | None = None
    tokens_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One registration. `facts` count as attested by role `registration` where the registry says so.

    `observers`: which of the gateway's observers see this deployment; a fact whose observer is missing is
    unknown, whatever the caller says. `key_digests`: SHA-256 of each API key that speaks for it. `tools`: the
    tools whose definitions leave its effect known. `max_identifiers`: for open chat, how many structured
    identifiers typed words may hold before they are data. `callers`: who speaks for it without an API key.
    """

    id: str
    kind: str
    operator: str
    owner_group: str
    mode: str
    observers: frozenset[str]
    key_digests: frozenset[Digest]
    id_column: str | None
    facts: Mapping[str, Value]
    budget: Budget = Budget()
    tools: frozenset[str] = frozenset()
    max_identifiers: int | None = None
    workflows: Mapping[str, Workflow] = field(default_factory=dict[str, Workflow])
    callers: Callers = field(default_factory=Callers)


class _BudgetModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    requests_per_minute: int | None = Field(default=None, ge=1, le=100_000)
    tokens_per_day: int | None = Field(default=None, ge=1, le=10**15)


class _DeploymentModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    kind: Literal["pipeline", "agent", "open_chat"]
    operator: str
    owner_group: str
    mode: Literal["enforce", "observe"] = "enforce"
    observers: list[str] = Field(default_factory=list[str])
    key_digests: list[str] = Field(default_factory=list[str])
    id_column: str | None = None
    budget: _BudgetModel = Field(default_factory=_BudgetModel)
    facts: dict[str, Registered] = Field(default_factory=dict[str, Registered])
    tools: list[str] = Field(default_factory=list[str])
    max_identifiers: int = Field(default=25, ge=0, le=10_000)
    workflows: dict[str, WorkflowModel] = Field(default_factory=dict[str, WorkflowModel])
    callers: CallersModel = Field(default_factory=CallersModel)


def parse_deployments(
    table: Mapping[str, object], registry: Registry
) -> tuple[Mapping[str, Deployment], list[str]]:
    """The deployments in the `[deployments]` table, and a finding for each that is not well-formed."""
    deployments: dict[str, Deployment] = {}
    findings: list[str] = []
    for name, entry in table.items():
        where = f"deployment `{name}`"
        try:
            model = _DeploymentModel.model_validate(entry)
            digests = frozenset(parse_digest(text) for text in model.key_digests)
        except ValidationError as error:
            first = error.errors()[0]
            findings.append(f"{where}, `{'.'.join(map(str, first['loc']))}`: {first['msg'].lower()}")
            continue
        except ValueError as error:
            findings.append(f"{where}, `key_digests`: {error}")
            continue
        facts, wrong = registered_facts(where, model.facts, registry)
        findings.extend(wrong)
        findings.extend(_shape(where, model))
        workflows, wrong = parse_workflows(where, model.workflows, registry, frozenset(model.facts))
        findings.extend(wrong)
        deployments[name] = Deployment(
            id=name,
            kind=model.kind,
            operator=model.operator,
            owner_group=model.owner_group,
            mode=model.mode,
            observers=frozenset(model.observers),
            key_digests=digests,
            id_column=model.id_column,
            facts=MappingProxyType(facts),
            budget=Budget(model.budget.requests_per_minute, model.budget.tokens_per_day),
            tools=frozenset(model.tools),
            max_identifiers=model.max_identifiers if model.kind == "open_chat" else None,
            workflows=workflows,
            callers=build_callers(model.callers),
        )
    findings.extend(_shared_keys(deployments))
    return MappingProxyType(deployments), findings


def _shape(where: str, model: _DeploymentModel) -> list[str]:
    """What a deployment of this kind may not register: each kind owes its facts to another restriction."""
    findings = [
        f"{where}: `{name}` depends on what is asked, so a workflow with typed slots fixes it"
        for name in sorted(INSTRUCTED & model.facts.keys())
    ]
    if model.tools and model.kind != "agent":
        findings.append(f"{where}: only an `agent` registers tools")
    if model.workflows and model.kind == "open_chat":
        findings.append(f"{where}: open chat has no workflows; register a `pipeline`")
    if "reach" in model.observers and model.kind != "open_chat":
        findings.append(f"{where}: the observer `reach` counts in typed words, so it is for `open_chat`")
    return findings


def _shared_keys(deployments: Mapping[str, Deployment]) -> list[str]:
    owners: dict[Digest, str] = {}
    return [
        f"deployments `{owners[digest]}` and `{deployment.id}` share an API key"
        for deployment in deployments.values()
        for digest in deployment.key_digests
        if owners.setdefault(digest, deployment.id) != deployment.id
    ]
