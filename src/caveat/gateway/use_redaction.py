"""What is replaced in one prompt, and what becomes of the answer to it, under one audit key.

Law: where a deployment is only watched nothing changes. Source: DESIGN section 4, ADR-0031.
"""

from caveat.call.call import Point
from caveat.decision.obligations import kinds_of
from caveat.gateway.bound import bound_output, bound_tool
from caveat.gateway.gather import Gathered
from caveat.gateway.naming import Namer
from caveat.gateway.ports import Law
from caveat.gateway.redacting import AnswerRedaction, Redacted, Redacting, redact_request
from caveat.gateway.ruling import Ruling, Use
from caveat.gateway.wire.tool_calls import Arguments, ToolCall
from caveat.policy.deployments import Deployment
from caveat.screens.placeholders import Placeholders, Table


def redaction_of_prompt(use: Use, gathered: Gathered, namer: Namer) -> Redacted | None:
    """The prompt in which everything that has to be is replaced; None where the law has nothing replaced."""
    redacting = use.law.redacting
    if redacting is None:
        return None
    bound = redacting.bound(Point.PROMPT, gathered.cases)
    return redact_request(redacting, bound, _placeholders(use.deployment.id, namer), use.request)


def redaction_of_answer(
    prompt: Ruling, law: Law, deployment: Deployment, size: int | None, namer: Namer
) -> AnswerRedaction | None:
    """What becomes of the answer to a prompt under `law`, where something can change in it.

    `deployment`: as `law` registers it. `size`: of the whole answer in bytes; None of a stream.
    """
    redacting, redacted = law.redacting, prompt.redacted
    redacting = redacting or Redacting(law.bundle)
    finder = redacting.finder if redacted is None else (prompt.use.law.redacting or redacting).finder
    bound = bound_output(prompt, law, size)

    def of_tool(name: str) -> frozenset[str]:
        return kinds_of(bound_tool(prompt, law, deployment, ToolCall("", name, b"", Arguments.OBJECT)))

    table = Table() if redacted is None else redacted.table
    return AnswerRedaction(finder, _placeholders(deployment.id, namer), table, kinds_of(bound), of_tool, size)


def may_change_answer(prompt: Ruling, law: Law) -> bool:
    """Whether anything can be replaced or restored in the answer to a prompt."""
    replaces = law.redacting is not None or prompt.redacted is not None
    return replaces and prompt.use.deployment.mode != "observe"


def _placeholders(deployment: str, namer: Namer) -> Placeholders:
    # No other message under this key begins like a list and ends in its bracket: the names of actions go
    # on after theirs, and what a stream lets through ends with an event.
    def keyed(said: bytes) -> str:
        name = namer.fresh()
        name.update(said)
        return name.hexdigest()

    return Placeholders(deployment, keyed)
