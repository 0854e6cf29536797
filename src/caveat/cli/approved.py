"""Whether what the log says of a person's decision is what they signed, under the policy of that time."""

from typing import Any

from caveat.evidence.approval import VerifiedApproval, verify_approval
from caveat.evidence.envelope import RejectedEnvelope
from caveat.evidence.overseers import VerifiedSaying, verify_saying
from caveat.evidence.predicates import DissentModel, FindingModel, HaltModel, Predicate
from caveat.evidence.trust import Trust, TrustError, parse_trust
from caveat.ledger.record import DissentRecord, FindingRecord, HaltRecord, ReviewRecord
from caveat.ledger.replay import Bundles
from caveat.oversight.hold import Hold
from caveat.signing.digest import Digest


class SignedStatements:
    """For `ApprovalCheck`: the trust policies of the bundles of a ledger folder."""

    def __init__(self, bundles: Bundles) -> None:
        """`bundles`: those of the folder that is verified."""
        self._bundles = bundles
        self._trust: dict[Digest, Trust | None] = {}

    def __call__(self, record: ReviewRecord, hold: Hold) -> bool:
        """Whether an enrolled key signed exactly this decision; False where that cannot be told."""
        trust = self._of(hold.asked.policy)
        if trust is None:
            return False
        found = verify_approval(record.statement.encode(), trust)
        if not isinstance(found, VerifiedApproval):
            return False
        said = found.approval
        return (
            (said.hold, said.act.value, said.role) == (record.hold, record.act, record.role)
            and found.overseer.person == record.person
            and (found.approver.keyid, found.digest) == (record.key, record.envelope)
        )

    def of_overseer(self, record: HaltRecord | DissentRecord | FindingRecord, origin: str) -> bool:
        """Whether an enrolled overseer signed exactly this about the log of this origin."""
        trust = self._of(record.bundle)
        if trust is None:
            return False
        raw = record.statement.encode()
        if isinstance(record, HaltRecord):
            halt = verify_saying(raw, origin, Predicate.HALT, HaltModel, trust)
            if isinstance(halt, RejectedEnvelope):
                return False
            said = halt.said
            same = (said.act, said.scope, said.target, said.caller, said.halt or None) == (
                record.act,
                record.scope,
                record.target,
                record.caller,
                record.halt,
            )
            return same and _signed(halt) == (record.person, record.key, record.said)
        if isinstance(record, FindingRecord):
            return _is_found(verify_saying(raw, origin, Predicate.FINDING, FindingModel, trust), record)
        dissent = verify_saying(raw, origin, Predicate.DISSENT, DissentModel, trust)
        if isinstance(dissent, RejectedEnvelope) or dissent.said.about != record.about:
            return False
        return _signed(dissent) == (record.person, record.key, record.said)

    def _of(self, policy: Digest) -> Trust | None:
        if policy not in self._trust:
            bundle = self._bundles.get(policy)
            try:
                self._trust[policy] = None if bundle is None else parse_trust(bundle.files["trust.toml"])
            except TrustError:
                self._trust[policy] = None
        return self._trust[policy]


def _is_found(found: VerifiedSaying[FindingModel] | RejectedEnvelope, record: FindingRecord) -> bool:
    """Whether this person, who has the role and is enrolled for it, signed exactly this finding."""
    if isinstance(found, RejectedEnvelope) or record.role not in found.overseer.roles:
        return False
    said = found.said
    same = (said.about, said.finding, said.code, said.role, said.shown) == (
        record.about,
        record.finding,
        record.code,
        record.role,
        record.shown,
    )
    return same and _signed(found) == (record.person, record.key, record.said)


def _signed(found: VerifiedSaying[Any]) -> tuple[str, Digest, Digest]:  # Any: whatever they said
    return found.overseer.person, found.issuer.keyid, found.payload
