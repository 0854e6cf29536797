"""What the official SDKs send and get is the same with the gateway between, at each endpoint."""

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.support.phrase_world import phrase_bundle
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    Reply,
    ScriptedUpstream,
    Seen,
    chat_events,
    completion_events,
    message_events,
    plain_reply,
    response_events,
    scripted_upstream,
)
from tests.support.small_bundle import CHAT_KEY

ASK: Any = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "What is it? Größe 1.50, 🌻"}]},
]
TURNS: Any = [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "A garden"}]
MORE: dict[str, Any] = {
    "temperature": 0.25,
    "metadata": {"a": "b"},
    "extra_body": {"tomorrow": [1, 2.5, None]},
}
EVENTS = {
    "/v1/chat/completions": chat_events,
    "/v1/completions": completion_events,
    "/v1/messages": message_events,
    "/v1/responses": response_events,
}
Ask = Callable[[openai.OpenAI, anthropic.Anthropic], Any]

CALLS: dict[str, Ask] = {
    "chat completions": lambda o, _: o.chat.completions.create(model="m", messages=ASK, seed=7, **MORE),
    "chat completions, streamed": lambda o, _: list(
        o.chat.completions.create(model="m", messages=ASK, stream=True, **MORE)
    ),
    "completions": lambda o, _: o.completions.create(model="m", prompt="What is it?", echo=False),
    "completions, streamed": lambda o, _: list(o.completions.create(model="m", prompt="What?", stream=True)),
    "responses": lambda o, _: o.responses.create(
        model="m", input="What is it?", instructions="Be brief.", **MORE
    ),
    "responses, streamed": lambda o, _: list(o.responses.create(model="m", input="What?", stream=True)),
    "embeddings": lambda o, _: o.embeddings.create(model="m", input=["What is it?", "A garden"]),
    "messages": lambda _, a: a.messages.create(
        model="m", max_tokens=64, system="Be brief.", messages=TURNS, stop_sequences=["END"]
    ),
    "messages, streamed": lambda _, a: list(
        a.messages.create(model="m", max_tokens=64, messages=TURNS, stream=True)
    ),
    "token counts": lambda _, a: a.messages.count_tokens(model="m", messages=TURNS),
}


def answer(seen: Seen) -> Reply:
    if seen.json.get("stream"):
        kind = (("content-type", "text/event-stream"),)
        return Reply(headers=kind, pieces=EVENTS[seen.path.partition("?")[0]]("It is a garden."))
    return plain_reply(seen)


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream(answer) as running:
        yield running


@pytest.fixture(scope="module", params=["reads answers", "reads none"])
def gateway(
    request: pytest.FixtureRequest, upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    files = phrase_bundle() if request.param == "reads answers" else None
    with running_gateway(tmp_path_factory.mktemp("g"), upstream.url, files) as running:
        yield running


def asked(url: str, call: Ask) -> Any:
    with (
        openai.OpenAI(api_key=CHAT_KEY, base_url=f"{url}/v1", max_retries=0) as first,
        anthropic.Anthropic(api_key=CHAT_KEY, base_url=url, max_retries=0) as second,
    ):
        return call(first, second)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_of_an_sdk_goes_through_unchanged(
    gateway: RunningGateway, upstream: ScriptedUpstream, name: str
) -> None:
    plain = asked(upstream.url, CALLS[name])
    direct = upstream.seen[-1]
    through = asked(gateway.url, CALLS[name])
    passed = upstream.seen[-1]
    assert passed is not direct
    assert (passed.path.partition("?")[0], passed.body) == (direct.path.partition("?")[0], direct.body)
    assert through == plain
    for header in ("content-type", "anthropic-version", "user-agent"):
        assert passed.headers.get(header) == direct.headers.get(header)
