"""What one API key may use up: turned away beyond it, sanely for each SDK, and no record lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import anthropic
import openai
import pytest

from caveat.gateway.budgets import Budgets
from caveat.gateway.errors import RequestError
from caveat.gateway.usage import StreamUsage, Usage, estimated, usage_in
from caveat.policy.deployments import Budget
from tests.support.raw_client import asking, chat, message, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    EVENT_STREAM,
    Reply,
    ScriptedUpstream,
    chat_events,
    message_events,
    response_events,
)
from tests.support.small_bundle import CHAT_KEY, WATCH_KEY, SmallBundle, adopted

TODAY = date(2026, 3, 1)
KEY = "key:of-somebody"


@dataclass
class Clock:
    """Seconds as a test says; `step` pass at each look."""

    now: float = 1000.0
    step: float = 0.0

    def __call__(self) -> float:
        now = self.now
        self.now += self.step
        return now


def refused(budgets: Budgets, budget: Budget, today: date = TODAY, key: str = KEY) -> RequestError:
    with pytest.raises(RequestError) as caught:
        budgets.admit(key, budget, today)
    return caught.value


def test_calls_of_any_sixty_seconds_are_counted_by_key() -> None:
    clock, budget = Clock(), Budget(requests_per_minute=2)
    budgets = Budgets(clock)
    for now in (0.0, 30.0):
        clock.now = 1000.0 + now
        budgets.admit(KEY, budget, TODAY)
    clock.now = 1059.5
    error = refused(budgets, budget)
    assert (error.status, error.code, error.retry_after) == (429, "request_budget", 1)
    budgets.admit("key:of-another", budget, TODAY)
    clock.now = 1060.0
    budgets.admit(KEY, budget, TODAY)
    assert refused(budgets, budget).retry_after == 30


def test_a_call_that_is_turned_away_counts_for_nothing() -> None:
    clock, budget = Clock(), Budget(requests_per_minute=1)
    budgets = Budgets(clock)
    budgets.admit(KEY, budget, TODAY)
    for _ in range(5):
        refused(budgets, budget)
    clock.now += 60.0
    budgets.admit(KEY, budget, TODAY)


def test_tokens_are_counted_by_the_day_of_utc() -> None:
    budgets, budget = Budgets(Clock()), Budget(tokens_per_day=10)
    budgets.admit(KEY, budget, TODAY)
    budgets.spend(KEY, 9, TODAY)
    budgets.admit(KEY, budget, TODAY)
    budgets.spend(KEY, 1, TODAY)
    error = refused(budgets, budget)
    assert (error.status, error.code, error.retry_after) == (403, "token_budget", None)
    budgets.admit("key:of-another", budget, TODAY)
    budgets.admit(KEY, budget, TODAY + timedelta(days=1))
    budgets.spend(KEY, 1, TODAY + timedelta(days=1))
    budgets.admit(KEY, budget, TODAY + timedelta(days=1))


def test_without_a_budget_nothing_is_turned_away() -> None:
    budgets = Budgets(Clock())
    budgets.spend(KEY, 10**9, TODAY)
    for _ in range(1000):
        budgets.admit(KEY, Budget(), TODAY)


def test_usage_is_read_in_both_protocols_and_never_taken_for_free() -> None:
    assert usage_in({"usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}}) == Usage(3, 5)
    cached: dict[str, Any] = {"input_tokens": 1, "cache_read_input_tokens": 4, "output_tokens": 2}
    assert usage_in({"type": "message", "usage": cached}) == Usage(5, 2)
    silent: list[Any] = [None, [], {}, {"usage": None}, {"usage": {"prompt_tokens": "9"}}]
    for value in silent:
        assert usage_in(value) is None
    assert estimated(9, 4) == Usage(3, 1, estimated=True)


def test_the_usage_of_a_stream_is_what_its_last_words_say() -> None:
    follow = StreamUsage()
    for event in message_events():
        follow.feed(event)
    assert follow.result() == Usage(3, 5)
    follow = StreamUsage()
    follow.feed(
        b'data: {"usage": broken\n\ndata: {"usage": {"prompt_tokens": 7, "completion_tokens": 2}}\n\n'
    )
    assert follow.result() == Usage(7, 2)
    follow = StreamUsage()
    for event in response_events():
        follow.feed(event)
    assert follow.result() == Usage(3, 5)
    silent = StreamUsage()
    silent.feed(b"".join(chat_events()))
    assert silent.result() is None


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def budgets(clock: Clock) -> Budgets:
    return Budgets(clock)


@pytest.fixture(scope="module")
def limited(
    module_upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory, budgets: Budgets
) -> Iterator[RunningGateway]:
    files = SmallBundle().files()
    added = "\n[deployments.{}.budget]\n{}\n"
    files["deployments.toml"] += added.format("chat", "requests_per_minute = 2").encode()
    files["deployments.toml"] += added.format("watch", "tokens_per_day = 20").encode()
    folder = tmp_path_factory.mktemp("limited")
    with running_gateway(folder, module_upstream.url, adopted(files), budgets=budgets) as running:
        yield running


@pytest.fixture
def fresh(limited: RunningGateway, upstream: ScriptedUpstream, budgets: Budgets) -> RunningGateway:
    """The gateway as after a restart: it has counted nothing."""
    assert upstream.seen == []
    budgets._spent.clear()
    return limited


def test_a_call_beyond_the_rate_is_429_with_the_time_to_wait_and_no_record(
    fresh: RunningGateway, upstream: ScriptedUpstream
) -> None:
    before = len(fresh.records())
    answers = [chat(fresh.url, CHAT_KEY, asking("hello")) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    last = answers[-1]
    assert (last.error["code"], last.headers["x-should-retry"], last.headers["retry-after"]) == (
        "request_budget",
        "true",
        "60",
    )
    assert "x-caveat-verdict" not in last.headers
    assert (len(fresh.records()) - before, len(upstream.seen)) == (4, 2)
    assert chat(fresh.url, WATCH_KEY, asking("hello")).status == 200, "another key has its own count"
    assert send(fresh.url, "/v1/models", b"", {"x-api-key": CHAT_KEY}, "GET").status == 200
    beyond = message(fresh.url, CHAT_KEY, asking("hello"))
    assert (beyond.status, beyond.error["type"]) == (429, "rate_limit_error")


@pytest.mark.slow
def test_both_sdks_wait_and_ask_again_with_their_default_settings(
    fresh: RunningGateway, upstream: ScriptedUpstream, clock: Clock, budgets: Budgets
) -> None:
    def spent() -> None:
        """Two calls just now; the next look is half a second too early, and the one after is not."""
        budgets._spent.clear()
        clock.step = 0.0
        for _ in range(2):
            assert chat(fresh.url, CHAT_KEY, asking("hello")).status == 200
        clock.now, clock.step = clock.now + 59.5, 1.0

    spent()
    before = len(fresh.records())
    with openai.OpenAI(api_key=CHAT_KEY, base_url=f"{fresh.url}/v1") as client:
        client.embeddings.create(model="scripted", input="x")
    spent()
    with anthropic.Anthropic(api_key=CHAT_KEY, base_url=fresh.url) as other:
        other.messages.count_tokens(model="scripted", messages=[{"role": "user", "content": "x"}])
    clock.step = 0.0
    assert len(upstream.seen) == 6
    assert len(fresh.records()) - before == 2 + 4 + 2
    assert fresh.log.getvalue().count(b'"request_budget"') >= 2


def test_tokens_beyond_the_day_are_403_without_another_attempt(
    fresh: RunningGateway, upstream: ScriptedUpstream
) -> None:
    before = len(fresh.records())
    for _ in range(3):  # 8 tokens each, 20 a day: the third passes the limit, the fourth is turned away
        assert chat(fresh.url, WATCH_KEY, asking("hello")).status == 200
    with (
        openai.OpenAI(api_key=WATCH_KEY, base_url=f"{fresh.url}/v1") as client,
        pytest.raises(openai.PermissionDeniedError) as caught,
    ):
        client.embeddings.create(model="scripted", input="x")
    assert caught.value.code == "token_budget"
    with (
        anthropic.Anthropic(api_key=WATCH_KEY, base_url=fresh.url) as other,
        pytest.raises(anthropic.PermissionDeniedError),
    ):
        other.messages.create(model="scripted", max_tokens=1, messages=[{"role": "user", "content": "x"}])
    assert (len(upstream.seen), len(fresh.records()) - before) == (3, 6)


@pytest.mark.parametrize("said", [True, False], ids=["said", "estimated"])
def test_a_stream_counts_as_well(fresh: RunningGateway, upstream: ScriptedUpstream, said: bool) -> None:
    usage = b'data: {"choices": [], "usage": {"prompt_tokens": 15, "completion_tokens": 5}}\n\n'
    events = chat_events("words " * 20)
    pieces = (*events[:-1], usage, events[-1]) if said else events
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=pieces)
    assert chat(fresh.url, WATCH_KEY, asking("hello", stream=True)).status == 200
    assert chat(fresh.url, WATCH_KEY, asking("hello")).status == 403


def test_counting_tokens_uses_none_up(fresh: RunningGateway, upstream: ScriptedUpstream) -> None:
    for _ in range(5):
        path = "/v1/messages/count_tokens"
        body = (
            b'{"model": "m", "messages": [{"role": "user", "content": "some words to count, many of them"}]}'
        )
        assert send(fresh.url, path, body, {"x-api-key": WATCH_KEY}).status == 200
    assert len(upstream.seen) == 5
