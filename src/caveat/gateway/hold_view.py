"""What a person is shown of a use that waits: all that the decision read, and what would be let through.

Pure. Built from the very record that opened the hold, so that an auditor can build it again.
Source: EVIDENCE attack 77 in `THREAT_MODEL.md`, ADR-0037.
"""

from caveat.facts.wire import render_facts
from caveat.ledger.record import DecisionRecord, Held
from caveat.policy.bundle import Bundle
from caveat.signing.canonical import Json, JsonObject

VERSION = 1


def render_view(record: DecisionRecord, hold: str, bundle: Bundle) -> JsonObject:
    """The view of the hold that this record opened under `bundle`; the content is named beside it.

    Raises `ValueError` for a record that opened none.
    """
    if record.hold is None:
        raise ValueError("the record opens no hold")
    roles, expires_at = dict(record.hold.roles), record.hold.expires_at
    asks: list[Json] = [
        {"role": role, "persons": persons, "text": bundle.manifest.roles[role].text}
        for role, persons in roles.items()
    ]
    return {
        **_use(record, bundle),
        "hold": hold,
        "asks": asks,
        "opened_at": record.time,
        "expires_at": expires_at,
        "permits": "exactly this use, by this requester, once, until it expires",
        **_afterwards(record.hold),
    }


def _afterwards(held: Held) -> JsonObject:
    """Whoever approves in an emergency sees that it is reviewed; absent of any other hold."""
    rows: list[Json] = [
        {"role": one.role, "reviewers": list[Json](one.reviewers), "seconds": one.seconds}
        for one in held.afterwards
    ]
    return {"afterwards": rows} if rows else {}


def render_use_view(record: DecisionRecord, record_id: str, bundle: Bundle) -> JsonObject:
    """The view of a use that this record let through under `bundle`, for whoever reviews it afterwards."""
    return {
        **_use(record, bundle),
        "record": record_id,
        "time": record.time,
        "approved": None if record.approved is None else record.approved.hold,
    }


def _use(record: DecisionRecord, bundle: Bundle) -> JsonObject:
    """What either view shows: all that the decision read."""
    parts: list[Json] = [
        {"pointer": part.pointer, "digest": part.digest, "bytes": part.bytes} for part in record.parts
    ]
    return {
        "version": VERSION,
        "point": record.point.value,
        "protocol": record.protocol,
        "deployment": record.deployment,
        "requester": record.principal,
        "model": record.model,
        "does": record.action,
        "action": record.request,
        "policy": record.bundle,
        "policy_name": f"{bundle.manifest.name} {bundle.manifest.release}",
        "clauses": [_clause(bundle, name) for name in record.decision.clauses],
        "cases": [render_facts(case) for case in record.cases],
        "parts": parts,
    }


def _clause(bundle: Bundle, name: str) -> JsonObject:
    """The clause as people know it; where several policies have the id, the first speaks."""
    for clause in bundle.clauses:
        if name == clause.id or name in clause.clauses:
            return {"id": name, "text": clause.text, "authority": clause.authority}
    return {"id": name, "text": "", "authority": ""}
