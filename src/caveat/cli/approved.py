"""Whether what the log says of a person's decision is what they signed, under the policy of that time."""

from caveat.evidence.approval import VerifiedApproval, verify_approval
from caveat.evidence.trust import Trust, TrustError, parse_trust
from caveat.ledger.record import ReviewRecord
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

    def _of(self, policy: Digest) -> Trust | None:
        if policy not in self._trust:
            bundle = self._bundles.get(policy)
            try:
                self._trust[policy] = None if bundle is None else parse_trust(bundle.files["trust.toml"])
            except TrustError:
                self._trust[policy] = None
        return self._trust[policy]
