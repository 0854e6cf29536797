"""Halts and dissents on pages: first what would be signed, in words; then the passkey; then it is judged.

Nothing is stopped, released or objected to but by a statement of the person whose session it is, and the
statement is taken where the same one from a file is. Source: ADR-0041, ADR-0044.
"""

from dataclasses import dataclass

from caveat.evidence.predicates import DissentModel, HaltModel, Predicate
from caveat.gateway.console.answers import Page
from caveat.gateway.console.door import Room, Visit
from caveat.gateway.console.sayings import asked_to_sign, done, foreign, signed_by_visitor
from caveat.gateway.errors import RequestError
from caveat.oversight.dissents import text_of
from caveat.oversight.halts import Halt, Scope, Stopped
from caveat.signing.canonical import JsonObject

_MAX_TARGET, _MAX_REASON, _MAX_TEXT = 256, 500, 2000


@dataclass(frozen=True, slots=True)
class Objection:
    """One dissent as its page shows it."""

    id: str
    number: int
    about: str
    person: str
    time: str
    link: str
    text: str


async def _halts(visit: Visit) -> Page:
    halts = list(visit.premises.power.halts.all())
    return visit.page(
        "halts",
        in_force=[one for one in reversed(halts) if not one.released],
        released=[one for one in reversed(halts) if one.released],
        scope=visit.query.get("scope", ""),
        target=visit.query.get("target", "")[:_MAX_TARGET],
        caller=visit.query.get("caller", "")[:_MAX_TARGET],
    )


async def _halt(visit: Visit) -> Page:
    """Two steps: what would be stopped, and the signature that stops it."""
    if "payload" in visit.form:
        raw, said = signed_by_visitor(visit, Predicate.HALT, HaltModel)
        if said.act != "halt":
            raise foreign()
        told = await visit.premises.power.halt(visit.law, raw)
        return done(visit, "Halted", "It is in force, and two persons can release it.", told["halt"])
    stopped = _stopped(visit)
    reason = _text(visit, "reason", _MAX_REASON)
    signing = asked_to_sign(visit, Predicate.HALT, _said("halt", stopped, "", reason))
    return visit.page("halt_confirm", stopped=stopped, reason=reason, signing=signing)


def _stopped(visit: Visit) -> Stopped:
    form = visit.form
    try:
        scope = Scope(form.get("scope", ""))
    except ValueError as error:
        raise _incomplete() from error
    target, caller = form.get("target", "").strip(), form.get("caller", "").strip()
    stopped = Stopped(
        scope,
        "" if scope is Scope.EVERYTHING else target[:_MAX_TARGET],
        caller[:_MAX_TARGET] if scope is Scope.CONVERSATION else "",
    )
    if not stopped.is_whole:
        raise _incomplete()
    return stopped


async def _one_halt(visit: Visit) -> Page:
    halt = _find(visit)
    return visit.page("halt", halt=halt, mine=_has_released(visit, halt), signing=None, reason="")


async def _release(visit: Visit) -> Page:
    """Two steps as well. A release counts once two persons have signed one."""
    halt, power = _find(visit), visit.premises.power
    if "payload" in visit.form:
        raw, said = signed_by_visitor(visit, Predicate.HALT, HaltModel)
        if said.act != "release" or said.halt != halt.id:
            raise foreign()
        told = await power.halt(visit.law, raw)
        text = (
            "It is on record. The halt is in force until a second person releases it."
            if told["in_force"]
            else "Two persons have released it: the halt is over."
        )
        return done(visit, "Released", text, halt.id)
    reason = _text(visit, "reason", _MAX_REASON)
    signing = asked_to_sign(visit, Predicate.HALT, _said("release", halt.stopped, halt.id, reason))
    return visit.page("halt", halt=halt, mine=False, signing=signing, reason=reason)


def _find(visit: Visit) -> Halt:
    halt = visit.premises.power.halts.find(visit.path.rstrip("/").rpartition("/")[2])
    if halt is None:
        raise RequestError(404, "unknown_record", "there is no such halt", "`/console/halts` lists them")
    return halt


def _has_released(visit: Visit, halt: Halt) -> bool:
    person = visit.somebody.overseer.person
    return any(one.person == person for one in halt.releases.values())


async def _dissents(visit: Visit) -> Page:
    found = [
        Objection(
            one.id,
            one.record.number,
            one.record.about,
            one.record.person,
            one.record.time,
            one.record.link,
            text_of(one.record.statement),
        )
        for one in visit.premises.power.dissents.all()
    ]
    return visit.page("dissents", dissents=found, about=visit.query.get("about", "")[:64])


async def _dissent(visit: Visit) -> Page:
    """Two steps: the words as they would stand, and the signature."""
    if "payload" in visit.form:
        raw, _ = signed_by_visitor(visit, Predicate.DISSENT, DissentModel)
        told = await visit.premises.power.dissent(visit.law, raw)
        text = f"It is number {told['number']}, and nobody can remove, hide or reorder it unnoticed."
        return done(visit, "On record", text, told["dissent"])
    about = visit.form.get("about", "").strip()[:64]
    if await visit.premises.archive.find(about) is None:
        raise RequestError(404, "unknown_record", "this log has no such record", "open it, and object there")
    text = _text(visit, "text", _MAX_TEXT)
    signing = asked_to_sign(visit, Predicate.DISSENT, {"about": about, "text": text})
    return visit.page("dissent_confirm", about=about, text=text, signing=signing)


def _said(act: str, stopped: Stopped, halt: str, reason: str) -> JsonObject:
    return {
        "act": act,
        "scope": stopped.scope.value,
        "target": stopped.target,
        "caller": stopped.caller,
        "halt": halt,
        "reason": reason,
    }


def _text(visit: Visit, name: str, longest: int) -> str:
    """What a person wrote, as it would be signed."""
    text = visit.form.get(name, "").replace("\r\n", "\n").strip()
    if not 0 < len(text) <= longest:
        raise RequestError(
            400,
            "form_invalid",
            f"it takes some words, and at most {longest} characters",
            "go back, and write",
        )
    return text


def _incomplete() -> RequestError:
    return RequestError(
        400,
        "halt_incomplete",
        "the form does not name what its scope takes, so nothing happened",
        "everything takes nothing, a conversation a deployment and a caller, each other scope one name",
    )


def rooms() -> dict[str, Room]:
    """By their whole paths below `/console`."""
    return {"halts": Room(_halts, _halt), "dissents": Room(_dissents, _dissent)}


def rooms_within() -> dict[str, Room]:
    """By the first part of their paths."""
    return {"halts/": Room(_one_halt, _release)}
