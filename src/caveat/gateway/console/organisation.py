"""Signing in at the organisation, by redirect: it opens reading alone, and what counts is signed by a key.

The way there is a link and no form, for a form may lead nowhere else by the console's own policy. The way
back comes from another site, so that the browser sends no session with it: what it sends is the state alone,
and the page that it gets leads on from here. Source: ADR-0044, attacks 345 and 346 in `THREAT_MODEL.md`.
"""

from caveat.gateway.console.answers import Page, see
from caveat.gateway.console.door import Room, Visit
from caveat.gateway.console.sessions import state_cookie_of, state_in
from caveat.gateway.errors import RequestError
from caveat.gateway.identity.sign_in import SignIn, not_signed_in


def _sign_in(visit: Visit) -> SignIn:
    found = visit.premises.organisation
    if found is None:
        raise RequestError(
            404, "unknown_page", "people sign in with passkeys alone here", "begin at `/console/sign-in`"
        )
    return found


async def _go(visit: Visit) -> Page:
    """To the organisation. Whoever was signed in here no longer is."""
    place, state = _sign_in(visit).begin(visit.premises.overseeing.now())
    visit.sessions.end(visit.name)
    return see(place, state_cookie_of(state, secure=visit.secure))


async def _back(visit: Visit) -> Page:
    """From the organisation: a session under a new name, of the person whom the trust policy names."""
    organisation, now = _sign_in(visit), visit.premises.overseeing.now()
    kept = state_in(visit.headers.get("cookie", ""))
    subject = await organisation.complete(visit.law.bundle, visit.query, kept, now)
    known_as = (organisation.provider.issuer, subject)
    found = next(
        (
            one
            for one in visit.law.witnesses.readers(now)
            if one.overseer is not None and known_as in one.overseer.sign_in
        ),
        None,
    )
    if found is None:
        raise not_signed_in("the trust policy names no overseer by this sign-in")
    cookie = visit.admit(found, "organisation", known_as)
    shown = visit.page("signed_in", who=found.id, organisation=organisation.provider.name)
    return Page(shown.status, shown.body, cookie=cookie)


async def _leave(visit: Visit) -> Page:
    """Out of the organisation as well, once nobody is signed in here."""
    place = _sign_in(visit).provider.leave
    if not place:
        raise RequestError(
            404, "unknown_page", "the organisation has no such place", "close its window as well"
        )
    visit.sessions.end(visit.name)
    return see(place)


def rooms() -> dict[str, Room]:
    """By their paths below `/console`."""
    return {
        "sign-in/organisation": Room(_go, open=True),
        "sign-in/back": Room(_back, open=True),
        "sign-out/organisation": Room(_leave, open=True),
    }
