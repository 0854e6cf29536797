"""Records as bytes: rendering, and the strict parser at the file edge.

Laws: `parse_record(canonical(render_record(x))) == x`; the parser accepts exactly the bytes that rendering
gives back; a kind or member that this version does not know is refused, never dropped; a text is at most
256 characters, so that no prompt fits in by accident (an act of a negotiation alone is longer).
Source: `docs/reference/ledger-format.md`.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal, TypeAlias, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from caveat.call.call import Point
from caveat.call.history import HistoryState
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.facts.fact import Facts
from caveat.facts.wire import parse_facts, render_facts
from caveat.ledger.errors import RecordParseError
from caveat.ledger.record import (
    RECORD_ID,
    BundleRecord,
    DataPart,
    DecisionRecord,
    EvidenceCited,
    EvidenceRecord,
    Follows,
    HeartbeatRecord,
    History,
    HistoryRecord,
    KeyRecord,
    OutputEndRecord,
    Record,
    Redaction,
    Replaced,
    Reservation,
    RevocationsRecord,
    RoutesRecord,
    StartRecord,
    StoppedRecord,
    TermsRecord,
    TrustRecord,
    parse_time,
)
from caveat.ledger.tiles import MAX_LEAF_BYTES
from caveat.signing.canonical import (
    CanonicalError,
    Json,
    JsonObject,
    canonical,
    canonical_unchecked,
    fragment,
)
from caveat.signing.digest import Digest

VERSION = 1
MAX_ACT_BYTES = 32 * 1024
"""Of the envelope of a negotiation's act: the one long text that a record may hold."""

_DIGITS = bytes.maketrans(b"012345678", b"9" * 9)
_LONG_NUMBER = b"9" * 16
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"


RenderCases: TypeAlias = Callable[[tuple[Facts, ...]], Json]


def render_cases(cases: tuple[Facts, ...]) -> Json:
    """The cases of a decision as JSON."""
    return [render_facts(case) for case in cases]


class CasesMemo:
    """Renders as `render_cases`, and the very same cases once: as a fragment that is not looked into again.

    Cases are immutable, so their identity is enough; they are kept with their rendering, so that it cannot
    come to name others.
    """

    def __init__(self, limit: int = 256) -> None:
        """Nothing rendered yet. `limit`: how many renderings are kept."""
        self._limit = limit
        self._known: OrderedDict[int, tuple[tuple[Facts, ...], Json]] = OrderedDict()

    def __call__(self, cases: tuple[Facts, ...]) -> Json:
        """Cases that have no one rendering are given as they are: the ledger refuses their record."""
        known = self._known.get(id(cases))
        if known is not None:
            self._known.move_to_end(id(cases))
            return known[1]
        plain = render_cases(cases)
        try:
            rendered = cast("Json", fragment(plain))
        except CanonicalError:
            return plain
        self._known[id(cases)] = (cases, rendered)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
        return rendered


def render_record(record: Record, cases: RenderCases = render_cases) -> JsonObject:
    """The JSON that `Ledger.append` takes; its canonical bytes are the leaf."""
    match record:
        case DecisionRecord():
            return _render_decision(record, cases(record.cases))
        case HistoryRecord(time, deployment, parts, history):
            body_of: JsonObject = {"deployment": deployment, "parts": _render_parts(parts)}
            return _head("history", time) | body_of | _render_history(history)
        case StartRecord(time, bundle, version, origin, development):
            body: JsonObject = {"bundle": bundle, "version": version, "origin": origin}
            return _head("start", time) | body | _mark(development=development)
        case BundleRecord(time, bundle, development, follows):
            after: JsonObject = {} if follows is None else {"follows": _render_follows(follows)}
            return _head("bundle", time) | {"bundle": bundle} | _mark(development=development) | after
        case RoutesRecord(time, routes):
            return _head("routes", time) | {"routes": routes}
        case TrustRecord(time, trust, version, keys, development):
            enrolled: JsonObject = {"trust": trust, "version": version, "keys": list[Json](keys)}
            return _head("trust", time) | enrolled | _mark(development=development)
        case RevocationsRecord(time, authority, envelope, number, revoked):
            keys_of: JsonObject = {"authority": authority, "revoked": list[Json](revoked)}
            return _head("revocations", time) | keys_of | {"envelope": envelope, "number": number}
        case EvidenceRecord(time, deployment, envelope, key, outcome):
            return _head("evidence", time) | {
                "deployment": deployment,
                "envelope": envelope,
                "key": key,
                "outcome": outcome,
            }
        case OutputEndRecord(time, of, released, size, complete, counts):
            ended: JsonObject = {"of": of, "released": released, "bytes": size, "complete": complete}
            return _head("output_end", time) | ended | _render_ended(counts)
        case TermsRecord(time, bundle, envelope):
            return _head("terms", time) | {"bundle": bundle, "envelope": envelope}
        case HeartbeatRecord(time, every_seconds, witnessed):
            return _head("heartbeat", time) | {"every_seconds": every_seconds, "witnessed": witnessed}
        case KeyRecord():
            return _head("key", record.time) | {"before": record.before, "after": record.after}
        case StoppedRecord(time, reason):
            return _head("stopped", time) | {"reason": reason}


def check_shape(record: JsonObject) -> None:
    """Returns only if `record` has the shape of this version; raises `RecordParseError`.

    Cases that are a fragment were rendered from facts, so they have it.
    """
    if isinstance(record.get("cases"), orjson.Fragment):
        record = {**record, "cases": []}
    try:
        _RECORD.validator.validate_python(record)
    except ValidationError as error:
        raise RecordParseError(_place(error)) from error


def binds_later_uses(leaf: bytes) -> bool:
    """Whether a record reserves persons or cites a one-time id, read off its canonical bytes.

    Never False for one that does: canonical bytes have one spelling, and text in them escapes its quotes.
    """
    return b'"reserve":[{' in leaf or b'"once":"' in leaf


def parse_record(leaf: bytes) -> Record:
    """The record whose canonical bytes are exactly `leaf`; raises `RecordParseError` and nothing else."""
    if len(leaf) > MAX_LEAF_BYTES:
        raise RecordParseError("a record is at most 65535 bytes")
    try:
        model = _RECORD.validate_python(orjson.loads(leaf))
    except ValidationError as error:
        raise RecordParseError(_place(error)) from error
    except ValueError as error:
        raise RecordParseError("the record is not JSON") from error
    try:
        parse_time(model.time)
        record = model.record()
        unchanged = _is_rendering(leaf, record)
    except RecordParseError:
        raise
    except ValueError as error:
        raise RecordParseError("the record's cases or reservations are malformed") from error
    if not unchanged:  # another order, spacing or number form, a duplicate member, a claim out of form
        raise RecordParseError("the record is not in its canonical form")
    return record


def _is_rendering(leaf: bytes, record: Record) -> bool:
    """Whether `leaf` is what `canonical` gives for the record; raises `CanonicalError` as it does.

    Of what was read only claims are of any shape. All else has one rendering unless an integer has 16 digits
    or more, and is looked through only where that may be: a leaf is asked for it as a whole.
    """
    rendered = render_record(record)
    if isinstance(record, DecisionRecord):
        for case in record.cases:
            canonical(case.claims)
    if _LONG_NUMBER in leaf.translate(_DIGITS):
        return canonical(rendered) == leaf
    return canonical_unchecked(rendered) == leaf


def _place(error: ValidationError) -> str:
    steps = error.errors(include_input=False, include_url=False)[0]["loc"]
    return f"the record is malformed at `{'.'.join(str(step) for step in steps)[:80]}`"


def _head(kind: str, time: str) -> JsonObject:
    return {"v": VERSION, "kind": kind, "time": time}


def _mark(*, development: bool) -> JsonObject:
    """The member that marks a record of a development bundle; it is absent from every other."""
    return {"development": True} if development else {}


def _render_follows(follows: Follows) -> JsonObject:
    return {
        "previous": follows.previous,
        "sequence": follows.sequence,
        "amendment": follows.amendment,
        "signers": list(follows.signers),
        "changes": list(follows.changes),
        "changes_count": follows.changes_count,
        "diff": follows.diff,
        "opened": list(follows.opened),
        "opened_count": follows.opened_count,
        "closed": list(follows.closed),
        "closed_count": follows.closed_count,
    }


def _render_decision(record: DecisionRecord, cases: Json) -> JsonObject:
    decision = record.decision
    evidence: list[Json] = [
        {"envelope": e.envelope, "key": e.key, "outcome": e.outcome, "once": e.once} for e in record.evidence
    ]
    reserve: list[Json] = [
        {"source": r.source, "digest": r.digest, "lo": r.lo, "hi": r.hi} for r in record.reserve
    ]
    return {
        "v": VERSION,
        "kind": "decision",
        "time": record.time,
        "point": record.point.value,
        "protocol": record.protocol,
        "deployment": record.deployment,
        "principal": record.principal,
        "model": record.model,
        "action": record.action,
        "request": record.request,
        "bundle": record.bundle,
        "parts": _render_parts(record.parts),
        "cases": cases,
        "verdict": decision.verdict.value,
        "reason": decision.reason.value,
        "clauses": list(decision.clauses),
        "needs": list(decision.needs),
        "approvals": list(decision.approvals),
        "incident": decision.incident,
        "steps": decision.steps,
        "evidence": evidence,
        "reserve": reserve,
        "mode": record.mode,
        "enforced": record.enforced,
        "of": record.of,
        **_mark(development=record.development),
        **_render_history(record.history),
        **({} if record.redaction is None else {"redaction": _render_redaction(record.redaction)}),
        **({} if record.history_state is None else {"history_state": record.history_state.value}),
    }


def _render_parts(parts: Sequence[DataPart]) -> list[Json]:
    return [{"pointer": p.pointer, "digest": p.digest, "bytes": p.bytes} for p in parts]


def _render_history(history: History | None) -> JsonObject:
    """The member `history`; absent where a use has none."""
    return {} if history is None else {"history": {"record": history.record, "parts": history.parts}}


def _render_redaction(redaction: Redaction) -> JsonObject:
    return {
        "clauses": list(redaction.clauses),
        "kinds": list(redaction.kinds),
        "counts": None if redaction.counts is None else _render_counts(redaction.counts),
        "unreadable": redaction.unreadable,
    }


def _render_ended(counts: Replaced | None) -> JsonObject:
    """The member `redaction` of a stream's end; absent where nothing was to be replaced in it."""
    return {} if counts is None else {"redaction": _render_counts(counts)}


def _render_counts(counts: Replaced) -> JsonObject:
    return {"replaced": dict[str, Json](counts.replaced), "restored": dict[str, Json](counts.restored)}


# --- the file edge: shapes as they stand in the leaf ---

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
            reserve=tuple([Reservation(r.source, Digest(r.digest), r.lo, r.hi) for r in self.reserve]),
            mode=self.mode,
            enforced=self.enforced,
            of=self.of,
            development=self.development is True,
            history=None if self.history is None else self.history.history(),
            redaction=None if self.redaction is None else self.redaction.value(),
            history_state=self.history_state,
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
    | _HeartbeatModel
    | _KeyModel
    | _StoppedModel,
    Field(discriminator="kind"),
]
_RECORD: TypeAdapter[_RecordModel] = TypeAdapter(_RecordModel)


def _digest(text: str | None) -> Digest | None:
    return None if text is None else Digest(text)


def _facts(case: Mapping[str, object]) -> Facts:
    return parse_facts(case)  # type: ignore[arg-type]  # JSON by construction: it came out of JSON bytes
