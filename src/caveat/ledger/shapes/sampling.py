"""The shapes of records of what is drawn for a review afterwards, and of what is found."""

from typing import Annotated, Literal

from pydantic import Field

from caveat.ledger.record import (
    FindingRecord,
    IncidentRecord,
    PlantedSampleRecord,
    SampleRecord,
    SamplingRecord,
    Share,
)
from caveat.ledger.shapes.fields import Count, HeadModel, Hex, Model, RecordId, SignedModel, Text, Time
from caveat.signing.digest import Digest

MAX_SHARES = 65
"""Rows of shares in a record: those of a bundle, and that of everything else."""
MAX_AFFECTED = 256
"""Ids in the record of an incident; the others are known by their digest."""


class ShareModel(Model):
    deployment: Text
    clause: Text
    percent: Annotated[int, Field(ge=0, le=100)]
    least: Count

    def value(self) -> Share:
        """The domain value."""
        return Share(self.deployment, self.clause, self.percent, self.least)


class SamplingModel(HeadModel):
    kind: Literal["sampling"]
    number: Annotated[int, Field(ge=1)]
    commitment: Hex
    revealed: Hex | None
    bundle: Hex
    shares: Annotated[list[ShareModel], Field(max_length=MAX_SHARES)]
    review_seconds: Annotated[int, Field(ge=1)]

    def record(self) -> SamplingRecord:
        """The domain value."""
        return SamplingRecord(
            self.time,
            self.number,
            Digest(self.commitment),
            self.revealed,
            Digest(self.bundle),
            tuple(one.value() for one in self.shares),
            self.review_seconds,
        )


class SampleModel(HeadModel):
    kind: Literal["sample"]
    about: RecordId
    period: Annotated[int, Field(ge=1)]
    deployment: Text
    requester: Text
    clauses: list[Text]
    hold: RecordId | None
    review_by: Time

    def record(self) -> SampleRecord:
        """The domain value."""
        return SampleRecord(
            self.time,
            self.about,
            self.period,
            self.deployment,
            self.requester,
            tuple(self.clauses),
            self.hold,
            self.review_by,
        )


class PlantedSampleModel(HeadModel):
    kind: Literal["planted_sample"]
    about: RecordId
    period: Annotated[int, Field(ge=1)]

    def record(self) -> PlantedSampleRecord:
        """The domain value."""
        return PlantedSampleRecord(self.time, self.about, self.period)


class FindingModel(SignedModel):
    kind: Literal["finding"]
    about: RecordId
    of: Literal["sample", "emergency"]
    finding: Literal["right", "wrong"]
    code: Text
    role: Text
    shown: Hex
    shown_at: Time | None
    defect: Text

    def record(self) -> FindingRecord:
        """The domain value."""
        return FindingRecord(
            time=self.time,
            about=self.about,
            kind=self.of,
            finding=self.finding,
            code=self.code,
            role=self.role,
            person=self.person,
            key=Digest(self.key),
            said=Digest(self.said),
            shown=Digest(self.shown),
            statement=self.statement,
            bundle=Digest(self.bundle),
            shown_at=self.shown_at,
            defect=self.defect,
        )


class IncidentModel(HeadModel):
    kind: Literal["incident"]
    about: RecordId
    cause: RecordId
    reason: Text
    affected: Annotated[list[RecordId], Field(max_length=MAX_AFFECTED)]
    affected_count: Count
    affected_digest: Hex
    size: Count

    def record(self) -> IncidentRecord:
        """The domain value."""
        return IncidentRecord(
            self.time,
            self.about,
            self.cause,
            self.reason,
            tuple(self.affected),
            self.affected_count,
            Digest(self.affected_digest),
            self.size,
        )
