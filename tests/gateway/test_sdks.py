"""The official SDKs as clients: who is allowed notices nothing, who is not gets one clear error."""

import json
from typing import Any

import anthropic
import openai
import pytest

from caveat.gateway.evidence_header import encode_envelope
from tests.support.raw_client import asking, chat
from tests.support.running_gateway import RunningGateway
from tests.support.scripted_upstream import TEXT, ScriptedUpstream
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, attest, rows

ASK: Any = [{"role": "user", "content": "What is it?"}]
TABLE: Any = [{"role": "user", "content": [{"type": "text", "text": t} for t in ("Count.", rows(10))]}]


def openai_client(gateway: RunningGateway, key: str = CHAT_KEY) -> openai.OpenAI:
    return openai.OpenAI(api_key=key, base_url=f"{gateway.url}/v1")


def anthropic_client(gateway: RunningGateway, key: str = CHAT_KEY) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key=key, base_url=gateway.url)


def test_openai_chat_and_stream(gateway: RunningGateway) -> None:
    with openai_client(gateway) as client:
        whole = client.chat.completions.create(model="scripted", messages=ASK)
        assert whole.choices[0].message.content == TEXT
        stream = client.chat.completions.create(model="scripted", messages=ASK, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == TEXT


async def test_openai_async_chat_and_stream(gateway: RunningGateway) -> None:
    async with openai.AsyncOpenAI(api_key=CHAT_KEY, base_url=f"{gateway.url}/v1") as client:
        whole = await client.chat.completions.create(model="scripted", messages=ASK)
        assert whole.choices[0].message.content == TEXT
        stream = await client.chat.completions.create(model="scripted", messages=ASK, stream=True)
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == TEXT


def test_anthropic_message_and_stream(gateway: RunningGateway) -> None:
    with anthropic_client(gateway) as client:
        whole = client.messages.create(model="scripted", max_tokens=9, messages=ASK)
        assert whole.model_dump()["content"][0]["text"] == TEXT
        with client.messages.stream(model="scripted", max_tokens=9, messages=ASK) as stream:
            assert "".join(stream.text_stream) == TEXT


async def test_anthropic_async_message_and_stream(gateway: RunningGateway) -> None:
    async with anthropic.AsyncAnthropic(api_key=CHAT_KEY, base_url=gateway.url) as client:
        whole = await client.messages.create(model="scripted", max_tokens=9, messages=ASK)
        assert whole.model_dump()["content"][0]["text"] == TEXT
        async with client.messages.stream(model="scripted", max_tokens=9, messages=ASK) as stream:
            assert "".join([text async for text in stream.text_stream]) == TEXT


def test_an_allowed_call_makes_two_records_and_names_both(gateway: RunningGateway) -> None:
    before = len(gateway.records())
    answer = chat(gateway.url, CHAT_KEY, asking("hello"))
    prompt, output = gateway.records()[before:]
    assert (prompt["point"], prompt["verdict"], output["point"], output["verdict"]) == (
        "prompt", "allow", "output", "allow",
    )  # fmt: skip
    assert output["of"] == answer.headers["x-caveat-record"]
    assert answer.headers["x-caveat-verdict"] == "allow"
    assert answer.headers["x-caveat-output-record"] != answer.headers["x-caveat-record"]


@pytest.mark.parametrize("stream", [False, True])
def test_openai_refusal_raises_permission_denied_once_with_one_record(
    gateway: RunningGateway, upstream: ScriptedUpstream, stream: bool
) -> None:
    before = len(gateway.records())
    with openai_client(gateway, DESK_KEY) as client, pytest.raises(openai.PermissionDeniedError) as caught:
        client.chat.completions.create(model="scripted", messages=TABLE, stream=stream)
    (record,) = gateway.records()[before:]
    assert record["verdict"] == "needs_evidence"
    assert upstream.seen == []
    assert caught.value.code == "needs_evidence"
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["needs"] == record["needs"] == ["acquisition_channel"]
    (need,) = body["needs_detail"]
    assert need["attested_by"] == ["data_owner", "registration"]
    assert need["part"] == "/messages/0/content/1"
    assert body["record"] == caught.value.response.headers["x-caveat-record"]
    assert body["approval_url"] is None


@pytest.mark.parametrize("stream", [False, True])
def test_anthropic_refusal_raises_permission_denied_once_with_one_record(
    gateway: RunningGateway, upstream: ScriptedUpstream, stream: bool
) -> None:
    before = len(gateway.records())
    with (
        anthropic_client(gateway, DESK_KEY) as client,
        pytest.raises(anthropic.PermissionDeniedError) as caught,
    ):
        client.messages.create(model="scripted", max_tokens=9, messages=TABLE, stream=stream)
    assert len(gateway.records()) == before + 1
    assert upstream.seen == []
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["type"] == "error"
    assert body["error"]["type"] == "permission_error"
    assert (body["error"]["code"], body["error"]["verdict"]) == ("needs_evidence", "needs_evidence")


async def test_async_refusals_raise_permission_denied(gateway: RunningGateway) -> None:
    before = len(gateway.records())
    async with openai.AsyncOpenAI(api_key=DESK_KEY, base_url=f"{gateway.url}/v1") as one:
        with pytest.raises(openai.PermissionDeniedError):
            await one.chat.completions.create(model="scripted", messages=TABLE)
    async with anthropic.AsyncAnthropic(api_key=DESK_KEY, base_url=gateway.url) as two:
        with pytest.raises(anthropic.PermissionDeniedError):
            await two.messages.create(model="scripted", max_tokens=9, messages=TABLE)
    assert len(gateway.records()) == before + 2


def test_evidence_in_the_header_opens_what_it_is_bound_to_and_one_byte_changed_closes_it(
    gateway: RunningGateway,
) -> None:
    envelope = attest(rows(11).encode(), {"acquisition_channel": "first_party", "subject_count": 11})
    header = {"x-caveat-evidence": encode_envelope(envelope)}
    assert chat(gateway.url, DESK_KEY, asking(rows(11)), header).status == 200
    changed = chat(gateway.url, DESK_KEY, asking(rows(11) + "\n"), header)
    assert (changed.status, changed.error["code"]) == (403, "needs_evidence")
    assert [item["code"] for item in changed.error["evidence"]] == ["subject"]


def test_a_denied_use_names_its_clause(gateway: RunningGateway) -> None:
    envelope = attest(rows(12).encode(), {"acquisition_channel": "bulk_purchased"})
    header = {"x-caveat-evidence": encode_envelope(envelope)}
    refused = chat(gateway.url, DESK_KEY, asking(rows(12)), header)
    assert (refused.status, refused.error["code"], refused.error["clauses"]) == (403, "deny", ["C2"])
    assert "C2" in refused.error["message"]


def test_an_approval_is_asked_for_by_its_role(gateway: RunningGateway) -> None:
    envelope = attest(rows(13).encode(), {"acquisition_channel": "purchased"})
    refused = chat(gateway.url, DESK_KEY, asking(rows(13)), {"x-caveat-evidence": encode_envelope(envelope)})
    assert (refused.status, refused.error["code"]) == (403, "needs_approval")
    assert refused.error["approvals"] == ["officer"]
    assert refused.headers["x-should-retry"] == "false"


def test_unknown_fields_reach_the_upstream_untouched(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    extra = {"x_new": {"deep": [2**64 - 1, 2.5, None, True, "ü"]}, "seed": 2**63 - 1, "temperature": 0.1}
    with openai_client(gateway) as client:
        client.chat.completions.create(model="scripted", messages=ASK, extra_body=extra)
    assert upstream.seen[-1].json == {"model": "scripted", "messages": ASK, **extra}


def test_without_the_extension_the_very_bytes_are_forwarded(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    body = b'{ "model":"scripted", "messages":[{"role":"user","content":"h\\u00e9"}],\n "top_p": 1.0e-1 }'
    assert chat(gateway.url, CHAT_KEY, body).status == 200
    assert upstream.seen[-1].body == body


def test_the_extension_is_removed_and_the_rest_keeps_its_values(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    body = asking(
        "hi", top_p=0.1, seed=-(2**63), metadata={"a": "é"}, caveat={"claims": {"subject_count": 3}}
    )
    assert chat(gateway.url, CHAT_KEY, body).status == 200
    assert "caveat" not in upstream.seen[-1].json
    assert upstream.seen[-1].json == {name: value for name, value in body.items() if name != "caveat"}


def test_credentials_stay_here_and_the_gateway_uses_its_own(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    headers = {
        "x-mine": f"a copy of {CHAT_KEY}",
        "x-other": "kept",
        "cookie": "c=1",
        "x-caveat-anything": "x",
    }
    chat(gateway.url, CHAT_KEY, asking("hi"), headers)
    seen = upstream.seen[-1]
    assert CHAT_KEY not in json.dumps(seen.headers)
    assert seen.headers["authorization"] == "Bearer upstream-secret"
    assert seen.headers["x-other"] == "kept"
    assert not {"cookie", "x-caveat-anything", "x-caveat-evidence", "x-mine"} & seen.headers.keys()
    assert seen.headers["accept-encoding"] == "identity"
    with anthropic_client(gateway) as client:
        client.messages.create(model="scripted", max_tokens=9, messages=ASK)
    seen = upstream.seen[-1]
    assert seen.headers["x-api-key"] == "upstream-secret"
    assert "authorization" not in seen.headers
    assert "anthropic-version" in seen.headers


def test_models_are_listed_without_a_decision(gateway: RunningGateway) -> None:
    before = len(gateway.records())
    with openai_client(gateway) as client:
        assert [model.id for model in client.models.list()] == ["scripted"]
    assert len(gateway.records()) == before
