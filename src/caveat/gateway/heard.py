"""What passed is known from now on, so that the next request can be compared with it."""

from caveat.gateway.desk import Desk
from caveat.gateway.ruling import Ruling
from caveat.gateway.wire import responses
from caveat.gateway.wire.answered import answered_in
from caveat.signing.canonical import Json


def hear_prompt(desk: Desk, prompt: Ruling) -> None:
    """The messages of a prompt that goes through are known from now on."""
    if desk.transcripts is not None and prompt.use.passage is not None:
        desk.transcripts.passed(prompt.use.passage)


def hear_answer(desk: Desk, prompt: Ruling, answer: Json) -> None:
    """What is about to be released to the caller, in the form in which it is, is known from now on."""
    if desk.transcripts is not None and prompt.use.passage is not None:
        desk.transcripts.answered(prompt.use.passage, answered_in(answer))
    if prompt.use.whole is not None and prompt.use.action == responses.ACTION:
        desk.responses.keep(prompt.use.deployment.id, prompt.use.whole, answer)
