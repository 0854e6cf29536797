"""The shapes of records of the law in force, of whom it trusts, and of what parties sign beside a use."""

from typing import Annotated, Literal

from pydantic import Field

from caveat.ledger.record import (
    BundleRecord,
    EvidenceRecord,
    Follows,
    RevocationsRecord,
    TermsRecord,
    TrustRecord,
)
from caveat.ledger.shapes.fields import Count, HeadModel, Hex, Mark, Model, Text, digest_or_none
from caveat.signing.digest import Digest

MAX_ACT_BYTES = 32 * 1024
"""Of the envelope of a negotiation's act: the longest text that a record may hold."""


class FollowsModel(Model):
    previous: Hex | None
    sequence: Count
    amendment: Hex | None
    signers: list[Text]
    changes: list[Text]
    changes_count: Count
    diff: Hex | None
    opened: list[Text]
    opened_count: Count
    closed: list[Text]
    closed_count: Count

    def follows(self) -> Follows:
        """The domain value."""
        return Follows(
            previous=digest_or_none(self.previous),
            sequence=self.sequence,
            amendment=digest_or_none(self.amendment),
            signers=tuple(self.signers),
            changes=tuple(self.changes),
            changes_count=self.changes_count,
            diff=digest_or_none(self.diff),
            opened=tuple(self.opened),
            opened_count=self.opened_count,
            closed=tuple(self.closed),
            closed_count=self.closed_count,
        )


class BundleModel(HeadModel):
    kind: Literal["bundle"]
    bundle: Hex
    development: Mark = None
    follows: FollowsModel | None = None

    def record(self) -> BundleRecord:
        """The domain value."""
        after = None if self.follows is None else self.follows.follows()
        return BundleRecord(self.time, Digest(self.bundle), self.development is True, after)


class TrustModel(HeadModel):
    kind: Literal["trust"]
    trust: Hex
    version: Annotated[int, Field(ge=1)]
    keys: list[Hex]
    development: Mark = None

    def record(self) -> TrustRecord:
        """The domain value."""
        keys = tuple(Digest(key) for key in self.keys)
        return TrustRecord(self.time, Digest(self.trust), self.version, keys, self.development is True)


class RevocationsModel(HeadModel):
    kind: Literal["revocations"]
    authority: Text
    envelope: Hex
    number: Annotated[int, Field(ge=1)]
    revoked: list[Hex]

    def record(self) -> RevocationsRecord:
        """The domain value."""
        revoked = tuple(Digest(key) for key in self.revoked)
        return RevocationsRecord(self.time, self.authority, Digest(self.envelope), self.number, revoked)


class UploadModel(HeadModel):
    kind: Literal["evidence"]
    deployment: Text
    envelope: Hex
    key: Text
    outcome: Text

    def record(self) -> EvidenceRecord:
        """The domain value."""
        return EvidenceRecord(self.time, self.deployment, Digest(self.envelope), self.key, self.outcome)


class TermsModel(HeadModel):
    kind: Literal["terms"]
    bundle: Hex
    envelope: Annotated[str, Field(max_length=MAX_ACT_BYTES)]

    def record(self) -> TermsRecord:
        """The domain value."""
        return TermsRecord(self.time, Digest(self.bundle), self.envelope)
