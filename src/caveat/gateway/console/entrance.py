"""How people come in: with a passkey or with a token, and how a passkey is made in the first place.

Source: ADR-0039, ADR-0044.
"""

import asyncio
import re

from caveat.evidence.defects import EXPLANATIONS
from caveat.evidence.enrolment import (
    EnrolmentError,
    Made,
    enrolment_challenge,
    render_made,
    verify_made,
)
from caveat.evidence.envelope import RejectedEnvelope
from caveat.evidence.predicates import ID_PATTERN
from caveat.evidence.reading import MAX_LIFE, render_reading
from caveat.gateway.console.answers import Page, see
from caveat.gateway.console.ceremony import signing_of
from caveat.gateway.console.door import ROOT, Room, Visit
from caveat.gateway.console.forms import MAX_FORM_BYTES, signed_in
from caveat.gateway.console.sessions import cookie_of
from caveat.gateway.errors import RequestError
from caveat.gateway.identity.callers import connection_of
from caveat.gateway.identity.sign_in import not_signed_in
from caveat.signing.digest import sha256
from caveat.signing.jwt import looks_like_token
from caveat.signing.passkey import from_base64url, parse_passkey_envelope

_ID = re.compile(ID_PATTERN.replace(r"\z", r"\Z"))


async def _begin(_visit: Visit) -> Page:
    return see(f"{ROOT}/queue")


async def _sign_in(visit: Visit) -> Page:
    """Two steps: who it is, and what their passkey is to sign. Whoever is unknown gets the same page."""
    name = visit.query.get("as", "")
    if not name:
        organisation = visit.premises.organisation
        return visit.page(
            "sign_in",
            signing=None,
            name="",
            organisation="" if organisation is None else organisation.provider.name,
            leaves=organisation is not None and bool(organisation.provider.leave),
        )
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
        raise not_signed_in(EXPLANATIONS[found.code].meaning)
    said = parse_passkey_envelope(raw, max_bytes=MAX_FORM_BYTES).assertion
    counter = int.from_bytes(said.authenticator_data[33:37])
    if not await asyncio.to_thread(overseeing.holding.store.count, found.keyid, counter):
        raise not_signed_in("the counter of the passkey did not go on, so there may be a copy of it")
    if not visit.sessions.use_up(sha256(raw), now + MAX_LIFE, now):
        raise not_signed_in("this statement has signed in before")
    return visit.begin(found, "passkey")


async def _token_in(visit: Visit) -> Page:
    """Whoever the customer's own sign-in knows as an overseer reads; deciding takes a key all the same."""
    token = visit.form.get("token", "").strip()
    now = visit.premises.overseeing.now()
    if not looks_like_token(token):
        raise not_signed_in("this is no token")
    headers = {"authorization": f"Bearer {token}"}
    caller = await visit.premises.identities.authenticate(visit.law, headers, connection_of(visit.scope), now)
    known = (one for one in visit.law.witnesses.readers(now) if one.overseer is not None)
    found = next((one for one in known if one.overseer and caller.principal in one.overseer.callers), None)
    if found is None:
        raise not_signed_in("the token is good, and belongs to no overseer")
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


async def _lost(visit: Visit) -> Page:
    """What to do where an authenticator is lost. Nothing can be done here, and the page says why."""
    return visit.page("lost")


def rooms() -> dict[str, Room]:
    """By their paths below `/console`."""
    return {
        "": Room(_begin, open=True),
        "sign-in": Room(_sign_in, _signed_in, open=True),
        "sign-in/token": Room(None, _token_in, open=True),
        "sign-out": Room(None, _sign_out),
        "enrol": Room(_enrol, _enrolled, open=True),
        "lost": Room(_lost, open=True),
    }
