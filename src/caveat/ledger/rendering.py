"""Records as the JSON that a leaf is the canonical bytes of. Pure.

Members that say nothing new are absent, so that older records read as they were written.
Source: `docs/reference/ledger-format.md`.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from caveat.facts.fact import Facts
from caveat.facts.wire import render_facts
from caveat.ledger.record import (
    Afterwards,
    Approved,
    AssayRecord,
    BundleRecord,
    Counted,
    DataPart,
    DecisionRecord,
    DissentRecord,
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
    OutputEndRecord,
    PathsRecord,
    PlantedRecord,
    PlantedSampleRecord,
    Record,
    Redaction,
    Replaced,
    Reservation,
    ReviewRecord,
    RevocationsRecord,
    RoutesRecord,
    SampleRecord,
    SamplingRecord,
    StartRecord,
    StoppedRecord,
    TermsRecord,
    TrustRecord,
)
from caveat.signing.canonical import CanonicalError, Json, JsonObject, fragment

VERSION = 1

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
    if isinstance(record, DecisionRecord):
        return _render_decision(record, cases(record.cases))
    kind, body = _BODIES[type(record)]
    return {"v": VERSION, "kind": kind, "time": record.time, **body(record)}


def _mark(*, development: bool) -> JsonObject:
    """The member that marks a record of a development bundle; it is absent from every other."""
    return {"development": True} if development else {}


def _history(record: HistoryRecord) -> JsonObject:
    return {
        "deployment": record.deployment,
        "parts": _render_parts(record.parts),
        **_render_history(record.history),
    }


def _start(record: StartRecord) -> JsonObject:
    said: JsonObject = {"bundle": record.bundle, "version": record.version, "origin": record.origin}
    return said | _mark(development=record.development)


def _bundle(record: BundleRecord) -> JsonObject:
    after: JsonObject = {} if record.follows is None else {"follows": _render_follows(record.follows)}
    return {"bundle": record.bundle} | _mark(development=record.development) | after


def _trust(record: TrustRecord) -> JsonObject:
    said: JsonObject = {"trust": record.trust, "version": record.version, "keys": list[Json](record.keys)}
    return said | _mark(development=record.development)


def _revocations(record: RevocationsRecord) -> JsonObject:
    return {
        "authority": record.authority,
        "revoked": list[Json](record.revoked),
        "envelope": record.envelope,
        "number": record.number,
    }


def _evidence(record: EvidenceRecord) -> JsonObject:
    return {
        "deployment": record.deployment,
        "envelope": record.envelope,
        "key": record.key,
        "outcome": record.outcome,
    }


def _output_end(record: OutputEndRecord) -> JsonObject:
    """`redaction` is absent where nothing was to be replaced in the stream."""
    counts: JsonObject = {} if record.counts is None else {"redaction": _render_counts(record.counts)}
    return {
        "of": record.of,
        "released": record.released,
        "bytes": record.bytes,
        "complete": record.complete,
        **counts,
    }


def _review(record: ReviewRecord) -> JsonObject:
    return {
        "hold": record.hold,
        "act": record.act,
        "role": record.role,
        "person": record.person,
        "key": record.key,
        "envelope": record.envelope,
        "statement": record.statement,
        "shown_at": record.shown_at,
        "defect": record.defect,
    }


def _assay(record: AssayRecord) -> JsonObject:
    return {
        "bundle": record.bundle,
        "envelope": record.envelope,
        "key": record.key,
        "run": record.run,
        "complete": record.complete,
        "arms": [
            {
                "arm": one.arm,
                "unsafe": one.unsafe,
                "uses": one.uses,
                "twins_passed": one.twins_passed,
                "twins": one.twins,
            }
            for one in record.arms
        ],
    }


def _halt(record: HaltRecord) -> JsonObject:
    return {
        "act": record.act,
        "scope": record.scope,
        "target": record.target,
        "caller": record.caller,
        "halt": record.halt,
        "second": record.second,
        **_signed(record),
    }


def _dissent(record: DissentRecord) -> JsonObject:
    return {
        "about": record.about,
        "number": record.number,
        "previous": record.previous,
        "link": record.link,
        **_signed(record),
    }


def _sampling(record: SamplingRecord) -> JsonObject:
    return {
        "number": record.number,
        "commitment": record.commitment,
        "revealed": record.revealed,
        "bundle": record.bundle,
        "shares": [
            {"deployment": one.deployment, "clause": one.clause, "percent": one.percent, "least": one.least}
            for one in record.shares
        ],
        "review_seconds": record.review_seconds,
    }


def _sample(record: SampleRecord) -> JsonObject:
    return {
        "about": record.about,
        "period": record.period,
        "deployment": record.deployment,
        "requester": record.requester,
        "clauses": list[Json](record.clauses),
        "hold": record.hold,
        "review_by": record.review_by,
    }


def _finding(record: FindingRecord) -> JsonObject:
    return {
        "about": record.about,
        "of": record.kind,
        "finding": record.finding,
        "code": record.code,
        "role": record.role,
        "shown": record.shown,
        "shown_at": record.shown_at,
        "defect": record.defect,
        **_signed(record),
    }


def _incident(record: IncidentRecord) -> JsonObject:
    return {
        "about": record.about,
        "cause": record.cause,
        "reason": record.reason,
        "affected": list[Json](record.affected),
        "affected_count": record.affected_count,
        "affected_digest": record.affected_digest,
        "size": record.size,
    }


def _signed(record: HaltRecord | DissentRecord | FindingRecord) -> JsonObject:
    """Who signed what, under which policy."""
    return {
        "person": record.person,
        "key": record.key,
        "said": record.said,
        "statement": record.statement,
        "bundle": record.bundle,
    }


def _paths(record: PathsRecord) -> JsonObject:
    rows: list[Json] = [
        {
            "endpoint": one.endpoint,
            "direction": one.direction,
            "what": one.what,
            "stream": one.stream,
            "why": one.why,
        }
        for one in record.open
    ]
    return {"bundle": record.bundle, "planted": record.planted, "open": rows}


_Body: TypeAlias = Callable[[Any], JsonObject]
_BODIES: Mapping[type, tuple[str, _Body]] = MappingProxyType(
    {
        HistoryRecord: ("history", _history),
        StartRecord: ("start", _start),
        BundleRecord: ("bundle", _bundle),
        RoutesRecord: ("routes", lambda record: {"routes": record.routes}),
        TrustRecord: ("trust", _trust),
        RevocationsRecord: ("revocations", _revocations),
        EvidenceRecord: ("evidence", _evidence),
        OutputEndRecord: ("output_end", _output_end),
        TermsRecord: ("terms", lambda record: {"bundle": record.bundle, "envelope": record.envelope}),
        ReviewRecord: ("review", _review),
        AssayRecord: ("assay", _assay),
        HaltRecord: ("halt", _halt),
        DissentRecord: ("dissent", _dissent),
        PlantedRecord: ("planted", lambda record: {"hold": record.hold, "nonce": record.nonce}),
        SamplingRecord: ("sampling", _sampling),
        SampleRecord: ("sample", _sample),
        PlantedSampleRecord: (
            "planted_sample",
            lambda record: {"about": record.about, "period": record.period},
        ),
        FindingRecord: ("finding", _finding),
        IncidentRecord: ("incident", _incident),
        PathsRecord: ("paths", _paths),
        HeartbeatRecord: (
            "heartbeat",
            lambda record: {"every_seconds": record.every_seconds, "witnessed": record.witnessed},
        ),
        KeyRecord: ("key", lambda record: {"before": record.before, "after": record.after}),
        StoppedRecord: ("stopped", lambda record: {"reason": record.reason}),
    }
)
"""By the type of a record that is no decision: its kind, and what it says beside kind and time."""


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
    reserve: list[Json] = [_render_reservation(one) for one in record.reserve]
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
        **({} if record.hold is None else {"hold": _render_held(record.hold)}),
        **({} if record.approved is None else {"approved": _render_approved(record.approved)}),
        **({} if record.halted is None else {"halted": record.halted}),
        **({} if record.counted is None else {"counted": _render_counted(record.counted)}),
    }


def _render_reservation(one: Reservation) -> JsonObject:
    said: JsonObject = {"source": one.source, "digest": one.digest, "lo": one.lo, "hi": one.hi}
    if one.contribution is not None:
        said |= {"contribution": one.contribution, "known": one.known}
    return said


def _render_counted(counted: Counted) -> JsonObject:
    return {"owner": counted.owner, "purpose": counted.purpose, "protected": counted.protected}


def _render_held(held: Held) -> JsonObject:
    """`afterwards` is absent where no review is demanded."""
    said: JsonObject = {"roles": dict[str, Json](held.roles), "expires_at": held.expires_at, "of": held.of}
    after: list[Json] = [_render_afterwards(one) for one in held.afterwards]
    if after:
        said["afterwards"] = after
    return said


def _render_afterwards(one: Afterwards) -> JsonObject:
    return {
        "role": one.role,
        "reviewers": list[Json](one.reviewers),
        "seconds": one.seconds,
        "blocks": one.blocks,
    }


def _render_approved(approved: Approved) -> JsonObject:
    return {"hold": approved.hold, "envelopes": list[Json](approved.envelopes)}


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


def _render_counts(counts: Replaced) -> JsonObject:
    return {"replaced": dict[str, Json](counts.replaced), "restored": dict[str, Json](counts.restored)}
