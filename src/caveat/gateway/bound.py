"""Which redactions bind an answer or a call that goes on from a prompt, and what of it nobody has read. Pure.

Law: an answer inherits the facts of its prompt, and is bound as long as these do not say otherwise.
Source: DESIGN section 4, ADR-0031.
"""

from dataclasses import replace

from caveat.call.call import Point
from caveat.decision.obligations import with_unreadable as marked_unreadable
from caveat.decision.verdict import Decision
from caveat.facts.fact import Facts
from caveat.gateway.gather import Gathered
from caveat.gateway.ports import Law
from caveat.gateway.redacting import Redacted
from caveat.gateway.ruling import Ruling, Use
from caveat.gateway.screening import without_scores
from caveat.gateway.shape import without_workflow
from caveat.gateway.tool_use import cases_of_call, tool_of
from caveat.gateway.wire.tool_calls import ToolCall
from caveat.ledger.record import Redaction
from caveat.policy.clause import Clause
from caveat.policy.deployments import Deployment


def bound_output(prompt: Ruling, law: Law, size: int | None) -> tuple[Clause, ...]:
    """What is to be replaced in an answer of this size; None of a stream."""
    if law.redacting is None:
        return ()
    return law.redacting.bound(Point.OUTPUT, without_scores(cases_of_answer(prompt.gathered, size)))


def bound_tool(prompt: Ruling, law: Law, deployment: Deployment, asked: ToolCall) -> tuple[Clause, ...]:
    """What is to be replaced in a call of a tool."""
    if law.redacting is None:
        return ()
    tool = tool_of(asked, law.bundle, deployment)
    cases = cases_of_call(without_scores(prompt.gathered.cases), tool, law.bundle.registry)
    return law.redacting.bound(Point.TOOL, cases)


def with_redaction(decision: Decision, redacted: Redacted | None) -> Decision:
    """The decision, with what could not be replaced in a prompt."""
    return with_unreadable(decision, None if redacted is None else redacted.record)


def with_unreadable(decision: Decision, done: Redaction | None) -> Decision:
    """The decision, with what could not be read and would have to be replaced."""
    return decision if done is None else marked_unreadable(decision, done.clauses, done.unreadable)


def unscored(prompt: Ruling, cases: tuple[Facts, ...]) -> tuple[Facts, ...]:
    """The cases as they hold of content that nobody has read yet. Without screens nobody read the prompt."""
    return cases if prompt.use.law.screening is None else without_scores(cases)


def cases_of_answer(gathered: Gathered, size: int | None) -> tuple[Facts, ...]:
    """The cases of a prompt as they hold of its answer: one longer than its workflow allows is none of that
    workflow's."""
    workflow = gathered.standing.workflow
    limit = None if workflow is None else workflow.max_output_bytes
    if limit is None or size is None or size <= limit:
        return gathered.cases
    return tuple(replace(case, facts=without_workflow(case.facts)) for case in gathered.cases)


def left_alone(use: Use, *, redacted: bool) -> int:
    """How many pieces nobody replaced anything in; none where a deployment is only watched."""
    return int(not redacted and use.deployment.mode != "observe")
