"""A durable decision, as a program reads it."""

from dataclasses import dataclass, field
from typing import Literal

from caveat.call.call import Point
from caveat.decision.verdict import Reason, Verdict
from caveat.gateway import ruling as gateway_ruling
from caveat.gateway.desk import Desk
from caveat.gateway.gather import needs_detail
from caveat.gateway.identity.callers import Caller
from caveat.gateway.refusal import refusal_message
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.request import WireRequest
from caveat.signing.canonical import JsonObject


@dataclass(frozen=True, slots=True)
class Origin:
    """What a ruling was made of: by it the next step of the same use is decided. For this room alone."""

    desk: Desk
    wire: Wire
    caller: Caller
    request: WireRequest
    ruling: gateway_ruling.Ruling


@dataclass(frozen=True, slots=True)
class Ruling:
    """One decision, durable in the ledger before this value exists.

    `allowed`: whether the use goes through: its verdict is allow, or its deployment only observes. Nothing
    else lets anything through. `point`: prompt, tool or output. `clauses`: ids of the clauses that decided.
    `needs`: facts that, attested as claimed, leave nothing denied; `needs_detail` says of each who may attest
    it and about which part. `approvals`: roles whose approval would allow it. `mode`: whether the deployment
    enforces. `record`: its id in the ledger. `checkpoint`: a signed note (C2SP) that covers the record.
    `message`: one line for a person, without content. `hold`: where it waits for people, if it does.
    """

    allowed: bool
    verdict: Verdict
    reason: Reason
    point: Point
    clauses: tuple[str, ...]
    needs: tuple[str, ...]
    needs_detail: tuple[JsonObject, ...]
    approvals: tuple[str, ...]
    mode: Literal["enforce", "observe"]
    record: str
    checkpoint: bytes = field(repr=False)
    message: str
    hold: str | None
    origin: Origin = field(repr=False, compare=False)

    def raise_for_verdict(self) -> None:
        """Returns only where the use goes through; raises `Refused` otherwise."""
        if not self.allowed:
            raise Refused(self)


class Refused(Exception):  # noqa: N818 - a refusal is a decision and no error: it is named for what it is
    """A use that does not go through. `ruling` has all of it; what a caller acts on stands here too."""

    def __init__(self, ruling: Ruling) -> None:
        """Of a ruling that is not released."""
        super().__init__(ruling.message)
        self.ruling = ruling
        self.verdict = ruling.verdict
        self.clauses = ruling.clauses
        self.needs = ruling.needs
        self.approvals = ruling.approvals
        self.hold = ruling.hold
        self.record = ruling.record


def ruling_of(origin: Origin) -> Ruling:
    """What a program may know of a ruling of the gateway."""
    made = origin.ruling
    decision, use = made.decision, made.use
    registry = use.law.bundle.registry
    detail = needs_detail(registry, made.gathered, use.call.claims, decision.needs)
    allow = decision.verdict is Verdict.ALLOW
    return Ruling(
        allowed=made.released,
        verdict=decision.verdict,
        reason=decision.reason,
        point=use.call.point,
        clauses=decision.clauses,
        needs=decision.needs,
        needs_detail=tuple(detail),
        approvals=decision.approvals,
        mode="observe" if use.deployment.mode == "observe" else "enforce",
        record=made.record_id,
        checkpoint=made.checkpoint,
        message="allowed" if allow else refusal_message(decision),
        hold=None if made.hold is None else made.hold.hold,
        origin=origin,
    )
