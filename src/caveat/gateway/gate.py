"""One use through the gate: facts, decision, durable record, and only then an effect.

Legal order: gather, decide and hold happen without an await between them, so that no two uses read the
same total; the record is durable before `Ruling` exists; whoever releases anything needs a `Ruling` whose
`released` is true. Source: DESIGN section 4, ADR-0002.
"""

import asyncio
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from caveat.call.call import Point
from caveat.gateway.approvals import Approvals
from caveat.gateway.approved_cases import approved, still_approved
from caveat.gateway.bound import (
    bound_output,
    cases_of_answer,
    left_alone,
    unscored,
    with_redaction,
    with_unreadable,
)
from caveat.gateway.errors import FaultError, RequestError
from caveat.gateway.gather import Gathered
from caveat.gateway.holding import Holding
from caveat.gateway.issued_keys import IssuedKeys
from caveat.gateway.judged import Judged
from caveat.gateway.listing import new_parts, shortened
from caveat.gateway.metrics import Metrics
from caveat.gateway.naming import Namer
from caveat.gateway.ports import Law, Ledger
from caveat.gateway.recorder import Fold, Recorder
from caveat.gateway.redacting import AnswerRedaction, Redacted, counted, record_of
from caveat.gateway.registrations import Registrations
from caveat.gateway.ruling import Ruling, Use, is_enforced
from caveat.gateway.rulings import Rulings
from caveat.gateway.screening import Scores, scores_of, unread_scores, with_scores
from caveat.gateway.tool_point import ToolPoint
from caveat.gateway.use_redaction import may_change_answer, redaction_of_answer, redaction_of_prompt
from caveat.gateway.wire.tool_calls import ToolCall
from caveat.ledger.record import DataPart, History, HistoryRecord, OutputEndRecord, Record
from caveat.oversight.halts import Halts
from caveat.signing.digest import Digest


class Gate:
    """Decides and records. Holds the ledger; knows nothing of HTTP."""

    def __init__(
        self,
        ledger: Ledger,
        metrics: Metrics,
        clock: Callable[[], datetime],
        audit_key: bytes,
        folds: Iterable[Callable[[Record], None]] = (),
        holding: Holding | None = None,
        halts: Halts | None = None,
        watching: Iterable[Fold] = (),
    ) -> None:
        """`audit_key`: without it nobody can test a guess at what a record's HMAC stands for.

        `folds` take in every record once it is durable, `watching` with its id.
        Without `holding` nobody can approve anything. `halts`: folded from the log before anything else.
        """
        self.halts = Halts() if halts is None else halts
        kept = [_without_id(fold) for fold in folds]
        kept.append(self.halts.fold)
        if holding is not None:
            kept.append(holding.fold)
        kept.extend(watching)
        self.recorder = Recorder(ledger, clock, kept)
        self.metrics = metrics
        self.namer = Namer(audit_key)
        self.issued = IssuedKeys()
        now = self.recorder.now
        self._approvals = Approvals(holding, now)
        self._registrations = Registrations(self.issued, now)
        self.rulings = Rulings(self.recorder, self._approvals, self.halts, metrics)
        self._tools = ToolPoint(self.rulings, self._approvals, self._registrations, self.namer, now)

    async def decide_prompt(self, use: Use) -> Ruling:
        """The ruling on a prompt; raises `LedgerError` when it cannot be made durable."""
        witnesses = use.law.witnesses
        # Before anything is reserved, since both may wait.
        scores = await scores_of(use.law.screening, use.call)
        await witnesses.read(use.call, use.deployment, use.found)
        judged = self._judge_prompt(use, scores)
        released = judged.is_released and self.rulings.halt_of(use, None, judged.given) is None
        if released:
            witnesses.hold(use.call, judged.gathered, judged.now)
        else:
            kept_back = replace(judged.gathered, reserve=(), counted=None, contributed=())
            judged = replace(judged, gathered=kept_back)
        # INVARIANT: no await above this line since `gather`.
        self._approvals.take(judged.given)
        with self._approvals.giving_back(judged.given):
            try:
                ruling = await self._rule_prompt(judged, released=released)
            except (FaultError, RequestError):
                if released:
                    witnesses.drop(use.call, judged.gathered)
                raise
            except BaseException:
                if released:  # whoever hangs up may leave a record behind, so that what it counted stays
                    witnesses.settle(use.call, judged.gathered)
                raise
            self._approvals.keep(judged.given, ruling)
        if released and not ruling.released:  # halted while its parts were recorded
            witnesses.drop(use.call, judged.gathered)
        elif released:
            witnesses.settle(use.call, judged.gathered)
        use.turn.note(ruling.record_id)
        return ruling

    def _judge_prompt(self, use: Use, scores: Scores) -> Judged:
        now = self.recorder.now()
        gathered = use.law.witnesses.gather(use.call, use.deployment, use.found, now)
        cases = with_scores(gathered.cases, use.law.bundle, scores)
        gathered = gathered if cases is gathered.cases else replace(gathered, cases=cases)
        decision = use.law.decisions.decide(Point.PROMPT, gathered.cases)
        redacted = redaction_of_prompt(use, gathered, self.namer)
        decision = with_redaction(decision, redacted)
        given = self._approvals.given(use, decision, gathered, now)
        if given is not None:
            # What is replaced depends on no approval, so it stands as it was found.
            gathered = approved(gathered, given)
            decision = with_redaction(use.law.decisions.decide(Point.PROMPT, gathered.cases), redacted)
        return Judged(
            use,
            decision,
            gathered,
            now,
            is_enforced(use, decision, gathered),
            None if redacted is None else redacted.record,
            redacted,
            given,
            _forwarded(use, redacted),
        )

    async def _rule_prompt(self, judged: Judged, *, released: bool) -> Ruling:
        """`released`: it is let through as far as is known, so what it contributes is kept apart before."""
        use = judged.use
        if released and judged.gathered.contributed:
            await asyncio.to_thread(use.law.witnesses.keep_apart, judged.gathered)
        listed = await shortened(
            new_parts(use.call.parts, use.turn), partial(self._record_parts, use.deployment.id)
        )
        return await self.rulings.rule(judged, listed, None)

    def is_halted(self, ruling: Ruling) -> bool:
        """Whether an overseer has stopped what this ruling released."""
        return self.rulings.halt_of(ruling.use, ruling.of or ruling.record_id, None) is not None

    def redaction_of_answer(self, prompt: Ruling, law: Law, size: int | None) -> AnswerRedaction | None:
        """What becomes of the answer to a prompt under `law`; None where nothing can change in it.

        `size`: of the whole answer in bytes; None of a stream. Where a deployment is only observed nothing
        changes.
        """
        if not may_change_answer(prompt, law):
            return None
        deployment = self._registrations.deployment(prompt.use, law)
        return redaction_of_answer(prompt, law, deployment, size, self.namer)

    async def decide_output(
        self,
        prompt: Ruling,
        law: Law,
        answer: bytes | None,
        scores: Scores | None = None,
        redaction: AnswerRedaction | None = None,
    ) -> Ruling:
        """The ruling on what the model answered, from the facts that went into it.

        The answer inherits the facts of its prompt: nothing becomes cleaner by passing through a model.
        `law` is the one in force now, which may be stricter than the prompt's. `answer` is None where a
        stream's bytes are still to come; its end is then recorded by `record_end`. An answer longer than the
        use's workflow allows is none of that workflow's, so its facts are unknown of it. `scores`: what the
        screens of `law` found in the answer; None where they read nothing of it. `redaction`: by which
        `answer` became what it is; of a stream, by which it will. Where a clause binds, an answer without
        one is refused.
        """
        before = prompt.use
        call = replace(before.call, point=Point.OUTPUT)
        if answer is not None:
            call = replace(
                call, action_digest=self.name(call.deployment, Point.OUTPUT, call.protocol, answer)
            )
        use = replace(before, law=law, deployment=self._registrations.deployment(before, law), call=call)
        size = None if answer is None else len(answer)
        if redaction is not None:
            size = redaction.size
        cases = still_approved(prompt, law, unscored(prompt, cases_of_answer(prompt.gathered, size)))
        found = unread_scores(law.screening) if scores is None else scores
        cases = with_scores(cases, law.bundle, found)
        decision = law.decisions.decide(Point.OUTPUT, cases)
        gathered = Gathered(cases)
        counts = None if redaction is None or answer is None else redaction.counts
        bound = bound_output(prompt, law, size)
        done = record_of(bound, counts, left_alone(use, redacted=redaction is not None))
        decision = with_unreadable(decision, done)
        enforced = is_enforced(use, decision, gathered)
        judged = Judged(use, decision, gathered, self.recorder.now(), enforced, done)
        return await self.rulings.rule(judged, prompt.listed, prompt.record_id)

    async def decide_tools(
        self, prompt: Ruling, law: Law, calls: Sequence[ToolCall], *, redacted: bool = False
    ) -> tuple[Ruling, ...]:
        """The rulings on the calls of tools that one answer asks for, in their order.

        From the facts that went into the answer, with what is registered of the tool in place of what is
        registered of its deployment. `law` is the one in force now. `redacted`: the calls are as they became
        under a redaction; where a clause binds, one that is not is refused. They are released together or
        not at all, so where one is not, none uses up what was approved of it.
        """
        return await self._tools.decide(prompt, law, calls, redacted=redacted)

    async def _record_parts(
        self, deployment: str, parts: tuple[DataPart, ...], history: History | None
    ) -> str:
        return (
            await self.recorder.append(HistoryRecord(self.recorder.now_text(), deployment, parts, history))
        ).record_id

    async def record_end(
        self,
        output: Ruling,
        released: bytes,
        size: int,
        *,
        complete: bool,
        redaction: AnswerRedaction | None = None,
    ) -> None:
        """Records what a stream let through, by its HMAC."""
        counts = None if redaction is None else counted(redaction.counts)
        if counts is not None:
            self.metrics.redacted(Point.OUTPUT, counts)
        await self.recorder.append(
            OutputEndRecord(
                self.recorder.now_text(), output.record_id, released.hex(), size, complete, counts
            )
        )

    def name(
        self, deployment: str, point: Point, protocol: str, forwarded: bytes, targets: tuple[str, ...] = ()
    ) -> Digest:
        """Names one exact action: who, where, in which protocol, at what, and the bytes that go on.

        Under the audit key, since the name stands in records: a guess at the bytes cannot be tested without.
        """
        return self.namer.name((deployment, point, protocol, targets), forwarded).digest

    def now(self) -> datetime:
        """The moment by the clock that every record is dated with."""
        return self.recorder.now()

    def audit_hmac(self) -> hmac.HMAC:
        """A running HMAC under the audit key."""
        return self.namer.fresh()


def _without_id(fold: Callable[[Record], None]) -> Fold:
    return lambda record, _record_id: fold(record)


def _forwarded(use: Use, redacted: Redacted | None) -> bytes | None:
    """What would go on to the model: what a person has to judge. None of a use that was not read."""
    request = use.request or use.whole
    if request is None or redacted is None or redacted.forward is None:
        return None if request is None else request.forward
    return redacted.forward
