"""Records as they stand in a leaf: the exact shape of every kind, and the domain value that it stands for.

A kind or member that this version does not know is refused, never dropped; a text is at most 256 characters,
so that no prompt fits in by accident (what a person or a party signed is longer).
Source: `docs/reference/ledger-format.md`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from caveat.call.call import Point
from caveat.call.history import HistoryState
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Facts
from caveat.facts.wire import parse_facts
from caveat.ledger.record import (
    RECORD_ID,
    Afterwards,
    Approved,
    ArmFigures,
    AssayRecord,
    BundleRecord,
    Counted,
    DataPart,
    DecisionRecord,
    DissentRecord,
    EvidenceCited,
    EvidenceRecord,
    FindingRecord,
    Follows,
    HaltRecord,
    HeartbeatRecord,
    Held,
    History,
    HistoryRecord,
    IncidentRecord,
    KeyRecord,
    OpenPath,
    OutputEndRecord,
    PathsRecord,
    PlantedRecord,
    PlantedSampleRecord,
    Redaction,
    Replaced,
    Reservation,
    ReviewRecord,
    RevocationsRecord,
    RoutesRecord,
    SampleRecord,
    SamplingRecord,
    Share,
    StartRecord,
    StoppedRecord,
    TermsRecord,
    TrustRecord,
)
from caveat.signing.digest import Digest

MAX_ACT_BYTES = 32 * 1024
"""Of the envelope of a negotiation's act: the longest text that a record may hold."""
MAX_STATEMENT_BYTES = 8 * 1024
"""Of what a person signed about a hold."""

MAX_DISSENT_BYTES = 32 * 1024
"""Of what a person signed about a halt or to object: 2,000 characters of any script, escaped, in base64."""

MAX_SHARES = 65
"""Rows of shares in a record: those of a bundle, and that of everything else."""
MAX_AFFECTED = 256
"""Ids in the record of an incident; the others are known by their digest."""

_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"

_Text: TypeAlias = Annotated[str, Field(max_length=256)]
_Time: TypeAlias = Annotated[str, Field(pattern=_TIME)]
_Hex: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count: TypeAlias = Annotated[int, Field(ge=0)]
_RecordId: TypeAlias = Annotated[str, Field(pattern=RECORD_ID)]
_KeyText: TypeAlias = Annotated[str, Field(max_length=320)]  # a name of at most 256 characters, id and key
_Mark: TypeAlias = Literal[True] | None


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _HeadModel(_Model):
    v: Literal[1]
    time: _Time


class _PartModel(_Model):
    pointer: _Text
    digest: _Hex
    bytes: _Count


class _HistoryModel(_Model):
    record: _RecordId
    parts: Annotated[int, Field(ge=1)]

    def history(self) -> History:
        """The domain value."""
        return History(self.record, self.parts)


class _EvidenceModel(_Model):
    envelope: _Hex
    key: _Text
    outcome: _Text
    once: _Text | None


class _ReserveModel(_Model):
    source: _Text
    digest: _Hex
    lo: _Count
    hi: _Count | None
    contribution: _Hex | None = None
    known: _Count = 0

    def value(self) -> Reservation:
        """The domain value."""
        return Reservation(
            self.source, Digest(self.digest), self.lo, self.hi, _digest(self.contribution), self.known
        )


class _CountedModel(_Model):
    owner: _Text
    purpose: _Text
    protected: bool = False

    def value(self) -> Counted:
        """The domain value."""
        return Counted(self.owner, self.purpose, self.protected)


class _ReplacedModel(_Model):
    replaced: dict[_Text, _Count]
    restored: dict[_Text, _Count]

    def value(self) -> Replaced:
        """The domain value."""
        return Replaced(tuple(sorted(self.replaced.items())), tuple(sorted(self.restored.items())))


class _RedactionModel(_Model):
    clauses: list[_Text]
    kinds: list[_Text]
    counts: _ReplacedModel | None
    unreadable: _Count

    def value(self) -> Redaction:
        """The domain value."""
        counts = None if self.counts is None else self.counts.value()
        return Redaction(tuple(self.clauses), tuple(self.kinds), counts, self.unreadable)


class _AfterwardsModel(_Model):
    role: _Text
    reviewers: Annotated[list[_Text], Field(min_length=1)]
    seconds: Annotated[int, Field(ge=1)]
    blocks: bool

    def value(self) -> Afterwards:
        """The domain value."""
        return Afterwards(self.role, tuple(self.reviewers), self.seconds, self.blocks)


class _HeldModel(_Model):
    roles: Annotated[dict[_Text, Annotated[int, Field(ge=1)]], Field(min_length=1)]
    expires_at: _Time
    of: _RecordId | None
    afterwards: Annotated[list[_AfterwardsModel], Field(min_length=1)] | None = None

    def value(self) -> Held:
        """The domain value."""
        after = tuple(one.value() for one in self.afterwards or ())
        return Held(tuple(sorted(self.roles.items())), self.expires_at, self.of, after)


class _ApprovedModel(_Model):
    hold: _RecordId
    envelopes: Annotated[list[_Hex], Field(min_length=1)]

    def value(self) -> Approved:
        """The domain value."""
        return Approved(self.hold, tuple(Digest(each) for each in self.envelopes))


class _DecisionModel(_HeadModel):
    kind: Literal["decision"]
    point: Point = Field(strict=False)
    protocol: _Text
    deployment: _Text
    principal: _Text
    model: _Text
    action: _Text
    request: _Hex
    bundle: _Hex
    parts: list[_PartModel]
    cases: list[dict[str, object]]
    verdict: Verdict = Field(strict=False)
    reason: Reason = Field(strict=False)
    clauses: list[_Text]
    needs: list[_Text]
    approvals: list[_Text]
    incident: bool
    steps: _Count
    evidence: list[_EvidenceModel]
    reserve: list[_ReserveModel]
    mode: Literal["enforce", "observe"]
    enforced: bool
    of: _RecordId | None
    development: _Mark = None
    history: _HistoryModel | None = None
    redaction: _RedactionModel | None = None
    history_state: HistoryState | None = Field(default=None, strict=False)
    hold: _HeldModel | None = None
    approved: _ApprovedModel | None = None
    halted: _Hex | None = None
    counted: _CountedModel | None = None

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
            halted=_digest(self.halted),
            counted=None if self.counted is None else self.counted.value(),
        )


class _PartsModel(_HeadModel):
    kind: Literal["history"]
    deployment: _Text
    parts: list[_PartModel]
    history: _HistoryModel | None = None

    def record(self) -> HistoryRecord:
        """The domain value."""
        parts = tuple(DataPart(p.pointer, Digest(p.digest), p.bytes) for p in self.parts)
        history = None if self.history is None else self.history.history()
        return HistoryRecord(self.time, self.deployment, parts, history)


class _StartModel(_HeadModel):
    kind: Literal["start"]
    bundle: _Hex
    version: _Text
    origin: _Text
    development: _Mark = None

    def record(self) -> StartRecord:
        """The domain value."""
        return StartRecord(
            self.time, Digest(self.bundle), self.version, self.origin, self.development is True
        )


class _FollowsModel(_Model):
    previous: _Hex | None
    sequence: _Count
    amendment: _Hex | None
    signers: list[_Text]
    changes: list[_Text]
    changes_count: _Count
    diff: _Hex | None
    opened: list[_Text]
    opened_count: _Count
    closed: list[_Text]
    closed_count: _Count

    def follows(self) -> Follows:
        """The domain value."""
        return Follows(
            previous=_digest(self.previous),
            sequence=self.sequence,
            amendment=_digest(self.amendment),
            signers=tuple(self.signers),
            changes=tuple(self.changes),
            changes_count=self.changes_count,
            diff=_digest(self.diff),
            opened=tuple(self.opened),
            opened_count=self.opened_count,
            closed=tuple(self.closed),
            closed_count=self.closed_count,
        )


class _BundleModel(_HeadModel):
    kind: Literal["bundle"]
    bundle: _Hex
    development: _Mark = None
    follows: _FollowsModel | None = None

    def record(self) -> BundleRecord:
        """The domain value."""
        after = None if self.follows is None else self.follows.follows()
        return BundleRecord(self.time, Digest(self.bundle), self.development is True, after)


class _RoutesModel(_HeadModel):
    kind: Literal["routes"]
    routes: _Hex

    def record(self) -> RoutesRecord:
        """The domain value."""
        return RoutesRecord(self.time, Digest(self.routes))


class _TrustModel(_HeadModel):
    kind: Literal["trust"]
    trust: _Hex
    version: Annotated[int, Field(ge=1)]
    keys: list[_Hex]
    development: _Mark = None

    def record(self) -> TrustRecord:
        """The domain value."""
        keys = tuple(Digest(key) for key in self.keys)
        return TrustRecord(self.time, Digest(self.trust), self.version, keys, self.development is True)


class _RevocationsModel(_HeadModel):
    kind: Literal["revocations"]
    authority: _Text
    envelope: _Hex
    number: Annotated[int, Field(ge=1)]
    revoked: list[_Hex]

    def record(self) -> RevocationsRecord:
        """The domain value."""
        revoked = tuple(Digest(key) for key in self.revoked)
        return RevocationsRecord(self.time, self.authority, Digest(self.envelope), self.number, revoked)


class _UploadModel(_HeadModel):
    kind: Literal["evidence"]
    deployment: _Text
    envelope: _Hex
    key: _Text
    outcome: _Text

    def record(self) -> EvidenceRecord:
        """The domain value."""
        return EvidenceRecord(self.time, self.deployment, Digest(self.envelope), self.key, self.outcome)


class _OutputEndModel(_HeadModel):
    kind: Literal["output_end"]
    of: _RecordId
    released: _Hex
    bytes: _Count
    complete: bool
    redaction: _ReplacedModel | None = None

    def record(self) -> OutputEndRecord:
        """The domain value."""
        counts = None if self.redaction is None else self.redaction.value()
        return OutputEndRecord(self.time, self.of, self.released, self.bytes, self.complete, counts)


class _TermsModel(_HeadModel):
    kind: Literal["terms"]
    bundle: _Hex
    envelope: Annotated[str, Field(max_length=MAX_ACT_BYTES)]

    def record(self) -> TermsRecord:
        """The domain value."""
        return TermsRecord(self.time, Digest(self.bundle), self.envelope)


class _ReviewModel(_HeadModel):
    kind: Literal["review"]
    hold: _RecordId
    act: Literal["approve", "refuse"]
    role: _Text
    person: _Text
    key: _Hex
    envelope: _Hex
    statement: Annotated[str, Field(max_length=MAX_STATEMENT_BYTES)]
    shown_at: _Time | None
    defect: _Text

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


class _ArmModel(_Model):
    arm: _Text
    unsafe: _Count | None
    uses: _Count | None
    twins_passed: _Count | None
    twins: _Count | None

    def value(self) -> ArmFigures:
        """The domain value."""
        return ArmFigures(self.arm, self.unsafe, self.uses, self.twins_passed, self.twins)


class _AssayModel(_HeadModel):
    kind: Literal["assay"]
    bundle: _Hex
    envelope: _Hex
    key: _Hex
    run: _Hex
    complete: bool
    arms: list[_ArmModel]

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


class _SignedModel(_HeadModel):
    person: _Text
    key: _Hex
    said: _Hex
    statement: Annotated[str, Field(max_length=MAX_DISSENT_BYTES)]
    bundle: _Hex


class _HaltModel(_SignedModel):
    kind: Literal["halt"]
    act: Literal["halt", "release"]
    scope: Literal["use", "conversation", "deployment", "model", "everything"]
    target: _Text
    caller: _Text
    halt: _RecordId | None
    second: _Hex | None

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
            _digest(self.second),
        )


class _DissentModel(_SignedModel):
    kind: Literal["dissent"]
    about: _RecordId
    number: Annotated[int, Field(ge=1)]
    previous: _Hex
    link: _Hex

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


class _PlantedModel(_HeadModel):
    kind: Literal["planted"]
    hold: _RecordId
    nonce: _Hex

    def record(self) -> PlantedRecord:
        """The domain value."""
        return PlantedRecord(self.time, self.hold, self.nonce)


class _ShareModel(_Model):
    deployment: _Text
    clause: _Text
    percent: Annotated[int, Field(ge=0, le=100)]
    least: _Count

    def value(self) -> Share:
        """The domain value."""
        return Share(self.deployment, self.clause, self.percent, self.least)


class _SamplingModel(_HeadModel):
    kind: Literal["sampling"]
    number: Annotated[int, Field(ge=1)]
    commitment: _Hex
    revealed: _Hex | None
    bundle: _Hex
    shares: Annotated[list[_ShareModel], Field(max_length=MAX_SHARES)]
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


class _SampleModel(_HeadModel):
    kind: Literal["sample"]
    about: _RecordId
    period: Annotated[int, Field(ge=1)]
    deployment: _Text
    requester: _Text
    clauses: list[_Text]
    hold: _RecordId | None
    review_by: _Time

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


class _PlantedSampleModel(_HeadModel):
    kind: Literal["planted_sample"]
    about: _RecordId
    period: Annotated[int, Field(ge=1)]

    def record(self) -> PlantedSampleRecord:
        """The domain value."""
        return PlantedSampleRecord(self.time, self.about, self.period)


class _FindingModel(_SignedModel):
    kind: Literal["finding"]
    about: _RecordId
    of: Literal["sample", "emergency"]
    finding: Literal["right", "wrong"]
    code: _Text
    role: _Text
    shown: _Hex
    shown_at: _Time | None
    defect: _Text

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


class _IncidentModel(_HeadModel):
    kind: Literal["incident"]
    about: _RecordId
    cause: _RecordId
    reason: _Text
    affected: Annotated[list[_RecordId], Field(max_length=MAX_AFFECTED)]
    affected_count: _Count
    affected_digest: _Hex
    size: _Count

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


class _OpenPathModel(_Model):
    endpoint: _Text
    direction: Literal["", "request", "answer", "event"]
    what: Literal["", "words", "call"]
    stream: bool
    why: Literal["undecided", "unscanned", "unmeasured"]


class _PathsModel(_HeadModel):
    kind: Literal["paths"]
    bundle: _Hex
    planted: _Count
    open: list[_OpenPathModel]

    def record(self) -> PathsRecord:
        """The domain value."""
        rows = tuple(
            OpenPath(one.endpoint, one.direction, one.what, one.stream, one.why) for one in self.open
        )
        return PathsRecord(self.time, Digest(self.bundle), self.planted, rows)


class _HeartbeatModel(_HeadModel):
    kind: Literal["heartbeat"]
    every_seconds: Annotated[int, Field(ge=1, le=86_400)]
    witnessed: _Count

    def record(self) -> HeartbeatRecord:
        """The domain value."""
        return HeartbeatRecord(self.time, self.every_seconds, self.witnessed)


class _KeyModel(_HeadModel):
    kind: Literal["key"]
    before: _KeyText
    after: _KeyText

    def record(self) -> KeyRecord:
        """The domain value."""
        return KeyRecord(self.time, self.before, self.after)


class _StoppedModel(_HeadModel):
    kind: Literal["stopped"]
    reason: _Text

    def record(self) -> StoppedRecord:
        """The domain value."""
        return StoppedRecord(self.time, self.reason)


_RecordModel: TypeAlias = Annotated[
    _DecisionModel
    | _PartsModel
    | _StartModel
    | _BundleModel
    | _RoutesModel
    | _TrustModel
    | _RevocationsModel
    | _UploadModel
    | _OutputEndModel
    | _TermsModel
    | _ReviewModel
    | _AssayModel
    | _HaltModel
    | _DissentModel
    | _PlantedModel
    | _PlantedSampleModel
    | _SamplingModel
    | _SampleModel
    | _FindingModel
    | _IncidentModel
    | _PathsModel
    | _HeartbeatModel
    | _KeyModel
    | _StoppedModel,
    Field(discriminator="kind"),
]
RECORD: TypeAdapter[_RecordModel] = TypeAdapter(_RecordModel)


def _digest(text: str | None) -> Digest | None:
    return None if text is None else Digest(text)


def _facts(case: Mapping[str, object]) -> Facts:
    return parse_facts(case)  # type: ignore[arg-type]  # JSON by construction: it came out of JSON bytes
