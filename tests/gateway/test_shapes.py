"""Every shape that the official SDKs' types allow: each text is in some part, and nothing changes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from anthropic.types import message_count_tokens_params, message_create_params
from anthropic.types.content_block_param import ContentBlockParam
from openai.types import completion_create_params, embedding_create_params
from openai.types.chat import completion_create_params as chat_create_params
from openai.types.chat.chat_completion_content_part_param import ChatCompletionContentPartParam
from openai.types.responses import response_create_params
from openai.types.responses.response_input_item_param import ResponseInputItemParam
from openai.types.responses.response_input_message_content_list_param import ResponseInputContentParam

from caveat.call.call import PartKind
from caveat.call.parts import classify_parts
from caveat.gateway.errors import RequestError
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.request import WireRequest
from caveat.gateway.wire.wire import (
    ANTHROPIC,
    COMPLETIONS,
    COUNT_TOKENS,
    EMBEDDINGS,
    OPENAI,
    RESPONSES,
    WIRES,
)
from tests.support.sdk_shapes import instances, marked

CAP = 1024 * 1024


@dataclass(frozen=True)
class Endpoint:
    """The SDK's type of a request, and the members that are not words: the model's name is recorded."""

    wire: Wire
    params: Any
    refused: frozenset[str] = frozenset()

    def requests(self) -> Iterator[dict[str, Any]]:
        for request in instances(self.params):
            yield {**request, "model": "m"}


ENDPOINTS = {
    "chat": Endpoint(OPENAI, chat_create_params.CompletionCreateParamsBase),
    "responses": Endpoint(
        RESPONSES, response_create_params.ResponseCreateParamsBase, frozenset({"background"})
    ),
    "completions": Endpoint(COMPLETIONS, completion_create_params.CompletionCreateParamsBase),
    "embeddings": Endpoint(EMBEDDINGS, embedding_create_params.EmbeddingCreateParams),
    "messages": Endpoint(ANTHROPIC, message_create_params.MessageCreateParamsBase),
    "count_tokens": Endpoint(COUNT_TOKENS, message_count_tokens_params.MessageCountTokensParams),
}
EVERY = pytest.mark.parametrize("endpoint", list(ENDPOINTS.values()), ids=list(ENDPOINTS))


def test_every_endpoint_has_its_shapes_from_its_sdk() -> None:
    assert {endpoint.wire.PATH for endpoint in ENDPOINTS.values()} == set(WIRES)


def parse(wire: Wire, request: Any) -> WireRequest:
    body = json.dumps(request, ensure_ascii=False).encode()
    parsed = wire.parse_request(body, max_bytes=CAP)
    assert parsed.forward == body
    extended = json.dumps({**request, "caveat": {"claims": {"task": "x"}}}).encode()
    assert json.loads(wire.parse_request(extended, max_bytes=CAP).forward) == request
    return parsed


def unseen(parsed: WireRequest, marks: list[str]) -> list[str]:
    assert len({part.pointer for part in parsed.raw_parts}) == len(parsed.raw_parts), (
        "a pointer names one part"
    )
    parts = b"\n".join(part.content for part in parsed.raw_parts).decode()
    return [mark for mark in marks if mark not in parts]


@pytest.mark.slow
@EVERY
@pytest.mark.parametrize("beside", [None, "of_tomorrow"])
def test_every_text_of_every_shape_is_in_some_part_and_its_bytes_go_on(
    endpoint: Endpoint, beside: str | None
) -> None:
    tried = 0
    for shape in endpoint.requests():
        marks: list[str] = []
        request = marked(shape, marks, beside)
        try:
            parsed = parse(endpoint.wire, request)
        except RequestError:
            assert request.keys() & endpoint.refused, request
            continue
        tried += 1
        assert unseen(parsed, marks) == [], request
    assert tried > 10


PLACES: dict[str, tuple[Wire, Any, Any]] = {
    "chat content": (
        OPENAI,
        ChatCompletionContentPartParam,
        lambda it: {"messages": [{"role": "user", "content": [it]}]},
    ),
    "responses content": (
        RESPONSES,
        ResponseInputContentParam,
        lambda it: {"input": [{"role": "user", "content": [it]}]},
    ),
    "responses item": (RESPONSES, ResponseInputItemParam, lambda it: {"input": [it]}),
    "messages block": (
        ANTHROPIC,
        ContentBlockParam,
        lambda it: {"messages": [{"role": "assistant", "content": [it]}]},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("wire", "hint", "place"), list(PLACES.values()), ids=list(PLACES))
def test_a_type_of_tomorrow_is_data_whatever_else_it_looks_like(wire: Wire, hint: Any, place: Any) -> None:
    tried = 0
    for shape in instances(hint):
        marks: list[str] = []
        content = {**marked(shape, marks), "type": "of_tomorrow"}
        parsed = parse(wire, {"model": "m", **place(content)})
        assert unseen(parsed, marks) == []
        kinds = {part.kind for part in classify_parts(parsed.raw_parts, {}, frozenset(), CAP)}
        assert kinds == {PartKind.DATA}, content
        tried += 1
    assert tried > 10


def outcomes(hint: Any, wire: Wire, place: Any) -> dict[str, set[PartKind]]:
    """By the type of what stands there: what its parts are taken for."""
    found: dict[str, set[PartKind]] = {}
    for shape in instances(hint):
        content = marked(shape, [])
        parsed = parse(wire, {"model": "m", **place(content)})
        kinds = {part.kind for part in classify_parts(parsed.raw_parts, {}, frozenset(), CAP)}
        found.setdefault(str(content.get("type")), set()).update(kinds)
    return found


TYPED_ITEMS = {
    "None",
    "message",
    "reasoning",
    "apply_patch_call",
    "computer_call",
    "custom_tool_call",
    "function_call",
    "local_shell_call",
    "mcp_approval_request",
    "mcp_approval_response",
    "shell_call",
    "tool_search_call",
}


@pytest.mark.slow
def test_only_words_and_calls_are_typed_and_every_other_item_carries_data() -> None:
    wire, hint, place = PLACES["responses item"]
    found = outcomes(hint, wire, place)
    assert {kind for kind, parts in found.items() if PartKind.DATA not in parts} <= TYPED_ITEMS
    assert len(found) > 20
    wire, hint, place = PLACES["responses content"]
    content = outcomes(hint, wire, place)
    assert {kind for kind, parts in content.items() if PartKind.DATA not in parts} == {"input_text"}
    wire, hint, place = PLACES["chat content"]
    chat = outcomes(hint, wire, place)
    assert {kind for kind, parts in chat.items() if PartKind.DATA not in parts} == {"text"}
    wire, hint, place = PLACES["messages block"]
    blocks = outcomes(hint, wire, place)
    assert {kind for kind, parts in blocks.items() if PartKind.DATA not in parts} == {"thinking", "tool_use"}
    assert blocks["text"] == {PartKind.TYPED, PartKind.DATA}, "words, and the quotes that they cite"
