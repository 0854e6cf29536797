"""Streams: nothing before its decision, whole events only, a well-formed end whatever happens."""

import asyncio
import contextlib
import hashlib
import hmac
import http.client
import json
import time
from collections.abc import AsyncIterator

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.gateway.errors import UpstreamError
from caveat.gateway.stream import MAX_EVENT_BYTES, Windows, windows
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.wire import ANTHROPIC, COMPLETIONS, OPENAI, RESPONSES
from tests.support.raw_client import asking, chat, message
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    EVENT_STREAM,
    Reply,
    ScriptedUpstream,
    chat_events,
    completion_events,
    message_events,
    response_events,
    scripted_upstream,
)
from tests.support.small_bundle import CHAT_KEY, SmallBundle

EVENTS = {
    "openai": (OPENAI, chat_events()),
    "anthropic": (ANTHROPIC, message_events()),
    "responses": (RESPONSES, response_events()),
    "completions": (COMPLETIONS, completion_events()),
}


@given(st.lists(st.binary(max_size=12) | st.sampled_from([b"\n\n", b"\r\n\r\n", b"a\n", b"\n"]), max_size=20))
def test_windows_lose_nothing_and_end_where_an_event_ends(chunks: list[bytes]) -> None:
    cutter = Windows()
    out = [cutter.feed(chunk) for chunk in chunks]
    assert b"".join(chunks).startswith(b"".join(out))
    assert all(window.endswith((b"\n\n", b"\r\n\r\n", b"\r\r")) for window in out if window)


def test_an_event_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    cutter = Windows()
    assert cutter.feed(b"x" * MAX_EVENT_BYTES) == b""
    with pytest.raises(UpstreamError):
        cutter.feed(b"x")


@pytest.mark.parametrize("protocol", EVENTS)
@given(data=st.data())
def test_any_chunking_gives_the_same_stream_up_to_its_end_mark(protocol: str, data: st.DataObject) -> None:
    wire, events = EVENTS[protocol]
    whole = b"".join(events)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=9)))
    chunks = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert b"".join(collect(wire, [*chunks, b"event: late\ndata: x\n\n"])) == whole


@pytest.mark.parametrize("protocol", EVENTS)
def test_a_stream_without_its_end_mark_is_cut(protocol: str) -> None:
    wire, events = EVENTS[protocol]
    with pytest.raises(UpstreamError):
        collect(wire, list(events[:-1]))


def test_the_end_mark_inside_a_text_ends_nothing() -> None:
    text = chat_events("[DONE] message_stop")
    assert len(collect(OPENAI, list(text))) == len(text)
    text = message_events("event: message_stop [DONE]")
    assert len(collect(ANTHROPIC, list(text))) == len(text)


def collect(wire: Wire, chunks: list[bytes]) -> list[bytes]:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def run() -> list[bytes]:
        return [window async for window in windows(arriving(), wire)]

    return asyncio.run(run())


def test_a_stream_makes_its_output_record_before_its_first_byte_and_ends_with_a_digest(
    gateway: RunningGateway,
) -> None:
    before = len(gateway.records())
    answer = chat(gateway.url, CHAT_KEY, asking("hi", stream=True))
    prompt, output = gateway.records()[before:]
    assert (prompt["point"], output["point"], output["of"]) == (
        "prompt",
        "output",
        answer.headers["x-caveat-record"],
    )
    end = end_of(gateway, answer.headers["x-caveat-output-record"])
    assert end["complete"] is True
    assert end["bytes"] == len(answer.body) == len(b"".join(chat_events()))
    key = bytes.fromhex((gateway.folder / "audit.key").read_text())
    assert end["released"] == hmac.new(key, answer.body, hashlib.sha256).hexdigest()


def end_of(gateway: RunningGateway, output_record: str) -> dict[str, object]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for record in gateway.records("output_end"):
            if record["of"] == output_record:
                return record
        time.sleep(0.02)
    raise AssertionError("the end of the stream was not recorded")


def test_a_stream_that_is_cut_ends_with_an_error_that_the_sdks_raise(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda seen: Reply(
        headers=EVENT_STREAM,
        pieces=(message_events() if "messages" in seen.path.split("/")[-1] else chat_events())[:-3],
        cut=True,
    )
    with (
        openai.OpenAI(api_key=CHAT_KEY, base_url=f"{gateway.url}/v1") as one,
        pytest.raises(openai.APIError) as a,
    ):
        for _ in one.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}], stream=True
        ):
            pass
    assert a.value.code == "upstream_cut"
    with (
        anthropic.Anthropic(api_key=CHAT_KEY, base_url=gateway.url) as two,
        pytest.raises(anthropic.APIStatusError),
    ):
        for _ in two.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}], stream=True
        ):
            pass
    whole = chat(gateway.url, CHAT_KEY, asking("hi", stream=True))
    assert whole.body.endswith(b"data: [DONE]\n\n")
    end = end_of(gateway, whole.headers["x-caveat-output-record"])
    assert end["complete"] is False


def test_half_an_event_is_never_released(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    first, second, *_ = chat_events("one two three")
    upstream.script = lambda _seen: Reply(headers=EVENT_STREAM, pieces=(first, second[:25]), cut=True)
    answer = chat(gateway.url, CHAT_KEY, asking("hi", stream=True))
    assert answer.body.startswith(first)
    assert second[:25] not in answer.body[len(first) :]


@pytest.mark.slow
def test_a_caller_that_leaves_frees_the_upstream_and_its_end_is_recorded(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda _seen: Reply(
        headers=EVENT_STREAM, pieces=chat_events("w " * 400), pause_seconds=0.02
    )
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=20)
    body = json.dumps(asking("hi", stream=True))
    connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {CHAT_KEY}"})
    answer = connection.getresponse()
    released = answer.read(300)
    output_record = answer.headers["x-caveat-output-record"]
    connection.close()
    answer.close()
    assert upstream.closed_early.wait(5), "the upstream was left running"
    end = end_of(gateway, output_record)
    assert end["complete"] is False
    assert isinstance(end["bytes"], int)
    assert end["bytes"] >= len(released)


@pytest.mark.slow
def test_a_caller_that_leaves_before_the_answer_frees_the_upstream(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda _seen: Reply(pieces=(b" ",) * 100, pause_seconds=0.02)
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=20)
    connection.request(
        "POST", "/v1/chat/completions", json.dumps(asking("hi")), {"authorization": f"Bearer {CHAT_KEY}"}
    )
    deadline = time.monotonic() + 5
    while not upstream.seen:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    connection.close()
    assert upstream.closed_early.wait(5), "the upstream was left running"


NO_OUTPUT = """
@id("C9") @text("Nothing comes out.") @authority("contract") @amend("operator")
forbid (principal, action == Action::"output", resource);
"""


def test_a_refused_answer_releases_no_character_in_either_protocol(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    bundle = SmallBundle()
    bundle.clauses += NO_OUTPUT
    with (
        scripted_upstream() as model,
        running_gateway(tmp_path_factory.mktemp("output"), model.url, bundle.files()) as gateway,
    ):
        for stream in (False, True):
            for answer in (
                chat(gateway.url, CHAT_KEY, asking("hi", stream=stream)),
                message(gateway.url, CHAT_KEY, asking("hi", stream=stream)),
            ):
                assert (answer.status, answer.error["code"]) == (403, "deny")
                assert answer.error["clauses"] == ["C9"]
                assert b"scripted" not in answer.body
        assert [record["verdict"] for record in gateway.records()] == ["allow", "deny"] * 4
        assert gateway.records("output_end") == []


def changed(clauses: str = "", chat_key: str = CHAT_KEY) -> SmallBundle:
    bundle = SmallBundle(chat_key=chat_key)
    bundle.clauses += clauses
    return bundle


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bundle", "code"),
    [(changed(NO_OUTPUT), "halted"), (changed(chat_key="another-key"), "unknown_key")],
    ids=["no longer permitted", "key withdrawn"],
)
def test_a_stream_is_halted_when_the_policy_changes_under_it(
    bundle: SmallBundle, code: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    slow = Reply(headers=EVENT_STREAM, pieces=chat_events("w " * 300), pause_seconds=0.01)
    with (
        scripted_upstream(lambda _seen: slow) as model,
        running_gateway(tmp_path_factory.mktemp("halt"), model.url) as gateway,
    ):
        connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=20)
        body = json.dumps(asking("hi", stream=True))
        connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {CHAT_KEY}"})
        answer = connection.getresponse()
        answer.read(100)
        assert gateway.amend(bundle.files()) is True
        rest = answer.read()
        connection.close()
        assert rest.endswith(b"data: [DONE]\n\n")
        assert f'"{code}"'.encode() in rest
        assert rest.count(b"w ") < 299
        end = end_of(gateway, str(answer.headers["x-caveat-output-record"]))
        assert end["complete"] is False
        if code == "halted":
            last = gateway.records()[-1]
            assert (last["point"], last["verdict"], last["clauses"]) == ("output", "deny", ["C9"])
            assert last["of"] == answer.headers["x-caveat-record"]


@pytest.mark.slow
def test_a_stream_goes_on_under_a_new_policy_that_permits_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    slow = Reply(headers=EVENT_STREAM, pieces=chat_events("w " * 60), pause_seconds=0.01)
    with (
        scripted_upstream(lambda _seen: slow) as model,
        running_gateway(tmp_path_factory.mktemp("goes-on"), model.url) as gateway,
    ):
        connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=20)
        body = json.dumps(asking("hi", stream=True))
        connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {CHAT_KEY}"})
        answer = connection.getresponse()
        answer.read(100)
        assert gateway.amend(changed(NO_OUTPUT.replace("output", "tool")).files()) is True
        assert answer.read().endswith(chat_events("x")[-1])
        connection.close()
        points = [(record["point"], record["verdict"], record["of"]) for record in gateway.records()]
        first = answer.headers["x-caveat-record"]
        assert points == [("prompt", "allow", None), ("output", "allow", first), ("output", "allow", first)]


def test_the_end_of_a_stream_is_recorded_whatever_fails_beside_it(
    gateway: RunningGateway, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("nobody remembers anything")

    before = len(gateway.records("output_end"))
    monkeypatch.setattr("caveat.gateway.exchange.hear_answer", broken)
    upstream.script = lambda _: Reply(headers=EVENT_STREAM, pieces=message_events()[:3], cut=True)
    with contextlib.suppress(http.client.IncompleteRead):
        message(gateway.url, CHAT_KEY, asking("hello", stream=True))
    assert len(gateway.records("output_end")) == before + 1
