"""The shapes of records of what was decided at a point of control, and of what then went through."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from caveat.call.call import Point
from caveat.call.history import HistoryState
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Facts
from caveat.facts.wire import parse_facts
from caveat.ledger.record import (
    Afterwards,
    Approved,
    Counted,
    DataPart,
    DecisionRecord,
    EvidenceCited,
    Held,
    History,
    HistoryRecord,
    OutputEndRecord,
    Redaction,
    Replaced,
    Reservation,
)
from caveat.ledger.shapes.fields import (
    Count,
    HeadModel,
    Hex,
    Mark,
    Model,
    RecordId,
    Text,
    Time,
    digest_or_none,
)
from caveat.signing.digest import Digest


class PartModel(Model):
    pointer: Text
    digest: Hex
    bytes: Count


class HistoryModel(Model):
    record: RecordId
    parts: Annotated[int, Field(ge=1)]

    def history(self) -> History:
        """The domain value."""
        return History(self.record, self.parts)


class EvidenceModel(Model):
    envelope: Hex
    key: Text
    outcome: Text
    once: Text | None


class ReserveModel(Model):
    source: Text
    digest: Hex
    lo: Count
    hi: Count | None
    contribution: Hex | None = None
    known: Count = 0

    def value(self) -> Reservation:
        """The domain value."""
        return Reservation(
            self.source, Digest(self.digest), self.lo, self.hi, digest_or_none(self.contribution), self.known
        )


class CountedModel(Model):
    owner: Text
    purpose: Text
    protected: bool = False

    def value(self) -> Counted:
        """The domain value."""
        return Counted(self.owner, self.purpose, self.protected)


class ReplacedModel(Model):
    replaced: dict[Text, Count]
    restored: dict[Text, Count]

    def value(self) -> Replaced:
        """The domain value."""
        return Replaced(tuple(sorted(self.replaced.items())), tuple(sorted(self.restored.items())))


class RedactionModel(Model):
    clauses: list[Text]
    kinds: list[Text]
    counts: ReplacedModel | None
    unreadable: Count

    def value(self) -> Redaction:
        """The domain value."""
        counts = None if self.counts is None else self.counts.value()
        return Redaction(tuple(self.clauses), tuple(self.kinds), counts, self.unreadable)


class AfterwardsModel(Model):
    role: Text
    reviewers: Annotated[list[Text], Field(min_length=1)]
    seconds: Annotated[int, Field(ge=1)]
    blocks: bool

    def value(self) -> Afterwards:
        """The domain value."""
        return Afterwards(self.role, tuple(self.reviewers), self.seconds, self.blocks)


class HeldModel(Model):
    roles: Annotated[dict[Text, Annotated[int, Field(ge=1)]], Field(min_length=1)]
    expires_at: Time
    of: RecordId | None
    afterwards: Annotated[list[AfterwardsModel], Field(min_length=1)] | None = None

    def value(self) -> Held:
        """The domain value."""
        after = tuple(one.value() for one in self.afterwards or ())
        return Held(tuple(sorted(self.roles.items())), self.expires_at, self.of, after)


class ApprovedModel(Model):
    hold: RecordId
    envelopes: Annotated[list[Hex], Field(min_length=1)]

    def value(self) -> Approved:
        """The domain value."""
        return Approved(self.hold, tuple(Digest(each) for each in self.envelopes))


class DecisionModel(HeadModel):
    kind: Literal["decision"]
    point: Point = Field(strict=False)
    protocol: Text
    deployment: Text
    principal: Text
    model: Text
    action: Text
    request: Hex
    bundle: Hex
    parts: list[PartModel]
    cases: list[dict[str, object]]
    verdict: Verdict = Field(strict=False)
    reason: Reason = Field(strict=False)
    clauses: list[Text]
    needs: list[Text]
    approvals: list[Text]
    incident: bool
    steps: Count
    evidence: list[EvidenceModel]
    reserve: list[ReserveModel]
    mode: Literal["enforce", "observe"]
    enforced: bool
    of: RecordId | None
    development: Mark = None
    history: HistoryModel | None = None
    redaction: RedactionModel | None = None
    history_state: HistoryState | None = Field(default=None, strict=False)
    hold: HeldModel | None = None
    approved: ApprovedModel | None = None
    halted: Hex | None = None
    counted: CountedModel | None = None

    def record(self) -> DecisionRecord:
        """The domain value."""
        return DecisionRecord(
            time=self.time,
            point=self.point,
            protocol=self.protocol,
            deployment=self.deployment,
            principal=self.principal,
            model=self.model,
            action=self.action,
            request=self.request,
            bundle=Digest(self.bundle),
            parts=tuple([DataPart(p.pointer, Digest(p.digest), p.bytes) for p in self.parts]),
            cases=tuple([_facts(case) for case in self.cases]),
            decision=Decision(
                self.verdict,
                self.reason,
                tuple(self.clauses),
                tuple(self.needs),
                tuple(self.approvals),
                self.incident,
                self.steps,
            ),
            evidence=tuple(
                [EvidenceCited(Digest(e.envelope), e.key, e.outcome, e.once) for e in self.evidence]
            ),
            reserve=tuple([one.value() for one in self.reserve]),
            mode=self.mode,
            enforced=self.enforced,
            of=self.of,
            development=self.development is True,
            history=None if self.history is None else self.history.history(),
            redaction=None if self.redaction is None else self.redaction.value(),
            history_state=self.history_state,
            hold=None if self.hold is None else self.hold.value(),
            approved=None if self.approved is None else self.approved.value(),
            halted=digest_or_none(self.halted),
            counted=None if self.counted is None else self.counted.value(),
        )


class PartsModel(HeadModel):
    kind: Literal["history"]
    deployment: Text
    parts: list[PartModel]
    history: HistoryModel | None = None

    def record(self) -> HistoryRecord:
        """The domain value."""
        parts = tuple(DataPart(p.pointer, Digest(p.digest), p.bytes) for p in self.parts)
        history = None if self.history is None else self.history.history()
        return HistoryRecord(self.time, self.deployment, parts, history)


class OutputEndModel(HeadModel):
    kind: Literal["output_end"]
    of: RecordId
    released: Hex
    bytes: Count
    complete: bool
    redaction: ReplacedModel | None = None

    def record(self) -> OutputEndRecord:
        """The domain value."""
        counts = None if self.redaction is None else self.redaction.value()
        return OutputEndRecord(self.time, self.of, self.released, self.bytes, self.complete, counts)


def _facts(case: Mapping[str, object]) -> Facts:
    return parse_facts(case)  # type: ignore[arg-type]  # JSON by construction: it came out of JSON bytes
