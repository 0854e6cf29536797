"""Statements of facts: an in-toto Statement v1 with the predicate of this product, read and written.

A statement says: of exactly these bytes, towards these deployments, between these times, the issuer says
these facts. An unknown field is refused and never dropped. Source: in-toto Statement v1, EVIDENCE attacks
18, 21, 30 and 31 in `THREAT_MODEL.md`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.facts.value import render_value
from caveat.signing.canonical import Json, JsonObject, StrictJsonError, canonical, parse_strict
from caveat.signing.digest import Digest
from caveat.signing.dsse import IN_TOTO, sign_envelope
from caveat.signing.keys import PrivateKey

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
FACTS_PREDICATE = "https://caveat.invalid/predicate/facts/v1"
MAX_PAYLOAD_BYTES = 48 * 1024
MAX_SUBJECTS = 256

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}\z"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z\Z")

FactValue: TypeAlias = str | bool | int | frozenset[str]
Scope: TypeAlias = Literal["each", "whole"]


class StatementParseError(ValueError):
    """The payload is no statement of facts. `code`: `not_json`, `statement_type` or `schema`."""

    def __init__(self, code: Literal["not_json", "statement_type", "schema"], place: str = "") -> None:
        """`place` names a field of ours, never a value."""
        super().__init__(f"no statement of facts: {code}" + (f" at `{place}`" if place else ""))
        self.code = code
        self.place = place


@dataclass(frozen=True, slots=True)
class Subject:
    """What a statement is about: bytes, by their SHA-256, under a name in the issuer's namespace."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Statement:
    """All that one issuer says at once. Every fact is said of every subject.

    `source`: lineage root, under which totals over time are kept. `id_column`: the column that identifies
    persons. `single_use`: good for one action only. `scope`: `each` for facts that are true of every single
    record and so survive a selection; a fact that is not named there is `whole`, true of the exact set alone.
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
    scope: Mapping[str, Scope] = field(default_factory=dict[str, Scope])


def parse_time(text: str) -> datetime:
    """The instant in RFC 3339 form with `Z`; raises `ValueError` for any other form, or no instant."""
    if _TIME.match(text) is None:
        raise ValueError("a time is written `2030-01-31T12:00:00Z`")
    return datetime.fromisoformat(text)


def render_time(time: datetime) -> str:
    """RFC 3339 with `Z`, seconds or finer as given; raises `ValueError` for a time without zone."""
    if time.tzinfo is None:
        raise ValueError("a time without a zone names no instant")
    return time.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


_Id = Annotated[str, Field(pattern=ID_PATTERN)]
_FactName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}\z")]
_Text = Annotated[str, Field(min_length=1, max_length=200)]
_Words = Annotated[list[_Text], Field(max_length=256)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _DigestModel(_Strict):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]


class _SubjectModel(_Strict):
    name: _Id
    digest: _DigestModel


class _PredicateModel(_Strict):
    issuer: _Id
    facts: Annotated[dict[_FactName, _Text | bool | int | _Words], Field(min_length=1, max_length=64)]
    audience: Annotated[list[_Id], Field(min_length=1, max_length=64)]
    issued_at: str
    expires_at: str
    id: _Id
    single_use: bool
    source: _Id | None = None
    id_column: _Text | None = None
    scope: Annotated[dict[_FactName, Scope], Field(max_length=64)] | None = None


class _StatementModel(_Strict):
    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    predicateType: Literal["https://caveat.invalid/predicate/facts/v1"]  # noqa: N815 - in-toto's spelling
    subject: Annotated[list[_SubjectModel], Field(min_length=1, max_length=MAX_SUBJECTS)]
    predicate: _PredicateModel


def parse_statement(payload: bytes) -> Statement:
    """The statement in `payload`; raises `StatementParseError` and nothing else, whatever the bytes."""
    try:
        value = parse_strict(payload, max_bytes=MAX_PAYLOAD_BYTES, max_depth=8)
    except StrictJsonError as error:
        raise StatementParseError("not_json") from error
    if not isinstance(value, dict):
        raise StatementParseError("schema")
    if value.get("_type") != STATEMENT_TYPE or value.get("predicateType") != FACTS_PREDICATE:
        raise StatementParseError("statement_type")
    try:
        model = _StatementModel.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        # Two steps are fields of ours; what follows, or is unknown, may be a name that the sender chose.
        steps = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
        raise StatementParseError("schema", ".".join(str(step) for step in steps[:2])) from error
    return _statement(model)


def _statement(model: _StatementModel) -> Statement:
    said = model.predicate
    try:
        issued_at, expires_at = parse_time(said.issued_at), parse_time(said.expires_at)
    except ValueError as error:
        raise StatementParseError("schema", "predicate.issued_at") from error
    if expires_at <= issued_at:
        raise StatementParseError("schema", "predicate.expires_at")
    if len(set(said.audience)) != len(said.audience):
        raise StatementParseError("schema", "predicate.audience")
    scope = said.scope or {}
    if not scope.keys() <= said.facts.keys():
        raise StatementParseError("schema", "predicate.scope")
    return Statement(
        issuer=said.issuer,
        subjects=tuple(Subject(entry.name, Digest(entry.digest.sha256)) for entry in model.subject),
        facts={name: _fact_value(value) for name, value in said.facts.items()},
        audience=tuple(said.audience),
        issued_at=issued_at,
        expires_at=expires_at,
        id=said.id,
        single_use=said.single_use,
        source=said.source,
        id_column=said.id_column,
        scope=scope,
    )


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
        "facts": {name: render_value(value) for name, value in statement.facts.items()},
        "audience": list(statement.audience),
        "issued_at": render_time(statement.issued_at),
        "expires_at": render_time(statement.expires_at),
        "id": statement.id,
        "single_use": statement.single_use,
    }
    if statement.source is not None:
        predicate["source"] = statement.source
    if statement.id_column is not None:
        predicate["id_column"] = statement.id_column
    if statement.scope:
        predicate["scope"] = dict(statement.scope)
    subjects: list[Json] = [
        {"name": subject.name, "digest": {"sha256": subject.digest}} for subject in statement.subjects
    ]
    payload = canonical(
        {
            "_type": STATEMENT_TYPE,
            "predicateType": FACTS_PREDICATE,
            "subject": subjects,
            "predicate": predicate,
        }
    )
    parse_statement(payload)  # whoever mints learns at once what nobody would accept
    return payload


def mint_envelope(statement: Statement, keys: Sequence[PrivateKey]) -> bytes:
    """The signed envelope of a statement, as JSON bytes; raises as `render_statement` does."""
    return sign_envelope(render_statement(statement), IN_TOTO, keys)
