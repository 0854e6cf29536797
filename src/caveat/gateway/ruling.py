"""What is asked of the gate, and what it answers.

Law: whoever releases anything needs a `Ruling` whose `released` is true. Source: DESIGN section 4.
"""

from dataclasses import dataclass, field

from caveat.call.call import Call
from caveat.decision.binding import binding_clauses
from caveat.decision.verdict import Decision, Verdict
from caveat.evidence.check import Checked
from caveat.gateway.conversations import Turn
from caveat.gateway.gather import Gathered
from caveat.gateway.holding import Waiting
from caveat.gateway.identity.speaker import Speaker
from caveat.gateway.listing import Listed
from caveat.gateway.ports import Found, Law
from caveat.gateway.redacting import Redacted
from caveat.gateway.transcripts import Passage
from caveat.gateway.wire.request import WireRequest
from caveat.ledger.record import EvidenceCited
from caveat.oversight.halts import Halt
from caveat.oversight.hold import Asked
from caveat.policy.deployments import Deployment


@dataclass(frozen=True, slots=True)
class Use:
    """A request that was read and whose sender is known. `action`: what it does, for the record.

    `found`: evidence that the store has about its parts, and what was known again of them.
    `speakers`: its sender beside an API key. `request`: what content can be replaced in; a use without it is
    refused where a clause has any replaced. `passage`: its messages beside what passed before.
    `whole`: the request with what an earlier response stands for, as it was decided. `served`: the names by
    which upstreams know the model that would serve it.
    """

    law: Law
    deployment: Deployment
    principal: str
    action: str
    call: Call
    found: Found = field(default_factory=Found)
    speakers: tuple[Speaker, ...] = ()
    turn: Turn = field(default_factory=Turn)
    request: WireRequest | None = None
    passage: Passage | None = None
    whole: WireRequest | None = None
    served: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision that is durable. Only a ruling that is `released` lets anything through.

    `redacted`: of a prompt in which content was replaced; then only its bytes may go to an endpoint.
    `halt`: of a use that an overseer has stopped. `of`: the record of the prompt that it goes on from.
    """

    use: Use
    decision: Decision
    gathered: Gathered
    record_id: str
    checkpoint: bytes
    enforced: bool
    listed: Listed = field(default_factory=Listed)
    redacted: Redacted | None = None
    hold: Waiting | None = None
    halt: Halt | None = None
    of: str | None = None

    @property
    def released(self) -> bool:
        """Whether the use goes through: it is allowed, or its verdict is not enforced."""
        return self.decision.verdict is Verdict.ALLOW or not self.enforced


def cite(checked: Checked) -> EvidenceCited:
    """An envelope as records cite it."""
    outcome = checked.outcome.value if checked.code is None else checked.code.value
    return EvidenceCited(checked.envelope, checked.key or "", outcome, checked.once)


def asked_of(use: Use) -> Asked:
    call = use.call
    return Asked(call.deployment, use.principal, call.action_digest, use.law.bundle.digest)


def is_enforced(use: Use, decision: Decision, gathered: Gathered) -> bool:
    """Whether the verdict takes effect: in observe mode only where an `@always_enforced` clause binds.

    Source: DESIGN section 4.
    """
    if use.deployment.mode != "observe":
        return True
    if decision.verdict is Verdict.ALLOW:
        return False
    return bool(binding_clauses(use.law.bundle.policy, use.call.point, gathered.cases))
