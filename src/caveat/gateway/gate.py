"""One use through the gate: facts, decision, durable record, and only then an effect.

Legal order: gather, decide and hold happen without an await between them, so that no two uses read the
same total; the record is durable before `Ruling` exists; whoever releases anything needs a `Ruling` whose
`released` is true. Source: DESIGN section 4, ADR-0002.
"""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Literal

from caveat.call.call import Call, Point
from caveat.decision.binding import binding_clauses
from caveat.decision.obligations import kinds_of, with_unreadable
from caveat.decision.verdict import Decision, Verdict
from caveat.evidence.check import Checked
from caveat.evidence.revocation import VerifiedRevocations
from caveat.facts.fact import Facts
from caveat.gateway.conversations import Turn
from caveat.gateway.errors import FaultError, LedgerError, RequestError
from caveat.gateway.gather import Gathered
from caveat.gateway.identity.speaker import Speaker
from caveat.gateway.issued_keys import IssuedKeys
from caveat.gateway.listing import Listed, new_parts, shortened
from caveat.gateway.metrics import Metrics
from caveat.gateway.naming import Namer
from caveat.gateway.ports import Found, Law, Ledger, Receipt
from caveat.gateway.redacting import (
    AnswerRedaction,
    Redacted,
    Redacting,
    counted,
    record_of,
    redact_request,
)
from caveat.gateway.screening import Scores, with_scores, without_scores
from caveat.gateway.shape import without_workflow
from caveat.gateway.tool_use import action_of, cases_of_call, parts_of_call, tool_of
from caveat.gateway.transcripts import Passage
from caveat.gateway.wire.request import WireRequest
from caveat.gateway.wire.tool_calls import Arguments, ToolCall
from caveat.ledger import errors as ledger_errors
from caveat.ledger.record import (
    BundleRecord,
    DataPart,
    DecisionRecord,
    EvidenceCited,
    EvidenceRecord,
    Follows,
    HeartbeatRecord,
    History,
    HistoryRecord,
    OutputEndRecord,
    Record,
    Redaction,
    RevocationsRecord,
    RoutesRecord,
    StartRecord,
    TrustRecord,
    render_time,
)
from caveat.ledger.wire import CasesMemo, render_record
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause
from caveat.policy.deployments import Deployment
from caveat.screens.redaction import Placeholders, Table
from caveat.signing.canonical import canonical
from caveat.signing.digest import Digest, sha256


@dataclass(frozen=True, slots=True)
class Use:
    """A request that was read and whose sender is known. `action`: what it does, for the record.

    `found`: evidence that the store has about its parts, and what was known again of them.
    `speakers`: its sender beside an API key. `request`: what content can be replaced in; a use without it is
    refused where a clause has any replaced. `passage`: its messages beside what passed before.
    `whole`: the request with what an earlier response stands for, as it was decided.
    """

    law: Law
    deployment: Deployment
    principal: str
    action: str
    call: Call
    found: Found = field(default_factory=Found)
    speakers: tuple[Speaker, ...] = ()
    turn: Turn = field(default_factory=Turn)
    request: WireRequest | None = None
    passage: Passage | None = None
    whole: WireRequest | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision that is durable. Only a ruling that is `released` lets anything through.

    `redacted`: of a prompt in which content was replaced; then only its bytes may go to an endpoint.
    """

    use: Use
    decision: Decision
    gathered: Gathered
    record_id: str
    checkpoint: bytes
    enforced: bool
    listed: Listed = field(default_factory=Listed)
    redacted: Redacted | None = None

    @property
    def released(self) -> bool:
        """Whether the use goes through: it is allowed, or its verdict is not enforced."""
        return self.decision.verdict is Verdict.ALLOW or not self.enforced


class Gate:
    """Decides and records. Holds the ledger; knows nothing of HTTP."""

    def __init__(
        self,
        ledger: Ledger,
        metrics: Metrics,
        clock: Callable[[], datetime],
        audit_key: bytes,
        folds: Iterable[Callable[[Record], None]] = (),
    ) -> None:
        """`audit_key`: without it nobody can test a guess at what a record's HMAC stands for.

        `folds` take in every record once it is durable.
        """
        self._ledger = ledger
        self._folds = tuple(folds)
        self.metrics = metrics
        self._clock = clock
        self.namer = Namer(audit_key)
        self.ledger_fault: str | None = None
        self.issued = IssuedKeys()
        self._render_cases = CasesMemo()

    async def decide_prompt(self, use: Use) -> Ruling:
        """The ruling on a prompt; raises `LedgerError` when it cannot be made durable."""
        now = self._clock()
        gathered = use.law.witnesses.gather(use.call, use.deployment, use.found, now)
        cases = _scored(gathered.cases, use.law, use.call)
        gathered = gathered if cases is gathered.cases else replace(gathered, cases=cases)
        decision = use.law.decisions.decide(Point.PROMPT, gathered.cases)
        redacted = self._redacted(use, gathered)
        if redacted is not None:
            found = redacted.record
            decision = with_unreadable(decision, found.clauses, found.unreadable)
        enforced = _is_enforced(use, decision, gathered)
        released = decision.verdict is Verdict.ALLOW or not enforced
        if not released:
            gathered = replace(gathered, reserve=())
        else:
            use.law.witnesses.hold(use.call, gathered, now)
        # INVARIANT: no await above this line since `gather`.
        try:
            listed = await shortened(
                new_parts(use.call.parts, use.turn), partial(self._record_parts, use.deployment.id)
            )
            ruling = await self._rule(
                use, decision, gathered, now, listed, enforced=enforced, of=None, redacted=redacted
            )
            use.turn.note(ruling.record_id)
            return ruling
        except (LedgerError, RequestError):
            if released:
                use.law.witnesses.drop(gathered)
            raise

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
        bound = self._bound_output(prompt, law, size)

        def of_tool(name: str) -> frozenset[str]:
            return kinds_of(
                self._bound_tool(prompt, law, deployment, ToolCall("", name, b"", Arguments.OBJECT))
            )

        table = Table() if redacted is None else redacted.table
        return AnswerRedaction(
            finder, self._placeholders(deployment.id), table, kinds_of(bound), of_tool, size
        )

    def _bound_output(self, prompt: Ruling, law: Law, size: int | None) -> tuple[Clause, ...]:
        if law.redacting is None:
            return ()
        return law.redacting.bound(Point.OUTPUT, without_scores(_cases_of_answer(prompt.gathered, size)))

    def _bound_tool(
        self, prompt: Ruling, law: Law, deployment: Deployment, asked: ToolCall
    ) -> tuple[Clause, ...]:
        if law.redacting is None:
            return ()
        tool = tool_of(asked, law.bundle, deployment)
        cases = cases_of_call(without_scores(prompt.gathered.cases), tool, law.bundle.registry)
        return law.redacting.bound(Point.TOOL, cases)

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
        cases = _unscored(prompt, _cases_of_answer(prompt.gathered, size))
        if scores is not None:
            cases = with_scores(cases, law.bundle.registry, scores)
        decision = law.decisions.decide(Point.OUTPUT, cases)
        gathered = Gathered(cases)
        counts = None if redaction is None or answer is None else redaction.counts
        bound = self._bound_output(prompt, law, size)
        done = record_of(bound, counts, _left_alone(use, redacted=redaction is not None))
        if done is not None:
            decision = with_unreadable(decision, done.clauses, done.unreadable)
        enforced = _is_enforced(use, decision, gathered)
        now, of = self._clock(), prompt.record_id
        return await self._rule(
            use, decision, gathered, now, prompt.listed, enforced=enforced, of=of, redaction=done
        )

    async def decide_tool(
        self, prompt: Ruling, law: Law, asked: ToolCall, *, redacted: bool = False
    ) -> Ruling:
        """The ruling on one call of a tool that the model's answer asks for.

        From the facts that went into the answer, with what is registered of the tool in place of what is
        registered of its deployment. `law` is the one in force now. `redacted`: `asked` is as it became
        under a redaction; where a clause binds, one that is not is refused.
        """
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
        cases = cases_of_call(_unscored(prompt, prompt.gathered.cases), tool, bundle.registry)
        gathered = Gathered(_scored(cases, law, call))
        decision = law.decisions.decide(Point.TOOL, gathered.cases)
        bound = self._bound_tool(prompt, law, deployment, asked)
        done = record_of(bound, None, _left_alone(use, redacted=redacted))
        if done is not None:
            decision = with_unreadable(decision, done.clauses, done.unreadable)
        enforced = _is_enforced(use, decision, gathered)
        now, of = self._clock(), prompt.record_id
        listed = new_parts(call.parts, Turn())
        return await self._rule(
            use, decision, gathered, now, listed, enforced=enforced, of=of, redaction=done
        )

    async def _record_parts(
        self, deployment: str, parts: tuple[DataPart, ...], history: History | None
    ) -> str:
        return (await self._append(HistoryRecord(self._now(), deployment, parts, history))).record_id

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
        ) or self.issued.speaks_for(principal, deployment.id, self._clock())

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
        await self._append(
            OutputEndRecord(self._now(), output.record_id, released.hex(), size, complete, counts)
        )

    async def record_start(self, bundle: Bundle, version: str, origin: str) -> None:
        """Records that this process begins to serve."""
        await self._append(
            StartRecord(self._now(), bundle.digest, version, origin, bundle.manifest.development)
        )

    async def record_bundle(self, bundle: Bundle, follows: Follows) -> None:
        """Records that a bundle comes into force, and by what right."""
        mark = bundle.manifest.development
        await self._append(BundleRecord(self._now(), bundle.digest, mark, follows))

    async def record_heartbeat(self, every_seconds: int, witnessed: int) -> None:
        """This gateway is alive, as it says every so often; silence then shows in the log."""
        await self._append(HeartbeatRecord(self._now(), every_seconds, witnessed))

    async def record_routes(self, routes: Digest) -> None:
        """Records where calls go from here on."""
        await self._append(RoutesRecord(self._now(), routes))

    async def record_trust(self, record: TrustRecord) -> None:
        """Records that a trust policy may come into force, before it does."""
        await self._append(record)

    async def record_revocations(self, found: VerifiedRevocations) -> str:
        """Records a list of revocations before it counts; returns the record's id."""
        said = found.list
        revoked = tuple(sorted(said.revoked))
        record = RevocationsRecord(self._now(), found.authority.id, found.digest, said.number, revoked)
        return (await self._append(record)).record_id

    async def record_evidence(self, deployment: str, envelope: Digest, key: str, outcome: str) -> str:
        """Records an upload that holds; returns the record's id."""
        record = EvidenceRecord(self._now(), deployment, envelope, key, outcome)
        return (await self._append(record)).record_id

    def name(
        self, deployment: str, point: Point, protocol: str, forwarded: bytes, targets: tuple[str, ...] = ()
    ) -> Digest:
        """Names one exact action: who, where, in which protocol, at what, and the bytes that go on.

        Under the audit key, since the name stands in records: a guess at the bytes cannot be tested without.
        """
        return self.namer.name((deployment, point, protocol, targets), forwarded).digest

    @property
    def clock_fault(self) -> str | None:
        """Why the clock cannot be used; None where it can."""
        try:
            self._clock()
        except FaultError as error:
            return error.code
        return None

    def now(self) -> datetime:
        """The moment by the clock that every record is dated with."""
        return self._clock()

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
    ) -> Ruling:
        mode: Literal["enforce", "observe"] = "observe" if use.deployment.mode == "observe" else "enforce"
        call = use.call
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
            evidence=tuple(_cited(checked) for checked in gathered.evidence),
            reserve=gathered.reserve,
            mode=mode,
            enforced=enforced,
            of=of,
            development=use.law.bundle.manifest.development,
            history=listed.history,
            redaction=redaction if redacted is None else redacted.record,
            history_state=call.history if call.point is Point.PROMPT else None,
        )
        receipt = await self._append(record)
        self.metrics.decided(call.point, decision, mode)
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
        )

    async def _append(self, record: Record) -> Receipt:
        try:
            receipt = await self._ledger.append(render_record(record, self._render_cases))
        except ledger_errors.RefusedRecordError as error:
            raise RequestError(
                413,
                "record_too_large",
                "the facts and parts of this use do not fit into one record",
                "send fewer data parts at once",
            ) from error
        except (ledger_errors.LedgerError, OSError) as error:
            self.ledger_fault = type(error).__name__
            raise LedgerError from error
        self.ledger_fault = None
        for fold in self._folds:
            fold(record)
        return receipt

    def _now(self) -> str:
        return render_time(self._clock())


def _unscored(prompt: Ruling, cases: tuple[Facts, ...]) -> tuple[Facts, ...]:
    """The cases as they hold of content that nobody has read yet. Without screens nobody read the prompt."""
    return cases if prompt.use.law.screening is None else without_scores(cases)


def _scored(cases: tuple[Facts, ...], law: Law, call: Call) -> tuple[Facts, ...]:
    """The cases with what the screens find in this very content, where some clause reads it."""
    screening = law.screening
    if screening is None or call.point not in screening.points:
        return cases
    return with_scores(cases, law.bundle.registry, screening.of_parts(call.parts))


def _cited(checked: Checked) -> EvidenceCited:
    outcome = checked.outcome.value if checked.code is None else checked.code.value
    return EvidenceCited(checked.envelope, checked.key or "", outcome, checked.once)


def _cases_of_answer(gathered: Gathered, size: int | None) -> tuple[Facts, ...]:
    workflow = gathered.standing.workflow
    limit = None if workflow is None else workflow.max_output_bytes
    if limit is None or size is None or size <= limit:
        return gathered.cases
    return tuple(replace(case, facts=without_workflow(case.facts)) for case in gathered.cases)


def _left_alone(use: Use, *, redacted: bool) -> int:
    """How many pieces nobody replaced anything in; none where a deployment is only watched."""
    return int(not redacted and use.deployment.mode != "observe")


def _is_enforced(use: Use, decision: Decision, gathered: Gathered) -> bool:
    """Whether the verdict takes effect: in observe mode only where an `@always_enforced` clause binds.

    Source: DESIGN section 4.
    """
    if use.deployment.mode != "observe":
        return True
    if decision.verdict is Verdict.ALLOW:
        return False
    return bool(binding_clauses(use.law.bundle.policy, use.call.point, gathered.cases))
