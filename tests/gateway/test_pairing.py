"""Results of tools answer the calls before them, as each protocol has it."""

import json
from typing import Any

import pytest

from caveat.gateway.errors import RequestError
from caveat.gateway.wire import anthropic, openai, responses
from caveat.gateway.wire.history import MIN_BYTES
from caveat.gateway.wire.protocol import Wire
from tests.support.raw_client import send
from tests.support.running_gateway import RunningGateway
from tests.support.small_bundle import CHAT_KEY

CAP = 100_000
ASKED = {"role": "user", "content": "x" * MIN_BYTES}
UNMATCHED, TWICE = "tool_result_unmatched", "tool_result_twice"


def called(*names: str) -> dict[str, Any]:
    calls = [{"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}} for name in names]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(name: str | None) -> dict[str, Any]:
    return {"role": "tool", "content": "12", **({} if name is None else {"tool_call_id": name})}


def used(*names: str) -> dict[str, Any]:
    blocks = [{"type": "tool_use", "id": name, "name": "f", "input": {}} for name in names]
    return {"role": "assistant", "content": [{"type": "text", "text": "so"}, *blocks]}


def results(*names: str) -> dict[str, Any]:
    blocks = [{"type": "tool_result", "tool_use_id": name, "content": "12"} for name in names]
    return {"role": "user", "content": [*blocks, {"type": "text", "text": "and"}]}


def asks(name: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": name, "name": "f", "arguments": "{}"}


def output(name: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": name, "output": "12"}


SAID = {"role": "assistant", "content": "no"}
CASES: list[tuple[Wire, list[Any], dict[str, Any], str | None]] = [
    (openai, [called("a", "b"), result("b"), result("a"), called("a"), result("a")], {}, None),
    (openai, [called("a"), ASKED, result("a")], {}, None),
    (openai, [called("a"), SAID, result("a")], {}, UNMATCHED),
    (openai, [called("a"), result("b")], {}, UNMATCHED),
    (openai, [called("a"), result(None)], {}, UNMATCHED),
    (openai, [called("a"), result("a"), result("a")], {}, TWICE),
    (openai, [{"role": "function", "name": "f", "content": "12"}], {}, None),
    (anthropic, [used("a", "b"), results("b", "a"), used("a"), results("a")], {}, None),
    (anthropic, [used("a"), results("a", "a")], {}, TWICE),
    (anthropic, [used("a"), results("b")], {}, UNMATCHED),
    (anthropic, [used("a"), SAID, results("a")], {}, UNMATCHED),
    (anthropic, [results("a"), used("a")], {}, UNMATCHED),
    (responses, [asks("a"), asks("b"), ASKED, output("b"), output("a")], {}, None),
    (responses, [output("a"), asks("a")], {}, UNMATCHED),
    (responses, [asks("a"), output("a"), output("a")], {}, TWICE),
    (responses, [output("a")], {"previous_response_id": "resp_1"}, None),
    (responses, [output("a"), output("a")], {"previous_response_id": "resp_1"}, TWICE),
    (responses, [{"type": "item_reference", "id": "item_1"}, output("a")], {}, None),
]


@pytest.mark.parametrize(("wire", "messages", "beside", "code"), CASES)
def test_results_match_calls_as_each_protocol_has_it(
    wire: Wire, messages: list[Any], beside: dict[str, Any], code: str | None
) -> None:
    member = "input" if wire is responses else "messages"

    def found(first: int, last: int) -> str | None:
        """The code for the last messages, where those before `first` are known already."""
        before = {"model": "m", member: [ASKED, *messages[:first]], **beside}
        known = wire.parse_request(json.dumps(before).encode(), max_bytes=CAP).known
        body = json.dumps({"model": "m", member: [ASKED, *messages[:last]], **beside}).encode()
        request = wire.parse_request(body, max_bytes=CAP, known=known)
        try:
            request.pairing.check(
                calls_elsewhere=lambda: any(one.role == "stored" for one in request.raw_parts)
            )
        except RequestError as error:
            return error.code
        return None

    assert [found(first, len(messages)) for first in range(len(messages))] == [code] * len(messages)


@pytest.mark.parametrize(
    ("path", "body", "form"),
    [
        ("/v1/chat/completions", {"messages": [ASKED, result("a")]}, ["error"]),
        ("/v1/messages", {"messages": [ASKED, results("a")], "max_tokens": 9}, ["type", "error"]),
        ("/v1/responses", {"input": [output("a")]}, ["error"]),
    ],
)
def test_each_protocol_refuses_a_result_without_a_call_in_its_own_form(
    gateway: RunningGateway, path: str, body: dict[str, Any], form: list[str]
) -> None:
    headers = {"authorization": f"Bearer {CHAT_KEY}", "content-type": "application/json"}
    answer = send(gateway.url, path, json.dumps({"model": "m", **body}).encode(), headers)
    value = json.loads(answer.body)
    assert answer.status == 400
    assert list(value) == form
    assert value["error"]["code"] == UNMATCHED
    metrics = send(gateway.url, "/metrics", method="GET").body.decode()
    assert f'caveat_bad_requests_total{{code="{UNMATCHED}"}}' in metrics


@pytest.mark.parametrize(
    "content", ["x", [{"type": "image_url", "image_url": {"url": "https://images.example/a"}}]]
)
def test_a_message_cannot_call_itself_what_the_endpoint_keeps(gateway: RunningGateway, content: Any) -> None:
    body = {"model": "m", "messages": [{"role": "stored", "content": content}, result("a")]}
    headers = {"authorization": f"Bearer {CHAT_KEY}"}
    answer = send(gateway.url, "/v1/chat/completions", json.dumps(body).encode(), headers)
    assert (answer.status, answer.error["code"]) == (400, UNMATCHED)
