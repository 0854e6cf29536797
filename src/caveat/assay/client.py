"""One scenario over HTTP, as any client would send it: what is sent, and how the answer is read.

200 is an allow; 403 is the verdict in its `error.code`; anything else is an error of the run and no verdict.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.assay.errors import RunError
from caveat.assay.mint import Minted
from caveat.assay.scenario import VerdictName, Visible

DATA_POINTER = "/messages/0/content/1"
_REFUSALS: tuple[VerdictName, ...] = ("needs_approval", "needs_evidence", "deny")
_MAX_EVIDENCE_HEADER_BYTES = 12_000


@dataclass(frozen=True, slots=True)
class Sent:
    """One chat request: its body, and what is presented with it. `uploads` go ahead of it."""

    body: bytes
    headers: Mapping[str, str]
    uploads: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    verdict: VerdictName
    clauses: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    record: str | None = None


class _ErrorModel(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    code: str
    clauses: list[str] = Field(default_factory=list[str])
    needs: list[str] = Field(default_factory=list[str])
    record: str


class _RefusalModel(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    error: _ErrorModel


def chat(visible: Visible, minted: Minted, text: str, *, extended: bool = True) -> bytes:
    """The body of the chat request; `extended` adds the claims and names the data part for the gateway."""
    body: dict[str, object] = {
        "model": "assay",
        "max_tokens": 16,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": text},
                    {"type": "text", "text": minted.data.decode()},
                ],
            }
        ],
    }
    if extended:
        body["caveat"] = {
            "claims": dict(visible.claims),
            "data": [{"part": DATA_POINTER, "media_type": "text/csv"}],
        }
    return orjson.dumps(body)


@dataclass(frozen=True, slots=True)
class Keys:
    """API keys of a scenario's deployment, and of the one that releases whatever it is asked (`earlier`)."""

    own: str
    earlier: str = ""


def requests(visible: Visible, minted: Minted, text: str, keys: Keys, *, upload: bool) -> tuple[Sent, ...]:
    """What the scenario sends, in order: an earlier request that uses up what is replayed, then its own.

    With `upload`, or where a header would grow too long, genuine attestations go ahead by upload; defective
    ones always travel with the request, since a store keeps only what verifies.
    """
    sent: list[Sent] = []
    if minted.prior:
        earlier = chat(visible, minted, f"{text} (an earlier request)")
        sent.append(Sent(earlier, _headers(keys.earlier, minted.prior)))
    presented = (*minted.genuine, *minted.defective)
    body = chat(visible, minted, text)
    if upload or len(evidence_header(presented)) > _MAX_EVIDENCE_HEADER_BYTES:
        sent.append(Sent(body, _headers(keys.own, minted.defective), minted.genuine))
    else:
        sent.append(Sent(body, _headers(keys.own, presented)))
    return tuple(sent)


def evidence_header(envelopes: Sequence[bytes]) -> str:
    """The value of `x-caveat-evidence`."""
    return ",".join(base64.urlsafe_b64encode(envelope).decode().rstrip("=") for envelope in envelopes)


def _headers(api_key: str, envelopes: Sequence[bytes]) -> Mapping[str, str]:
    headers = {"authorization": f"Bearer {api_key}", "content-type": "application/json"}
    if envelopes:
        headers["x-caveat-evidence"] = evidence_header(envelopes)
    return headers


async def ask(session: aiohttp.ClientSession, url: str, sent: Sent, *, gated: bool = True) -> Answer:
    """Sends one request and reads its verdict; raises `RunError` for whatever is none."""
    for envelope in sent.uploads:
        await _upload(session, url, envelope, sent.headers["authorization"])
    try:
        async with session.post(
            f"{url}/v1/chat/completions", data=sent.body, headers=dict(sent.headers)
        ) as response:
            body = await response.read()
            return _answer(response.status, body, response.headers.get("x-caveat-record"), gated=gated)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise RunError((f"no answer: {type(error).__name__}",)) from error


async def _upload(session: aiohttp.ClientSession, url: str, envelope: bytes, authorization: str) -> None:
    headers = {"authorization": authorization, "content-type": "application/json"}
    try:
        async with session.post(f"{url}/v1/evidence", data=envelope, headers=headers) as response:
            body = await response.read()
            if response.status >= 300:
                raise RunError((f"evidence was not taken: {_described(response.status, body)}",))
    except (aiohttp.ClientError, TimeoutError) as error:
        raise RunError((f"no answer to an upload: {type(error).__name__}",)) from error


def _answer(status: int, body: bytes, record: str | None, *, gated: bool) -> Answer:
    if status == 200:
        if gated and not record:
            raise RunError(("an answer came without the id of its record",))
        return Answer("allow", record=record)
    if status == 403 and gated:
        try:
            error = _RefusalModel.model_validate_json(body).error
        except ValidationError as problem:
            raise RunError((f"a refusal of another shape: {_described(status, body)}",)) from problem
        for verdict in _REFUSALS:
            if error.code == verdict:
                return Answer(verdict, tuple(error.clauses), tuple(error.needs), error.record)
    raise RunError((f"neither an answer nor a verdict: {_described(status, body)}",))


class _FaultModel(BaseModel):
    model_config = ConfigDict(extra="ignore")
    error: dict[str, object] = Field(default_factory=dict[str, object])


def _described(status: int, body: bytes) -> str:
    """Status and code, never the body: it may hold content."""
    try:
        code = _FaultModel.model_validate_json(body).error.get("code")
    except ValidationError:
        code = None
    return f"status {status}" + (f", `{code}`" if isinstance(code, str) else "")
