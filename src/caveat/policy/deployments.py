"""Registered deployments: who operates each, what is known of it by registration, and what observes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.facts.fact import Grade
from caveat.facts.registry import Registry
from caveat.facts.value import Value
from caveat.signing.digest import Digest, parse_digest

REGISTRATION = "registration"


@dataclass(frozen=True, slots=True)
class Budget:
    """What one API key may use up. None is no limit. It is no part of a verdict: no clause can read it."""

    requests_per_minute: int | None = None
    tokens_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One registration. `facts` count as attested by role `registration` where the registry says so.

    `observers`: which of the gateway's observers see this deployment; a fact whose observer is missing is
    unknown, whatever the caller says. `key_digests`: SHA-256 of each API key that speaks for it.
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
    facts: dict[str, str | bool | int | list[str]] = Field(
        default_factory=dict[str, str | bool | int | list[str]]
    )
    budget: _BudgetModel = Field(default_factory=_BudgetModel)


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
        facts, wrong = _registered_facts(where, model.facts, registry)
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
        )
    findings.extend(_shared_keys(deployments))
    return MappingProxyType(deployments), findings


def _registered_facts(
    where: str, values: Mapping[str, str | bool | int | list[str]], registry: Registry
) -> tuple[dict[str, Value], list[str]]:
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


def _shared_keys(deployments: Mapping[str, Deployment]) -> list[str]:
    owners: dict[Digest, str] = {}
    return [
        f"deployments `{owners[digest]}` and `{deployment.id}` share an API key"
        for deployment in deployments.values()
        for digest in deployment.key_digests
        if owners.setdefault(digest, deployment.id) != deployment.id
    ]
