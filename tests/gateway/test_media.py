"""Images, audio and files in line: bound by their own bytes at every endpoint, and words nowhere."""

import base64
import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.call.call import PartKind
from caveat.call.parts import classify_parts
from caveat.gateway.evidence_header import encode_envelope
from caveat.gateway.wire.protocol import Wire
from caveat.gateway.wire.wire import ANTHROPIC, OPENAI, RESPONSES
from caveat.signing.digest import sha256
from tests.gateway.test_sdks import anthropic_client, openai_client
from tests.support.running_gateway import RunningGateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import DESK_KEY, attest

CAP = 1024 * 1024
Shape = Callable[[str], dict[str, Any]]


def url(media_type: str, text: str) -> str:
    return f"data:{media_type};base64,{text}"


# Each kind of block in which some protocol takes bytes in line, as a function of their base64.
BLOCKS: dict[str, tuple[Wire, Shape]] = {
    "chat image": (
        OPENAI,
        lambda t: {"type": "image_url", "image_url": {"url": url("image/png", t), "detail": "low"}},
    ),
    "chat audio": (OPENAI, lambda t: {"type": "input_audio", "input_audio": {"data": t, "format": "wav"}}),
    "chat file": (
        OPENAI,
        lambda t: {"type": "file", "file": {"file_data": url("application/pdf", t), "filename": "a.pdf"}},
    ),
    "chat bare file": (OPENAI, lambda t: {"type": "file", "file": {"file_data": t, "filename": "a.pdf"}}),
    "responses image": (
        RESPONSES,
        lambda t: {"type": "input_image", "image_url": url("image/png", t), "detail": "auto"},
    ),
    "responses audio": (
        RESPONSES,
        lambda t: {"type": "input_audio", "input_audio": {"data": t, "format": "mp3"}},
    ),
    "responses file": (
        RESPONSES,
        lambda t: {"type": "input_file", "file_data": url("application/pdf", t), "filename": "a.pdf"},
    ),
    "responses bare file": (
        RESPONSES,
        lambda t: {"type": "input_file", "file_data": t, "filename": "a.pdf"},
    ),
    "messages image": (
        ANTHROPIC,
        lambda t: {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": t}},
    ),
    "messages document": (
        ANTHROPIC,
        lambda t: {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": t},
            "title": "A title",
        },
    ),
}
EACH = pytest.mark.parametrize(("wire", "shape"), list(BLOCKS.values()), ids=list(BLOCKS))
# What refers to bytes that nobody here sees.
REFERENCES: dict[str, tuple[Wire, dict[str, Any]]] = {
    "chat image": (OPENAI, {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}),
    "chat file": (OPENAI, {"type": "file", "file": {"file_id": "file-1"}}),
    "responses image": (RESPONSES, {"type": "input_image", "image_url": "https://a.example/b.png"}),
    "responses image id": (RESPONSES, {"type": "input_image", "file_id": "file-1", "detail": "auto"}),
    "responses file": (RESPONSES, {"type": "input_file", "file_url": "https://a.example/b.pdf"}),
    "responses file id": (RESPONSES, {"type": "input_file", "file_id": "file-1"}),
    "messages image": (ANTHROPIC, {"type": "image", "source": {"type": "url", "url": "https://a.example/b"}}),
    "messages document": (ANTHROPIC, {"type": "document", "source": {"type": "file", "file_id": "file_1"}}),
}


def asked(wire: Wire, block: Any) -> bytes:
    member = "input" if wire is RESPONSES else "messages"
    return json.dumps({"model": "m", member: [{"role": "user", "content": [block]}]}).encode()


def parts(wire: Wire, block: Any) -> list[tuple[PartKind, bytes, str]]:
    raw = wire.parse_request(asked(wire, block), max_bytes=CAP).raw_parts
    assert len({part.pointer for part in raw}) == len(raw)
    found = classify_parts(raw, {}, frozenset(), 10_000)
    return [(part.kind, part.content, part.digest) for part in found]


@EACH
@given(payload=st.binary(min_size=1, max_size=64))
def test_bytes_in_line_are_one_part_of_exactly_those_bytes(wire: Wire, shape: Shape, payload: bytes) -> None:
    found = parts(wire, shape(base64.b64encode(payload).decode()))
    assert (PartKind.DATA, payload, sha256(payload)) in found
    (beside,) = [json.loads(content) for kind, content, _ in found if kind is PartKind.TYPED]
    encoded = json.dumps(beside, sort_keys=True)
    assert encoded == json.dumps(shape(""), sort_keys=True), "what stands beside them is there byte for byte"


LENIENT = {
    "no padding": "YQ",
    "unused bits": "YR==",
    "a space": "Y Q==",
    "a line break": "YQ==\n",
    "the other alphabet": "-_-_",
    "two texts": "YQ==YQ==",
    "no ASCII": "YQ==é",
    "nothing": "",
}


@EACH
@pytest.mark.parametrize("text", LENIENT.values(), ids=list(LENIENT))
def test_bytes_that_decoders_read_differently_are_not_taken_apart(
    wire: Wire, shape: Shape, text: str
) -> None:
    block = shape(text)
    ((kind, content, _),) = parts(wire, block)
    assert (kind, json.loads(content)) == (PartKind.DATA, block)


@EACH
def test_a_member_that_nobody_knows_leaves_the_block_whole(wire: Wire, shape: Shape) -> None:
    block = {**shape("YQ=="), "new_member": "words for the model"}
    ((kind, content, _),) = parts(wire, block)
    assert (kind, json.loads(content)) == (PartKind.DATA, block)


@pytest.mark.parametrize(("wire", "block"), list(REFERENCES.values()), ids=list(REFERENCES))
def test_what_is_only_named_is_data_bound_by_its_name(wire: Wire, block: dict[str, Any]) -> None:
    ((kind, content, _),) = parts(wire, block)
    assert (kind, json.loads(content)) == (PartKind.DATA, block)


def test_a_payload_beside_a_reference_is_not_taken_apart() -> None:
    block = {"type": "input_file", "file_data": "YQ==", "file_id": "file-1", "filename": "a"}
    ((kind, content, _),) = parts(RESPONSES, block)
    assert (kind, json.loads(content)) == (PartKind.DATA, block)


def test_a_document_of_text_is_bound_by_its_text() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "A document of wörds."}
    found = parts(ANTHROPIC, {"type": "document", "source": source, "context": "where it is from"})
    assert (PartKind.DATA, source["data"].encode(), sha256(source["data"].encode())) in found
    assert any(kind is PartKind.TYPED and b"where it is from" in content for kind, content, _ in found)


def test_what_stands_beside_a_file_that_a_tool_returned_is_data_too() -> None:
    file = {"type": "input_file", "file_data": "YQ==", "filename": "a name that a tool chose"}
    item = {"type": "function_call_output", "call_id": "c", "output": [file]}
    body = json.dumps({"model": "m", "input": [item]}).encode()
    found = classify_parts(RESPONSES.parse_request(body, max_bytes=CAP).raw_parts, {}, frozenset(), 10_000)
    assert [part.kind for part in found if b"a tool chose" in part.content] == [PartKind.DATA]
    assert [part.pointer for part in found if part.content == b"a"] == ["/input/0/output/0/file_data"]


def test_audio_that_the_endpoint_keeps_is_data_bound_by_its_id() -> None:
    said = {"role": "assistant", "audio": {"id": "audio_1"}}
    body = json.dumps({"model": "m", "messages": [said]}).encode()
    ((kind, pointer),) = [
        (part.kind, part.pointer)
        for part in classify_parts(
            OPENAI.parse_request(body, max_bytes=CAP).raw_parts, {}, frozenset(), 10_000
        )
    ]
    assert (kind, pointer) == (PartKind.DATA, "/messages/0/audio")


@pytest.mark.parametrize("container", ["container_1", {"id": "container_1"}])
def test_a_container_that_the_endpoint_keeps_is_data_bound_by_its_id(container: object) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Go on."}], "container": container}
    raw = ANTHROPIC.parse_request(json.dumps(body).encode(), max_bytes=CAP).raw_parts
    found = {part.pointer: part.kind for part in classify_parts(raw, {}, frozenset(), 10_000)}
    assert found == {"/messages/0/content": PartKind.TYPED, "/container": PartKind.DATA}


FILE = b"%PDF-1.7 not really, but these very bytes"


def send_file(gateway: RunningGateway, name: str, payload: bytes, headers: dict[str, str]) -> None:
    wire, shape = BLOCKS[name]
    content: Any = [shape(base64.b64encode(payload).decode())]
    turn: Any = [{"role": "user", "content": content}]
    if wire is ANTHROPIC:
        with anthropic_client(gateway, DESK_KEY) as client:
            client.messages.create(model="m", max_tokens=9, messages=turn, extra_headers=headers)
        return
    with openai_client(gateway, DESK_KEY) as client:
        if wire is OPENAI:
            client.chat.completions.create(model="m", messages=turn, extra_headers=headers)
        else:
            client.responses.create(model="m", input=turn, extra_headers=headers)


@pytest.mark.parametrize("name", list(BLOCKS))
def test_evidence_over_a_file_opens_the_file_wherever_it_is_sent_and_no_other(
    gateway: RunningGateway, upstream: ScriptedUpstream, name: str
) -> None:
    envelope = attest(FILE, {"acquisition_channel": "first_party", "subject_count": 1})
    headers = {"x-caveat-evidence": encode_envelope(envelope)}
    send_file(gateway, name, FILE, headers)
    assert base64.b64encode(FILE) in upstream.seen[-1].body
    with pytest.raises((openai.PermissionDeniedError, anthropic.PermissionDeniedError)):
        send_file(gateway, name, FILE + b".", headers)
    assert len(upstream.seen) == 1
