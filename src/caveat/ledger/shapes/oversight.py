"""The shapes of records of people who decide, halt and object, and of planted holds."""

from typing import Annotated, Literal

from pydantic import Field

from caveat.ledger.record import DissentRecord, HaltRecord, PlantedRecord, ReviewRecord
from caveat.ledger.shapes.fields import HeadModel, Hex, RecordId, SignedModel, Text, Time, digest_or_none
from caveat.signing.digest import Digest

MAX_STATEMENT_BYTES = 8 * 1024
"""Of what a person signed about a hold."""


class ReviewModel(HeadModel):
    kind: Literal["review"]
    hold: RecordId
    act: Literal["approve", "refuse"]
    role: Text
    person: Text
    key: Hex
    envelope: Hex
    statement: Annotated[str, Field(max_length=MAX_STATEMENT_BYTES)]
    shown_at: Time | None
    defect: Text

    def record(self) -> ReviewRecord:
        """The domain value."""
        return ReviewRecord(
            self.time,
            self.hold,
            self.act,
            self.role,
            self.person,
            Digest(self.key),
            Digest(self.envelope),
            self.statement,
            self.shown_at,
            self.defect,
        )


class HaltModel(SignedModel):
    kind: Literal["halt"]
    act: Literal["halt", "release"]
    scope: Literal["use", "conversation", "deployment", "model", "everything"]
    target: Text
    caller: Text
    halt: RecordId | None
    second: Hex | None

    def record(self) -> HaltRecord:
        """The domain value."""
        return HaltRecord(
            self.time,
            self.act,
            self.scope,
            self.target,
            self.caller,
            self.halt,
            self.person,
            Digest(self.key),
            Digest(self.said),
            self.statement,
            Digest(self.bundle),
            digest_or_none(self.second),
        )


class DissentModel(SignedModel):
    kind: Literal["dissent"]
    about: RecordId
    number: Annotated[int, Field(ge=1)]
    previous: Hex
    link: Hex

    def record(self) -> DissentRecord:
        """The domain value."""
        return DissentRecord(
            self.time,
            self.about,
            self.number,
            Digest(self.previous),
            Digest(self.link),
            self.person,
            Digest(self.key),
            Digest(self.said),
            self.statement,
            Digest(self.bundle),
        )


class PlantedModel(HeadModel):
    kind: Literal["planted"]
    hold: RecordId
    nonce: Hex

    def record(self) -> PlantedRecord:
        """The domain value."""
        return PlantedRecord(self.time, self.hold, self.nonce)
