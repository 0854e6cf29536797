"""What people approved, as the gate takes it for one use: once, and given back where nothing came of it.

Law: what is taken is found by no other use, so it is taken before a record is made of it. Source: ADR-0037.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta

from caveat.decision.verdict import Decision, Verdict
from caveat.gateway.approved_cases import approved
from caveat.gateway.errors import LedgerError, RequestError
from caveat.gateway.gather import Gathered
from caveat.gateway.hold_view import render_view
from caveat.gateway.holding import Given, Holding, Waiting
from caveat.gateway.planted_case import Opened
from caveat.gateway.ruling import Ruling, Use, asked_of, is_enforced
from caveat.ledger.record import DecisionRecord, Held, parse_time
from caveat.oversight.hold import make_shown


class Approvals:
    """The holds of a gateway as its gate meets them. Without `holding` nobody can approve anything."""

    def __init__(self, holding: Holding | None, now: Callable[[], datetime]) -> None:
        """`now` raises `FaultError`."""
        self._holding = holding
        self._now = now

    def given(self, use: Use, decision: Decision, gathered: Gathered, now: datetime) -> Given | None:
        """What people approved of this very use, where that and nothing less makes it go through."""
        if self._holding is None or decision.verdict is not Verdict.NEEDS_APPROVAL:
            return None
        given = self._holding.given(asked_of(use), use.law, now)
        if given is None or not is_enforced(use, decision, gathered):
            return None
        cases = approved(gathered, given).cases
        return given if use.law.decisions.decide(use.call.point, cases).verdict is Verdict.ALLOW else None

    def take(self, given: Given | None) -> None:
        """Uses up what was approved, before a record is made of it."""
        if given is not None and self._holding is not None:
            self._holding.take(given)

    def give_back(self, given: Given | None) -> None:
        """The use that took it did not go through after all."""
        if given is not None and self._holding is not None:
            self._holding.give_back(given)

    @contextmanager
    def giving_back(self, given: Given | None) -> Generator[None]:
        """Gives back what was taken where there is surely no record of it.

        A caller who hangs up meanwhile does not get it back: the record may have its place in the log.
        """
        try:
            yield
        except (LedgerError, RequestError):
            self.give_back(given)
            raise

    def keep(self, given: Given | None, ruling: Ruling) -> None:
        """What was halted has used up no approval."""
        if ruling.halt is not None:
            self.give_back(given)

    def waits_under(self, use: Use) -> str | None:
        """The id of the hold under which this very use waits; None where it does not."""
        entry = None if self._holding is None else self._holding.book.of(asked_of(use), self._now())
        return None if entry is None else entry.hold.id

    def held(self, use: Use, decision: Decision, now: datetime) -> Held | None:
        """What the record of a use that waits says of it; None where no person can release it."""
        return None if self._holding is None else self._holding.held(asked_of(use), decision, use.law, now)

    async def wait(self, record: DecisionRecord, record_id: str, use: Use, content: bytes) -> Waiting | None:
        """Where the use waits now. Raises `FaultError` where what it shows cannot be stored."""
        if record.hold is None or self._holding is None:
            return None
        name = record.hold.of or record_id
        if record.hold.of is None:
            shown = make_shown(render_view(record, record_id, use.law.bundle), content)
            kept = max((one.seconds for one in record.hold.afterwards), default=0)
            await self._holding.keep(
                name, shown, parse_time(record.hold.expires_at) + timedelta(seconds=kept)
            )
            opened = Opened(record_id, record, use.call, use.deployment, use.found, content)
            self._holding.planted.opened(opened)
        now = self._now()
        outlook, is_approved = self._holding.outlook(name, use.law, now), self._holding.is_approved(name, now)
        return Waiting(name, record.hold.expires_at, dict(record.hold.roles), outlook, is_approved)
