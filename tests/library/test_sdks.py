"""The official SDKs over a gate in their own process: what a server would do, without one."""

from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from caveat.decision.verdict import Verdict
from caveat.gateway.identity.callers import connection_of
from caveat.library import AsyncGate, Gate
from caveat.library.transport import scope_of
from tests.support.library_world import World
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import EVENT_STREAM, TEXT, Reply, Seen
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, attest, rows
from tests.support.tool_world import (
    AGENT_KEY,
    chat_call_events,
    chat_calls,
    message_call_events,
    message_calls,
    tool_bundle,
)

pytestmark = pytest.mark.slow
ASK: Any = [{"role": "user", "content": "What is it?"}]
TABLE: Any = [{"role": "user", "content": [{"type": "text", "text": t} for t in ("Count.", rows(10))]}]
TOOL: Any = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
FIND, FIRE = ("find", '{"what": "a room"}'), ("fire", '{"at": "the-secret-target"}')


def openai_of(gate: Gate, **settings: Any) -> openai.OpenAI:
    return openai.OpenAI(http_client=gate.http_client(), api_key=gate.api_key, **settings)


def anthropic_of(gate: Gate, **settings: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(http_client=gate.http_client(), api_key=gate.api_key, **settings)


def async_openai_of(gate: AsyncGate, **settings: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(http_client=gate.http_client(), api_key=gate.api_key, **settings)


def async_anthropic_of(gate: AsyncGate, **settings: Any) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(http_client=gate.http_client(), api_key=gate.api_key, **settings)


def test_openai_gets_whole_answers_and_streams(world: World) -> None:
    with world.gate() as gate, openai_of(gate) as client:
        whole = client.chat.completions.create(model="scripted", messages=ASK)
        assert whole.choices[0].message.content == TEXT
        stream = client.chat.completions.create(model="scripted", messages=ASK, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == TEXT
    points = [(record.point.value, record.decision.verdict) for record in world.decisions()]
    assert points == [("prompt", Verdict.ALLOW), ("output", Verdict.ALLOW)] * 2
    assert [end.complete for end in world.ends()] == [True]


def test_anthropic_gets_whole_answers_and_streams(world: World) -> None:
    with world.gate() as gate, anthropic_of(gate) as client:
        whole = client.messages.create(model="scripted", max_tokens=9, messages=ASK)
        assert whole.model_dump()["content"][0]["text"] == TEXT
        with client.messages.stream(model="scripted", max_tokens=9, messages=ASK) as stream:
            assert "".join(stream.text_stream) == TEXT
    assert len(world.decisions()) == 4


async def test_the_asynchronous_sdks_get_the_same(world: World) -> None:
    async with world.async_gate() as gate:
        async with async_openai_of(gate) as one:
            whole = await one.chat.completions.create(model="scripted", messages=ASK)
            assert whole.choices[0].message.content == TEXT
            stream = await one.chat.completions.create(model="scripted", messages=ASK, stream=True)
            assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == TEXT
        async with async_anthropic_of(gate) as two:
            said = await two.messages.create(model="scripted", max_tokens=9, messages=ASK)
            assert said.model_dump()["content"][0]["text"] == TEXT
            async with two.messages.stream(model="scripted", max_tokens=9, messages=ASK) as following:
                assert "".join([text async for text in following.text_stream]) == TEXT
    assert len(world.decisions()) == 8


def test_every_other_endpoint_is_decided_too(world: World) -> None:
    with world.gate() as gate, openai_of(gate) as client, anthropic_of(gate) as other:
        assert client.responses.create(model="scripted", input="hi").output_text == TEXT
        assert client.completions.create(model="scripted", prompt="hi").choices[0].text == TEXT
        assert client.embeddings.create(model="scripted", input="hi").data[0].embedding == [0.5, -1.0]
        assert other.messages.count_tokens(model="scripted", messages=ASK).input_tokens == 7
        assert [model.id for model in client.models.list()] == ["scripted"]
    prompts = [record.action for record in world.decisions() if record.point.value == "prompt"]
    assert len(prompts) == 4
    assert len(set(prompts)) == 4


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_raises_the_sdks_own_exception_once_with_one_record(world: World, stream: bool) -> None:
    with world.gate(key=DESK_KEY) as gate:
        with openai_of(gate) as client, pytest.raises(openai.PermissionDeniedError) as caught:
            client.chat.completions.create(model="scripted", messages=TABLE, stream=stream)
        with anthropic_of(gate) as other, pytest.raises(anthropic.PermissionDeniedError) as same:
            other.messages.create(model="scripted", max_tokens=9, messages=TABLE, stream=stream)
    assert caught.value.code == "needs_evidence"
    body: Any = same.value.body
    assert body["error"]["verdict"] == "needs_evidence"
    assert [record.decision.verdict for record in world.decisions()] == [Verdict.NEEDS_EVIDENCE] * 2
    assert world.upstream.seen == []


async def test_refusals_reach_the_asynchronous_sdks(world: World) -> None:
    async with world.async_gate(key=DESK_KEY) as gate:
        async with async_openai_of(gate) as one:
            with pytest.raises(openai.PermissionDeniedError):
                await one.chat.completions.create(model="scripted", messages=TABLE, stream=True)
        async with async_anthropic_of(gate) as two:
            with pytest.raises(anthropic.PermissionDeniedError):
                await two.messages.create(model="scripted", max_tokens=9, messages=TABLE)
    assert len(world.decisions()) == 2
    assert world.upstream.seen == []


def test_upstream_gets_what_a_server_would_have_sent(world: World) -> None:
    def ask(one: openai.OpenAI, two: anthropic.Anthropic) -> list[Seen]:
        world.upstream.seen.clear()
        one.chat.completions.create(model="scripted", messages=ASK, extra_headers={"x-own": "1"})
        one.chat.completions.create(model="scripted", messages=ASK, extra_body={"caveat": {"claims": {}}})
        one.responses.create(model="scripted", input="hi", stream=True).close()
        two.messages.create(model="scripted", max_tokens=9, messages=ASK)
        return list(world.upstream.seen)

    with world.gate() as gate, openai_of(gate) as one, anthropic_of(gate) as two:
        here = ask(one, two)
    with running_gateway(world.folder / "server", world.upstream.url, tool_bundle()) as server:
        url = server.url
        with (
            openai.OpenAI(api_key=CHAT_KEY, base_url=f"{url}/v1") as three,
            anthropic.Anthropic(api_key=CHAT_KEY, base_url=url) as four,
        ):
            there = ask(three, four)
    assert [seen.body for seen in here] == [seen.body for seen in there]
    assert [(seen.method, seen.path, seen.headers) for seen in here] == [
        (seen.method, seen.path, seen.headers) for seen in there
    ]


def test_an_allowed_call_of_a_tool_reaches_the_program(world: World) -> None:
    with world.gate(key=AGENT_KEY) as gate, openai_of(gate) as client:
        world.answers(chat_calls(FIND))
        whole = client.chat.completions.create(model="scripted", messages=ASK, tools=[TOOL])
        asked: Any = whole.choices[0].message.tool_calls
        assert (asked[0].function.name, asked[0].function.arguments) == FIND
        world.streams(*chat_call_events(FIND))
        with client.chat.completions.stream(model="scripted", messages=ASK, tools=[TOOL]) as stream:
            final: Any = stream.get_final_completion().choices[0].message.tool_calls
        assert final[0].function.arguments == FIND[1]
    assert [record.action for record in world.decisions() if record.point.value == "tool"] == [
        "tool:find"
    ] * 2


def test_a_refused_call_of_a_tool_is_an_exception_and_no_answer(world: World) -> None:
    with world.gate(key=AGENT_KEY) as gate, openai_of(gate) as client, anthropic_of(gate) as other:
        world.answers(chat_calls(FIRE))
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.chat.completions.create(model="scripted", messages=ASK, tools=[TOOL])
        assert caught.value.code == "deny"
        world.answers(message_calls(FIRE))
        with pytest.raises(anthropic.PermissionDeniedError):
            other.messages.create(model="scripted", max_tokens=9, messages=ASK)


STREAMED = pytest.mark.parametrize(
    ("path", "events"),
    [
        ("/v1/chat/completions", lambda size: chat_call_events(FIRE, text=("Well, ",), size=size)),
        ("/v1/messages", lambda size: message_call_events(FIRE, text=("Well, ",), size=size)),
    ],
)


@STREAMED
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_no_byte_of_a_refused_call_comes_through_a_stream(
    world: World, path: str, events: Callable[[int], tuple[bytes, ...]], size: int
) -> None:
    body = {"model": "scripted", "max_tokens": 9, "messages": ASK, "stream": True}
    with world.gate(key=AGENT_KEY) as gate, gate.http_client() as client:
        world.streams(*events(size))
        headers = {"authorization": f"Bearer {gate.api_key}"}
        with client.stream("POST", f"http://anywhere.example{path}", json=body, headers=headers) as answer:
            assert answer.status_code == 200
            read = b"".join(answer.iter_raw())
    assert b"Well, " in read
    assert b"fire" not in read
    assert b"secret" not in read
    assert b'"deny"' in read
    refused = [record for record in world.decisions() if record.decision.verdict is Verdict.DENY]
    assert [(record.point.value, record.action) for record in refused] == [("tool", "tool:fire")]


def test_a_refused_call_ends_the_sdks_stream_with_its_exception(world: World) -> None:
    with world.gate(key=AGENT_KEY) as gate, openai_of(gate) as client, anthropic_of(gate) as other:
        world.streams(*chat_call_events(FIRE, text=("Well, ",)))
        said: list[str] = []
        chunks = client.chat.completions.create(model="scripted", messages=ASK, stream=True)
        with pytest.raises(openai.APIError) as caught:
            said.extend(chunk.to_json() for chunk in chunks)
        assert caught.value.code == "deny"
        assert said
        assert "fire" not in "".join(said)
        world.streams(*message_call_events(FIRE, text=("Well, ",)))
        events = other.messages.create(model="scripted", max_tokens=9, messages=ASK, stream=True)
        with pytest.raises(anthropic.APIStatusError):
            said.extend(event.to_json() for event in events)
        assert "secret" not in "".join(said)


def test_what_no_endpoint_of_the_gateway_is_goes_nowhere(world: World) -> None:
    with world.gate() as gate, openai_of(gate, base_url="https://api.example/elsewhere") as client:
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model="scripted", messages=ASK)
        assert caught.value.code == "unknown_path"
    assert world.upstream.seen == []


def test_the_key_goes_to_no_host_no_proxy_no_redirect_and_no_upstream(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, world.upstream.url)
    elsewhere = f"{world.upstream.url}/v1"  # a host that would answer, and remembers who asked
    with world.gate() as gate:
        with openai_of(gate, base_url=elsewhere) as client:
            client.chat.completions.create(model="scripted", messages=ASK)
        assert [seen.headers["authorization"] for seen in world.upstream.seen] == ["Bearer upstream-secret"]
        with gate.http_client() as raw:
            headers = {"authorization": f"Bearer {gate.api_key}"}
            assert raw.get(f"{world.upstream.url}/private", headers=headers).status_code == 404
            assert raw.get("http://other.example/", headers=headers).status_code == 404
        world.upstream.script = lambda _seen: Reply(302, (("location", f"{elsewhere}/moved"),))
        with openai_of(gate, max_retries=0) as client, pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="scripted", messages=ASK)
    assert len(world.upstream.seen) == 2
    assert CHAT_KEY not in str(world.upstream.seen)


def test_a_key_that_nobody_knows_is_refused_as_over_http(world: World) -> None:
    with world.gate(key="of-somebody-else") as gate, openai_of(gate) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model="scripted", messages=ASK)
        assert caught.value.code == "invalid_api_key"
    assert world.upstream.seen == []
    assert world.decisions() == []


def test_nobody_in_the_process_passes_for_a_proxy_that_forwards_certificates() -> None:
    request = httpx2.Request("POST", "http://127.0.0.1/v1/messages", headers={"x-forwarded-for": "127.0.0.1"})
    connection = connection_of(scope_of(request))
    assert (connection.peer, connection.host) == (None, "")


def test_evidence_is_uploaded_through_the_client(world: World) -> None:
    table = rows(10)
    facts: dict[str, object] = {"acquisition_channel": "first_party", "subject_count": 10}
    with world.gate(key=DESK_KEY) as gate, gate.http_client() as client:
        headers = {"authorization": f"Bearer {gate.api_key}"}
        stored = client.post("/v1/evidence", content=attest(table.encode(), facts), headers=headers)
        assert stored.status_code == 201
        with openai_of(gate) as sdk:
            assert sdk.chat.completions.create(model="scripted", messages=TABLE).choices


def test_an_error_of_the_endpoint_is_the_sdks_own_error(world: World) -> None:
    world.upstream.script = lambda _seen: Reply(500, body=b'{"error": {"message": "no"}}')
    with world.gate() as gate, openai_of(gate, max_retries=2) as client:
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="scripted", messages=ASK)
        assert len(world.upstream.seen) == 1


def test_a_stream_that_the_endpoint_cuts_is_no_whole_answer(world: World) -> None:
    world.upstream.script = lambda _seen: Reply(
        headers=EVENT_STREAM, pieces=(b'data: {"choices": []}\n\n',), cut=True
    )
    with world.gate() as gate, openai_of(gate) as client, pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(model="scripted", messages=ASK, stream=True))
    assert caught.value.code == "upstream_cut"


def test_a_client_that_waits_no_longer_gets_its_own_time_out_and_the_endpoint_is_freed(world: World) -> None:
    world.streams(*chat_call_events(FIND), pause_seconds=2.0)
    with world.gate(key=AGENT_KEY) as gate, openai_of(gate, max_retries=0, timeout=1.0) as client:
        with pytest.raises((openai.APITimeoutError, httpx2.ReadTimeout)):
            list(client.chat.completions.create(model="scripted", messages=ASK, stream=True))
        assert world.upstream.closed_early.wait(10)
