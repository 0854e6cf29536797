"""One-time evidence: which action consumed which id. An id serves the action first released with it alone.

The action is a record's `request`, an HMAC of the action digest, so that the same action asked again is no
replay. Consumed in memory, synchronously, before the record is
submitted; folded from the log at start-up. Source: EVIDENCE attacks 6 and 7 in `THREAT_MODEL.md`.
"""

from collections.abc import Iterable, Iterator

from caveat.ledger.finding import Code, Finding
from caveat.ledger.record import DecisionRecord, Record


class Once:
    """The consumed ids. Not for several threads: the gateway's event loop owns it."""

    def __init__(self) -> None:
        """Nothing is consumed."""
        self._actions: dict[str, str] = {}

    def consumed_by(self, once: str) -> str | None:
        """The action that consumed the id; None if it is fresh."""
        return self._actions.get(once)

    def consume(self, once: str, action: str) -> bool:
        """True if the id serves `action`, now or already; False if another action has consumed it."""
        return self._actions.setdefault(once, action) == action

    def fold(self, record: Record) -> None:
        """Consumes what a released use cited; a use that was held back consumes nothing."""
        if isinstance(record, DecisionRecord) and record.released:
            for cited in record.evidence:
                if cited.once is not None:
                    self.consume(cited.once, record.request)


def fold_once(records: Iterable[Record]) -> Once:
    """The consumed ids after these records, in their order."""
    once = Once()
    for record in records:
        once.fold(record)
    return once


class OnceCheck:
    """For `verify`: no one-time id was accepted for an action after another had consumed it."""

    def __init__(self) -> None:
        """Nothing is consumed yet."""
        self._once = Once()

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """Findings at this record; consumes what it cites."""
        if not isinstance(record, DecisionRecord):
            return
        for cited in record.evidence:
            if cited.once is not None and self._once.consumed_by(cited.once) not in (None, record.request):
                yield Finding(Code.ONCE_REUSED, index, "a one-time id served a second action")
        self._once.fold(record)
