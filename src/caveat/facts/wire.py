"""Facts as JSON, in records and in files that people write: one shape, read back exactly."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.facts.value import Interval, Value, render_value
from caveat.signing.canonical import Json, JsonObject, canonical
from caveat.signing.digest import Digest, sha256


class FactsParseError(ValueError):
    """The JSON has not the shape of facts; the message names the place, never the content."""


class _IntervalModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    lo: int
    hi: int


class _FactModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    name: str
    value: str | bool | int | list[str] | _IntervalModel
    grade: Literal["attested", "observed", "estimated", "claimed"]
    role: str = ""
    source: str = ""


class _FactsModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    facts: list[_FactModel] = Field(default_factory=list[_FactModel])
    claims: dict[str, object] = Field(default_factory=dict[str, object])
    approvals: list[str] = Field(default_factory=list[str])
    findings: list[Literal["forged_evidence", "replayed_evidence", "value_out_of_range"]] = Field(
        default_factory=list[Literal["forged_evidence", "replayed_evidence", "value_out_of_range"]]
    )


def render_facts(facts: Facts) -> JsonObject:
    """JSON of all that a decision read; `parse_facts` gives equal facts back."""
    return {
        "facts": [
            {
                "name": fact.name,
                "value": render_value(fact.value),
                "grade": fact.grade.value,
                "role": fact.role,
                "source": fact.source,
            }
            for fact in facts.facts
        ],
        "claims": dict(facts.claims or {}),
        "approvals": [*sorted(facts.approvals)],
        "findings": [*sorted(finding.value for finding in facts.findings)],
    }


def facts_digest(facts: Facts) -> Digest:
    """The digest of the canonical JSON of the facts."""
    return sha256(canonical(render_facts(facts)))


def parse_facts(value: Json) -> Facts:
    """The facts in `value`; raises `FactsParseError`."""
    try:
        model = _FactsModel.model_validate(value)
    except ValidationError as error:
        place = ".".join(str(step) for step in error.errors()[0]["loc"])
        raise FactsParseError(f"facts are malformed at `{place}`") from error
    return Facts(
        tuple(
            Fact(fact.name, _value(fact.value), Grade(fact.grade), fact.role, fact.source)
            for fact in model.facts
        ),
        model.claims,  # type: ignore[arg-type]  # JSON by construction: it came out of a JSON value
        frozenset(model.approvals),
        frozenset(Finding(finding) for finding in model.findings),
    )


def _value(value: str | bool | int | list[str] | _IntervalModel) -> Value:
    if isinstance(value, list):
        return frozenset(value)
    if isinstance(value, _IntervalModel):
        try:
            return Interval(value.lo, value.hi)
        except ValueError as error:
            raise FactsParseError("an interval holds at least one value") from error
    return value
