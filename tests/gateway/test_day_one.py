"""The endpoints that the official SDKs' own examples use, each a use like any other."""

import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from caveat.signing.digest import sha256
from tests.support.raw_client import send
from tests.support.running_gateway import RunningGateway
from tests.support.scripted_upstream import EVENT_STREAM, TEXT, Reply, ScriptedUpstream, chat_events
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, rows

ASK: Any = [{"role": "user", "content": "What is it?"}]
ROWS = rows(10)
TABLE: Any = [{"role": "user", "content": ROWS}]


def openai_client(gateway: RunningGateway, key: str = CHAT_KEY) -> openai.OpenAI:
    return openai.OpenAI(api_key=key, base_url=f"{gateway.url}/v1")


def azure_client(gateway: RunningGateway, key: str = CHAT_KEY, **more: Any) -> openai.AzureOpenAI:
    return openai.AzureOpenAI(api_key=key, azure_endpoint=gateway.url, api_version="2024-10-21", **more)


def anthropic_client(gateway: RunningGateway, key: str = CHAT_KEY) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key=key, base_url=gateway.url)


def test_embeddings_in_their_default_encoding_make_two_records(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    before = len(gateway.records())
    with openai_client(gateway) as client:
        answer = client.embeddings.create(model="scripted", input=["one", "two"])
    assert [item.embedding for item in answer.data] == [[0.5, -1.0]] * 2
    prompt, output = gateway.records()[before:]
    assert (prompt["point"], prompt["action"], prompt["protocol"]) == ("prompt", "embeddings", "openai")
    assert (output["point"], output["verdict"]) == ("output", "allow")
    assert upstream.seen[-1].path == "/v1/embeddings"
    assert upstream.seen[-1].headers["authorization"] == "Bearer upstream-secret"


async def test_async_embeddings(gateway: RunningGateway) -> None:
    async with openai.AsyncOpenAI(api_key=CHAT_KEY, base_url=f"{gateway.url}/v1") as client:
        answer = await client.embeddings.create(model="scripted", input="one", encoding_format="float")
    assert answer.data[0].embedding == [0.5, -1.0]


def test_tokens_are_counted_by_the_endpoint_after_a_decision(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    before = len(gateway.records())
    with anthropic_client(gateway) as client:
        assert client.messages.count_tokens(model="scripted", messages=ASK).input_tokens == 7
    prompt, output = gateway.records()[before:]
    assert (prompt["action"], output["point"]) == ("messages.count_tokens", "output")
    assert upstream.seen[-1].path == "/v1/messages/count_tokens"
    assert upstream.seen[-1].headers["x-api-key"] == "upstream-secret"


def test_azure_chat_stream_and_embeddings(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    before = len(gateway.records())
    with azure_client(gateway) as client:
        whole = client.chat.completions.create(model="gpt", messages=ASK)
        assert whole.choices[0].message.content == TEXT
        stream = client.chat.completions.create(model="gpt", messages=ASK, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == TEXT
        assert len(client.embeddings.create(model="gpt", input="one").data) == 1
    made = gateway.records()[before:]
    assert {(record["protocol"], record["model"]) for record in made} == {("azure", "gpt")}
    assert [record["point"] for record in made] == ["prompt", "output"] * 3
    seen = upstream.seen[-3:]
    assert [one.path for one in seen] == ["/v1/chat/completions"] * 2 + ["/v1/embeddings"]
    assert all("api-key" not in one.headers and one.json["model"] == "gpt" for one in seen)


def test_the_deployment_in_an_azure_path_wins_over_the_body(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    with azure_client(gateway, azure_deployment="alias") as client:
        client.chat.completions.create(model="something else", messages=ASK)
    assert gateway.records()[-1]["model"] == "alias"
    assert upstream.seen[-1].json["model"] == "alias"


def test_two_different_keys_in_two_headers_are_no_key(gateway: RunningGateway) -> None:
    headers = {"api-key": CHAT_KEY, "authorization": f"Bearer {DESK_KEY}"}
    path = "/openai/deployments/gpt/chat/completions"
    answer = send(gateway.url, path, json.dumps({"messages": ASK}).encode(), headers)
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


OPENAI_CALLS = ("chat", "stream", "embeddings", "completions", "responses")


def openai_calls(client: openai.OpenAI) -> dict[str, Callable[[], object]]:
    return {
        "chat": lambda: client.chat.completions.create(model="m", messages=TABLE),
        "stream": lambda: client.chat.completions.create(model="m", messages=TABLE, stream=True),
        "embeddings": lambda: client.embeddings.create(model="m", input=[ROWS]),
        "completions": lambda: client.completions.create(model="m", prompt=["Count.", ROWS]),
        "responses": lambda: client.responses.create(model="m", instructions="Count.", input=ROWS),
    }


def refused_by_openai(gateway: RunningGateway, call: str, *, azure: bool) -> tuple[Any, Any]:
    client = azure_client(gateway, DESK_KEY) if azure else openai_client(gateway, DESK_KEY)
    with client, pytest.raises(openai.PermissionDeniedError) as caught:
        openai_calls(client)[call]()
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["type"] == "caveat_refusal"
    return caught.value.body, caught.value.response.headers


def refused_by_anthropic(gateway: RunningGateway, call: str) -> tuple[Any, Any]:
    calls: dict[str, Callable[[anthropic.Anthropic], object]] = {
        "message": lambda one: one.messages.create(model="m", max_tokens=9, messages=TABLE),
        "count_tokens": lambda one: one.messages.count_tokens(model="m", messages=TABLE),
    }
    with (
        anthropic_client(gateway, DESK_KEY) as client,
        pytest.raises(anthropic.PermissionDeniedError) as caught,
    ):
        calls[call](client)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["type"] == "permission_error"
    return caught.value.body["error"], caught.value.response.headers


@pytest.mark.parametrize("call", [*OPENAI_CALLS, "message", "count_tokens"])
@pytest.mark.parametrize("azure", [False, True], ids=["", "azure"])
def test_the_same_content_gets_the_same_refusal_once_at_every_endpoint(
    gateway: RunningGateway, upstream: ScriptedUpstream, call: str, azure: bool
) -> None:
    before = len(gateway.records())
    if call in ("message", "count_tokens"):
        error, headers = refused_by_anthropic(gateway, call)
    else:
        error, headers = refused_by_openai(gateway, call, azure=azure)
    (record,) = gateway.records()[before:]
    assert (record["verdict"], record["reason"]) == ("needs_evidence", "unverified")
    assert record["needs"] == error["needs"] == ["acquisition_channel"]
    assert [part["digest"] for part in record["parts"]] == [sha256(ROWS.encode())]
    assert (error["code"], error["record"]) == ("needs_evidence", headers["x-caveat-record"])
    assert upstream.seen == []


def test_one_evidence_for_one_use_does_not_serve_two_endpoints(gateway: RunningGateway) -> None:
    """The action that a record names tells endpoints apart, though the bytes are the same."""
    body = json.dumps({"model": "m", "messages": ASK}).encode()
    headers = {"x-api-key": CHAT_KEY}
    before = len(gateway.records())
    for path in ("/v1/messages", "/v1/messages/count_tokens", "/v1/messages"):
        send(gateway.url, path, body, headers)
    names = [record["request"] for record in gateway.records()[before:] if record["point"] == "prompt"]
    assert names[0] == names[2] != names[1]


@pytest.mark.parametrize(
    "path", ["/v1/embeddings", "/v1/messages/count_tokens", "/v1/completions", "/v1/responses"]
)
def test_an_answer_of_another_protocol_is_never_released(
    gateway: RunningGateway, upstream: ScriptedUpstream, path: str
) -> None:
    upstream.script = lambda _seen: Reply(body=b'{"secret": "words"}')
    body = json.dumps({"model": "m", "messages": ASK, "input": "x"}).encode()
    answer = send(gateway.url, path, body, {"x-api-key": CHAT_KEY})
    assert (answer.status, answer.error["code"]) == (502, "upstream_invalid")
    assert b"words" not in answer.body


def test_errors_of_an_endpoint_are_asked_for_once_and_raised(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    """The SDKs' own retries, at their defaults, never make a second use of one call."""
    upstream.script = lambda _seen: Reply(status=500, body=b'{"error": {"message": "no"}}')
    before = len(gateway.records())
    with openai_client(gateway) as client, pytest.raises(openai.InternalServerError):
        client.embeddings.create(model="m", input="x")
    with anthropic_client(gateway) as other, pytest.raises(anthropic.InternalServerError):
        other.messages.count_tokens(model="m", messages=ASK)
    assert len(upstream.seen) == 2
    assert [r["point"] for r in gateway.records()[before:]] == ["prompt", "output"] * 2


def test_a_stream_to_azure_that_breaks_ends_in_its_form(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=chat_events()[:2], cut=True)
    with azure_client(gateway) as client, pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="gpt", messages=ASK, stream=True))
