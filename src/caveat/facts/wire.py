"""Facts as JSON, in records and in files that people write: one shape, read back exactly."""

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    ValidationError,
)
from pydantic_core import core_schema

from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.facts.value import Interval, render_value
from caveat.signing.canonical import Json, JsonObject, canonical
from caveat.signing.digest import Digest, sha256


class FactsParseError(ValueError):
    """The JSON has not the shape of facts; the message names the place, never the content."""


class _IntervalModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    lo: int
    hi: int


def _interval(model: _IntervalModel) -> Interval:
    return Interval(model.lo, model.hi)


# Facts are read straight into their domain values: a record holds many, and a ledger a million records.
_STRICT_TEXT = core_schema.str_schema(strict=True)
_VALUE = core_schema.union_schema(
    [
        _STRICT_TEXT,
        core_schema.bool_schema(strict=True),
        core_schema.int_schema(strict=True),
        core_schema.no_info_after_validator_function(
            frozenset[str], core_schema.list_schema(_STRICT_TEXT, strict=True)
        ),
        core_schema.no_info_after_validator_function(_interval, _IntervalModel.__pydantic_core_schema__),
    ],
)
_GRADE = core_schema.enum_schema(Grade, list(Grade), sub_type="str", strict=False)


def _fact_schema(_source: object, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
    empty = core_schema.with_default_schema(_STRICT_TEXT, default="")
    fields = {"name": _STRICT_TEXT, "value": _VALUE, "grade": _GRADE, "role": empty, "source": empty}
    arguments = core_schema.dataclass_args_schema(
        Fact.__name__,
        [core_schema.dataclass_field(name, schema, kw_only=False) for name, schema in fields.items()],
        extra_behavior="forbid",
    )
    return core_schema.dataclass_schema(Fact, arguments, list(fields), slots=True, frozen=True)


class _FactsModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    facts: list[Annotated[Fact, GetPydanticSchema(_fact_schema)]] = Field(default_factory=list[Fact])
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
        found = error.errors()
        if any(one["type"] == "value_error" for one in found):  # of all shapes, an interval alone has a rule
            raise FactsParseError("an interval holds at least one value") from error
        place = ".".join(str(step) for step in found[0]["loc"])
        raise FactsParseError(f"facts are malformed at `{place}`") from error
    return Facts(
        tuple(model.facts),
        model.claims,  # type: ignore[arg-type]  # JSON by construction: it came out of a JSON value
        frozenset(model.approvals),
        frozenset([Finding(finding) for finding in model.findings]),
    )
