"""`bundle.toml`: name, actors and their keys, approver roles, limits, process clauses, decision settings."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.policy.amend import AmendError, Formula, parse_amend
from caveat.signing.keys import KeyParseError, PublicKey, parse_public_key

MECHANISMS = ("unverified_context", "contradiction", "default_deny", "counting", "ledger", "oversight")


Authority: TypeAlias = Literal["statute", "regulation", "directive", "contract", "vendor_aup", "technical"]


@dataclass(frozen=True, slots=True)
class Role:
    """An approver role; its approval holds once `persons` distinct persons gave it."""

    id: str
    persons: int
    text: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A constant that clauses read as `context.limits.ID`, with its own amenders."""

    id: str
    value: int
    amend: Formula
    amend_text: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class ProcessClause:
    """A clause without a condition on facts, and the mechanism that enforces it."""

    id: str
    mechanism: str
    authority: str
    amend: Formula
    amend_text: str
    text: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of `bundle.toml`. `development`: its keys are for trying out and prove nothing.

    `authorities`: by actor, what it makes; empty where it does not say. `definitions`: terms, with what they
    mean here.
    """

    name: str
    release: str
    text: str
    home_jurisdiction: str
    step_budget: int
    interval_role: str | None
    typed_text_max_bytes: int
    actors: dict[str, frozenset[PublicKey]]
    actor_texts: dict[str, str]
    authorities: dict[str, frozenset[str]]
    definitions: dict[str, str]
    roles: dict[str, Role]
    limits: dict[str, Limit]
    process: tuple[ProcessClause, ...]
    development: bool


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _ActorModel(_Model):
    keys: list[str] = Field(default_factory=list[str])
    authorities: list[Authority] = Field(default_factory=list[Authority])
    text: str


class _RoleModel(_Model):
    persons: int = Field(default=1, ge=1, le=9)
    text: str


class _LimitModel(_Model):
    value: int
    amend: str
    source: str = ""
    text: str


class _ProcessModel(_Model):
    id: str
    mechanism: Literal[
        "unverified_context", "contradiction", "default_deny", "counting", "ledger", "oversight"
    ]
    authority: str
    amend: str
    text: str


class _DecisionModel(_Model):
    step_budget: int = Field(default=20000, ge=100, le=1_000_000)
    interval_role: str | None = None


class _ManifestModel(_Model):
    version: Literal[1]
    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    release: str
    text: str
    development: bool = False
    home_jurisdiction: str = "domestic"
    typed_text_max_bytes: int = Field(default=16384, ge=0)
    decision: _DecisionModel = Field(default_factory=_DecisionModel)
    definitions: dict[str, str] = Field(default_factory=dict[str, str])
    actors: dict[str, _ActorModel]
    roles: dict[str, _RoleModel] = Field(default_factory=dict[str, _RoleModel])
    limits: dict[str, _LimitModel] = Field(default_factory=dict[str, _LimitModel])
    process: list[_ProcessModel] = Field(default_factory=list[_ProcessModel])


def parse_manifest(table: object) -> tuple[Manifest | None, list[str]]:
    """The manifest, or None, with the findings that stand against it."""
    try:
        model = _ManifestModel.model_validate(table)
    except ValidationError as error:
        return None, [
            f"`bundle.toml`, `{'.'.join(map(str, entry['loc']))}`: {entry['msg'].lower()}"
            for entry in error.errors()
        ]
    findings: list[str] = []
    actors: dict[str, frozenset[PublicKey]] = {}
    for name, actor in model.actors.items():
        keys: set[PublicKey] = set()
        for text in actor.keys:
            try:
                keys.add(parse_public_key(text))
            except KeyParseError as error:
                findings.append(f"actor `{name}`: {error}")
        actors[name] = frozenset(keys)
    findings.extend(_shared_keys(actors))
    limits = _limits(model, findings)
    process = _process(model, findings)
    if model.decision.interval_role is not None and model.decision.interval_role not in model.roles:
        findings.append("`decision.interval_role` names no declared role")
    return (
        Manifest(
            name=model.name,
            release=model.release,
            text=model.text,
            home_jurisdiction=model.home_jurisdiction,
            step_budget=model.decision.step_budget,
            interval_role=model.decision.interval_role,
            typed_text_max_bytes=model.typed_text_max_bytes,
            actors=actors,
            actor_texts={name: actor.text for name, actor in model.actors.items()},
            authorities={name: frozenset(actor.authorities) for name, actor in model.actors.items()},
            definitions=model.definitions,
            roles={name: Role(name, role.persons, role.text) for name, role in model.roles.items()},
            limits=limits,
            process=process,
            development=model.development,
        ),
        findings,
    )


def _shared_keys(actors: dict[str, frozenset[PublicKey]]) -> list[str]:
    owners: dict[PublicKey, str] = {}
    return [
        f"actors `{owners[key]}` and `{actor}` share a key; two names are one office"
        for actor, keys in actors.items()
        for key in keys
        if owners.setdefault(key, actor) != actor
    ]


def _limits(model: _ManifestModel, findings: list[str]) -> dict[str, Limit]:
    limits: dict[str, Limit] = {}
    for name, limit in model.limits.items():
        try:
            amend = parse_amend(limit.amend)
        except AmendError as error:
            findings.append(f"limit `{name}`: {error}")
            continue
        limits[name] = Limit(name, limit.value, amend, limit.amend, limit.source, limit.text)
    return limits


def _process(model: _ManifestModel, findings: list[str]) -> tuple[ProcessClause, ...]:
    rows: list[ProcessClause] = []
    for row in model.process:
        try:
            amend = parse_amend(row.amend)
        except AmendError as error:
            findings.append(f"process clause `{row.id}`: {error}")
            continue
        rows.append(ProcessClause(row.id, row.mechanism, row.authority, amend, row.amend, row.text))
    return tuple(rows)
