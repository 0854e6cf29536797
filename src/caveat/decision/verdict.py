"""Verdicts, the reasons for them, and the decision that carries both."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What is done with a use. Ordered: the strictest of several wins."""

    ALLOW = "allow"
    NEEDS_APPROVAL = "needs_approval"
    NEEDS_EVIDENCE = "needs_evidence"
    DENY = "deny"

    @property
    def strictness(self) -> int:
        """0 for allow to 3 for deny."""
        return _STRICTNESS[self]


_STRICTNESS = {verdict: rank for rank, verdict in enumerate(Verdict)}


class Reason(StrEnum):
    """Why a verdict was given: a closed set of codes, each with its page in `docs/reference/reasons.md`."""

    FORGED_EVIDENCE = "forged_evidence"
    REPLAYED_EVIDENCE = "replayed_evidence"
    VALUE_OUT_OF_RANGE = "value_out_of_range"
    CONTRADICTORY_EVIDENCE = "contradictory_evidence"
    CONFLICT = "conflict"
    CLAUSE = "clause"
    NO_PERMIT = "no_permit"
    UNVERIFIED = "unverified"
    UNATTESTABLE = "unattestable"
    BUDGET = "budget"
    COUNTED_INTERVAL = "counted_interval"
    APPROVAL = "approval"
    OBLIGATION = "obligation"
    HALTED = "halted"
    PERMITTED = "permitted"
    ENGINES_DISAGREE = "engines_disagree"
    EVALUATION_ERROR = "evaluation_error"


@dataclass(frozen=True, slots=True)
class Decision:
    """One verdict for one use, with what a caller needs to know to get another.

    `clauses`: ids of the clauses that decided, as in the policy document. `needs`: names of a smallest set
    of facts that, attested as claimed, leaves nothing denied. `approvals`: a smallest set of roles whose
    approval would allow it. `incident`: somebody should look at this. `steps`: regions examined.
    """

    verdict: Verdict
    reason: Reason
    clauses: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    incident: bool = False
    steps: int = 0


def halted(decision: Decision) -> Decision:
    """The decision on a use that an overseer has stopped, whatever it was before: denied, and nothing asked.

    Somebody still looks at what was an incident.
    """
    return Decision(Verdict.DENY, Reason.HALTED, incident=decision.incident, steps=decision.steps)


def strictest(decisions: tuple[Decision, ...]) -> Decision:
    """The strictest of the decisions, the first among equals; raises `ValueError` for none at all.

    No decision is no allow: an empty set of worlds never permits (DESIGN section 3).
    """
    if not decisions:
        raise ValueError("no case to decide")
    return max(decisions, key=lambda decision: decision.verdict.strictness)
