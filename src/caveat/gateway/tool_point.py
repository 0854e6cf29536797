"""Calls of tools through the gate: each a use of its own, decided before any of them goes on.

Law: the calls of one answer are released together or not at all. Source: DESIGN section 4, ADR-0026.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from caveat.call.call import Point
from caveat.gateway.approvals import Approvals
from caveat.gateway.approved_cases import approved, still_approved, unapproved, without_approvals
from caveat.gateway.bound import bound_tool, left_alone, unscored, with_unreadable
from caveat.gateway.contributing import with_effects
from caveat.gateway.conversations import Turn
from caveat.gateway.gather import Gathered
from caveat.gateway.holding import Given
from caveat.gateway.judged import Judged
from caveat.gateway.listing import new_parts
from caveat.gateway.naming import Namer
from caveat.gateway.ports import Law
from caveat.gateway.redacting import record_of
from caveat.gateway.registrations import Registrations
from caveat.gateway.ruling import Ruling, Use, is_enforced
from caveat.gateway.rulings import Rulings
from caveat.gateway.screening import scores_of, with_scores
from caveat.gateway.tool_use import action_of, cases_of_call, parts_of_call, tool_of
from caveat.gateway.wire.tool_calls import ToolCall
from caveat.ledger.record import Redaction
from caveat.policy.deployments import Deployment
from caveat.policy.tools import Tool
from caveat.signing.canonical import canonical
from caveat.signing.digest import sha256


class ToolPoint:
    """Where calls of tools are decided and recorded."""

    def __init__(
        self,
        rulings: Rulings,
        approvals: Approvals,
        registrations: Registrations,
        namer: Namer,
        now: Callable[[], datetime],
    ) -> None:
        """All are the gate's own. `now` raises `FaultError`."""
        self._rulings = rulings
        self._approvals = approvals
        self._registrations = registrations
        self._namer = namer
        self._now = now

    async def decide(
        self, prompt: Ruling, law: Law, calls: Sequence[ToolCall], *, redacted: bool
    ) -> tuple[Ruling, ...]:
        """The rulings on the calls that one answer asks for, in their order.

        Where one is not released, none uses up what was approved of it.
        """
        judged: list[Judged] = []
        try:
            for asked in calls:
                judged.append(await self._judge(prompt, law, asked, redacted=redacted))  # noqa: PERF401 - a failure gives back what was taken before
        except BaseException:
            for one in judged:
                self._approvals.give_back(one.given)
            raise
        if not all(one.is_released for one in judged):
            judged = [self._without_given(one) for one in judged]
        return tuple(await asyncio.gather(*(self._rule(prompt, one) for one in judged)))

    async def _judge(self, prompt: Ruling, law: Law, asked: ToolCall, *, redacted: bool) -> Judged:
        """What is decided of a call. What was approved of it is taken, so that no other use finds it."""
        deployment = self._registrations.deployment(prompt.use, law)
        tool = tool_of(asked, law.bundle, deployment)
        use = self._use(prompt.use, law, deployment, asked, tool)
        call = use.call
        scores = await scores_of(law.screening, call)
        before_call = still_approved(prompt, law, unscored(prompt, prompt.gathered.cases))
        cases = unapproved(cases_of_call(before_call, tool, law.bundle.registry), before_call)
        now = self._now()
        cases = with_effects(cases, law.bundle.registry, law.witnesses.lately(call, deployment, cases, now))
        cases = law.witnesses.compared_call(with_scores(cases, law.bundle, scores), call.parts)
        bound = bound_tool(prompt, law, deployment, asked)
        done = record_of(bound, None, left_alone(use, redacted=redacted))
        judged = _judged(use, Gathered(cases), now, done, _shown(asked))
        given = self._approvals.given(use, judged.decision, judged.gathered, now)
        self._approvals.take(given)
        if given is not None:
            judged = _judged(use, approved(judged.gathered, given), now, done, _shown(asked), given)
        if judged.is_released:
            counted = law.witnesses.did(call, deployment, judged.gathered.cases, use.action, now)
            judged = replace(judged, gathered=replace(judged.gathered, counted=counted))
        return judged

    def _use(self, before: Use, law: Law, deployment: Deployment, asked: ToolCall, tool: Tool | None) -> Use:
        said = sha256(canonical([before.call.protocol, asked.name, asked.reads.value]))
        call = replace(
            before.call,
            point=Point.TOOL,
            parts=parts_of_call(asked, law.bundle, deployment),
            action_digest=self._namer.name((deployment.id, Point.TOOL, said, ()), asked.arguments).digest,
        )
        return replace(before, law=law, deployment=deployment, action=action_of(tool), call=call)

    def _without_given(self, judged: Judged) -> Judged:
        """The same without what was approved of it, which serves another time."""
        if judged.given is None:
            return judged
        self._approvals.give_back(judged.given)
        gathered = replace(judged.gathered, cases=without_approvals(judged.gathered.cases), counted=None)
        return _judged(judged.use, gathered, judged.now, judged.redaction, judged.content)

    async def _rule(self, prompt: Ruling, judged: Judged) -> Ruling:
        with self._approvals.giving_back(judged.given):
            listed = new_parts(judged.use.call.parts, Turn())
            ruling = await self._rulings.rule(judged, listed, prompt.record_id)
            self._approvals.keep(judged.given, ruling)
            return ruling


def _judged(
    use: Use,
    gathered: Gathered,
    now: datetime,
    done: Redaction | None,
    content: bytes | None,
    given: Given | None = None,
) -> Judged:
    decision = with_unreadable(use.law.decisions.decide(Point.TOOL, gathered.cases), done)
    enforced = is_enforced(use, decision, gathered)
    return Judged(use, decision, gathered, now, enforced, redaction=done, given=given, content=content)


def _shown(asked: ToolCall) -> bytes:
    """A call as a person reads it: the tool by name, and what it is called with."""
    return asked.name.encode() + b"\n" + asked.arguments
