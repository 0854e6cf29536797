"""What kinds of statement there are, and the exact shape of each on the wire.

A member that a shape does not have refuses the whole statement. Source: in-toto Statement v1 (predicates),
Data Provenance Standards 1.0.0, attacks 15, 18, 21, 30 and 31 in `THREAT_MODEL.md`, ADR-0021.
"""

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from caveat.evidence.codes import (
    BASIS,
    CLASSIFICATION,
    DATA_USE,
    GENERATION_METHOD,
    INTENDED_PURPOSE,
    PRIVACY_ENHANCING,
)

MAX_SUBJECTS = 256
MAX_SELECTORS = 512
MAX_PLACES = 256
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}\z"
HOST_PATTERN = r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.){0,8}[a-z]([a-z0-9-]{0,61}[a-z0-9])?\z"
_HEX = r"^[0-9a-f]{64}\z"


class Predicate(StrEnum):
    """The kind of a statement, by its predicate type. What a kind may not say, it cannot say."""

    FACTS = "https://caveat.invalid/predicate/facts/v1"
    PROVENANCE = "https://caveat.invalid/predicate/data-provenance/v1"
    LEGAL_PROCESS = "https://caveat.invalid/predicate/legal-process/v1"
    TARGET = "https://caveat.invalid/predicate/target-authority/v1"
    DEPLOYMENT = "https://caveat.invalid/predicate/deployment/v1"
    APPROVAL = "https://caveat.invalid/predicate/approval/v1"
    READING = "https://caveat.invalid/predicate/reading/v1"
    HALT = "https://caveat.invalid/predicate/halt/v1"
    DISSENT = "https://caveat.invalid/predicate/dissent/v1"
    FINDING = "https://caveat.invalid/predicate/finding/v1"
    REVOCATIONS = "https://caveat.invalid/predicate/revocations/v1"


class Scope(StrEnum):
    """What a fact of data is true of: `each` record, so that it holds of a subset; or the `whole` alone."""

    EACH = "each"
    WHOLE = "whole"


Id: TypeAlias = Annotated[str, Field(pattern=ID_PATTERN)]
FactName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}\z")]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]
Hex: TypeAlias = Annotated[str, Field(pattern=_HEX)]
_Words: TypeAlias = Annotated[list[Text], Field(max_length=256)]
_Facts: TypeAlias = Annotated[dict[FactName, Text | bool | int | _Words], Field(min_length=1, max_length=64)]


class Strict(BaseModel):
    """A shape on the wire: no member beyond it, no value of another type turned into one of its own."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DigestModel(Strict):
    """A digest set of in-toto with SHA-256 and no other."""

    sha256: Hex


class SubjectModel(Strict):
    """One subject: a name in the issuer's namespace, and a digest."""

    name: Id
    digest: DigestModel


class HeadModel(Strict):
    """What every predicate that is evidence has."""

    issuer: Id
    audience: Annotated[list[Id], Field(min_length=1, max_length=64)]
    issued_at: str
    expires_at: str
    id: Id
    single_use: bool


class DataModel(HeadModel):
    """What every statement about data has: facts of the bytes in the subject."""

    facts: _Facts
    scope: Annotated[dict[FactName, Literal["each", "whole"]], Field(max_length=64)] = Field(
        default_factory=dict[str, Literal["each", "whole"]]
    )
    id_column: Text | None = None


class FactsModel(DataModel):
    """Facts of data, with or without a lineage root."""

    source: Id | None = None


def _among(known: frozenset[str]) -> AfterValidator:
    def check(codes: list[str]) -> list[str]:
        if len(set(codes)) != len(codes) or not known.issuperset(codes):
            raise ValueError("codes of the list, each once")
        return codes

    return AfterValidator(check)


class PlaceModel(Strict):
    """A country by ISO 3166-1 alpha-2, and a part of it."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}\z")]
    state: Text | None = None


class StandardModel(Strict):
    """The elements of the Data Provenance Standards 1.0.0 that have codes, and the names beside them."""

    title: Text
    date: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\z")]
    generation_method: Annotated[list[str], Field(min_length=1), _among(GENERATION_METHOD)]
    intended_purpose: Annotated[list[str], Field(min_length=1), _among(INTENDED_PURPOSE)]
    classification: Annotated[list[str], _among(CLASSIFICATION)]
    origin_geography: Annotated[list[PlaceModel], Field(min_length=1, max_length=MAX_PLACES)]
    privacy_enhancing: Annotated[list[str], _among(PRIVACY_ENHANCING)] = Field(default_factory=list[str])
    data_use: Annotated[list[str], _among(DATA_USE)] = Field(default_factory=list[str])
    consents: _Words = Field(default_factory=list[str])
    license: _Words = Field(default_factory=list[str])


class ProvenanceModel(DataModel):
    """Facts of data, with their lineage root, their legal basis and the codes of the standard."""

    source: Id
    basis: Annotated[list[str], _among(BASIS)]
    standard: StandardModel


class PeriodModel(Strict):
    """From a moment, included, to a moment, excluded."""

    begin: Annotated[str, Field(alias="from")]
    end: Annotated[str, Field(alias="to")]


class LegalProcessModel(HeadModel):
    """A legal process: which, by what authority, over whom and when."""

    process: Text
    authority: Id
    selectors: Annotated[list[Hex], Field(max_length=MAX_SELECTORS)]
    selector_key: Hex | None = None
    general: bool
    period: PeriodModel


class TargetModel(HeadModel):
    """A scope of engagement, by whoever has authority over the targets."""

    owner: Id
    authorization: Text
    target_class: Annotated[Text | None, Field(alias="class")] = None
    hosts: Annotated[list[Annotated[str, Field(pattern=HOST_PATTERN)]], Field(max_length=MAX_PLACES)]
    networks: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=MAX_PLACES)]
    period: PeriodModel


class DeploymentModel(HeadModel):
    """Facts of a registered deployment; the subject is the digest of its registration."""

    facts: _Facts


class ApprovalModel(Strict):
    """One person's decision about one exact action, which is the only subject. It has no facts."""

    issuer: Id
    role: Id
    act: Literal["approve", "refuse"]
    hold: Id
    requester: Annotated[str, Field(min_length=1, max_length=256)]
    deployment: Id
    policy: Hex
    issued_at: str
    expires_at: str


class ReadingModel(Strict):
    """Somebody who may approve wants to read what waits, at the gateway that is the only subject."""

    issuer: Id
    issued_at: str
    expires_at: str


class SayingModel(Strict):
    """What every statement of an overseer has that is about a gateway, its only subject."""

    issuer: Id
    issued_at: str
    expires_at: str


class HaltModel(SayingModel):
    """An overseer stops something at the gateway that is the only subject, or gives leave to let it go on.

    `caller` is for the scope `conversation`; `halt`: the record of what is released, and empty of a halt.
    """

    act: Literal["halt", "release"]
    scope: Literal["use", "conversation", "deployment", "model", "everything"]
    target: Annotated[str, Field(max_length=256)]
    caller: Annotated[str, Field(max_length=256)]
    halt: Annotated[str, Field(max_length=64)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class DissentModel(SayingModel):
    """An overseer objects to what a record of the gateway says, in their own words."""

    about: Annotated[str, Field(min_length=1, max_length=64)]
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class FindingModel(SayingModel):
    """An overseer reviewed what went through: a use or the hold of an emergency, by the record `about`.

    `shown`: the digest of what they were shown. `code`: what is wrong; empty where nothing is. No text of
    their own: it would stand in the ledger.
    """

    role: Id
    about: Annotated[str, Field(min_length=1, max_length=64)]
    finding: Literal["right", "wrong"]
    code: Annotated[str, Field(max_length=64)]
    shown: Hex


class RevokedModel(Strict):
    """One key, and the moment from which nothing by it counts that the log does not show before it."""

    key: Hex
    at: str


class RevocationsModel(Strict):
    """All that is revoked among the keys in the subject, by the authority for them."""

    issuer: Id
    number: Annotated[int, Field(ge=1, le=2**53 - 1)]
    issued_at: str
    expires_at: str
    revoked: Annotated[list[RevokedModel], Field(max_length=MAX_SUBJECTS)]


PredicateModel: TypeAlias = FactsModel | ProvenanceModel | LegalProcessModel | TargetModel | DeploymentModel
"""What `parse_statement` reads: the kinds that carry facts."""

SHAPES: dict[Predicate, type[PredicateModel]] = {
    Predicate.FACTS: FactsModel,
    Predicate.PROVENANCE: ProvenanceModel,
    Predicate.LEGAL_PROCESS: LegalProcessModel,
    Predicate.TARGET: TargetModel,
    Predicate.DEPLOYMENT: DeploymentModel,
}
