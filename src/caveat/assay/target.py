"""Asking a target one thing over HTTP, and saying clearly when no answer came of it.

Fails towards `UNMEASURED`: what is neither an answer nor a verdict is a fault with a name, and counts neither
for nor against anybody.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, cast

import aiohttp
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.assay.refusals import judge
from caveat.assay.scenario import VerdictName

_TRIES = 4
_LONGEST_WAIT_SECONDS = 5.0
_FIRST_WAIT_SECONDS = 0.25
_BLOCKED = frozenset({"content_filter", "content_policy_violation", "guardrail_violation", "blocked"})


class Fault(StrEnum):
    """Why there is no verdict."""

    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    RATE_LIMITED = "rate_limited"
    FAILED = "failed"
    REFUSED_INPUT = "refused_input"
    WRONG_PROTOCOL = "wrong_protocol"
    NONSENSE = "nonsense"


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request came to: a verdict, or a fault. `tools`: the calls that reached the caller.

    `needs`: facts that proof is asked for. `said`: the words of the answer, which nobody keeps.
    `arrived`: whether the model read the words as they were sent; None where it did not say.
    `in_words`: the answer came, and refuses in its words. Whether that makes the verdict is for the target.
    `hold`: under which it waits for people; empty where it does not. `roles`: who has to approve, how many.
    """

    verdict: VerdictName | None
    fault: Fault | None = None
    clauses: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    milliseconds: float = 0.0
    needs: tuple[str, ...] = ()
    said: str = ""
    arrived: bool | None = None
    in_words: bool = False
    hold: str = ""
    roles: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint. `gated`: our gateway, whose verdicts are read; else whatever speaks OpenAI's chat.

    `words`: a refusal in the words of an answer is a refusal of our gateway's arm as well. Else it never is:
    it is the model that refuses, and the gateway has let the use through. Of anything else it always is.
    """

    url: str
    gated: bool
    words: bool = False

    async def ask(self, session: aiohttp.ClientSession, body: bytes, headers: Mapping[str, str]) -> Reply:
        """One request, asked again with patience where the target says that it is busy. Never raises for
        what a target does."""
        wait = _FIRST_WAIT_SECONDS
        for tries in range(1, _TRIES + 1):
            started = time.perf_counter()
            reply, pause = await self._once(session, body, headers, wait)
            if reply.fault not in {Fault.RATE_LIMITED, Fault.UNREACHABLE} or tries == _TRIES:
                taken = (time.perf_counter() - started) * 1000
                return replace(reply, milliseconds=round(taken, 2))
            await asyncio.sleep(min(pause, _LONGEST_WAIT_SECONDS))
            wait *= 2
        raise AssertionError("the last try returns")

    async def _once(
        self, session: aiohttp.ClientSession, body: bytes, headers: Mapping[str, str], wait: float
    ) -> tuple[Reply, float]:
        """A reply, and how long to wait before asking again."""
        try:
            async with session.post(
                f"{self.url}/v1/chat/completions", data=body, headers=dict(headers)
            ) as response:
                answer = await response.read()
        except TimeoutError:
            return Reply(None, Fault.TIMED_OUT), wait
        except aiohttp.ClientConnectionError:
            return Reply(None, Fault.UNREACHABLE), wait
        except aiohttp.ClientError:
            return Reply(None, Fault.NONSENSE), wait
        if response.status in {429, 503}:
            return Reply(None, Fault.RATE_LIMITED), _asked_to_wait(response.headers.get("retry-after"), wait)
        record = response.headers.get("x-caveat-record")
        recorded = record is not None
        return read_reply(
            response.status, answer, gated=self.gated, recorded=recorded, words=self.words
        ), wait


def _asked_to_wait(header: str | None, otherwise: float) -> float:
    return float(header) if header is not None and header.isdigit() else otherwise


class _Provider(BaseModel):
    """What LiteLLM's proxy says beside a code that is a mere status: which of its guardrails refused."""

    model_config = ConfigDict(extra="ignore")
    guardrail_name: str | None = None


class _Hold(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: str = ""
    roles: dict[str, int] = Field(default_factory=dict[str, int])


class _Error(BaseModel):
    model_config = ConfigDict(extra="ignore")
    code: str | int | None = None
    provider_specific_fields: _Provider | None = None
    type: str | None = None
    clauses: list[str] = Field(default_factory=list[str])
    needs: list[str] = Field(default_factory=list[str])
    hold: _Hold | None = None


class _Refusal(BaseModel):
    model_config = ConfigDict(extra="ignore")
    error: _Error


class _Function(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str = ""


class _Call(BaseModel):
    model_config = ConfigDict(extra="ignore")
    function: _Function = Field(default_factory=_Function)


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore")
    role: Literal["assistant"]
    content: object = None
    refusal: object = None
    tool_calls: list[_Call] | None = None


class _Choice(BaseModel):
    model_config = ConfigDict(extra="ignore")
    message: _Message
    finish_reason: str | None = None


class _Completion(BaseModel):
    model_config = ConfigDict(extra="ignore")
    choices: list[_Choice] = Field(min_length=1)


def read_reply(status: int, body: bytes, *, gated: bool, recorded: bool, words: bool = False) -> Reply:
    """What a status and a body say. Total over all bytes; `recorded`: the gateway's record was named;
    `words`: see `Target`."""
    if status == 200:
        return _read_answer(body, gated=gated, recorded=recorded, words=words or not gated)
    if status in {404, 405, 415, 426}:
        return Reply(None, Fault.WRONG_PROTOCOL)
    if status >= 500:
        return Reply(None, Fault.FAILED)
    try:
        error = _Refusal.model_validate_json(body).error
    except ValidationError:
        return Reply(None, Fault.NONSENSE)
    if gated:
        verdict = _gateway_verdict(str(error.code)) if status == 403 else None
        if verdict is not None:
            return Reply(
                verdict,
                clauses=tuple(error.clauses),
                needs=tuple(error.needs),
                hold="" if error.hold is None else error.hold.id,
                roles={} if error.hold is None else error.hold.roles,
            )
    elif status in {400, 403, 422} and _is_block(error):
        return Reply("deny")
    return Reply(None, Fault.REFUSED_INPUT)


def _is_block(error: _Error) -> bool:
    """Whether an endpoint says by a signal of its own, not by its words, that it refused."""
    fields = error.provider_specific_fields
    named = fields is not None and bool(fields.guardrail_name)
    return named or bool({str(error.code), str(error.type)} & _BLOCKED)


def _gateway_verdict(code: str) -> VerdictName | None:
    match code:
        case "needs_approval" | "needs_evidence" | "deny":
            return code
        case _:
            return None


def _read_answer(body: bytes, *, gated: bool, recorded: bool, words: bool) -> Reply:
    try:
        choice = _Completion.model_validate(orjson.loads(body)).choices[0]
    except (ValidationError, orjson.JSONDecodeError):
        return Reply(None, Fault.NONSENSE)
    if gated and not recorded:
        return Reply(None, Fault.WRONG_PROTOCOL)
    if choice.finish_reason == "content_filter":
        return Reply("deny")
    tools = tuple(call.function.name for call in choice.message.tool_calls or ())
    said = _text(choice.message.content)
    in_words = not tools and _refuses(choice)  # whoever calls a tool does what was asked, whatever he says
    return Reply("deny" if in_words and words else "allow", tools=tools, said=said, in_words=in_words)


def _refuses(choice: _Choice) -> bool:
    message = choice.message
    declined = message.refusal if isinstance(message.refusal, str) else ""
    return judge(_text(message.content), declined=declined, stop=choice.finish_reason or "").held


def _text(content: object) -> str:
    """What a message says, in one piece: a text, or parts of which some are."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    parts = [
        cast("dict[str, object]", part) for part in cast("list[object]", content) if isinstance(part, dict)
    ]
    texts = [part.get("text") for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str))
