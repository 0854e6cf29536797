"""The console's pages, one function each: what it takes, and what it shows."""

import asyncio
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from caveat.evidence.approval import parse_approval
from caveat.evidence.defects import EXPLANATIONS
from caveat.evidence.enrolment import (
    EnrolmentError,
    Made,
    enrolment_challenge,
    render_made,
    verify_made,
)
from caveat.evidence.envelope import RejectedEnvelope
from caveat.evidence.instants import StatementParseError
from caveat.evidence.predicates import ID_PATTERN
from caveat.evidence.reading import MAX_LIFE, render_reading
from caveat.gateway.console.answers import Page, see
from caveat.gateway.console.ceremony import choices, signing_of
from caveat.gateway.console.door import ROOT, Console, Premises, Room, Visit
from caveat.gateway.console.forms import MAX_FORM_BYTES, signed_in
from caveat.gateway.console.sessions import cookie_of
from caveat.gateway.console.views import (
    deployment_rows,
    diff_of,
    hold_values,
    lines,
    record_text,
)
from caveat.gateway.errors import RequestError
from caveat.gateway.identity.callers import connection_of
from caveat.oversight.chronicle import Noted
from caveat.oversight.past import PastReview
from caveat.policy.terms import render_terms
from caveat.signing.digest import sha256
from caveat.signing.jwt import looks_like_token
from caveat.signing.passkey import from_base64url, parse_passkey_envelope

PER_PAGE = 50
_ID = re.compile(ID_PATTERN.replace(r"\z", r"\Z"))


async def _begin(_visit: Visit) -> Page:
    return see(f"{ROOT}/queue")


async def _sign_in(visit: Visit) -> Page:
    """Two steps: who it is, and what their passkey is to sign. Whoever is unknown gets the same page."""
    name = visit.query.get("as", "")
    if not name:
        return visit.page("sign_in", signing=None, name="")
    if _ID.match(name) is None:
        raise RequestError(400, "form_invalid", "this is no id of an overseer", "it stands in trust.toml")
    now = visit.premises.overseeing.now()
    passkeys = [
        (one.id, one.overseer.passkey)
        for one in visit.law.witnesses.readers(now)
        if one.overseer is not None and one.overseer.passkey is not None
    ]
    mine = next((passkey for issuer, passkey in passkeys if issuer == name), None)
    rp_id = mine.rp_id if mine else passkeys[0][1].rp_id if passkeys else ""
    credential = mine.credential if mine else visit.sessions.decoy(name)
    payload = render_reading(name, visit.premises.overseeing.origin, now.replace(microsecond=0))
    return visit.page("sign_in", signing=signing_of(payload, credential, rp_id), name=name)


async def _signed_in(visit: Visit) -> Page:
    """A statement that signs in does so once, and its passkey's counter goes on."""
    overseeing = visit.premises.overseeing
    now = overseeing.now()
    raw = signed_in(visit.form)
    found = visit.law.witnesses.admit_reading(raw, overseeing.origin, now)
    if isinstance(found, RejectedEnvelope):
        raise _not_signed_in(EXPLANATIONS[found.code].meaning)
    said = parse_passkey_envelope(raw, max_bytes=MAX_FORM_BYTES).assertion
    counter = int.from_bytes(said.authenticator_data[33:37])
    if not await asyncio.to_thread(overseeing.holding.store.count, found.keyid, counter):
        raise _not_signed_in("the counter of the passkey did not go on, so there may be a copy of it")
    if not visit.sessions.use_up(sha256(raw), now + MAX_LIFE, now):
        raise _not_signed_in("this statement has signed in before")
    return visit.begin(found, "passkey")


async def _token_in(visit: Visit) -> Page:
    """Whoever the customer's own sign-in knows as an overseer reads; deciding takes a key all the same."""
    token = visit.form.get("token", "").strip()
    now = visit.premises.overseeing.now()
    if not looks_like_token(token):
        raise _not_signed_in("this is no token")
    headers = {"authorization": f"Bearer {token}"}
    caller = await visit.premises.identities.authenticate(visit.law, headers, connection_of(visit.scope), now)
    known = (one for one in visit.law.witnesses.readers(now) if one.overseer is not None)
    found = next((one for one in known if one.overseer and caller.principal in one.overseer.callers), None)
    if found is None:
        raise _not_signed_in("the token is good, and belongs to no overseer")
    return visit.begin(found, "token")


async def _sign_out(visit: Visit) -> Page:
    visit.sessions.end(visit.name)
    return see(f"{ROOT}/sign-in", cookie_of("", secure=visit.secure, over=True))


async def _enrol(visit: Visit) -> Page:
    name = visit.query.get("as", "")
    if name and _ID.match(name) is None:
        raise RequestError(400, "form_invalid", "an id has letters, digits and `._:@/+-`", "choose another")
    origin = visit.premises.overseeing.origin
    challenge = enrolment_challenge(origin, name) if name else ""
    return visit.page("enrol", name=name, challenge=challenge, made=None, enrolment=None)


async def _enrolled(visit: Visit) -> Page:
    """The enrolment file, for two actors to check and to put into the trust policy. Nothing is kept here."""
    form, log = visit.form, visit.premises.overseeing.origin
    if not form.get("attestation_object"):
        raise RequestError(
            400, "no_passkey", "no passkey was made", "it needs scripts and a browser that knows passkeys"
        )
    try:
        made = Made(
            form["name"],
            log,
            form["rp_id"],
            form["origin"],
            from_base64url(form["client_data"]),
            from_base64url(form["attestation_object"]),
        )
        enrolment = await asyncio.to_thread(verify_made, made)
    except (KeyError, ValueError) as error:
        why = str(error) if isinstance(error, EnrolmentError) else "the form cannot be read"
        raise RequestError(
            400, "enrolment_invalid", f"this enrols no passkey: {why}", "make it again"
        ) from error
    return visit.page(
        "enrol", name=made.person, challenge="", made=render_made(made).decode(), enrolment=enrolment
    )


async def _queue(visit: Visit) -> Page:
    premises, overseer = visit.premises, visit.somebody.overseer
    now = premises.overseeing.now()
    start = _start(visit)
    found = [
        entry.hold
        for entry in premises.overseeing.holding.book.waiting(overseer.roles, now)
        if overseer.person not in entry.persons
    ]
    rows = [
        {
            "hold": hold.id,
            "deployment": hold.asked.deployment,
            "roles": sorted(hold.roles),
            "clauses": hold.clauses,
            "waits": _span(now - hold.opened_at),
            "left": _span(hold.expires_at - now),
        }
        for hold in found[start : start + PER_PAGE]
    ]
    return visit.page("queue", rows=rows, total=len(found), start=start, per_page=PER_PAGE)


async def _hold(visit: Visit) -> Page:
    """Everything that a decision signs. That it is shown is noted before it is."""
    person, overseeing = visit.somebody, visit.premises.overseeing
    shown: dict[str, Any] = await overseeing.show(person.overseer, _last(visit))
    now = overseeing.now()
    passkey = person.overseer.passkey
    offered = () if passkey is None else choices(shown, person.issuer, passkey, now)
    entry = overseeing.holding.book.find(_last(visit))
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
    if said.hold != _last(visit) or said.issuer != person.issuer.id:
        raise RequestError(
            403,
            "form_foreign",
            "this is signed for another hold or person, so nothing happened",
            "open the hold again",
        )
    done = await overseeing.decide(visit.law, raw)
    return visit.page("decided", act=done["act"], hold=done["hold"], record=done["record"])


async def _uses(visit: Visit) -> Page:
    return _list(visit, "uses", visit.premises.chronicle.uses())


async def _incidents(visit: Visit) -> Page:
    return _list(visit, "incidents", visit.premises.chronicle.incidents())


def _list(visit: Visit, name: str, noted: Iterable[Noted], **values: Any) -> Page:  # noqa: ANN401 - whatever the page shows
    start = _start(visit)
    found = list(islice(noted, start, start + PER_PAGE + 1))
    rows, more = lines(found[:PER_PAGE]), len(found) > PER_PAGE
    return visit.page(name, rows=rows, start=start, per_page=PER_PAGE, more=more, **values)


async def _search(visit: Visit) -> Page:
    text = visit.query.get("q", "").strip()[:256]
    found = visit.premises.chronicle.search(text) if text else iter(())
    return _list(visit, "search", found, q=text)


async def _record(visit: Visit) -> Page:
    noted = visit.premises.chronicle.find(_last(visit))
    if noted is None:
        raise RequestError(
            404,
            "unknown_record",
            "no record of this id is among the newest",
            "older ones stand in the ledger: `caveat explain use ID --data FOLDER`",
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


async def _figures(visit: Visit) -> Page:
    """What the book of holds knows of the person who looks, and of the queue; nobody else by name."""
    person, overseeing = visit.somebody, visit.premises.overseeing
    now, book = overseeing.now(), overseeing.holding.book
    waiting = [entry.hold.opened_at for entry in book.waiting(person.overseer.roles, now)]
    mine = book.decisions_of(person.overseer.person, now - timedelta(days=30))
    took = sorted(one.seconds for one in mine if one.seconds is not None)
    hours = _hours(mine, now)
    return visit.page(
        "figures",
        waiting=len(waiting),
        oldest=_span(now - waiting[0]) if waiting else "none",
        decided=len(mine),
        approved=sum(one.act.value == "approve" and not one.defect for one in mine),
        refused=sum(one.act.value == "refuse" and not one.defect for one in mine),
        counted_as_none=sum(bool(one.defect) for one in mine),
        median=round(took[len(took) // 2]) if took else None,
        floors=[(role, visit.law.bundle.oversight.of(role)) for role in sorted(person.overseer.roles)],
        hours=hours,
        chart=", ".join(f"{count} {ago} h ago" for ago, count in hours if count) or "none",
    )


def _hours(mine: Iterable[PastReview], now: datetime) -> list[tuple[int, int]]:
    """How many decisions in each of the last twelve hours, oldest first."""
    counts = [0] * 12
    for one in mine:
        ago = int((now - one.at).total_seconds() // 3600)
        if 0 <= ago < len(counts):
            counts[ago] += 1
    return [(ago, counts[ago]) for ago in range(len(counts) - 1, -1, -1)]


def _start(visit: Visit) -> int:
    text = visit.query.get("start", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0


def _last(visit: Visit) -> str:
    return visit.path.rstrip("/").rpartition("/")[2]


def _span(span: timedelta) -> str:
    """So long, in the largest unit that says enough."""
    seconds = max(0, int(span.total_seconds()))
    for size, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def _not_signed_in(why: str) -> RequestError:
    return RequestError(
        401, "not_signed_in", f"nobody was signed in: {why}", "sign in again, or ask who enrols keys"
    )


def open_console(premises: Premises) -> Console:
    """The console with all of its pages."""
    rooms = {
        "": Room(_begin, open=True),
        "sign-in": Room(_sign_in, _signed_in, open=True),
        "sign-in/token": Room(None, _token_in, open=True),
        "sign-out": Room(None, _sign_out),
        "enrol": Room(_enrol, _enrolled, open=True),
        "queue": Room(_queue),
        "uses": Room(_uses),
        "incidents": Room(_incidents),
        "deployments": Room(_deployments),
        "policy": Room(_policy),
        "ledger": Room(_ledger),
        "figures": Room(_figures),
        "search": Room(_search),
    }
    return Console(premises, rooms, {"holds/": Room(_hold, _decide), "records/": Room(_record)})
