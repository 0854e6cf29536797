"""A use with what was decided of it, before there is a record. Pure."""

from dataclasses import dataclass
from datetime import datetime

from caveat.decision.verdict import Decision, Verdict
from caveat.gateway.gather import Gathered
from caveat.gateway.holding import Given
from caveat.gateway.redacting import Redacted
from caveat.gateway.ruling import Use
from caveat.ledger.record import Redaction


@dataclass(frozen=True, slots=True)
class Judged:
    """What a record is made of. Nothing goes through by it: that needs a `Ruling`.

    `redaction`: what was to be replaced; `redacted`: the prompt in which it was. `given`: what people
    approved and was taken for this use. `content`: what a person would be shown; a use without it waits for
    nobody.
    """

    use: Use
    decision: Decision
    gathered: Gathered
    now: datetime
    enforced: bool
    redaction: Redaction | None = None
    redacted: Redacted | None = None
    given: Given | None = None
    content: bytes | None = None

    @property
    def is_released(self) -> bool:
        """Whether it would go through."""
        return self.decision.verdict is Verdict.ALLOW or not self.enforced
