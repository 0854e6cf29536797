"""What people are told of: ids, roles, clauses and counts of what a record says, and never content. Pure.

Nobody's name stands in a notice: it leaves the site. Source: ADR-0041.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from caveat.ledger.record import (
    DecisionRecord,
    DissentRecord,
    HaltRecord,
    IncidentRecord,
    PathsRecord,
    Record,
    ReviewRecord,
    parse_time,
    render_time,
)
from caveat.oversight.book import Entry
from caveat.oversight.demanded import Demand
from caveat.oversight.review import Defect
from caveat.signing.canonical import Json, JsonObject


class Event(StrEnum):
    """What a notice is about."""

    HOLD_OPENED = "hold.opened"
    HOLD_DECIDED = "hold.decided"
    HOLD_EXPIRING = "hold.expiring"
    HALTED = "halt.made"
    RELEASED = "halt.released"
    DISSENT = "dissent.recorded"
    INCIDENT = "incident.recorded"
    REVIEW_DUE = "review.due"
    REVIEW_OVERDUE = "review.overdue"
    OVER_SPAN = "queue.over_span"
    FLOORS_BROKEN = "floors.broken"
    PATH_OPEN = "path.open"


@dataclass(frozen=True, slots=True)
class Notice:
    """One event. `id` is the same however often it is told; `about`: what it goes on from, as a hold's id."""

    id: str
    event: Event
    time: datetime
    about: str
    said: JsonObject


def notice(event: Event, name: str, time: datetime, said: JsonObject, about: str | None = None) -> Notice:
    """A notice. `name` makes it the only one of its event."""
    return Notice(f"{name}_{event.value.replace('.', '_')}", event, time, about or name, said)


def notices_of(record: Record, record_id: str) -> Iterator[Notice]:
    """What people are told of this record, which has this id."""
    match record:
        case DecisionRecord():
            yield from _of_decision(record, record_id)
        case ReviewRecord():
            decided: JsonObject = {
                "hold": record.hold,
                "act": record.act,
                "role": record.role,
                "counts": not record.defect,
                "record": record_id,
            }
            yield notice(Event.HOLD_DECIDED, record_id, parse_time(record.time), decided, record.hold)
            if record.defect == Defect.VIGILANCE:
                broken: JsonObject = {"record": record_id, "role": record.role}
                yield notice(Event.FLOORS_BROKEN, record_id, parse_time(record.time), broken)
        case HaltRecord():
            yield from _of_halt(record, record_id)
        case IncidentRecord():
            opened: JsonObject = {
                "record": record_id,
                "about": record.about,
                "cause": record.cause,
                "reason": record.reason,
                "affected": record.affected_count,
            }
            yield notice(Event.INCIDENT, record_id, parse_time(record.time), opened, record.about)
        case PathsRecord():
            yield from _of_paths(record, record_id)
        case DissentRecord():
            objected: JsonObject = {"record": record_id, "about": record.about, "number": record.number}
            yield notice(Event.DISSENT, record_id, parse_time(record.time), objected)
        case _:
            return


def _of_decision(record: DecisionRecord, record_id: str) -> Iterator[Notice]:
    time = parse_time(record.time)
    of: JsonObject = {
        "record": record_id,
        "deployment": record.deployment,
        "clauses": list[Json](record.decision.clauses),
    }
    if record.hold is not None and record.hold.of is None:
        held: JsonObject = {"roles": dict[str, Json](record.hold.roles), "expires_at": record.hold.expires_at}
        yield notice(Event.HOLD_OPENED, record_id, time, {**of, **held})
    if record.decision.incident:
        why: JsonObject = {"reason": record.decision.reason.value}
        yield notice(Event.INCIDENT, record_id, time, {**of, **why})


def _of_paths(record: PathsRecord, record_id: str) -> Iterator[Notice]:
    """Somebody is paged where a planted use was not refused on a live path."""
    if record.open:
        rows: list[Json] = [
            {"path": one.endpoint, "in": one.direction, "what": one.what, "why": one.why}
            for one in record.open
        ]
        said: JsonObject = {"record": record_id, "paths": rows}
        yield notice(Event.PATH_OPEN, record_id, parse_time(record.time), said)


def _of_halt(record: HaltRecord, record_id: str) -> Iterator[Notice]:
    time = parse_time(record.time)
    what: JsonObject = {"record": record_id, "scope": record.scope, "target": record.target}
    if record.act == "halt":
        yield notice(Event.HALTED, record_id, time, what)
    else:
        over: JsonObject = {"halt": record.halt, "in_force": record.second is None}
        yield notice(Event.RELEASED, record_id, time, {**what, **over}, record.halt)


def expiring(entry: Entry, now: datetime) -> Notice:
    """A hold whose time is nearly up."""
    hold = entry.hold
    said: JsonObject = {
        "hold": hold.id,
        "deployment": hold.asked.deployment,
        "roles": dict[str, Json](entry.missing()),
        "expires_at": render_time(hold.expires_at),
    }
    return notice(Event.HOLD_EXPIRING, hold.id, now, said)


def review_due(demand: Demand) -> Notice:
    """Somebody approved in an emergency, and it has to be reviewed."""
    return notice(Event.REVIEW_DUE, demand.about, demand.opened_at, _review(demand))


def review_overdue(demand: Demand) -> Notice:
    """A review that was not made in time."""
    return notice(Event.REVIEW_OVERDUE, demand.about, demand.review_by, _review(demand))


def _review(demand: Demand) -> JsonObject:
    return {
        "review": demand.about,
        "kind": demand.kind,
        "deployment": demand.deployment,
        "clauses": list[Json](demand.clauses),
        "review_by": render_time(demand.review_by),
    }


def over_span(waiting: int, now: datetime) -> Notice:
    """More waits than can be reviewed in time; told once an hour."""
    return notice(Event.OVER_SPAN, f"{now:%Y%m%dT%H}", now, {"waiting": waiting})
