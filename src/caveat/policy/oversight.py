"""What a bundle asks of the people who decide, as `oversight.toml` says. The file is optional.

The floors are part of the law: lowering one is an amendment like any other. Source: clauses R2.b and P09 of
the example policy, ADR-0038.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_HOLD_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Floors:
    """The least that makes a review in one role.

    `seconds`: from first display to decision, and from one decision of a person to the next, for nobody
    reads two things at once. `items_per_hour`: the span of control. `caught_percent`: of planted cases, at
    the lower end of the 95 % interval. `planted_percent`: how many of what is shown are planted.
    """

    seconds: int = 10
    items_per_hour: int = 30
    caught_percent: int = 90
    planted_percent: int = 3


@dataclass(frozen=True, slots=True)
class Passkeys:
    """Which passkeys count.

    `attested`: only those of which the maker's certificate was verified at enrolment. `device_bound`: roles
    in which no key counts that may be synced to other devices.
    """

    attested: bool = True
    device_bound: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Oversight:
    """How long a use waits for people, and the floors of each role; `floors` are those of all others."""

    hold_seconds: int = 86_400
    floors: Floors = field(default_factory=Floors)
    roles: Mapping[str, Floors] = field(default_factory=dict[str, Floors])
    passkeys: Passkeys = field(default_factory=Passkeys)

    def of(self, role: str) -> Floors:
        """The floors of this role."""
        return self.roles.get(role, self.floors)


class _FloorsModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    seconds: int | None = Field(default=None, ge=1, le=3600)
    items_per_hour: int | None = Field(default=None, ge=1, le=360)
    caught_percent: int | None = Field(default=None, ge=1, le=99)
    planted_percent: int | None = Field(default=None, ge=2, le=5)


class _PasskeysModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    attestation: Literal["required", "none"] = "required"
    device_bound_roles: list[str] = Field(default_factory=list[str])


class _OversightModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    version: int = Field(ge=1, le=1)
    hold_seconds: int = Field(default=86_400, ge=60, le=MAX_HOLD_SECONDS)
    floors: _FloorsModel = Field(default_factory=_FloorsModel)
    roles: dict[str, _FloorsModel] = Field(default_factory=dict[str, _FloorsModel])
    passkeys: _PasskeysModel = Field(default_factory=_PasskeysModel)


def parse_oversight(table: Mapping[str, object], roles: Collection[str]) -> tuple[Oversight, list[str]]:
    """What `oversight.toml` asks, and a finding for whatever may not stand there. `roles`: of the bundle."""
    if not table:
        return Oversight(), []
    try:
        model = _OversightModel.model_validate(table)
    except ValidationError as error:
        return Oversight(), [
            f"`oversight.toml`, `{'.'.join(map(str, found['loc']))}`: {found['msg'].lower()}"
            for found in error.errors(include_input=False)
        ]
    findings = [
        f"`oversight.toml`, `roles.{role}`: `bundle.toml` declares no such role"
        for role in sorted(model.roles.keys() - set(roles))
    ]
    findings += [
        f"`oversight.toml`, `passkeys.device_bound_roles`: `bundle.toml` declares no role `{role[:64]}`"
        for role in sorted(set(model.passkeys.device_bound_roles) - set(roles))
    ]
    floors = _floors(Floors(), model.floors)
    of_roles = {role: _floors(floors, said) for role, said in model.roles.items()}
    passkeys = Passkeys(
        model.passkeys.attestation == "required", frozenset(model.passkeys.device_bound_roles)
    )
    return Oversight(model.hold_seconds, floors, MappingProxyType(of_roles), passkeys), findings


def _floors(otherwise: Floors, said: _FloorsModel) -> Floors:
    named = {one.name: getattr(said, one.name) for one in fields(Floors)}
    return replace(otherwise, **{name: value for name, value in named.items() if value is not None})
