"""The shapes of records of the gateway itself."""

from typing import Annotated, Literal

from pydantic import Field

from caveat.ledger.record import (
    ArmFigures,
    AssayRecord,
    HeartbeatRecord,
    KeyRecord,
    OpenPath,
    PathsRecord,
    RoutesRecord,
    StartRecord,
    StoppedRecord,
)
from caveat.ledger.shapes.fields import Count, HeadModel, Hex, KeyText, Mark, Model, Text
from caveat.signing.digest import Digest


class StartModel(HeadModel):
    kind: Literal["start"]
    bundle: Hex
    version: Text
    origin: Text
    development: Mark = None

    def record(self) -> StartRecord:
        """The domain value."""
        return StartRecord(
            self.time, Digest(self.bundle), self.version, self.origin, self.development is True
        )


class RoutesModel(HeadModel):
    kind: Literal["routes"]
    routes: Hex

    def record(self) -> RoutesRecord:
        """The domain value."""
        return RoutesRecord(self.time, Digest(self.routes))


class ArmModel(Model):
    arm: Text
    unsafe: Count | None
    uses: Count | None
    twins_passed: Count | None
    twins: Count | None

    def value(self) -> ArmFigures:
        """The domain value."""
        return ArmFigures(self.arm, self.unsafe, self.uses, self.twins_passed, self.twins)


class AssayModel(HeadModel):
    kind: Literal["assay"]
    bundle: Hex
    envelope: Hex
    key: Hex
    run: Hex
    complete: bool
    arms: list[ArmModel]

    def record(self) -> AssayRecord:
        """The domain value."""
        return AssayRecord(
            time=self.time,
            bundle=Digest(self.bundle),
            envelope=Digest(self.envelope),
            key=Digest(self.key),
            run=Digest(self.run),
            complete=self.complete,
            arms=tuple(one.value() for one in self.arms),
        )


class OpenPathModel(Model):
    endpoint: Text
    direction: Literal["", "request", "answer", "event"]
    what: Literal["", "words", "call"]
    stream: bool
    why: Literal["undecided", "unscanned", "unmeasured"]


class PathsModel(HeadModel):
    kind: Literal["paths"]
    bundle: Hex
    planted: Count
    open: list[OpenPathModel]

    def record(self) -> PathsRecord:
        """The domain value."""
        rows = tuple(
            OpenPath(one.endpoint, one.direction, one.what, one.stream, one.why) for one in self.open
        )
        return PathsRecord(self.time, Digest(self.bundle), self.planted, rows)


class HeartbeatModel(HeadModel):
    kind: Literal["heartbeat"]
    every_seconds: Annotated[int, Field(ge=1, le=86_400)]
    witnessed: Count

    def record(self) -> HeartbeatRecord:
        """The domain value."""
        return HeartbeatRecord(self.time, self.every_seconds, self.witnessed)


class KeyModel(HeadModel):
    kind: Literal["key"]
    before: KeyText
    after: KeyText

    def record(self) -> KeyRecord:
        """The domain value."""
        return KeyRecord(self.time, self.before, self.after)


class StoppedModel(HeadModel):
    kind: Literal["stopped"]
    reason: Text

    def record(self) -> StoppedRecord:
        """The domain value."""
        return StoppedRecord(self.time, self.reason)
