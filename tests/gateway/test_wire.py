"""Both protocols at the door, held to one contract: total over bytes, nothing unclassified, nothing lost."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.call.call import PartKind
from caveat.call.parts import classify_parts
from caveat.gateway.errors import FaultError, GatewayError, RequestError
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.wire import (
    ANTHROPIC,
    COMPLETIONS,
    COUNT_TOKENS,
    EMBEDDINGS,
    OPENAI,
    RESPONSES,
    WIRES,
    find_wire,
    wire_for,
)
from tests.support.small_bundle import rows

BOTH = pytest.mark.parametrize("wire", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
EVERY = pytest.mark.parametrize("wire", list(WIRES.values()), ids=list(WIRES))
CAP = 1024 * 1024

scalars = st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-1, 1) | st.text(max_size=8)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)


values = st.recursive(scalars, nested)
blocks = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image", "tool_result", "tool_use", "image_url"])},
    optional={"text": st.text(max_size=9), "content": st.text(max_size=9), "x": values},
)
contents = st.text(max_size=20) | st.none() | st.lists(blocks, max_size=3)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool", "odd"]), "content": contents},
    optional={"name": st.text(max_size=5), "tool_calls": values, "extra": values},
)
requests = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": st.lists(messages, min_size=1, max_size=4)},
    optional={"tools": values, "system": contents, "metadata": values, "stop": values, "odd": values},
)


texts = (values | requests).map(lambda value: json.dumps(value).encode())


@EVERY
@given(body=st.binary(max_size=60) | texts)
def test_no_bytes_make_a_parser_raise_a_foreign_error(wire: Wire, body: bytes) -> None:
    try:
        forward = wire.parse_request(body, max_bytes=CAP).forward
    except RequestError:
        return
    assert forward == body


def marked(value: Any, marks: list[str]) -> Any:
    """The same JSON with every string that carries content made unique."""
    if isinstance(value, str):
        marks.append(f"mark{len(marks)}.")
        return marks[-1]
    if isinstance(value, list):
        return [marked(item, marks) for item in value]
    if isinstance(value, dict):
        return {
            key: item if key in ("role", "type", "model") else marked(item, marks)
            for key, item in value.items()
        }
    return value


@BOTH
@given(request=requests)
def test_every_text_that_a_model_could_read_is_in_some_part(wire: Wire, request: dict[str, Any]) -> None:
    marks: list[str] = []
    body = json.dumps(marked(request, marks)).encode()
    try:
        parsed = wire.parse_request(body, max_bytes=CAP)
    except RequestError:
        return
    parts = b"\n".join(part.content for part in parsed.raw_parts).decode()
    assert [mark for mark in marks if mark not in parts] == []
    assert len({part.pointer for part in parsed.raw_parts}) == len(parsed.raw_parts), (
        "a pointer names one part"
    )


@BOTH
@given(request=requests)
def test_taking_the_extension_out_changes_no_other_value(wire: Wire, request: dict[str, Any]) -> None:
    body = json.dumps({**request, "caveat": {"claims": {"task": "x"}}}).encode()
    try:
        parsed = wire.parse_request(body, max_bytes=CAP)
    except RequestError:
        return
    assert json.loads(parsed.forward) == json.loads(json.dumps(request))
    assert parsed.extension.claims == {"task": "x"}


def kinds(wire: Wire, content: object, role: str = "user") -> list[tuple[str, PartKind]]:
    body = json.dumps({"model": "m", "messages": [{"role": role, "content": content}]}).encode()
    raw = wire.parse_request(body, max_bytes=CAP).raw_parts
    return [(part.pointer, part.kind) for part in classify_parts(raw, {}, frozenset(), 10_000)]


@BOTH
@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
        {"type": "image", "source": {"type": "base64", "data": "AA"}},
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "document", "source": {"type": "url", "url": "words"}},
        {"type": "text", "text": "words", "new_member": "more words"},
        {"type": "of tomorrow", "text": "words"},
        {"text": "no type"},
        "a bare string",
        ["nested"],
        {"type": ["of", "no", "kind"], "text": "words"},
        7,
    ],
)
def test_what_is_no_plain_text_is_data(wire: Wire, part: object) -> None:
    found = kinds(wire, [{"type": "text", "text": "look"}, part])
    assert found[0] == ("/messages/0/content/0", PartKind.TYPED)
    assert [kind for pointer, kind in found if pointer.startswith("/messages/0/content/1")] == [PartKind.DATA]


def test_what_a_tool_returned_is_data_in_both_protocols() -> None:
    assert kinds(OPENAI, "12 degrees", role="tool") == [("/messages/0/content", PartKind.DATA)]
    for content in ("12 degrees", [{"type": "text", "text": "12 degrees"}]):
        found = kinds(ANTHROPIC, [{"type": "tool_result", "tool_use_id": "t", "content": content}])
        assert found[0][1] is PartKind.DATA
        assert found[0][0].startswith("/messages/0/content/0/content")
    image = [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": {}}]}]
    assert kinds(ANTHROPIC, image)[0][1] is PartKind.DATA


def test_system_prompts_and_cached_text_are_typed_words() -> None:
    cached = {"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}}
    body = {"model": "m", "system": [cached], "messages": [{"role": "user", "content": [cached]}]}
    raw = ANTHROPIC.parse_request(json.dumps(body).encode(), max_bytes=CAP).raw_parts
    assert {part.kind for part in classify_parts(raw, {}, frozenset(), 10_000)} == {PartKind.TYPED}
    assert [part.pointer for part in raw if part.content == b"look"] == ["/system/0", "/messages/0/content/0"]


def test_words_that_the_sdk_sends_back_are_typed_and_what_they_quote_is_data() -> None:
    quote = {"type": "char_location", "cited_text": "a line of the document", "document_title": "t"}
    plain = {"type": "text", "text": "as said", "citations": None}
    assert kinds(ANTHROPIC, [plain], "assistant") == [("/messages/0/content/0", PartKind.TYPED)]
    assert kinds(ANTHROPIC, [{**plain, "citations": [quote]}], "assistant") == [
        ("/messages/0/content/0", PartKind.TYPED),
        ("/messages/0/content/0/citations", PartKind.DATA),
    ]


@BOTH
def test_errors_and_refusals_are_json_of_the_protocol(wire: Wire) -> None:
    for error in (RequestError(400, "c", "m", "h"), FaultError(503, "c", "m"), GatewayError(418, "c", "m")):
        body = json.loads(wire.render_error(error))
        assert (body["error"]["code"], body["error"]["message"]) == ("c", "m")
        assert body["error"]["type"]
    refusal = json.loads(wire.render_refusal("deny", "m", {"verdict": "deny", "record": "r"}))
    assert refusal["error"]["verdict"] == "deny"


def test_a_path_has_one_protocol_and_other_paths_the_callers_own() -> None:
    assert set(WIRES) == {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1/responses",
    }
    assert wire_for("/v1/messages", {}) is ANTHROPIC
    assert wire_for("/v1/x", {}) is OPENAI
    assert wire_for("/v1/x", {"anthropic-version": "1"}) is ANTHROPIC


def embedding_kinds(value: object) -> list[tuple[str, PartKind]]:
    body = json.dumps({"model": "m", "input": value, "encoding_format": "base64"}).encode()
    raw = EMBEDDINGS.parse_request(body, max_bytes=CAP).raw_parts
    parts = classify_parts(raw, {}, frozenset(), 10_000)
    return [(part.pointer, part.kind) for part in parts if part.pointer]


def test_inputs_of_embeddings_are_words_like_those_of_messages() -> None:
    assert embedding_kinds("words") == [("/input", PartKind.TYPED)]
    assert embedding_kinds(["words", "more"]) == [("/input/0", PartKind.TYPED), ("/input/1", PartKind.TYPED)]
    assert embedding_kinds(rows(10)) == [("/input", PartKind.DATA)]


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]], [{"text": "words"}], [["nested"]]])
def test_inputs_that_nobody_can_read_are_data(tokens: object) -> None:
    found = embedding_kinds(tokens)
    assert found
    assert {kind for _, kind in found} == {PartKind.DATA}


@pytest.mark.parametrize("value", [None, [], 7, {}, True])
def test_embeddings_without_input_are_refused(value: object) -> None:
    with pytest.raises(RequestError):
        embedding_kinds(value)


@EVERY
@given(extra=st.dictionaries(st.sampled_from(["user", "encoding_format", "odd", "tools"]), values))
def test_no_member_escapes_at_any_endpoint(wire: Wire, extra: dict[str, Any]) -> None:
    marks: list[str] = []
    body = {
        "model": "m",
        "input": ["a"],
        "messages": [{"role": "user", "content": "a"}],
        **marked(extra, marks),
    }
    parts = wire.parse_request(json.dumps(body).encode(), max_bytes=CAP).raw_parts
    text = b"\n".join(part.content for part in parts).decode()
    assert [mark for mark in marks if mark not in text] == []


@given(request=requests)
def test_counting_tokens_reads_the_very_parts_of_the_message(request: dict[str, Any]) -> None:
    body = json.dumps(request).encode()
    try:
        message = ANTHROPIC.parse_request(body, max_bytes=CAP)
    except RequestError:
        with pytest.raises(RequestError):
            COUNT_TOKENS.parse_request(body, max_bytes=CAP)
        return
    assert COUNT_TOKENS.parse_request(body, max_bytes=CAP) == message


@pytest.mark.parametrize("body", [{}, {"model": "other"}, {"model": 7}, {"model": "gpt", "caveat": {}}])
def test_the_model_of_an_azure_path_is_the_model_whatever_the_body_says(body: dict[str, Any]) -> None:
    asked = {**body, "messages": [{"role": "user", "content": "hi"}], "top_p": 0.1}
    wire = find_wire("/openai/deployments/gpt/chat/completions")
    assert wire is not None
    parsed = wire.parse_request(json.dumps(asked).encode(), max_bytes=CAP)
    assert parsed.model == "gpt"
    expected = {name: value for name, value in asked.items() if name != "caveat"} | {"model": "gpt"}
    assert json.loads(parsed.forward) == expected
    assert (wire.NAME, wire.ACTION, wire.PATH) == ("azure", "chat.completions", "/v1/chat/completions")


def test_tools_are_found_wherever_a_response_defines_them() -> None:
    named = {"type": "function", "name": "mine", "parameters": {}}
    namespace = {"type": "namespace", "name": "space", "tools": [{"type": "function", "name": "inner"}]}
    body = {
        "model": "m",
        "max_output_tokens": 9,
        "tools": [named, {"type": "web_search"}, namespace],
        "input": [
            {"type": "additional_tools", "role": "developer", "tools": [{"type": "custom", "name": "late"}]},
            {"role": "user", "content": "hello"},
        ],
        "prompt": {"id": "pmpt_1"},
    }
    form = RESPONSES.parse_request(json.dumps(body).encode(), max_bytes=CAP).form
    assert form.tools == {"mine", "web_search", "namespace", "inner", "late", "prompt"}
    assert (form.plain, form.max_output_tokens) == (False, 9)


@pytest.mark.parametrize("value", [{}, 7, [], True])
@pytest.mark.parametrize(("wire", "member"), [(COMPLETIONS, "prompt"), (RESPONSES, "instructions")])
def test_words_of_another_shape_are_refused(wire: Wire, member: str, value: object) -> None:
    with pytest.raises(RequestError):
        wire.parse_request(json.dumps({"model": "m", member: value}).encode(), max_bytes=CAP)


@pytest.mark.parametrize("tokens", [[1, 2, 3], [[1, 2], [3]]])
def test_prompts_in_token_numbers_are_data(tokens: object) -> None:
    raw = COMPLETIONS.parse_request(json.dumps({"model": "m", "prompt": tokens}).encode(), max_bytes=CAP)
    parts = classify_parts(raw.raw_parts, {}, frozenset(), 10_000)
    assert parts
    assert {part.kind for part in parts} == {PartKind.DATA}


odd_items = st.fixed_dictionaries(
    {},
    optional={
        "type": values | st.sampled_from(["message", "function_call", "function_call_output", "reasoning"]),
        "role": values | st.just("user"),
        "content": contents | values,
        "output": contents | values,
        "tools": values,
        "encrypted_content": values,
    },
)


@given(items=st.lists(odd_items | values, max_size=3), background=values)
def test_odd_items_of_a_response_are_refused_or_in_some_part(items: list[Any], background: Any) -> None:
    marks: list[str] = []
    body = {"model": "m", "input": marked(items, marks), "background": background}
    try:
        parsed = RESPONSES.parse_request(json.dumps(body).encode(), max_bytes=CAP)
    except RequestError:
        return
    assert background in (None, False)
    parts = b"\n".join(part.content for part in parsed.raw_parts).decode()
    assert [mark for mark in marks if mark not in parts] == []
    assert len({part.pointer for part in parsed.raw_parts}) == len(parsed.raw_parts)
