"""Decisions that a program asks for itself, by the steps that a request over HTTP takes.

Laws: the caller is authenticated, its budget charged and its use read by the gateway's own functions, in the
order of `Gateway`; a ruling comes from the gateway's gate and is durable; whatever goes wrong is a
`GateError`, and then there is no ruling to go on with. Source: ADR-0028.
"""

import contextlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import orjson

from caveat.call.call import Point
from caveat.gateway import ruling as gateway_ruling
from caveat.gateway.desk import Desk
from caveat.gateway.errors import GatewayError, RequestError
from caveat.gateway.evidence_header import HEADER, encode_envelope
from caveat.gateway.heard import hear_answer, hear_prompt
from caveat.gateway.http import read_headers
from caveat.gateway.identity.callers import Connection
from caveat.gateway.requested import read_use
from caveat.gateway.said import scores_of_answer
from caveat.gateway.tool_hold import decide_calls, strictest_refusal
from caveat.gateway.usage import estimated, usage_in
from caveat.gateway.wire.answered import text_answer
from caveat.gateway.wire.tool_calls import ToolCall, call_of_text, parsed
from caveat.gateway.wire.wire import WIRES, find_wire
from caveat.library.errors import GateError
from caveat.library.ruling import Origin, Ruling, ruling_of

ARGUMENTS = "/arguments"
"""Where the arguments of a call stand that a program names itself."""

_PROMPT_MEMBERS = {
    "/v1/chat/completions": "messages",
    "/v1/messages": "messages",
    "/v1/responses": "input",
    "/v1/completions": "prompt",
    "/v1/embeddings": "input",
}


def prompt_body(
    prompt: str | Sequence[Mapping[str, object]],
    *,
    endpoint: str,
    model: str,
    caveat: Mapping[str, object],
    members: Mapping[str, object],
) -> bytes:
    """The request that an SDK would send to `endpoint`; raises `GateError` for what is no JSON."""
    name = _PROMPT_MEMBERS.get(endpoint)
    if name is None:
        raise GateError(
            "unknown_path",
            "no prompt is sent to this endpoint",
            f"name one of {', '.join(_PROMPT_MEMBERS)}, or use `decide_request`",
        )
    spoken = isinstance(prompt, str) and name == "messages"
    said = [{"role": "user", "content": prompt}] if spoken else prompt
    extension = {key: value for key, value in caveat.items() if value}
    body = {"model": model, **members, name: said}
    return json_bytes({**body, "caveat": extension} if extension else body)


def json_bytes(value: object) -> bytes:
    """`value` as JSON; raises `GateError` where it is none."""
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise GateError(
            "invalid_json", "this is no JSON", "give dicts, lists, texts, numbers, Booleans and None"
        ) from error


async def decide_request(
    desk: Desk, key: str, endpoint: str, body: bytes, evidence: Sequence[bytes] = ()
) -> Ruling:
    """The ruling on a request's bytes, as over HTTP at the same path by the same key."""
    with _as_gate_errors(desk):
        wire = find_wire(endpoint)
        if wire is None:
            raise RequestError(
                404, "unknown_path", "no use is decided at this endpoint", f"name one of {', '.join(WIRES)}"
            )
        sent = [(b"authorization", b"Bearer " + key.encode())]
        if evidence:
            sent.append((HEADER.encode(), ",".join(map(encode_envelope, evidence)).encode()))
        headers = read_headers({"headers": sent})
        now = desk.gate.now()
        caller = await desk.identities.authenticate(desk.law_now(), headers, Connection(), now)
        desk.budgets.admit(caller.principal, caller.deployment.budget, now.date())
        use, request = read_use(desk, wire, caller, headers, body)
        # The program sends its own bytes, in which nothing is replaced: a clause that asks for it refuses.
        use = replace(use, request=None)
        prompt = await desk.gate.decide_prompt(use)
        if prompt.released:
            hear_prompt(desk, prompt)
        return _ruled(Origin(desk, wire, caller, request, prompt))


async def decide_output(desk: Desk, prompt: Ruling, answer: str | bytes) -> Ruling:
    """The ruling on what a model answered to an allowed prompt.

    `answer`: its text; or the whole body in the words of the prompt's protocol, and then every call of a
    tool in it is decided first, and the strictest refusal of these is the ruling.
    """
    origin = _allowed_prompt(desk, prompt)
    # What is said to be a text is read as one, also where it looks like JSON.
    read = json_bytes(answer) if isinstance(answer, str) else answer
    with _as_gate_errors(desk):
        body = answer.encode() if isinstance(answer, str) else answer
        _charge(origin, body)
        if isinstance(answer, bytes):
            calls = origin.wire.tool_calls(body)
            refused = strictest_refusal(await decide_calls(calls, partial(_decide_calls, origin)))
            if refused is not None:
                return _ruled(replace(origin, ruling=refused))
        law = desk.law_now()
        made = await desk.gate.decide_output(origin.ruling, law, body, await scores_of_answer(law, read))
        if made.released:
            hear_answer(
                desk, origin.ruling, parsed(answer) if isinstance(answer, bytes) else text_answer(answer)
            )
        return _ruled(replace(origin, ruling=made))


async def decide_tool(desk: Desk, prompt: Ruling, name: str, arguments: str | Mapping[str, object]) -> Ruling:
    """The ruling on one call of a tool that the answer to an allowed prompt asks for.

    `arguments`: the object, or its JSON text as it came; what cannot be read in one way is a call of nobody's
    tool.
    """
    origin = _allowed_prompt(desk, prompt)
    text = arguments if isinstance(arguments, str) else json_bytes(arguments).decode()
    with _as_gate_errors(desk):
        (made,) = await _decide_calls(origin, [call_of_text(ARGUMENTS, name, text)])
        return _ruled(replace(origin, ruling=made))


async def _decide_calls(origin: Origin, calls: Sequence[ToolCall]) -> tuple[gateway_ruling.Ruling, ...]:
    desk = origin.desk
    return await desk.gate.decide_tools(origin.ruling, desk.law_now(), calls)


def _allowed_prompt(desk: Desk, prompt: Ruling) -> Origin:
    if prompt.origin.desk is not desk:
        raise GateError(
            "ruling_of_another_gate", "this ruling was made by another gate", "ask the one that made it"
        )
    if prompt.point is not Point.PROMPT:
        raise GateError(
            "ruling_not_on_a_prompt", "this is no ruling on a prompt", "give what `decide_prompt` returned"
        )
    if not prompt.allowed:
        raise GateError(
            "prompt_not_released",
            "the prompt does not go through, so no answer to it is decided",
            "look at `allowed` before the model is asked",
        )
    return prompt.origin


def _charge(origin: Origin, body: bytes) -> None:
    """Counts the tokens of an answer as the gateway does: as its endpoint says, or else by its bytes."""
    desk, caller = origin.desk, origin.caller
    if caller.deployment.budget.tokens_per_day is None or origin.wire.OPERATION is None:
        return
    usage = usage_in(parsed(body)) or estimated(len(origin.request.forward), len(body))
    desk.budgets.spend(caller.principal, usage.total, desk.gate.now().date())


def _ruled(origin: Origin) -> Ruling:
    ruling, use = ruling_of(origin), origin.ruling.use
    origin.desk.log.info(
        "use",
        deployment=use.deployment.id,
        protocol=use.call.protocol,
        point=ruling.point.value,
        verdict=ruling.verdict.value,
        reason=ruling.reason.value,
        clauses=ruling.clauses,
        incident=origin.ruling.decision.incident,
        record=ruling.record,
    )
    return ruling


@contextlib.contextmanager
def _as_gate_errors(desk: Desk) -> Generator[None]:
    """The outermost frame of a direct decision: whatever fails is counted, and is never a ruling."""
    desk.metrics.began()
    try:
        yield
    except GatewayError as error:
        if isinstance(error, RequestError):
            desk.metrics.bad_request(error.code)
        else:
            desk.metrics.fault(error.code)
        raise GateError(error.code, error.message, error.hint) from error
    except Exception as error:  # a bug: nothing is decided by it, and nothing of it is shown
        desk.metrics.fault("internal")
        desk.log.critical("internal", cause=type(error).__name__)
        raise GateError(
            "internal", "the gateway failed, and released nothing undecided", "tell the operator"
        ) from error
    finally:
        desk.metrics.finished()
