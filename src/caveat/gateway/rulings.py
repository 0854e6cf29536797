"""A decision made durable: the record first, then the ruling that lets something through.

Law: a halt that has its place in the log stops whatever has its own behind it. Source: DESIGN section 4,
ADR-0041.
"""

from dataclasses import replace
from typing import Literal, Protocol

from caveat.call.call import Point
from caveat.decision.verdict import halted
from caveat.gateway.approvals import Approvals
from caveat.gateway.approved_cases import unreleased
from caveat.gateway.holding import Given
from caveat.gateway.judged import Judged
from caveat.gateway.listing import Listed
from caveat.gateway.metrics import Metrics
from caveat.gateway.planted_case import Opened
from caveat.gateway.ports import Law
from caveat.gateway.recorder import Recorder
from caveat.gateway.ruling import Ruling, Use, cite
from caveat.ledger.record import DecisionRecord, Redaction, render_time
from caveat.oversight.halts import Doing, Halt, Halts


class Sampler(Protocol):
    """Whoever chooses among what goes through. Source: ADR-0042."""

    def went_through(self, one: Opened, law: Law) -> None:
        """Takes in a use that goes through from now on: synchronous, and raises nothing."""
        ...


class Rulings:
    """The one way from what was judged to a ruling. `sampler`: None where nothing is sampled."""

    def __init__(self, recorder: Recorder, approvals: Approvals, halts: Halts, metrics: Metrics) -> None:
        """`halts`: folded from the log before anything else."""
        self._recorder = recorder
        self._approvals = approvals
        self._halts = halts
        self._metrics = metrics
        self.sampler: Sampler | None = None

    def halt_of(self, use: Use, of: str | None, given: Given | None) -> Halt | None:
        """The halt that stops this use, of whatever kind; None where nothing does."""
        if self._halts.are_none:
            return None
        ids = (of, None if given is None else given.hold, self._approvals.waits_under(use))
        return self._halts.covering(
            Doing(
                use.deployment.id,
                use.principal,
                (use.call.model, *use.served),
                tuple(one for one in ids if one is not None),
            )
        )

    async def rule(self, judged: Judged, listed: Listed, of: str | None) -> Ruling:
        """The ruling, once its record is durable. `of`: the record of the prompt that it goes on from.

        Raises `LedgerError`, `RequestError` for a use that fits into no record, and `FaultError` where it
        waits and what it shows cannot be stored.
        """
        # INVARIANT: no await from here until the record has its place in the log, so that nothing that is let
        # through stands behind the halt that stops it.
        use, halt = judged.use, self.halt_of(judged.use, of, judged.given)
        if halt is not None:
            judged = _halted(judged)
        record = self._record(judged, listed, of, halt)
        receipt = await self._recorder.append(record)
        content = judged.content or b""
        if self.sampler is not None and record.released:
            opened = Opened(receipt.record_id, record, use.call, use.deployment, use.found, content)
            self.sampler.went_through(opened, use.law)
        self._count(record)
        return Ruling(
            use,
            judged.decision,
            judged.gathered,
            receipt.record_id,
            receipt.checkpoint,
            judged.enforced,
            listed,
            None if _done(record) is None else judged.redacted,
            await self._approvals.wait(record, receipt.record_id, use, content),
            halt,
            of,
        )

    def _record(self, judged: Judged, listed: Listed, of: str | None, halt: Halt | None) -> DecisionRecord:
        use, call, gathered = judged.use, judged.use.call, judged.gathered
        mode: Literal["enforce", "observe"] = "observe" if use.deployment.mode == "observe" else "enforce"
        waits = judged.enforced and judged.content is not None
        return DecisionRecord(
            time=render_time(judged.now),
            point=call.point,
            protocol=call.protocol,
            deployment=call.deployment,
            principal=use.principal,
            model=call.model,
            action=use.action,
            request=call.action_digest,
            bundle=use.law.bundle.digest,
            parts=listed.parts,
            cases=gathered.cases,
            decision=judged.decision,
            evidence=tuple(cite(checked) for checked in gathered.evidence),
            reserve=gathered.reserve,
            mode=mode,
            enforced=judged.enforced,
            of=of,
            development=use.law.bundle.manifest.development,
            history=listed.history,
            redaction=judged.redaction,
            history_state=call.history if call.point is Point.PROMPT else None,
            hold=self._approvals.held(use, judged.decision, judged.now) if waits else None,
            approved=None if judged.given is None else judged.given.render(),
            halted=None if halt is None else halt.said,
            counted=gathered.counted,
        )

    def _count(self, record: DecisionRecord) -> None:
        self._metrics.decided(record.point, record.decision, record.mode)
        self._metrics.unavailable(record.cases)
        if record.history_state is not None:
            self._metrics.compared(record.history_state.value)
        done = _done(record)
        if done is not None and done.counts is not None:
            self._metrics.redacted(record.point, done.counts)


def _halted(judged: Judged) -> Judged:
    """The same, stopped. What was approved of it is cited no more, and its caller gives it back."""
    return replace(
        judged,
        decision=halted(judged.decision),
        enforced=True,
        gathered=unreleased(judged.gathered, judged.given),
        given=None,
    )


def _done(record: DecisionRecord) -> Redaction | None:
    """What was really replaced: nothing where a deployment is only watched."""
    return record.redaction if record.mode == "enforce" else None
