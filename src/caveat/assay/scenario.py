"""Scenario files: one use a line, with its truth, what the caller says, and what can be proved.

A `Scenario` keeps apart what may reach the gateway (`Visible`) and what only the score may read
(`Scoring`): the runner is given the first alone. Source: `docs/reference/scenarios.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.assay.errors import ScenarioError
from caveat.facts.registry import FactSpec, FactType
from caveat.signing.canonical import (
    MAX_INTEGER,
    Json,
    JsonObject,
    StrictJsonError,
    canonical,
    parse_strict,
)

VerdictName = Literal["allow", "needs_approval", "needs_evidence", "deny"]
MAX_LINE_BYTES = 1 << 20
_FINDINGS = 20


class Defect(StrEnum):
    """What is wrong with an attestation that a scenario presents."""

    SELF_ATTESTED = "self_attested"
    WRONG_SCOPE = "wrong_scope"
    EXPIRED = "expired"
    REPLAYED = "replayed"
    FORGED = "forged"


@dataclass(frozen=True, slots=True)
class Visible:
    """All of a scenario that may reach the gateway. `index`: its place in the file, from 0.

    `genuine`: the facts that an entitled issuer attests, with their true values. `defective`: attestations
    of the claimed value, presented with that defect.
    """

    index: int
    text: str
    claims: Mapping[str, Json]
    genuine: Mapping[str, Json]
    defective: tuple[tuple[str, Defect], ...] = ()

    @property
    def mentioned(self) -> frozenset[str]:
        """Facts of which the caller says anything at all, with or without proof."""
        return frozenset(self.claims) | frozenset(self.genuine) | {fact for fact, _ in self.defective}

    def fingerprint(self) -> bytes:
        """Equal exactly where a gateway sees the same text, claims and evidence."""
        seen: JsonObject = {
            "text": self.text,
            "claims": {name: _unordered(value) for name, value in self.claims.items()},
            "genuine": {name: _unordered(value) for name, value in self.genuine.items()},
            "defective": _unordered([f"{fact} {defect.value}" for fact, defect in self.defective]),
        }
        return canonical(seen)


@dataclass(frozen=True, slots=True)
class Scoring:
    """What only the score may read; None where the file does not say."""

    expected: VerdictName | None = None
    variant: str | None = None
    lie: bool | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line of a scenario file."""

    id: str
    visible: Visible
    scoring: Scoring = field(default=Scoring())


class _DefectModel(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    fact: str
    defect: Literal["self_attested", "wrong_scope", "expired", "replayed", "forged"]


class _LineModel(BaseModel):
    """Every other field is for people and for slicing; it is not read."""

    model_config = ConfigDict(extra="ignore", strict=True)
    id: str | None = None
    request_text: str
    claimed_facts: dict[str, object]
    true_facts: dict[str, object]
    evidence_available: list[str]
    evidence_defects: list[_DefectModel] = Field(default_factory=list[_DefectModel])
    expected: VerdictName | None = None
    variant: str | None = None
    lie: bool | None = None


def parse_scenarios(data: bytes, registry: Mapping[str, FactSpec]) -> tuple[Scenario, ...]:
    """Every scenario of the file, or `ScenarioError` with the line and the field of each finding.

    Facts and values are those of `registry`: an undeclared one is an error of the file, found before
    anything is sent. Blank lines are skipped.
    """
    findings: list[str] = []
    scenarios: list[Scenario] = []
    ids: dict[str, int] = {}
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        scenario, wrong = _parse_line(line, number, len(scenarios), registry)
        findings.extend(f"line {number}, {finding}" for finding in wrong)
        if scenario is None:
            continue
        if scenario.id in ids:
            findings.append(f"line {number}, `id`: already used on line {ids[scenario.id]}")
        ids[scenario.id] = number
        scenarios.append(scenario)
    if not scenarios and not findings:
        findings.append("the file holds no scenario")
    if findings:
        more = len(findings) - _FINDINGS
        shown = [*findings[:_FINDINGS], f"and {more} more"] if more > 0 else findings
        raise ScenarioError(tuple(shown), "the fields are in docs/reference/scenarios.md")
    return tuple(scenarios)


def _parse_line(
    line: bytes, number: int, index: int, registry: Mapping[str, FactSpec]
) -> tuple[Scenario | None, tuple[str, ...]]:
    try:
        model = _LineModel.model_validate(parse_strict(line, max_bytes=MAX_LINE_BYTES, floats=True))
    except ValidationError as error:
        return None, tuple(
            f"`{'.'.join(str(step) for step in entry['loc']) or 'whole line'}`: {entry['msg'].lower()}"
            for entry in error.errors()
        )
    except StrictJsonError as error:
        return None, (f"whole line: {error}",)
    wrong = tuple(_vocabulary_findings(model, registry))
    if wrong:
        return None, wrong
    visible = Visible(
        index=index,
        text=model.request_text,
        claims={name: _json(value) for name, value in model.claimed_facts.items()},
        genuine={name: _json(model.true_facts[name]) for name in model.evidence_available},
        defective=tuple((entry.fact, Defect(entry.defect)) for entry in model.evidence_defects),
    )
    scoring = Scoring(model.expected, model.variant, model.lie)
    return Scenario(model.id or f"line-{number}", visible, scoring), ()


def _vocabulary_findings(model: _LineModel, registry: Mapping[str, FactSpec]) -> list[str]:
    wrong: list[str] = []
    for place, facts in (("claimed_facts", model.claimed_facts), ("true_facts", model.true_facts)):
        for name, value in facts.items():
            spec = registry.get(name)
            if spec is None:
                wrong.append(f"`{place}.{name}`: the bundle declares no such fact")
            elif not _declared(spec, value):
                wrong.append(f"`{place}.{name}`: {_expectation(spec)}")
    if len(set(model.evidence_available)) != len(model.evidence_available):
        wrong.append("`evidence_available`: a fact is named twice")
    wrong.extend(
        f"`evidence_available`: `{name}` has no value in `true_facts`"
        for name in model.evidence_available
        if name not in model.true_facts
    )
    wrong.extend(
        f"`evidence_defects`: `{entry.fact}` has no value in `claimed_facts`, so nothing can be presented"
        for entry in model.evidence_defects
        if entry.fact not in model.claimed_facts
    )
    return wrong


def _declared(spec: FactSpec, value: object) -> bool:
    """Whether the value is of the declared type and words. A count out of range is left for the gateway."""
    if spec.type is FactType.LONG:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER
    return spec.parse(_json(value)) is not None


def _expectation(spec: FactSpec) -> str:
    match spec.type:
        case FactType.LONG:
            return "an integer below 2^53 is expected"
        case FactType.BOOL:
            return "true or false is expected"
        case FactType.ENUM:
            return f"expected one of {', '.join(spec.values)}"
        case FactType.SET:
            return f"expected a list, without repetition, of {', '.join(spec.values)}"


def _json(value: object) -> Json:
    return value  # type: ignore[return-value]  # JSON by construction: it came out of `parse_strict`


def _unordered(value: Json) -> Json:
    """Sets are written as lists; two orders of one set are one value."""
    return sorted(value, key=str) if isinstance(value, list) else value
