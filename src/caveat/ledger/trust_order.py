"""For `verify`: trust policies came into force in the order of their versions. Pure.

A gateway keeps to that when it loads one; this finds a log whose gateway did not. Policies of development
bundles, whose keys are one person's and made anew, are passed over. Source: attack 39 in `THREAT_MODEL.md`,
ADR-0021.
"""

from collections.abc import Iterator

from caveat.ledger.finding import Code, Finding
from caveat.ledger.record import Record, TrustRecord


class TrustOrderCheck:
    """Sees every record once, in order."""

    def __init__(self) -> None:
        """No trust policy was seen yet."""
        self._version = 0
        self._trust = ""

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """A finding where this record puts an older trust policy in force, or another of the same version."""
        if not isinstance(record, TrustRecord) or record.development:
            return
        if record.version < self._version:
            yield Finding(Code.TRUST_WENT_BACK, index, "a trust policy is older than one that was in force")
        elif record.version == self._version and record.trust != self._trust:
            yield Finding(Code.TRUST_WENT_BACK, index, "two trust policies have one version")
        else:
            self._version, self._trust = record.version, record.trust
