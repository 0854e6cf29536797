"""What a bundle asks of the people who decide, as `oversight.toml` says. The file is optional.

The floors are part of the law: lowering one is an amendment like any other. Source: clauses R2.b and P09 of
the example policy, ADR-0038.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_HOLD_SECONDS = 30 * 86_400
MAX_EMERGENCY_SECONDS = 86_400
"""An emergency is one for a day at most. Source: clause P24 of the example policy."""
MAX_REVIEW_SECONDS = 90 * 86_400
MAX_STRATA = 64


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
class Stratum:
    """Of the uses that a deployment lets through under a clause, so many per cent are reviewed, and at least
    so many in each period. An empty name is any; where several fit, the greatest numbers count.
    """

    deployment: str = ""
    clause: str = ""
    share_percent: int = 1
    least: int = 1


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which of the uses that went through people review afterwards, and in which roles of `trust.toml`.

    `strata`: the first is of everything. `period_seconds`: how long one secret draws. `review_seconds`: how
    soon a review is due; `keep_seconds`: how long content is kept for it.
    """

    roles: frozenset[str]
    strata: tuple[Stratum, ...]
    period_seconds: int = 86_400
    review_seconds: int = 7 * 86_400
    keep_seconds: int = 14 * 86_400


@dataclass(frozen=True, slots=True)
class Emergency:
    """A role that approves in an emergency: for so long, and reviewed within so long by `reviewers`, which
    are roles of `trust.toml`.

    `blocks`: while a review is overdue, no further approval in this role counts under the same clause.
    """

    reviewers: tuple[str, ...]
    valid_seconds: int = MAX_EMERGENCY_SECONDS
    review_seconds: int = 3 * 86_400
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class Oversight:
    """How long a use waits for people, and the floors of each role; `floors` are those of all others.

    `sampling` is None where nothing is reviewed afterwards; `emergencies`: by role.
    `paths_seconds`: how often uses are planted on the live paths.
    """

    hold_seconds: int = 86_400
    floors: Floors = field(default_factory=Floors)
    roles: Mapping[str, Floors] = field(default_factory=dict[str, Floors])
    passkeys: Passkeys = field(default_factory=Passkeys)
    sampling: Sampling | None = None
    emergencies: Mapping[str, Emergency] = field(default_factory=dict[str, Emergency])
    paths_seconds: int = 3_600

    def of(self, role: str) -> Floors:
        """The floors of this role."""
        return self.roles.get(role, self.floors)

    def waits_seconds(self, roles: Collection[str]) -> int:
        """How long a use waits for these roles: as long as the shortest of them may approve."""
        short = [self.emergencies[role].valid_seconds for role in roles if role in self.emergencies]
        return min([self.hold_seconds, *short])


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


class _StratumModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    deployment: str = Field(default="", max_length=128)
    clause: str = Field(default="", max_length=128)
    share_percent: int = Field(default=0, ge=0, le=100)
    least: int = Field(default=0, ge=0, le=1000)


class _SamplingModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    roles: list[str] = Field(min_length=1)
    share_percent: int = Field(default=1, ge=0, le=100)
    least: int = Field(default=1, ge=1, le=1000)
    period_seconds: int = Field(default=86_400, ge=60, le=7 * 86_400)
    review_seconds: int = Field(default=7 * 86_400, ge=60, le=MAX_REVIEW_SECONDS)
    keep_seconds: int = Field(default=14 * 86_400, ge=60, le=2 * MAX_REVIEW_SECONDS)
    strata: list[_StratumModel] = Field(default_factory=list[_StratumModel], max_length=MAX_STRATA)


class _EmergencyModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    reviewers: list[str] = Field(min_length=1)
    valid_seconds: int = Field(default=MAX_EMERGENCY_SECONDS, ge=60, le=MAX_EMERGENCY_SECONDS)
    review_seconds: int = Field(default=3 * 86_400, ge=60, le=MAX_REVIEW_SECONDS)
    blocks: bool = True


class _OversightModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    version: int = Field(ge=1, le=1)
    hold_seconds: int = Field(default=86_400, ge=60, le=MAX_HOLD_SECONDS)
    paths_seconds: int = Field(default=3_600, ge=60, le=86_400)
    floors: _FloorsModel = Field(default_factory=_FloorsModel)
    roles: dict[str, _FloorsModel] = Field(default_factory=dict[str, _FloorsModel])
    passkeys: _PasskeysModel = Field(default_factory=_PasskeysModel)
    sampling: _SamplingModel | None = None
    emergency: dict[str, _EmergencyModel] = Field(default_factory=dict[str, _EmergencyModel])


def parse_oversight(table: Mapping[str, object], roles: Mapping[str, int]) -> tuple[Oversight, list[str]]:
    """What `oversight.toml` asks, and a finding for whatever may not stand there.

    `roles`: of the bundle, with how many persons each takes.
    """
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
    findings += [*_against_sampling(model.sampling), *_against_emergencies(model.emergency, roles)]
    found = Oversight(
        model.hold_seconds,
        floors,
        MappingProxyType(of_roles),
        passkeys,
        None if model.sampling is None else _sampling(model.sampling),
        MappingProxyType({role: _emergency(said) for role, said in model.emergency.items()}),
        model.paths_seconds,
    )
    return found, findings


def _against_sampling(said: _SamplingModel | None) -> Iterator[str]:
    if said is None:
        return
    if said.keep_seconds < said.period_seconds + said.review_seconds:
        yield (
            "`oversight.toml`, `sampling.keep_seconds`: content would be gone before its review is due; "
            "keep it for the period and the review together"
        )
    named = [(row.deployment, row.clause) for row in said.strata]
    if len(set(named)) < len(named) or ("", "") in named:
        yield "`oversight.toml`, `sampling.strata`: each row names a deployment or a clause of its own"


def _against_emergencies(said: Mapping[str, _EmergencyModel], roles: Mapping[str, int]) -> Iterator[str]:
    for role in sorted(said):
        where = f"`oversight.toml`, `emergency.{role[:64]}`"
        if role not in roles:
            yield f"{where}: `bundle.toml` declares no such role"
        elif roles[role] < 2:
            yield f"{where}: an emergency takes two persons; say so in `bundle.toml`"


def _sampling(said: _SamplingModel) -> Sampling:
    rows = tuple(Stratum(row.deployment, row.clause, row.share_percent, row.least) for row in said.strata)
    return Sampling(
        frozenset(said.roles),
        (Stratum("", "", said.share_percent, said.least), *rows),
        said.period_seconds,
        said.review_seconds,
        said.keep_seconds,
    )


def _emergency(said: _EmergencyModel) -> Emergency:
    return Emergency(tuple(sorted(set(said.reviewers))), said.valid_seconds, said.review_seconds, said.blocks)


def _floors(otherwise: Floors, said: _FloorsModel) -> Floors:
    named = {one.name: getattr(said, one.name) for one in fields(Floors)}
    return replace(otherwise, **{name: value for name, value in named.items() if value is not None})
