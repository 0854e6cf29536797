"""The closed registry of facts: what can be known about a use, by whose word, and what may stand in for it.

`facts.toml` of a policy bundle is its one source. An undeclared fact or value is refused, never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.facts.fact import Grade
from caveat.facts.observers import ABSENT, OBSERVERS
from caveat.facts.value import LONG_MAX, LONG_MIN, Interval, Value
from caveat.labels.join import Join
from caveat.signing.canonical import Json


class RegistryError(ValueError):
    """The registry is not well-formed. `findings` name each place and what to write instead."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        """`findings`: one line each."""
        super().__init__("; ".join(findings))
        self.findings = findings


class FactType(StrEnum):
    """The four types of facts; each maps to one Cedar type."""

    ENUM = "enum"
    SET = "set"
    LONG = "long"
    BOOL = "bool"


@dataclass(frozen=True, slots=True)
class FactSpec:
    """What the registry says of one fact.

    `attested_by`: issuer roles whose signature makes it count; `observed_by`: observers of the gateway that
    do. `neutral`: the value that such an observer reports where there is nothing to observe. `unknown`:
    values that are no knowledge. `severest`: the value assumed when an allow is confirmed by the second
    engine. `lo`, `hi`: the range of a count.
    """

    name: str
    type: FactType
    values: tuple[str, ...]
    about: str
    grade: Grade
    attested_by: frozenset[str]
    observed_by: frozenset[str]
    neutral: Value | None
    unknown: frozenset[str]
    empty_is_unknown: bool
    severest: Value
    join: Join
    lo: int
    hi: int
    amend: str
    text: str

    @property
    def attestable(self) -> bool:
        """Whether somebody can make it known: an issuer role or an observer is named."""
        return bool(self.attested_by or self.observed_by)

    @property
    def neutral_unobserved(self) -> bool:
        """Whether it has a neutral value that no observer of this product establishes: silence would do."""
        estimated = self.grade is Grade.ESTIMATED  # by a screen, which the bundle declares
        return self.neutral is not None and not estimated and self.observed_by.isdisjoint(OBSERVERS)

    def parse(self, value: Json | Value) -> Value | None:
        """The typed value, or None where `value` lies outside the declared type, values or range."""
        match self.type:
            case FactType.ENUM:
                return value if isinstance(value, str) and value in self.values else None
            case FactType.BOOL:
                return value if isinstance(value, bool) else None
            case FactType.LONG:
                if isinstance(value, Interval):
                    return value if self.lo <= value.lo and value.hi <= self.hi else None
                if isinstance(value, bool) or not isinstance(value, int):
                    return None
                return value if self.lo <= value <= self.hi else None
            case FactType.SET:
                if not isinstance(value, (list, frozenset)):
                    return None
                words = frozenset(word for word in value if isinstance(word, str))
                return words if len(words) == len(value) and words <= set(self.values) else None

    def is_unknown(self, value: Value) -> bool:
        """Whether the value says that nobody knows: an `unknown` word, or an empty set where that counts."""
        if isinstance(value, frozenset):
            return self.empty_is_unknown and not value
        return isinstance(value, str) and value in self.unknown


@dataclass(frozen=True, slots=True)
class Registry:
    """The facts in their declared order, which breaks ties wherever a tie could arise."""

    facts: Mapping[str, FactSpec]

    def counts(self, name: str, grade: Grade, role: str) -> bool:
        """Whether a fact of this grade and source is *known* by the registry's own rule."""
        spec = self.facts[name]
        match grade:
            case Grade.ATTESTED:
                return role in spec.attested_by
            case Grade.OBSERVED:
                unobserved = spec.neutral is not None and not spec.observed_by
                return role in spec.observed_by or (unobserved and role == ABSENT)
            case Grade.ESTIMATED:
                return spec.grade is Grade.ESTIMATED
            case Grade.CLAIMED:
                return spec.grade is Grade.CLAIMED


class _FactModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    type: Literal["enum", "set", "long", "bool"]
    values: list[str] = Field(default_factory=list[str])
    about: Literal["use", "data", "deployment"] = "use"
    grade: Literal["attested", "observed", "estimated", "claimed"] = "attested"
    attested_by: list[str] = Field(default_factory=list[str])
    observed_by: list[str] = Field(default_factory=list[str])
    neutral: str | bool | int | list[str] | None = None
    unknown: list[str] = Field(default_factory=list[str])
    empty_is_unknown: bool = False
    severest: str | bool | int | list[str]
    join: Literal["none", "union", "greatest", "total"] = "none"
    lo: int = 0
    hi: int = LONG_MAX
    amend: str
    text: str


def parse_registry(table: Mapping[str, object]) -> Registry:
    """The registry in the `[facts]` table of `facts.toml`; raises `RegistryError` with every finding."""
    findings: list[str] = []
    facts: dict[str, FactSpec] = {}
    for name, entry in table.items():
        if not name.isascii() or not name.isidentifier() or name in {"approvals", "limits"}:
            findings.append(f"fact `{name}`: a name is an ASCII identifier other than `approvals`, `limits`")
            continue
        try:
            model = _FactModel.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"])
            findings.append(f"fact `{name}`, `{place}`: {first['msg'].lower()}")
            continue
        spec, wrong = _spec(name, model)
        findings.extend(wrong)
        facts[name] = spec
    if not facts and not findings:
        findings.append("the registry declares no fact")
    if findings:
        raise RegistryError(tuple(findings))
    return Registry(MappingProxyType(facts))


def _spec(name: str, model: _FactModel) -> tuple[FactSpec, list[str]]:
    spec = FactSpec(
        name=name,
        type=FactType(model.type),
        values=tuple(model.values),
        about=model.about,
        grade=Grade(model.grade),
        attested_by=frozenset(model.attested_by),
        observed_by=frozenset(model.observed_by),
        neutral=None if model.neutral is None else _value(model.neutral),
        unknown=frozenset(model.unknown),
        empty_is_unknown=model.empty_is_unknown,
        severest=_value(model.severest),
        join=Join(model.join),
        lo=model.lo,
        hi=model.hi,
        amend=model.amend,
        text=model.text,
    )
    return spec, list(_findings(spec))


def _value(value: str | bool | int | list[str]) -> Value:
    return frozenset(value) if isinstance(value, list) else value


def _findings(spec: FactSpec) -> list[str]:
    wrong: list[str] = []
    where = f"fact `{spec.name}`"
    has_words = spec.type in (FactType.ENUM, FactType.SET)
    if has_words != bool(spec.values):
        wrong.append(f"{where}: `values` are declared for enum and set facts, and only there")
    if len(set(spec.values)) != len(spec.values):
        wrong.append(f"{where}: a value is declared twice")
    if not spec.unknown <= set(spec.values):
        wrong.append(f"{where}: `unknown` names a value that is not declared")
    if spec.unknown and (spec.type is not FactType.ENUM or spec.unknown >= set(spec.values)):
        wrong.append(f"{where}: `unknown` is for enums, and leaves a value that can be known")
    if spec.empty_is_unknown and spec.type is not FactType.SET:
        wrong.append(f"{where}: `empty_is_unknown` is for sets")
    if not LONG_MIN <= spec.lo <= spec.hi <= LONG_MAX:
        wrong.append(f"{where}: `lo` and `hi` must be an ordered pair of 64-bit integers")
    if spec.parse(spec.severest) is None:
        wrong.append(f"{where}: `severest` is not one of its values")
    if spec.neutral is not None and spec.parse(spec.neutral) is None:
        wrong.append(f"{where}: `neutral` is not one of its values")
    if spec.join is Join.UNION and spec.type is not FactType.SET:
        wrong.append(f"{where}: only sets join by union")
    if spec.join in (Join.GREATEST, Join.TOTAL) and spec.type is not FactType.LONG:
        wrong.append(f"{where}: only counts join by greatest or total")
    if spec.grade in (Grade.ATTESTED, Grade.OBSERVED) and not spec.attestable:
        wrong.append(f"{where}: nobody may attest or observe it; name a role or an observer")
    return wrong
