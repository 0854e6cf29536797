"""What was decided at a point of control, and what then went through, as JSON. Pure."""

from collections.abc import Sequence
from types import MappingProxyType

from caveat.ledger.record import (
    Afterwards,
    Approved,
    Counted,
    DataPart,
    DecisionRecord,
    Held,
    History,
    HistoryRecord,
    OutputEndRecord,
    Redaction,
    Replaced,
    Reservation,
)
from caveat.ledger.rendering.body import VERSION, Bodies, mark
from caveat.signing.canonical import Json, JsonObject


def _history(record: HistoryRecord) -> JsonObject:
    return {
        "deployment": record.deployment,
        "parts": _render_parts(record.parts),
        **_render_history(record.history),
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


def render_decision(record: DecisionRecord, cases: Json) -> JsonObject:
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
        **mark(development=record.development),
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


BODIES: Bodies = MappingProxyType(
    {
        HistoryRecord: ("history", _history),
        OutputEndRecord: ("output_end", _output_end),
    }
)
