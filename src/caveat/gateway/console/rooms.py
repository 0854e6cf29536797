"""The console's pages: all of them, and those that only show."""

from caveat.gateway.console import entrance, hold_rooms, organisation, power_rooms, review_rooms
from caveat.gateway.console.answers import Page
from caveat.gateway.console.archive import LOOKED_AT, Wanted
from caveat.gateway.console.door import Console, Premises, Room, Visit
from caveat.gateway.console.figures_room import show_figures
from caveat.gateway.console.views import (
    PER_PAGE,
    deployment_rows,
    diff_of,
    last_of,
    lines,
    query_of,
    record_text,
)
from caveat.gateway.errors import RequestError
from caveat.gateway.observer import size_of
from caveat.policy.terms import render_terms


async def _uses(visit: Visit) -> Page:
    return await _list(visit, "uses", lambda one: one.is_use)


async def _incidents(visit: Visit) -> Page:
    return await _list(visit, "incidents", lambda one: bool(one.incident))


async def _search(visit: Visit) -> Page:
    text = visit.query.get("q", "").strip()[:256]
    if not text:
        return visit.page("search", q="", rows=[], before=None, full=True, first=True, kept="")
    return await _list(visit, "search", lambda one: one.is_named(text), q=text)


async def _list(visit: Visit, name: str, wanted: Wanted, q: str = "") -> Page:
    """A part of the log, newest first, and where the next one begins."""
    said = visit.query.get("before", "")
    before = int(said) if said.isascii() and said.isdigit() and len(said) <= 18 else None
    part = await visit.premises.archive.part(wanted, before, PER_PAGE)
    return visit.page(
        name,
        q=q,
        rows=lines(part.found),
        before=part.before,
        full=part.full,
        first=before is None,
        kept=query_of({"q": q}),
        looked_at=LOOKED_AT,
    )


async def _record(visit: Visit) -> Page:
    noted = await visit.premises.archive.find(last_of(visit.path))
    if noted is None:
        raise RequestError(
            404, "unknown_record", "this log has no record of this id", "search for how it begins"
        )
    return visit.page("record", noted=noted, line=lines([noted])[0], text=record_text(noted))


async def _deployments(visit: Visit) -> Page:
    return visit.page("deployments", rows=deployment_rows(visit.law.bundle, visit.premises.chronicle.uses()))


async def _policy(visit: Visit) -> Page:
    bundle, chronicle = visit.law.bundle, visit.premises.chronicle
    newest = chronicle.bundle
    terms = visit.premises.renderer.terms(render_terms(bundle))
    return visit.page("policy", bundle=bundle, terms=terms, newest=newest, follows=diff_of(newest))


async def _ledger(visit: Visit) -> Page:
    return visit.page("ledger", state=visit.premises.ledger_now(), trust=visit.premises.chronicle.trust)


async def _observers(visit: Visit) -> Page:
    """What every party's observers see: the very values of `GET /v1/oversight`, and their digest."""
    size = visit.query.get("size", "")
    found = await visit.premises.power.observer.view(size_of(f"size={size}" if size else ""))
    return visit.page("observers", view=found.shown, digest=found.digest)


def open_console(premises: Premises) -> Console:
    """The console with all of its pages."""
    rooms = {
        **entrance.rooms(),
        **organisation.rooms(),
        **hold_rooms.rooms(),
        **power_rooms.rooms(),
        **review_rooms.rooms(),
        "uses": Room(_uses),
        "incidents": Room(_incidents),
        "deployments": Room(_deployments),
        "policy": Room(_policy),
        "ledger": Room(_ledger),
        "observers": Room(_observers),
        "figures": Room(show_figures),
        "search": Room(_search),
    }
    within = {
        **hold_rooms.rooms_within(),
        **power_rooms.rooms_within(),
        **review_rooms.rooms_within(),
        "records/": Room(_record),
    }
    return Console(premises, rooms, within)
