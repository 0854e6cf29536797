"""Several upstreams: another attempt where the first gives no answer, one decision however many there are."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from caveat.gateway.routes import Routes, RoutesError, Target, parse_routes
from caveat.gateway.routing import upstream_path
from caveat.gateway.upstream import UpstreamConfig
from caveat.gateway.wire.wire import COMPLETIONS, EMBEDDINGS, OPENAI, RESPONSES
from caveat.signing.digest import sha256
from tests.support.raw_client import asking, chat, message, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    EVENT_STREAM,
    TEXT,
    Reply,
    ScriptedUpstream,
    chat_body,
    chat_events,
    plain_reply,
    scripted_upstream,
)
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, rows

KEYS = {"KEY_A": "secret-a", "KEY_B": "secret-b"}
_FILE = """
version = 1
[[routes.assistant]]
url = "http://127.0.0.1:{dead}"
protocol = "openai"
name = "dead"
[[routes.assistant]]
url = "{first}/v1"
protocol = "openai"
name = "first"
model = "model-of-first"
key_env = "KEY_A"
timeout_seconds = 0.5
retries = 1
[[routes.assistant]]
url = "{second}"
protocol = "azure"
api_version = "2024-10-21"
name = "second"
model = "model-of-second"
key_env = "KEY_B"
[[routes.claude]]
url = "{second}"
protocol = "anthropic"
name = "words"
key_env = "KEY_B"
"""


@pytest.fixture(scope="module")
def second() -> Iterator[ScriptedUpstream]:
    with scripted_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def routes(module_upstream: ScriptedUpstream, second: ScriptedUpstream) -> Iterator[Routes]:
    with socket.socket() as taken:  # bound and not listening: whoever connects is refused
        taken.bind(("127.0.0.1", 0))
        dead = taken.getsockname()[1]
        text = _FILE.format(dead=dead, first=module_upstream.url, second=second.url)
        yield parse_routes(text.encode(), KEYS)


@pytest.fixture(scope="module")
def routed(routes: Routes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path_factory.mktemp("routed"), routes) as running:
        yield running


@pytest.fixture
def first(upstream: ScriptedUpstream, second: ScriptedUpstream) -> Iterator[ScriptedUpstream]:
    second.script = plain_reply
    second.seen.clear()
    yield upstream
    second.script = plain_reply


def ask(gateway: RunningGateway, **more: object) -> Any:
    return chat(gateway.url, CHAT_KEY, {**asking("hello"), "model": "assistant", **more})


def test_a_dead_first_target_is_passed_over_with_one_prompt_record(
    routed: RunningGateway, first: ScriptedUpstream
) -> None:
    before = len(routed.records())
    with openai.OpenAI(api_key=CHAT_KEY, base_url=f"{routed.url}/v1") as client:
        raw = client.chat.completions.with_raw_response.create(
            model="assistant", messages=[{"role": "user", "content": "hello"}]
        )
    assert raw.parse().choices[0].message.content == TEXT
    assert raw.headers["x-caveat-upstream"] == "first"
    assert [record["point"] for record in routed.records()[before:]] == ["prompt", "output"]
    assert routed.records()[before]["model"] == "assistant"
    (seen,) = first.seen
    assert (seen.path, seen.json["model"]) == ("/v1/chat/completions", "model-of-first")
    assert seen.headers["authorization"] == "Bearer secret-a"
    assert b'"failover"' in routed.log.getvalue()


FAILURES = {
    "5xx": Reply(status=503, body=b"{}"),
    "cut": Reply(body=chat_body(), cut=True),
    "slow": Reply(wait_seconds=1.0),
    "cut stream": Reply(headers=EVENT_STREAM, pieces=(b"data: {",), cut=True),
}


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
@pytest.mark.parametrize("stream", [False, True])
def test_a_failing_target_is_tried_as_often_as_it_says_then_the_next(
    routed: RunningGateway, first: ScriptedUpstream, second: ScriptedUpstream, failure: Reply, stream: bool
) -> None:
    first.script = lambda _seen: failure
    second.script = lambda _seen: (
        Reply(headers=EVENT_STREAM, pieces=chat_events()) if stream else Reply(body=chat_body())
    )
    before = len(routed.records())
    answer = ask(routed, stream=stream)
    assert (answer.status, answer.headers["x-caveat-upstream"]) == (200, "second")
    assert len(first.seen) == 2
    (seen,) = second.seen
    assert seen.path == "/openai/deployments/model-of-second/chat/completions?api-version=2024-10-21"
    assert seen.headers["api-key"] == "secret-b"
    assert "authorization" not in seen.headers
    assert [record["point"] for record in routed.records()[before:]] == ["prompt", "output"]


@pytest.mark.parametrize("status", [400, 404, 429])
def test_an_upstream_that_says_4xx_has_answered(
    routed: RunningGateway, first: ScriptedUpstream, second: ScriptedUpstream, status: int
) -> None:
    first.script = lambda _seen: Reply(status=status, body=b'{"error": {"message": "no"}}')
    answer = ask(routed)
    assert (answer.status, answer.headers["x-caveat-upstream"]) == (status, "first")
    assert (len(first.seen), second.seen) == (1, [])


def test_a_refused_key_is_no_reason_to_ask_another(
    routed: RunningGateway, first: ScriptedUpstream, second: ScriptedUpstream
) -> None:
    first.script = lambda _seen: Reply(status=401, body=b"{}")
    answer = ask(routed)
    assert (answer.status, answer.error["code"]) == (503, "upstream_refused_key")
    assert second.seen == []


def test_after_the_first_window_nobody_else_is_asked(
    routed: RunningGateway, first: ScriptedUpstream, second: ScriptedUpstream
) -> None:
    first.script = lambda _seen: Reply(
        headers=EVENT_STREAM, pieces=chat_events()[:2], pause_seconds=0.02, cut=True
    )
    answer = ask(routed, stream=True)
    assert answer.status == 200
    assert b"upstream_cut" in answer.body
    assert (len(first.seen), second.seen) == (1, [])


def test_the_last_failure_is_the_answer(
    routed: RunningGateway, first: ScriptedUpstream, second: ScriptedUpstream
) -> None:
    first.script = second.script = lambda _seen: Reply(status=500, body=b'{"error": {"message": "no"}}')
    before = len(routed.records())
    answer = ask(routed)
    assert (answer.status, answer.headers["x-should-retry"]) == (500, "false")
    assert [record["point"] for record in routed.records()[before:]] == ["prompt", "output"]


def test_a_refused_use_reaches_no_upstream(
    routed: RunningGateway, first: ScriptedUpstream, second: ScriptedUpstream
) -> None:
    before = len(routed.records())
    answer = chat(routed.url, DESK_KEY, {**asking(rows(9)), "model": "assistant"})
    assert answer.status == 403
    assert len(routed.records()) == before + 1
    assert first.seen == second.seen == []


@pytest.mark.parametrize(("model", "sender"), [("nobody", chat), ("claude", chat), ("assistant", message)])
def test_a_name_without_an_upstream_of_the_protocol_is_no_use(
    routed: RunningGateway, first: ScriptedUpstream, model: str, sender: Any
) -> None:
    before = len(routed.records())
    answer = sender(routed.url, CHAT_KEY, {**asking("hello"), "model": model})
    assert (answer.status, answer.error["code"]) == (404, "unknown_model")
    assert len(routed.records()) == before
    assert first.seen == []


def test_each_sdk_lists_the_aliases_that_it_can_use(routed: RunningGateway, first: ScriptedUpstream) -> None:
    with openai.OpenAI(api_key=CHAT_KEY, base_url=f"{routed.url}/v1") as one:
        assert [model.id for model in one.models.list()] == ["assistant"]
    with anthropic.Anthropic(api_key=CHAT_KEY, base_url=routed.url) as two:
        assert [model.id for model in two.models.list()] == ["claude"]
        counted = two.messages.count_tokens(model="claude", messages=[{"role": "user", "content": "hello"}])
    assert counted.input_tokens == 7
    assert first.seen == []
    assert send(routed.url, "/v1/models", b"", {}, "GET").status == 401


def test_azure_callers_reach_the_same_alias(routed: RunningGateway, first: ScriptedUpstream) -> None:
    with openai.AzureOpenAI(api_key=CHAT_KEY, azure_endpoint=routed.url, api_version="v1") as client:
        assert len(client.embeddings.create(model="assistant", input="x").data) == 1
        assert client.responses.create(model="assistant", input="x").output_text == TEXT
        assert client.completions.create(model="assistant", prompt="x").choices[0].text == TEXT
    assert [(seen.path, seen.json["model"]) for seen in first.seen] == [
        ("/v1/embeddings", "model-of-first"),
        ("/v1/responses", "model-of-first"),
        ("/v1/completions", "model-of-first"),
    ]


def test_an_azure_upstream_is_asked_at_its_own_paths(first: ScriptedUpstream) -> None:
    target = Target("a", UpstreamConfig(first.url), "deployed", "azure", "v1")
    paths = {
        OPENAI: "/openai/deployments/deployed/chat/completions?api-version=v1",
        COMPLETIONS: "/openai/deployments/deployed/completions?api-version=v1",
        EMBEDDINGS: "/openai/deployments/deployed/embeddings?api-version=v1",
        RESPONSES: "/openai/responses?api-version=v1",
    }
    assert {wire: upstream_path(target, wire, "alias") for wire in paths} == paths


@pytest.mark.slow
@pytest.mark.usefixtures("first")
def test_another_vendor_is_a_record_and_changes_no_verdict(tmp_path: Path, routes: Routes) -> None:
    aliases = routes.aliases
    assert aliases is not None
    other = {**aliases, "assistant": aliases["assistant"][1:2]}
    swapped = replace(routes, aliases=other, digest=sha256(b"another"))
    verdicts, digests = [], []
    for current in (routes, routes, swapped):
        with running_gateway(tmp_path, current) as running:
            before = len(running.records())
            for key, text in ((CHAT_KEY, "hello"), (DESK_KEY, rows(9))):
                chat(running.url, key, {**asking(text), "model": "assistant"})
            prompts = [record for record in running.records()[before:] if record["of"] is None]
            verdicts.append([(one["verdict"], one["reason"], one["request"]) for one in prompts])
            digests = [record["routes"] for record in running.records("routes")]
    assert digests == [routes.digest, swapped.digest], "the same routes again are no new record"
    assert len(verdicts[0]) == 2
    assert verdicts[0] == verdicts[1] == verdicts[2]


ONE = '[[routes.a]]\nurl = "http://a.example"\nprotocol = "openai"\n'


def test_the_digest_is_of_the_meaning_and_of_no_key() -> None:
    keyed = f'version = 1\n{ONE}key_env = "KEY_A"\n'.encode()
    digest = parse_routes(keyed, {"KEY_A": "one"}).digest
    assert parse_routes(keyed.replace(b" = ", b"="), {"KEY_A": "two"}).digest == digest
    assert parse_routes(keyed.replace(b"a.example", b"b.example"), {"KEY_A": "one"}).digest != digest
    assert parse_routes(keyed + b"timeout_seconds = 0.5\n", {"KEY_A": "one"}).digest != digest
    assert parse_routes(keyed, {"KEY_A": "one"}).every[0].name == "a.example"


BAD = {
    "no toml": ("=", "no TOML"),
    "no bytes of text": ("\udcff", "no TOML"),
    "no version": (ONE, "`version`"),
    "no route": ("version = 1\n[routes]\n", "`routes`"),
    "no target": ("version = 1\n[routes]\na = []\n", "`routes.a`"),
    "unknown member": (f"version = 1\n{ONE}secret = 'x'\n", "`routes.a.0.secret`"),
    "key in the address": (f"version = 1\n{ONE}".replace("//a", "//u:p@a"), "`routes.a.0.url`"),
    "no such protocol": (f"version = 1\n{ONE}".replace('"openai"', '"mcp"'), "`routes.a.0.protocol`"),
    "no key": (f'version = 1\n{ONE}key_env = "KEY_X"\n', "no `KEY_X`"),
    "azure without version": (f"version = 1\n{ONE}".replace('"openai"', '"azure"'), "`api_version`"),
    "version without azure": (f'version = 1\n{ONE}api_version = "1"\n', "`api_version`"),
    "too many attempts": (f"version = 1\n{ONE}retries = 6\n", "`routes.a.0.retries`"),
    "no time": (f"version = 1\n{ONE}timeout_seconds = 0\n", "`routes.a.0.timeout_seconds`"),
    "no name of a model": (f"version = 1\n{ONE}".replace("routes.a", 'routes."a b"'), "an alias is"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_of_routes_is_one_line_that_says_where(text: str, said: str) -> None:
    with pytest.raises(RoutesError) as caught:
        parse_routes(text.encode(errors="surrogateescape"), KEYS)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "u:p" not in str(caught.value)
