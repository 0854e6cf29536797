"""Statements: an in-toto Statement v1 with a predicate of this product, read strictly and written.

A statement says, of exactly these bytes, of this use or of this deployment, between these times, towards
these deployments, what the issuer knows. An unknown field is refused and never dropped. Source: in-toto
Statement v1, attacks 18, 21, 30 and 31 in `THREAT_MODEL.md`, ADR-0021.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, Field, ValidationError

from caveat.evidence.instants import (
    ParseCode,
    StatementParseError,
    parse_time,
    read_life,
    render_time,
)
from caveat.evidence.kinds import (
    Engagement,
    LegalProcess,
    Provenance,
    read_engagement,
    read_process,
    read_provenance,
    render_engagement,
    render_process,
    render_provenance,
)
from caveat.evidence.predicates import (
    ID_PATTERN,
    MAX_SUBJECTS,
    SHAPES,
    DeploymentModel,
    FactsModel,
    LegalProcessModel,
    Predicate,
    PredicateModel,
    ProvenanceModel,
    Scope,
    Strict,
    SubjectModel,
    TargetModel,
)
from caveat.facts.value import render_value
from caveat.signing.canonical import Json, JsonObject, StrictJsonError, canonical, parse_strict
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import PrivateKey

__all__ = [
    "ID_PATTERN",
    "MAX_SUBJECTS",
    "Predicate",
    "Scope",
    "StatementParseError",
    "parse_time",
    "render_time",
]

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
MAX_PAYLOAD_BYTES = 48 * 1024

FactValue: TypeAlias = str | bool | int | frozenset[str]
FACTS_PREDICATE = Predicate.FACTS.value
LEGAL_PROCESS, TARGET_AUTHORIZATION, TARGET_CLASS = "legal_process", "target_authorization", "target_class"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a statement is about: bytes, by their SHA-256, under a name in the issuer's namespace."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Statement:
    """All that one issuer says at once. Every fact is said of every subject.

    `source`: lineage root, under which totals over time are kept. `id_column`: the column that identifies
    persons. `single_use`: good for one action only. `scope`: facts that hold of each record; any other fact
    holds of the whole alone. `process`, `engagement`, `provenance`: what such a statement says beside facts.
    """

    issuer: str
    subjects: tuple[Subject, ...]
    facts: Mapping[str, FactValue]
    audience: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    id: str
    single_use: bool = False
    source: str | None = None
    id_column: str | None = None
    kind: Predicate = Predicate.FACTS
    scope: Mapping[str, Scope] = field(default_factory=dict[str, Scope])
    provenance: Provenance | None = None
    process: LegalProcess | None = None
    engagement: Engagement | None = None

    def scope_of(self, fact: str) -> Scope:
        """What the fact is true of: the whole, unless it is said of each record."""
        return self.scope.get(fact, Scope.WHOLE)


_Shape = TypeVar("_Shape", bound=BaseModel)


class _StatementModel(Strict):
    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    predicateType: str  # noqa: N815 - in-toto's spelling
    subject: Annotated[list[SubjectModel], Field(min_length=1, max_length=MAX_SUBJECTS)]
    predicate: dict[str, object]


_OTHERS: dict[str, ParseCode] = {
    Predicate.APPROVAL.value: "approval",
    Predicate.READING.value: "approval",
    Predicate.REVOCATIONS.value: "revocations",
}


def parse_statement(payload: bytes) -> Statement:
    """The statement in `payload`; raises `StatementParseError` and nothing else, whatever the bytes."""
    value = read_payload(payload)
    kind = str(value.get("predicateType"))
    if kind in _OTHERS:
        raise StatementParseError(_OTHERS[kind])
    if value.get("_type") != STATEMENT_TYPE or kind not in _SHAPES:
        raise StatementParseError("statement_type")
    predicate, shape = _SHAPES[kind]
    subjects, said = read_shape(value, shape)
    return _statement(predicate, subjects, said)


_SHAPES: dict[str, tuple[Predicate, type[PredicateModel]]] = {
    predicate.value: (predicate, shape) for predicate, shape in SHAPES.items()
}


def read_payload(payload: bytes) -> JsonObject:
    """The JSON object in a payload; raises `StatementParseError`."""
    try:
        value = parse_strict(payload, max_bytes=MAX_PAYLOAD_BYTES, max_depth=8)
    except StrictJsonError as error:
        raise StatementParseError("not_json") from error
    if not isinstance(value, dict):
        raise StatementParseError("schema")
    return value


def read_shape(value: JsonObject, shape: type[_Shape]) -> tuple[tuple[Subject, ...], _Shape]:
    """The subjects of a statement and its predicate in this shape; raises `StatementParseError`."""
    try:
        model = _StatementModel.model_validate(value)
    except ValidationError as error:
        raise _ill_formed(error, ()) from error
    try:
        said = shape.model_validate(model.predicate)
    except ValidationError as error:
        raise _ill_formed(error, ("predicate",)) from error
    return tuple(Subject(entry.name, Digest(entry.digest.sha256)) for entry in model.subject), said


def _ill_formed(error: ValidationError, above: tuple[str, ...]) -> StatementParseError:
    first = error.errors(include_input=False, include_context=False)[0]
    # Two steps are fields of ours; what follows, or is unknown, may be a name that the sender chose.
    steps = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
    return StatementParseError("schema", ".".join(str(step) for step in (*above, *steps)[:2]))


def _statement(kind: Predicate, subjects: tuple[Subject, ...], said: PredicateModel) -> Statement:
    life = read_life(said.issued_at, said.expires_at)
    if len(set(said.audience)) != len(said.audience):
        raise StatementParseError("schema", "predicate.audience")
    scope, source, id_column = _about_data(said)
    return Statement(
        issuer=said.issuer,
        subjects=subjects,
        facts=_facts(said),
        audience=tuple(said.audience),
        issued_at=life.begin,
        expires_at=life.end,
        id=said.id,
        single_use=said.single_use,
        source=source,
        id_column=id_column,
        kind=kind,
        scope=scope,
        provenance=read_provenance(said) if isinstance(said, ProvenanceModel) else None,
        process=read_process(said) if isinstance(said, LegalProcessModel) else None,
        engagement=read_engagement(said) if isinstance(said, TargetModel) else None,
    )


def _about_data(said: PredicateModel) -> tuple[Mapping[str, Scope], str | None, str | None]:
    if not isinstance(said, FactsModel | ProvenanceModel):
        return {}, None, None
    if not said.scope.keys() <= said.facts.keys():
        raise StatementParseError("schema", "predicate.scope")
    return {name: Scope(word) for name, word in said.scope.items()}, said.source, said.id_column


def _facts(said: PredicateModel) -> Mapping[str, FactValue]:
    match said:
        case LegalProcessModel():
            return {LEGAL_PROCESS: said.process}
        case TargetModel(target_class=None):
            return {TARGET_AUTHORIZATION: said.authorization}
        case TargetModel():
            return {TARGET_AUTHORIZATION: said.authorization, TARGET_CLASS: str(said.target_class)}
        case FactsModel() | ProvenanceModel() | DeploymentModel():
            return {name: _fact_value(value) for name, value in said.facts.items()}


def _fact_value(value: str | bool | int | list[str]) -> FactValue:
    if not isinstance(value, list):
        return value
    words = frozenset(value)
    if len(words) != len(value):
        raise StatementParseError("schema", "predicate.facts")
    return words


def render_statement(statement: Statement) -> bytes:
    """The canonical payload; raises `StatementParseError` for a statement that would not be read back."""
    predicate: JsonObject = {
        "issuer": statement.issuer,
        "audience": list(statement.audience),
        "issued_at": render_time(statement.issued_at),
        "expires_at": render_time(statement.expires_at),
        "id": statement.id,
        "single_use": statement.single_use,
        **_render_kind(statement),
    }
    payload = render_payload(statement.kind, statement.subjects, predicate)
    parse_statement(payload)  # whoever mints learns at once what nobody would accept
    return payload


def render_payload(kind: Predicate, subjects: Sequence[Subject], predicate: JsonObject) -> bytes:
    """The canonical bytes of an in-toto statement."""
    rows: list[Json] = [{"name": one.name, "digest": {"sha256": one.digest}} for one in subjects]
    return canonical(
        {"_type": STATEMENT_TYPE, "predicateType": kind.value, "subject": rows, "predicate": predicate}
    )


def _render_kind(statement: Statement) -> JsonObject:
    if statement.process is not None:
        return render_process(statement.process)
    if statement.engagement is not None:
        return render_engagement(statement.engagement)
    members: JsonObject = {"facts": {name: render_value(value) for name, value in statement.facts.items()}}
    if statement.source is not None:
        members["source"] = statement.source
    if statement.id_column is not None:
        members["id_column"] = statement.id_column
    if statement.scope:
        members["scope"] = {name: scope.value for name, scope in statement.scope.items()}
    if statement.provenance is not None:
        members |= render_provenance(statement.provenance)
    return members


def mint_envelope(statement: Statement, keys: Sequence[PrivateKey]) -> bytes:
    """The signed envelope of a statement, as JSON bytes; raises as `render_statement` does."""
    return sign_envelope(render_statement(statement), IN_TOTO, keys)
