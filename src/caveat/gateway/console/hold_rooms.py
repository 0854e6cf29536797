"""What waits: the queue, one hold with all that a decision signs, and the decision."""

from typing import Any

from caveat.evidence.approval import parse_approval
from caveat.evidence.instants import StatementParseError
from caveat.gateway.console.answers import Page
from caveat.gateway.console.ceremony import choices
from caveat.gateway.console.door import Room, Visit
from caveat.gateway.console.forms import MAX_FORM_BYTES, signed_in
from caveat.gateway.console.review_rooms import due_to
from caveat.gateway.console.views import PER_PAGE, hold_values, last_of, query_of, span, start_of
from caveat.gateway.errors import RequestError
from caveat.oversight.book import Entry
from caveat.signing.passkey import parse_passkey_envelope

_FILTERS = ("role", "clause", "deployment")


def waiting_for(visit: Visit) -> list[Entry]:
    """What waits for whoever is signed in, oldest first: exactly what they may open."""
    premises, overseer = visit.premises, visit.somebody.overseer
    holding = premises.overseeing.holding
    return [
        entry
        for entry in holding.book.waiting(overseer.roles, premises.overseeing.now())
        if overseer.person not in entry.persons and not holding.planted.hides(entry.hold.id, overseer.person)
    ]


async def _queue(visit: Visit) -> Page:
    """All that waits, or what of it asks a role, under a clause, at a deployment."""
    waiting, now, start = waiting_for(visit), visit.premises.overseeing.now(), start_of(visit.query)
    chosen = {name: visit.query.get(name, "")[:256] for name in _FILTERS}
    found = [entry.hold for entry in waiting if _is_chosen(entry, chosen)]
    rows = [
        {
            "hold": hold.id,
            "deployment": hold.asked.deployment,
            "roles": sorted(hold.roles),
            "clauses": hold.clauses,
            "waits": span(now - hold.opened_at),
            "left": span(hold.expires_at - now),
        }
        for hold in found[start : start + PER_PAGE]
    ]
    mine = visit.somebody.overseer.roles
    offered = {
        "role": sorted({role for entry in waiting for role in entry.hold.roles if role in mine}),
        "clause": sorted({clause for entry in waiting for clause in entry.hold.clauses}),
        "deployment": sorted({entry.hold.asked.deployment for entry in waiting}),
    }
    return visit.page(
        "queue",
        rows=rows,
        total=len(found),
        all_waiting=len(waiting),
        start=start,
        per_page=PER_PAGE,
        offered=offered,
        chosen=chosen,
        kept=query_of(chosen),
        reviews=len(due := due_to(visit)),
        overdue=sum(bool(one["overdue"]) for one in due),
    )


def _is_chosen(entry: Entry, chosen: dict[str, str]) -> bool:
    hold = entry.hold
    return (
        (not chosen["role"] or chosen["role"] in hold.roles)
        and (not chosen["clause"] or chosen["clause"] in hold.clauses)
        and (not chosen["deployment"] or chosen["deployment"] == hold.asked.deployment)
    )


async def _hold(visit: Visit) -> Page:
    """Everything that a decision signs. That it is shown is noted before it is."""
    person, overseeing = visit.somebody, visit.premises.overseeing
    shown: dict[str, Any] = await overseeing.show(person.overseer, last_of(visit.path))
    now = overseeing.now()
    passkey = person.overseer.passkey
    offered = () if passkey is None else choices(shown, person.issuer, passkey, now)
    entry = overseeing.holding.book.find(last_of(visit.path))
    status = "" if entry is None else entry.status(now).value
    mine = entry is not None and person.overseer.person in entry.persons
    floors = visit.law.bundle.oversight
    seconds = max((floors.of(choice.role).seconds for choice in offered), default=floors.floors.seconds)
    return visit.page(
        "hold", **hold_values(shown), choices=offered, status=status, decided_by_me=mine, seconds=seconds
    )


async def _decide(visit: Visit) -> Page:
    """A signed decision about the very hold of this page, by the very person of this session."""
    person, overseeing = visit.somebody, visit.premises.overseeing
    raw = signed_in(visit.form)
    try:
        said = parse_approval(parse_passkey_envelope(raw, max_bytes=MAX_FORM_BYTES).payload)
    except StatementParseError as error:
        raise RequestError(
            400, "form_invalid", "what was signed is no decision, so nothing happened", "open the hold again"
        ) from error
    if said.hold != last_of(visit.path) or said.issuer != person.issuer.id:
        raise RequestError(
            403,
            "form_foreign",
            "this is signed for another hold or person, so nothing happened",
            "open the hold again",
        )
    done = await overseeing.decide(visit.law, raw)
    return visit.page("decided", act=done["act"], hold=done["hold"], record=done["record"])


def rooms() -> dict[str, Room]:
    """By their whole paths below `/console`."""
    return {"queue": Room(_queue)}


def rooms_within() -> dict[str, Room]:
    """By the first part of their paths."""
    return {"holds/": Room(_hold, _decide)}
