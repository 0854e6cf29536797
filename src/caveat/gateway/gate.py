"""One use through the gate: facts, decision, durable record, and only then an effect.

Legal order: gather, decide and hold happen without an await between them, so that no two uses read the
same total; the record is durable before `Ruling` exists; whoever releases anything needs a `Ruling` whose
`released` is true. Source: DESIGN section 4, ADR-0002.
"""

import asyncio
import hmac
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, Protocol

from caveat.call.call import Call, Point
from caveat.decision.obligations import kinds_of
from caveat.decision.verdict import Decision, Verdict, halted
from caveat.gateway.approved_cases import (
    approved,
    still_approved,
    unapproved,
    unreleased,
    without_approvals,
)
from caveat.gateway.bound import (
    bound_output,
    bound_tool,
    cases_of_answer,
    left_alone,
    unscored,
    with_redaction,
    with_unreadable,
)
from caveat.gateway.contributing import with_effects
from caveat.gateway.conversations import Turn
from caveat.gateway.errors import FaultError, LedgerError, RequestError
from caveat.gateway.gather import Gathered
from caveat.gateway.hold_view import render_view
from caveat.gateway.holding import Given, Holding, Waiting
from caveat.gateway.issued_keys import IssuedKeys
from caveat.gateway.listing import Listed, new_parts, shortened
from caveat.gateway.metrics import Metrics
from caveat.gateway.naming import Namer
from caveat.gateway.planted_case import Opened
from caveat.gateway.ports import Law, Ledger
from caveat.gateway.recorder import Fold, Recorder
from caveat.gateway.redacting import (
    AnswerRedaction,
    Redacted,
    Redacting,
    counted,
    record_of,
    redact_request,
)
from caveat.gateway.ruling import Ruling, Use, asked_of, cite, is_enforced
from caveat.gateway.screening import Scores, unread_scores, with_scores
from caveat.gateway.tool_use import action_of, cases_of_call, parts_of_call, tool_of
from caveat.gateway.wire.tool_calls import Arguments, ToolCall
from caveat.ledger.record import (
    Counted,
    DataPart,
    DecisionRecord,
    Held,
    History,
    HistoryRecord,
    OutputEndRecord,
    Record,
    Redaction,
    parse_time,
    render_time,
)
from caveat.oversight.halts import Doing, Halt, Halts
from caveat.oversight.hold import make_shown
from caveat.policy.deployments import Deployment
from caveat.screens.placeholders import Placeholders, Table
from caveat.signing.canonical import canonical
from caveat.signing.digest import Digest, sha256


class Sampler(Protocol):
    """Whoever chooses among what goes through. Source: ADR-0042."""

    def went_through(self, one: Opened, law: Law) -> None:
        """Takes in a use that goes through from now on: synchronous, and raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class _Judged:
    """A call of a tool with what was decided of it, and no record yet. `given`: was taken for it; `counted`:
    where what it does is counted."""

    use: Use
    asked: ToolCall
    gathered: Gathered
    decision: Decision
    now: datetime
    redaction: Redaction | None
    enforced: bool
    given: Given | None = None
    counted: Counted | None = None

    @property
    def is_released(self) -> bool:
        """Whether it would go through."""
        return self.decision.verdict is Verdict.ALLOW or not self.enforced


def _judged(
    use: Use, asked: ToolCall, gathered: Gathered, now: datetime, redaction: Redaction | None
) -> _Judged:
    decision = with_unreadable(use.law.decisions.decide(Point.TOOL, gathered.cases), redaction)
    enforced = is_enforced(use, decision, gathered)
    return _Judged(use, asked, gathered, decision, now, redaction, enforced)


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
        self._holding = holding
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
        self.sampler: Sampler | None = None

    async def decide_prompt(self, use: Use) -> Ruling:
        """The ruling on a prompt; raises `LedgerError` when it cannot be made durable."""
        # Before anything is reserved, since both may wait.
        scores = await _scores_of(use.law, use.call)
        await use.law.witnesses.read(use.call, use.deployment, use.found)
        now = self.recorder.now()
        gathered = use.law.witnesses.gather(use.call, use.deployment, use.found, now)
        cases = with_scores(gathered.cases, use.law.bundle, scores)
        gathered = gathered if cases is gathered.cases else replace(gathered, cases=cases)
        decision = use.law.decisions.decide(Point.PROMPT, gathered.cases)
        redacted = self._redacted(use, gathered)
        decision = with_redaction(decision, redacted)
        given = self._given(use, decision, gathered, now)
        if given is not None:
            # What is replaced depends on no approval, so it stands as it was found.
            gathered = approved(gathered, given)
            decision = with_redaction(use.law.decisions.decide(Point.PROMPT, gathered.cases), redacted)
        enforced = is_enforced(use, decision, gathered)
        stopped = self._halt_of(use, None, given)
        released = stopped is None and (decision.verdict is Verdict.ALLOW or not enforced)
        if not released:
            gathered = replace(gathered, reserve=(), counted=None, contributed=())
        else:
            use.law.witnesses.hold(use.call, gathered, now)
        # INVARIANT: no await above this line since `gather`.
        self._take(given)
        with self._giving_back(given):
            try:
                if released and gathered.contributed:
                    await asyncio.to_thread(use.law.witnesses.keep_apart, gathered)
                listed = await shortened(
                    new_parts(use.call.parts, use.turn), partial(self._record_parts, use.deployment.id)
                )
                ruling = await self._rule(
                    use,
                    decision,
                    gathered,
                    now,
                    listed,
                    enforced=enforced,
                    of=None,
                    redacted=redacted,
                    given=given,
                    content=_forwarded(use, redacted),
                )
            except (FaultError, RequestError):
                if released:
                    use.law.witnesses.drop(use.call, gathered)
                raise
            except BaseException:
                if released:  # whoever hangs up may leave a record behind, so that what it counted stays
                    use.law.witnesses.settle(use.call, gathered)
                raise
            self._keep_what_was_given(given, ruling)
        if released and not ruling.released:  # halted while its parts were recorded
            use.law.witnesses.drop(use.call, gathered)
        elif released:
            use.law.witnesses.settle(use.call, gathered)
        use.turn.note(ruling.record_id)
        return ruling

    def _given(self, use: Use, decision: Decision, gathered: Gathered, now: datetime) -> Given | None:
        """What people approved of this very use, where that and nothing less makes it go through."""
        if self._holding is None or decision.verdict is not Verdict.NEEDS_APPROVAL:
            return None
        given = self._holding.given(asked_of(use), use.law, now)
        if given is None or not is_enforced(use, decision, gathered):
            return None
        cases = approved(gathered, given).cases
        return given if use.law.decisions.decide(use.call.point, cases).verdict is Verdict.ALLOW else None

    def _take(self, given: Given | None) -> None:
        """Uses up what was approved, before a record is made of it."""
        if given is not None and self._holding is not None:
            self._holding.take(given)

    def _give_back(self, given: Given | None) -> None:
        if given is not None and self._holding is not None:
            self._holding.give_back(given)

    @contextmanager
    def _giving_back(self, given: Given | None) -> Generator[None]:
        """Gives back what was taken where there is surely no record of it.

        A caller who hangs up meanwhile does not get it back: the record may have its place in the log.
        """
        try:
            yield
        except (LedgerError, RequestError):
            self._give_back(given)
            raise

    def _keep_what_was_given(self, given: Given | None, ruling: Ruling) -> None:
        """What was halted has used up no approval."""
        if ruling.halt is not None:
            self._give_back(given)

    def is_halted(self, ruling: Ruling) -> bool:
        """Whether an overseer has stopped what this ruling released."""
        return self._halt_of(ruling.use, ruling.of or ruling.record_id, None) is not None

    def _halt_of(self, use: Use, of: str | None, given: Given | None) -> Halt | None:
        if self.halts.are_none:
            return None
        ids = (of, None if given is None else given.hold, self._waits_under(use))
        return self.halts.covering(
            Doing(
                use.deployment.id,
                use.principal,
                (use.call.model, *use.served),
                tuple(one for one in ids if one is not None),
            )
        )

    def _waits_under(self, use: Use) -> str | None:
        entry = None if self._holding is None else self._holding.book.of(asked_of(use), self.recorder.now())
        return None if entry is None else entry.hold.id

    def _redacted(self, use: Use, gathered: Gathered) -> Redacted | None:
        redacting = use.law.redacting
        if redacting is None:
            return None
        bound = redacting.bound(Point.PROMPT, gathered.cases)
        return redact_request(redacting, bound, self._placeholders(use.deployment.id), use.request)

    def _placeholders(self, deployment: str) -> Placeholders:
        # No other message under this key begins like a list and ends in its bracket: the names of actions go
        # on after theirs, and what a stream lets through ends with an event.
        def keyed(said: bytes) -> str:
            name = self.audit_hmac()
            name.update(said)
            return name.hexdigest()

        return Placeholders(deployment, keyed)

    def redaction_of_answer(self, prompt: Ruling, law: Law, size: int | None) -> AnswerRedaction | None:
        """What becomes of the answer to a prompt under `law`; None where nothing can change in it.

        `size`: of the whole answer in bytes; None of a stream. Where a deployment is only observed nothing
        changes.
        """
        redacting, redacted = law.redacting, prompt.redacted
        if (redacting is None and redacted is None) or prompt.use.deployment.mode == "observe":
            return None
        deployment = self._deployment(prompt.use, law)
        redacting = redacting or Redacting(law.bundle)
        finder = redacting.finder if redacted is None else (prompt.use.law.redacting or redacting).finder
        bound = bound_output(prompt, law, size)

        def of_tool(name: str) -> frozenset[str]:
            return kinds_of(bound_tool(prompt, law, deployment, ToolCall("", name, b"", Arguments.OBJECT)))

        table = Table() if redacted is None else redacted.table
        return AnswerRedaction(
            finder, self._placeholders(deployment.id), table, kinds_of(bound), of_tool, size
        )

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
        use = replace(before, law=law, deployment=self._deployment(before, law), call=call)
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
        now, of = self.recorder.now(), prompt.record_id
        return await self._rule(
            use, decision, gathered, now, prompt.listed, enforced=enforced, of=of, redaction=done
        )

    async def decide_tools(
        self, prompt: Ruling, law: Law, calls: Sequence[ToolCall], *, redacted: bool = False
    ) -> tuple[Ruling, ...]:
        """The rulings on the calls of tools that one answer asks for, in their order.

        From the facts that went into the answer, with what is registered of the tool in place of what is
        registered of its deployment. `law` is the one in force now. `redacted`: the calls are as they became
        under a redaction; where a clause binds, one that is not is refused. They are released together or
        not at all, so where one is not, none uses up what was approved of it.
        """
        judged: list[_Judged] = []
        try:
            for asked in calls:
                judged.append(await self._judge(prompt, law, asked, redacted=redacted))  # noqa: PERF401 - a failure gives back what was taken before
        except BaseException:
            for one in judged:
                self._give_back(one.given)
            raise
        if not all(one.is_released for one in judged):
            judged = [self._without_given(one) for one in judged]
        return tuple(await asyncio.gather(*(self._rule_on_call(prompt, one) for one in judged)))

    async def _judge(self, prompt: Ruling, law: Law, asked: ToolCall, *, redacted: bool) -> "_Judged":
        """What is decided of a call. What was approved of it is taken, so that no other use finds it."""
        before, bundle = prompt.use, law.bundle
        deployment = self._deployment(before, law)
        tool = tool_of(asked, bundle, deployment)
        said = canonical([before.call.protocol, asked.name, asked.reads.value])
        call = replace(
            before.call,
            point=Point.TOOL,
            parts=parts_of_call(asked, bundle, deployment),
            action_digest=self.name(deployment.id, Point.TOOL, sha256(said), asked.arguments),
        )
        use = replace(before, law=law, deployment=deployment, action=action_of(tool), call=call)
        scores = await _scores_of(law, call)
        before_call = still_approved(prompt, law, unscored(prompt, prompt.gathered.cases))
        cases = unapproved(cases_of_call(before_call, tool, bundle.registry), before_call)
        now = self.recorder.now()
        cases = with_effects(cases, bundle.registry, law.witnesses.lately(call, deployment, cases, now))
        cases = law.witnesses.compared_call(with_scores(cases, law.bundle, scores), call.parts)
        gathered = Gathered(cases)
        bound = bound_tool(prompt, law, deployment, asked)
        done = record_of(bound, None, left_alone(use, redacted=redacted))
        judged = _judged(use, asked, gathered, now, done)
        given = self._given(use, judged.decision, gathered, now)
        self._take(given)
        if given is not None:
            judged = replace(_judged(use, asked, approved(gathered, given), now, done), given=given)
        if judged.is_released:
            counted = law.witnesses.did(call, deployment, judged.gathered.cases, use.action, now)
            judged = replace(judged, counted=counted)
        return judged

    def _without_given(self, judged: "_Judged") -> "_Judged":
        """The same without what was approved of it, which serves another time."""
        if judged.given is None:
            return judged
        self._give_back(judged.given)
        gathered = replace(judged.gathered, cases=without_approvals(judged.gathered.cases))
        return _judged(judged.use, judged.asked, gathered, judged.now, judged.redaction)

    async def _rule_on_call(self, prompt: Ruling, judged: "_Judged") -> Ruling:
        with self._giving_back(judged.given):
            ruling = await self._rule(
                judged.use,
                judged.decision,
                replace(judged.gathered, counted=judged.counted),
                judged.now,
                new_parts(judged.use.call.parts, Turn()),
                enforced=judged.enforced,
                of=prompt.record_id,
                redaction=judged.redaction,
                given=judged.given,
                content=_of_call(judged.asked),
            )
            self._keep_what_was_given(judged.given, ruling)
            return ruling

    async def _record_parts(
        self, deployment: str, parts: tuple[DataPart, ...], history: History | None
    ) -> str:
        return (
            await self.recorder.append(HistoryRecord(self.recorder.now_text(), deployment, parts, history))
        ).record_id

    def _deployment(self, before: Use, law: Law) -> Deployment:
        current = law.bundle.deployments.get(before.deployment.id)
        if current is None or not (
            self._is_good(before.principal, current)
            and all(speaker.speaks_for(law.bundle, current.id) for speaker in before.speakers)
        ):
            raise RequestError(401, "unknown_key", "the deployment or its caller is no longer registered")
        return current

    def _is_good(self, principal: str, deployment: Deployment) -> bool:
        if not principal.startswith("key:"):
            return True  # a token or a certificate, which is among the speakers
        return any(
            f"key:{digest[:16]}" == principal for digest in deployment.key_digests
        ) or self.issued.speaks_for(principal, deployment.id, self.recorder.now())

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

    async def _rule(
        self,
        use: Use,
        decision: Decision,
        gathered: Gathered,
        now: datetime,
        listed: Listed,
        *,
        enforced: bool,
        of: str | None,
        redacted: Redacted | None = None,
        redaction: Redaction | None = None,
        given: Given | None = None,
        content: bytes | None = None,
    ) -> Ruling:
        """`content`: what a person would be shown; a use without it waits for nobody."""
        mode: Literal["enforce", "observe"] = "observe" if use.deployment.mode == "observe" else "enforce"
        call = use.call
        # INVARIANT: no await from here until the record has its place in the log, so that nothing that is let
        # through stands behind the halt that stops it.
        halt = self._halt_of(use, of, given)
        if halt is not None:
            decision, enforced = halted(decision), True
            gathered = unreleased(gathered, given)
            given = None
        record = DecisionRecord(
            time=render_time(now),
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
            decision=decision,
            evidence=tuple(cite(checked) for checked in gathered.evidence),
            reserve=gathered.reserve,
            mode=mode,
            enforced=enforced,
            of=of,
            development=use.law.bundle.manifest.development,
            history=listed.history,
            redaction=redaction if redacted is None else redacted.record,
            history_state=call.history if call.point is Point.PROMPT else None,
            hold=self._held(use, decision, now) if enforced and content is not None else None,
            approved=None if given is None else given.render(),
            halted=None if halt is None else halt.said,
            counted=gathered.counted,
        )
        receipt = await self.recorder.append(record)
        if self.sampler is not None and record.released:
            self.sampler.went_through(
                Opened(receipt.record_id, record, call, use.deployment, use.found, content or b""), use.law
            )
        self.metrics.decided(call.point, decision, mode)
        self.metrics.unavailable(record.cases)
        if record.history_state is not None:
            self.metrics.compared(record.history_state.value)
        done = record.redaction if mode == "enforce" else None
        if done is not None and done.counts is not None:
            self.metrics.redacted(call.point, done.counts)
        return Ruling(
            use,
            decision,
            gathered,
            receipt.record_id,
            receipt.checkpoint,
            enforced,
            listed,
            None if done is None else redacted,
            await self._wait(record, receipt.record_id, use, content or b""),
            halt,
            of,
        )

    def _held(self, use: Use, decision: Decision, now: datetime) -> Held | None:
        return None if self._holding is None else self._holding.held(asked_of(use), decision, use.law, now)

    async def _wait(self, record: DecisionRecord, record_id: str, use: Use, content: bytes) -> Waiting | None:
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
        now = self.recorder.now()
        outlook, is_approved = self._holding.outlook(name, use.law, now), self._holding.is_approved(name, now)
        return Waiting(name, record.hold.expires_at, dict(record.hold.roles), outlook, is_approved)


def _without_id(fold: Callable[[Record], None]) -> Fold:
    return lambda record, _record_id: fold(record)


def _forwarded(use: Use, redacted: Redacted | None) -> bytes | None:
    """What would go on to the model: what a person has to judge. None of a use that was not read."""
    request = use.request or use.whole
    if request is None or redacted is None or redacted.forward is None:
        return None if request is None else request.forward
    return redacted.forward


def _of_call(asked: ToolCall) -> bytes:
    """A call as a person reads it: the tool by name, and what it is called with."""
    return asked.name.encode() + b"\n" + asked.arguments


async def _scores_of(law: Law, call: Call) -> Scores:
    """What the screens find in this very content, where some clause reads it."""
    screening = law.screening
    if screening is None or call.point not in screening.points:
        return {}
    return await screening.of_parts(call.parts)
