"""What a person signs beside decisions, on pages: asked for in words first, and taken from that person alone.

The payload is the one that `caveat approvals` signs with a file. Source: ADR-0044.
"""

from datetime import timedelta
from typing import TypeVar

from caveat.evidence.instants import StatementParseError
from caveat.evidence.overseers import parse_saying, render_saying
from caveat.evidence.predicates import Predicate, SayingModel
from caveat.gateway.console.answers import Page
from caveat.gateway.console.ceremony import Signing, signing_of
from caveat.gateway.console.door import Visit
from caveat.gateway.console.forms import MAX_FORM_BYTES, signed_in
from caveat.gateway.errors import RequestError
from caveat.signing.canonical import JsonObject
from caveat.signing.passkey import parse_passkey_envelope

_LIFE = timedelta(minutes=15)
_Model = TypeVar("_Model", bound=SayingModel)


def asked_to_sign(visit: Visit, predicate: Predicate, said: JsonObject) -> Signing | None:
    """What the person's passkey is asked to sign; None where their key is in a file."""
    person, overseeing = visit.somebody, visit.premises.overseeing
    passkey = person.overseer.passkey
    if passkey is None:
        return None
    now = overseeing.now().replace(microsecond=0)
    payload = render_saying(
        predicate, overseeing.origin, {"issuer": person.issuer.id, **said}, now, now + _LIFE
    )
    return signing_of(payload, passkey.credential, passkey.rp_id)


def signed_by_visitor(visit: Visit, predicate: Predicate, model: type[_Model]) -> tuple[bytes, _Model]:
    """The statement of this form, by the very person of this session; raises `RequestError`."""
    raw = signed_in(visit.form)
    try:
        said = parse_saying(parse_passkey_envelope(raw, max_bytes=MAX_FORM_BYTES).payload, predicate, model)
    except StatementParseError as error:
        raise foreign() from error
    if said.issuer != visit.somebody.issuer.id:
        raise foreign()
    return raw, said


def done(visit: Visit, title: str, text: str, record: object) -> Page:
    """That it counts, and where it is on record."""
    return visit.page("done", title=title, text=text, record=str(record))


def foreign() -> RequestError:
    """What somebody else signed, or about something else."""
    return RequestError(
        403,
        "form_foreign",
        "this is signed for something else, or by another person, so nothing happened",
        "open the page again",
    )
