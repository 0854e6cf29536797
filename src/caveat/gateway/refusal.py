"""A decision that is no allow, as an answer that says what would change it. Pure.

Source: DESIGN section 7, `docs/reference/http.md`. One shape for every protocol; the wire wraps it.
"""

from caveat.call.call import Call
from caveat.decision.verdict import Decision, Reason, Verdict
from caveat.evidence.check import Checked
from caveat.evidence.defects import EXPLANATIONS, Outcome
from caveat.facts.registry import Registry
from caveat.gateway.contradicting import found_in
from caveat.gateway.gather import Gathered, needs_detail
from caveat.gateway.holding import Waiting
from caveat.gateway.ruling import Ruling
from caveat.gateway.wire.protocol import Wire
from caveat.ledger.record import render_time
from caveat.signing.canonical import Json, JsonObject

HOLDS = "/v1/holds/"
"""Below it, how a use of the caller's own that waits for people stands."""
_CODES = {
    Verdict.DENY: "deny",
    Verdict.NEEDS_EVIDENCE: "needs_evidence",
    Verdict.NEEDS_APPROVAL: "needs_approval",
}
_WHY = {
    Reason.FORGED_EVIDENCE: "evidence in this request is forged",
    Reason.REPLAYED_EVIDENCE: "evidence in this request was used up by another action",
    Reason.VALUE_OUT_OF_RANGE: "a value lies outside the registry",
    Reason.CONTRADICTORY_EVIDENCE: "pieces of evidence contradict each other",
    Reason.CONFLICT: "what is claimed contradicts what is attested",
    Reason.OBLIGATION: "content has to be redacted and cannot be read; send it as text, or leave it out",
    Reason.HALTED: "an overseer has halted this; ask the overseers, two of whom can release it",
    Reason.NO_PERMIT: "no clause permits this use",
    Reason.BUDGET: "the decision would take more steps than the policy allows",
    Reason.UNATTESTABLE: "it depends on a fact that nobody may attest",
}


def refusal_message(decision: Decision) -> str:
    """One line for a person: what was decided, by which clause, and what to do next."""
    clauses = f" (clause {', '.join(decision.clauses)})" if decision.clauses else ""
    why = _WHY.get(decision.reason, "")
    match decision.verdict:
        case Verdict.NEEDS_EVIDENCE if decision.needs:
            wanted = ", ".join(f"`{name}`" for name in decision.needs)
            return f"not yet: attested evidence is needed for {wanted}{clauses}; see `needs_detail`"
        case Verdict.NEEDS_APPROVAL if decision.approvals:
            return f"not yet: approval is needed from {', '.join(decision.approvals)}{clauses}"
        case Verdict.NEEDS_EVIDENCE | Verdict.NEEDS_APPROVAL:
            return f"not yet: {why or 'more has to be known'}{clauses}"
        case _:
            return f"refused: {why or 'the policy does not permit this use'}{clauses}"


def refusal_code(decision: Decision) -> str:
    """The error code of a verdict that is no allow."""
    if decision.reason is Reason.HALTED:
        return "halted_by_overseer"
    return _CODES[decision.verdict]


def refusal_body(wire: Wire, ruling: Ruling) -> bytes:
    """The refusal in the words of a protocol."""
    decision, use = ruling.decision, ruling.use
    registry = use.law.bundle.registry
    members = refusal_members(decision, use.call, ruling.gathered, registry, ruling.record_id, ruling.hold)
    if ruling.halt is not None:
        halt: JsonObject = {"record": ruling.halt.id or None, "scope": ruling.halt.stopped.scope.value}
        members = {**members, "halt": halt}
    return wire.render_refusal(refusal_code(decision), refusal_message(decision), members)


def _waits(hold: Waiting) -> JsonObject:
    expected = hold.outlook.expected_at
    return {
        "id": hold.hold,
        "roles": dict[str, Json](hold.roles),
        "expires_at": hold.expires_at,
        "ahead": hold.outlook.ahead,
        "expected_at": None if expected is None else render_time(expected),
    }


def _failed(checked: Checked) -> JsonObject:
    """Why one envelope did not count: which check, who can put it right, and how."""
    row: JsonObject = {"envelope": checked.envelope, "code": (checked.code or checked.outcome).value}
    if checked.code is not None:
        explained = EXPLANATIONS[checked.code]
        row |= {"check": explained.stage.value, "who": explained.who, "how": explained.remedy}
    return row


def refusal_members(
    decision: Decision,
    call: Call,
    gathered: Gathered,
    registry: Registry,
    record_id: str,
    hold: Waiting | None = None,
) -> JsonObject:
    """The documented members of a refusal, beside code and message."""
    detail: list[Json] = [*needs_detail(registry, gathered, call.claims, decision.needs)]
    failed: list[Json] = [
        _failed(checked) for checked in gathered.evidence if checked.outcome is not Outcome.ACCEPTED
    ]
    contradicted = list[Json](found_in(gathered.cases))
    members: JsonObject = {
        "point": call.point.value,
        "verdict": decision.verdict.value,
        "reason": decision.reason.value,
        "clauses": list(decision.clauses),
        "needs": list(decision.needs),
        "needs_detail": detail,
        "approvals": list(decision.approvals),
        "approval_url": None if hold is None else f"{HOLDS}{hold.hold}",
        "hold": None if hold is None else _waits(hold),
        "evidence": failed,
        "record": record_id,
    }
    return {**members, "contradictions": contradicted} if contradicted else members
