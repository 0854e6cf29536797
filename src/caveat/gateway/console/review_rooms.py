"""What is reviewed after it went through: what is due to a person, one of it, and their signed finding.

Laws: whoever may not read it learns not even that it is there; a finding is signed by the person of the
session about what this page shows, and is judged where the same one from a file is. Source: ADR-0042,
ADR-0044.
"""

from datetime import timedelta
from typing import Any

from caveat.evidence.predicates import FindingModel, Predicate
from caveat.gateway.console.answers import Page
from caveat.gateway.console.ceremony import check_unaltered
from caveat.gateway.console.door import Room, Visit
from caveat.gateway.console.sayings import asked_to_sign, done, foreign, signed_by_visitor
from caveat.gateway.console.views import PER_PAGE, hold_values, last_of, span, start_of
from caveat.gateway.errors import RequestError
from caveat.ledger.record import parse_time
from caveat.oversight.finding import WRONG, Fault, Wrong

_MISSING = {Wrong.CONTENT_MISSING: WRONG[Wrong.CONTENT_MISSING]}


def due_to(visit: Visit) -> list[dict[str, Any]]:
    """What is due to whoever is signed in, what is due soonest first."""
    now = visit.premises.overseeing.now()
    # Any: JSON of our own making, as `GET /v1/reviews` gives it.
    told: Any = visit.premises.reviewing.due(visit.law, visit.somebody.overseer)["reviews"]
    rows = sorted(told, key=lambda one: str(one["review_by"]))
    return [{**one, "left": _left(parse_time(one["review_by"]) - now)} for one in rows]


def _left(left: timedelta) -> str:
    return f"{span(-left)} too late" if left < timedelta() else f"in {span(left)}"


async def _reviews(visit: Visit) -> Page:
    rows, start, overseer = due_to(visit), start_of(visit.query), visit.somebody.overseer
    oversight = visit.law.bundle.oversight
    asked = {role for one in oversight.emergencies.values() for role in one.reviewers}
    asked |= set() if oversight.sampling is None else oversight.sampling.roles
    return visit.page(
        "reviews",
        rows=rows[start : start + PER_PAGE],
        total=len(rows),
        overdue=sum(bool(one["overdue"]) for one in rows),
        start=start,
        per_page=PER_PAGE,
        asked=sorted(asked),
        mine=sorted(asked & overseer.roles),
        cleared=sorted(overseer.cleared),
    )


async def _shown(visit: Visit) -> dict[str, Any]:
    """The review of this path, whole and unaltered, with the roles in which the person may review it."""
    person = visit.somebody
    shown: dict[str, Any] = await visit.premises.reviewing.show(
        visit.law, person.overseer, last_of(visit.path)
    )
    if shown["view"] is not None:
        check_unaltered(shown)
    return {**shown, "mine": sorted(person.overseer.roles & set(shown["roles"]))}


def _codes(shown: dict[str, Any]) -> dict[Wrong, str]:
    """What may be wrong with it: that nothing is kept, alone; and nothing of an emergency without one."""
    if shown["view"] is None:
        return _MISSING
    left_out = {Wrong.CONTENT_MISSING, *(() if shown["kind"] == "emergency" else (Wrong.UNJUSTIFIED,))}
    return {code: meaning for code, meaning in WRONG.items() if code not in left_out}


async def _review(visit: Visit) -> Page:
    """Everything that a finding signs. That it is shown is noted before it is."""
    shown = await _shown(visit)
    demand = visit.premises.reviewing.holding.demands.find(shown["review"])
    now, floors = visit.premises.overseeing.now(), visit.law.bundle.oversight
    nothing: dict[str, Any] = dict.fromkeys(("view", "cases", "pieces", "raw"))
    values = nothing if shown["view"] is None else hold_values(shown)
    return visit.page(
        "review",
        **{**values, "action": shown["action"], "first_shown_at": shown["first_shown_at"]},
        review=shown["review"],
        kind=shown["kind"],
        review_by=shown["review_by"],
        left=_left(parse_time(shown["review_by"]) - now),
        mine=shown["mine"],
        findings=[] if demand is None else list(demand.findings),
        codes=_codes(shown),
        seconds=max((floors.of(role).seconds for role in shown["mine"]), default=floors.floors.seconds),
        has_passkey=visit.somebody.overseer.passkey is not None,
    )


async def _find(visit: Visit) -> Page:
    """Two steps: the finding in words, and the signature."""
    if "payload" in visit.form:
        return await _found(visit)
    shown = await _shown(visit)
    role, said = visit.form.get("role", ""), visit.form.get("finding", "")
    codes = {code.value: meaning for code, meaning in _codes(shown).items()}
    if role not in shown["mine"] or (said not in codes and (said != "right" or shown["view"] is None)):
        raise RequestError(
            400,
            "finding_incomplete",
            "the form does not say what you found, so nothing happened",
            "open the review again, and choose one",
        )
    if visit.form.get("shown") != shown["action"]:
        raise RequestError(
            403,
            f"finding_{Fault.OTHER_VIEW.value}",
            "this shows something else by now",
            "open the review again",
        )
    finding, code = ("right", "") if said == "right" else ("wrong", said)
    signing = asked_to_sign(
        visit,
        Predicate.FINDING,
        {
            "role": role,
            "about": shown["review"],
            "finding": finding,
            "code": code,
            "shown": shown["action"],
        },
    )
    return visit.page(
        "review_confirm",
        review=shown["review"],
        role=role,
        finding=finding,
        code=code,
        meaning=codes.get(code, ""),
        shown=shown["action"],
        signing=signing,
    )


async def _found(visit: Visit) -> Page:
    raw, said = signed_by_visitor(visit, Predicate.FINDING, FindingModel)
    if said.about != last_of(visit.path):
        raise foreign()
    told = await visit.premises.reviewing.find(visit.law, raw)
    if said.finding == "right":
        return done(visit, "Found right", f"The review of {said.about} is made.", told["record"])
    text = (
        f"An incident about {said.about} is opened as soon as the log is published, with all that it touches."
        " Nothing is undone or stopped by that: halt what goes on."
    )
    return done(visit, "Found wrong", text, told["record"])


def rooms() -> dict[str, Room]:
    """By their whole paths below `/console`."""
    return {"reviews": Room(_reviews)}


def rooms_within() -> dict[str, Room]:
    """By the first part of their paths."""
    return {"reviews/": Room(_review, _find)}
