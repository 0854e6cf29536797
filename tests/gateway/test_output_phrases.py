"""Answers are read before they leave, in every protocol, whole and as they arrive."""

import asyncio
import http.client
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from caveat.gateway import text_hold
from caveat.gateway.errors import UpstreamError
from caveat.gateway.ruling import Ruling
from caveat.gateway.screening import Scores, screening_of
from caveat.gateway.text_hold import hold_texts
from caveat.gateway.wire.wire import OPENAI, find_wire
from caveat.policy.bundle import parse_bundle
from tests.support.phrase_world import ENDPOINTS, PHRASES, phrase_bundle, request_of, stream_of, text_in
from tests.support.raw_client import Answer, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import (
    Reply,
    Scripted,
    ScriptedUpstream,
    chat_body,
    completion_body,
    message_body,
    response_body,
    scripted_upstream,
)
from tests.support.small_bundle import CHAT_KEY, adopted
from tests.support.tool_world import AGENT_KEY, chat_call_events, chat_calls

PATHS = list(ENDPOINTS)
BODIES = {
    "/v1/chat/completions": chat_body,
    "/v1/completions": completion_body,
    "/v1/messages": message_body,
    "/v1/responses": response_body,
}
SSE = (("content-type", "text/event-stream"),)
REFUSED = "Ask about Project Heliotrope and its SECRET."
HARMLESS = "The garden is open. " * 40


@pytest.fixture(scope="module")
def gateway(scripted: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path_factory.mktemp("g"), scripted.url, phrase_bundle()) as running:
        yield running


def post(gateway: RunningGateway, path: str, body: dict[str, Any], key: str = CHAT_KEY) -> Answer:
    return send(gateway.url, path, json.dumps(body).encode(), {"authorization": f"Bearer {key}"})


def said_by(answer: Answer) -> str:
    return answer.body.decode(errors="replace")


def chunks_of(text: str, count: int, seed: int = 0) -> list[str]:
    """The text in `count` pieces, none empty."""
    cuts = sorted(random.Random(seed).sample(range(1, len(text)), count - 1))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def leak_probe(phrase_at: int = 4) -> list[str]:
    """240 chunks; the phrase is cut over three of them, and a secret follows at once."""
    before = [f"word{n} " for n in range(phrase_at - 1)]
    phrase = ["Project ", "Helio", "trope", " SECRET "]
    after = [f"later{n} " for n in range(240 - len(before) - len(phrase))]
    return [*before, *phrase, *after]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_of_a_refused_phrase_leaves_a_stream(
    gateway: RunningGateway, script: Scripted, path: str
) -> None:
    script.reply = Reply(headers=SSE, pieces=stream_of(path, leak_probe()))
    answer = post(gateway, path, request_of(path))
    assert text_in(path, answer.body) == ""
    assert "SECRET" not in said_by(answer)
    assert "denied" in said_by(answer) or "deny" in said_by(answer)
    last = gateway.records()[-1]
    assert (last["point"], last["verdict"], last["clauses"]) == ("output", "deny", ["N1"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("seed", range(4))
def test_wherever_the_text_is_cut_nothing_from_the_phrase_on_leaves(
    gateway: RunningGateway, script: Scripted, path: str, seed: int
) -> None:
    text = HARMLESS + REFUSED + HARMLESS
    script.reply = Reply(headers=SSE, pieces=stream_of(path, chunks_of(text, 150, seed)))
    said = text_in(path, post(gateway, path, request_of(path)).body)
    assert HARMLESS.startswith(said)
    assert len(said) <= len(HARMLESS) + len(REFUSED) - len("Project Heliotrope and its SECRET.") - 64


@pytest.mark.parametrize("path", PATHS)
def test_text_flows_as_soon_as_the_hold_back_lets_it(path: str) -> None:
    bundle = parse_bundle(phrase_bundle(hold_back=32))
    events = stream_of(path, chunks_of(HARMLESS, 100))

    async def run() -> None:
        given, taken = b"", b""

        async def arriving() -> AsyncIterator[bytes]:
            nonlocal given
            for event in events:
                given += event
                # Of what came before this event, no more text waits than the hold-back and the last words.
                waits = len(text_in(path, given)) - len(text_in(path, event)) - len(text_in(path, taken))
                assert waits <= 32 + len(" garden") + max(map(len, chunks_of(HARMLESS, 100)))
                yield event

        async for window in hold_texts(arriving(), find_wire(path) or OPENAI, screening_of(bundle), never):
            taken += window
        assert taken == given

    asyncio.run(run())


async def never(_: Scores) -> Ruling:
    raise AssertionError("nothing was found")


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_without_a_phrase_is_the_same_bytes(
    gateway: RunningGateway, script: Scripted, path: str
) -> None:
    pieces = stream_of(path, chunks_of(HARMLESS + "Project work, then helio\ntrope two.", 80))
    script.reply = Reply(headers=SSE, pieces=pieces)
    assert post(gateway, path, request_of(path)).body == b"".join(pieces)


@pytest.mark.parametrize("path", PATHS)
def test_a_whole_answer_is_read(gateway: RunningGateway, script: Scripted, path: str) -> None:
    script.reply = Reply(body=BODIES[path](REFUSED))
    answer = post(gateway, path, request_of(path, stream=False))
    assert answer.status == 403
    assert "SECRET" not in said_by(answer)
    script.reply = Reply(body=BODIES[path](HARMLESS))
    assert post(gateway, path, request_of(path, stream=False)).body == script.reply.body


def test_text_of_two_choices_or_blocks_is_never_joined(gateway: RunningGateway, script: Scripted) -> None:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}

    def event(index: int, text: str, finish: str | None = None) -> bytes:
        choice = {"index": index, "delta": {"content": text}, "finish_reason": finish}
        return b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"

    apart = (event(0, "project "), event(1, "heliotrope"), event(0, "", "stop"), event(1, "", "stop"))
    script.reply = Reply(headers=SSE, pieces=(*apart, b"data: [DONE]\n\n"))
    path = "/v1/chat/completions"
    assert post(gateway, path, request_of(path)).body.endswith(b"data: [DONE]\n\n")
    assert gateway.records()[-1]["verdict"] == "allow"
    across = (event(0, "project "), event(1, "x"), event(0, "heliotrope SECRET"), event(0, "", "stop"))
    script.reply = Reply(headers=SSE, pieces=(*across, b"data: [DONE]\n\n"))
    assert "SECRET" not in said_by(post(gateway, path, request_of(path)))


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "about project heliotrope"},
        {"refusal": "no word about project heliotrope"},
        {"audio": {"transcript": "project heliotrope"}},
        {"tomorrow": [{"index": 0, "said": "project heliotrope"}]},
    ],
)
def test_members_that_nobody_here_knows_are_read(
    gateway: RunningGateway, script: Scripted, delta: dict[str, Any]
) -> None:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    event = b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"
    script.reply = Reply(headers=SSE, pieces=(event, b"data: [DONE]\n\n"))
    assert "heliotrope" not in said_by(post(gateway, PATHS[0], request_of(PATHS[0])))


@pytest.mark.parametrize("path", PATHS)
def test_a_prompt_is_read_also_where_its_text_is_cut_into_parts(gateway: RunningGateway, path: str) -> None:
    for text in ("Say Open  Sesame, please", "open\nsesame"):
        assert post(gateway, path, request_of(path, text, stream=False)).status == 403
    if path != "/v1/completions":
        body = request_of(path, stream=False)
        kind = "input_text" if path == "/v1/responses" else "text"
        content = [{"type": kind, "text": "open ses"}, {"type": kind, "text": "ame"}]
        body["input" if path == "/v1/responses" else "messages"] = [{"role": "user", "content": content}]
        assert post(gateway, path, body).status == 403


@pytest.mark.parametrize(
    "arguments", ['{"say": "open sesame"}', '{"say": "open\\nsesame"}', '{"open sesame": 1}']
)
def test_arguments_of_a_tool_are_read(gateway: RunningGateway, script: Scripted, arguments: str) -> None:
    path = PATHS[0]
    script.reply = Reply(body=chat_calls(("find", arguments)))
    assert post(gateway, path, request_of(path, stream=False), AGENT_KEY).status == 403
    script.reply = Reply(headers=SSE, pieces=chat_call_events(("find", arguments)))
    assert "sesame" not in said_by(post(gateway, path, request_of(path), AGENT_KEY))
    script.reply = Reply(body=chat_calls(("find", '{"say": "hello"}')))
    assert post(gateway, path, request_of(path, stream=False), AGENT_KEY).status == 200


@pytest.mark.parametrize("event", [b"data: {not json\n\n", b"data: \xff\xfe\n\n", b"data: [1,\n\n"])
def test_an_event_that_nobody_can_read_ends_the_stream(
    gateway: RunningGateway, script: Scripted, event: bytes
) -> None:
    events = stream_of(PATHS[0], ["hello ", "there"])
    script.reply = Reply(headers=SSE, pieces=(events[0], event, *events[1:]))
    answer = post(gateway, PATHS[0], request_of(PATHS[0]))
    assert event not in answer.body
    assert "upstream_invalid" in said_by(answer)
    assert answer.body.endswith(b"data: [DONE]\n\n")


TWICE = b'{"id": "c", "choices": [{"index": 0, "delta": {"content": "project heliotrope", "content": "x"}}]}'


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_two_clients_could_read_differently_does_not_leave(
    gateway: RunningGateway, script: Scripted, stream: bool
) -> None:
    whole = TWICE.replace(b"delta", b"message")
    pieces = (b"data: " + TWICE + b"\n\n", b"data: [DONE]\n\n")
    script.reply = Reply(headers=SSE, pieces=pieces) if stream else Reply(body=whole)
    answer = post(gateway, PATHS[0], request_of(PATHS[0], stream=stream))
    assert b"heliotrope" not in answer.body
    assert b"upstream_invalid" in answer.body


def test_observing_reads_records_and_holds_nothing_back(tmp_path: Path) -> None:
    files = phrase_bundle()
    files["deployments.toml"] = files["deployments.toml"].replace(b'"enforce"', b'"observe"')
    files = adopted({name: data for name, data in files.items() if not name.startswith("signatures/")})
    pieces = stream_of(PATHS[0], leak_probe())
    with (
        scripted_upstream(lambda _: Reply(headers=SSE, pieces=pieces)) as upstream,
        running_gateway(tmp_path, upstream.url, files) as gateway,
    ):
        assert post(gateway, PATHS[0], request_of(PATHS[0])).body == b"".join(pieces)
        assert [record["verdict"] for record in gateway.records()] == ["allow", "allow", "deny"]


def test_a_stream_ends_when_the_lists_change_under_it(tmp_path: Path) -> None:
    pieces = stream_of(PATHS[0], chunks_of(HARMLESS * 4, 60))
    with (
        scripted_upstream(lambda _: Reply(headers=SSE, pieces=pieces, pause_seconds=0.05)) as upstream,
        running_gateway(tmp_path, upstream.url, phrase_bundle(hold_back=8)) as gateway,
        closing(http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=30)) as connection,
    ):
        headers = {"authorization": f"Bearer {CHAT_KEY}"}
        connection.request("POST", PATHS[0], json.dumps(request_of(PATHS[0])), headers)
        answer, received = connection.getresponse(), b""
        while piece := answer.read1(65536):
            if not received:
                changed = PHRASES.replace('"open sesame"', '"open sesame", "garden"')
                assert gateway.amend(phrase_bundle(hold_back=8, phrases=changed))
            received += piece
    assert b"halted" in received
    assert len(text_in(PATHS[0], received)) < len(HARMLESS * 4)


@pytest.mark.parametrize("many", [True, False])
def test_more_than_may_wait_ends_the_stream(monkeypatch: pytest.MonkeyPatch, many: bool) -> None:
    monkeypatch.setattr(text_hold, "MAX_HELD_BYTES", 20_000)
    monkeypatch.setattr(text_hold, "MAX_TEXTS", 40)
    screening = screening_of(parse_bundle(phrase_bundle(hold_back=0 if many else 60_000)))

    def event(number: int) -> bytes:
        choice = {"index": number if many else 0, "delta": {"content": "project "}, "finish_reason": None}
        return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"

    async def arriving() -> AsyncIterator[bytes]:
        for number in range(400):
            yield event(number)

    async def run() -> None:
        async for _ in hold_texts(arriving(), OPENAI, screening, never):
            pass

    with pytest.raises(UpstreamError) as ended:
        asyncio.run(run())
    assert ended.value.code == "upstream_too_large"
