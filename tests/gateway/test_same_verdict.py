"""The same content gets the same verdict at whichever endpoint it is sent."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caveat.cli.development import open_development
from caveat.gateway.evidence_header import encode_envelope
from caveat.policy.bundle import parse_bundle
from caveat.store.folder import read_folder
from tests.support.phrase_world import phrase_bundle
from tests.support.raw_client import send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import CHAT_KEY, DESK_KEY, attest, rows
from tests.support.tool_world import AGENT_KEY

EXAMPLE = Path(__file__).parents[2] / "policies" / "government-analytics"
PNG = "iVBORw0KGgo="


@dataclass(frozen=True)
class Content:
    """What is said, apart from any protocol."""

    texts: tuple[str, ...]
    system: str = ""
    table: str = ""
    image: bool = False
    tool: bool = False
    called: bool = False
    claims: dict[str, Any] = field(default_factory=dict)
    attested: dict[str, Any] | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Every text of the user's message, the table last."""
        return (*self.texts, *([self.table] if self.table else []))

    def extension(self) -> dict[str, Any]:
        """The member `caveat`."""
        return {"caveat": {"claims": self.claims}} if self.claims else {}


SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
ARGUMENTS, RETURNED = {"at": "home"}, "It rains."


def as_chat(content: Content) -> dict[str, Any]:
    parts: list[Any] = [{"type": "text", "text": text} for text in content.words]
    if content.image:
        parts.append({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}})
    messages: list[Any] = [{"role": "system", "content": content.system}] if content.system else []
    messages.append({"role": "user", "content": parts})
    if content.called:
        function = {"name": "find", "arguments": json.dumps(ARGUMENTS)}
        messages.append(
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]}
        )
        messages.append({"role": "tool", "tool_call_id": "c", "content": RETURNED})
    tool = {"type": "function", "function": {"name": "find", "parameters": SCHEMA}}
    return {"messages": messages, **({"tools": [tool]} if content.tool else {})}


def as_response(content: Content) -> dict[str, Any]:
    parts: list[Any] = [{"type": "input_text", "text": text} for text in content.words]
    if content.image:
        parts.append({"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"})
    items: list[Any] = [{"role": "user", "content": parts}]
    if content.called:
        items.append(
            {"type": "function_call", "call_id": "c", "name": "find", "arguments": json.dumps(ARGUMENTS)}
        )
        items.append({"type": "function_call_output", "call_id": "c", "output": RETURNED})
    tool = {"type": "function", "name": "find", "parameters": SCHEMA}
    system = {"instructions": content.system} if content.system else {}
    return {"input": items, **system, **({"tools": [tool]} if content.tool else {})}


def as_message(content: Content) -> dict[str, Any]:
    parts: list[Any] = [{"type": "text", "text": text} for text in content.words]
    if content.image:
        source = {"type": "base64", "media_type": "image/png", "data": PNG}
        parts.append({"type": "image", "source": source})
    messages: list[Any] = [{"role": "user", "content": parts}]
    if content.called:
        call = {"type": "tool_use", "id": "c", "name": "find", "input": ARGUMENTS}
        messages.append({"role": "assistant", "content": [call]})
        result = {"type": "tool_result", "tool_use_id": "c", "content": RETURNED}
        messages.append({"role": "user", "content": [result]})
    tool = {"name": "find", "input_schema": SCHEMA}
    system = {"system": content.system} if content.system else {}
    return {"max_tokens": 9, "messages": messages, **system, **({"tools": [tool]} if content.tool else {})}


def as_completion(content: Content) -> dict[str, Any] | None:
    """None where the older form cannot say it."""
    if content.system or content.image or content.tool or content.called:
        return None
    return {"prompt": list(content.words)}


ENDPOINTS = {
    "/v1/chat/completions": as_chat,
    "/v1/responses": as_response,
    "/v1/messages": as_message,
    "/v1/completions": as_completion,
    "/openai/v1/chat/completions": as_chat,
}


@dataclass(frozen=True)
class World:
    """A gateway, the keys of its deployments, and what its bundle's facts may be."""

    gateway: RunningGateway
    keys: tuple[str, ...]
    values: dict[str, list[Any]]
    outcomes: set[str] = field(default_factory=set)


WORDS = st.sampled_from(
    [
        "Hello.",
        "Count them.",
        "open sesame",
        "open sesame, please",
        "project heliotrope",
        "mail a@example.org",
    ]
)


def contents(world: World) -> st.SearchStrategy[Content]:
    facts = st.sampled_from(sorted(world.values)).flatmap(
        lambda name: st.fixed_dictionaries({name: st.sampled_from(world.values[name])})
    )
    return st.builds(
        Content,
        texts=st.lists(WORDS, min_size=1, max_size=3).map(tuple),
        system=st.sampled_from(["", "Be brief.", "Open sesame."]),
        table=st.sampled_from(["", rows(9), rows(12, "e")]),
        image=st.booleans(),
        tool=st.booleans(),
        called=st.booleans(),
        claims=st.one_of(st.just({}), facts),
        attested=st.none()
        if not world.values.get("acquisition_channel")
        else st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {"acquisition_channel": st.sampled_from(world.values["acquisition_channel"])}
            ),
        ),
    )


def verdict_at(world: World, key: str, path: str, body: dict[str, Any], content: Content) -> Any:
    headers = {"authorization": f"Bearer {key}"}
    if content.attested is not None and content.table:
        envelope = attest(content.table.encode(), content.attested)
        headers["x-caveat-evidence"] = encode_envelope(envelope)
    sent = json.dumps({"model": "scripted", **body, **content.extension()}).encode()
    answer = send(world.gateway.url, path, sent, headers)
    if answer.status == 200:
        return "allow", answer.headers["x-caveat-verdict"]
    error = answer.error
    return answer.status, *(
        error.get(name) for name in ("code", "verdict", "reason", "needs", "clauses", "approvals")
    )


def check_same(world: World, data: st.DataObject) -> None:
    content, key = data.draw(contents(world)), data.draw(st.sampled_from(world.keys))
    bodies = {path: render(content) for path, render in ENDPOINTS.items()}
    found = {
        path: verdict_at(world, key, path, body, content) for path, body in bodies.items() if body is not None
    }
    outcomes = set(map(repr, found.values()))
    assert len(outcomes) == 1, found
    world.outcomes.update(outcomes)


def world_of(folder: Path, files: dict[str, bytes], keys: tuple[str, ...]) -> Iterator[World]:
    registry = parse_bundle(files).registry
    values: dict[str, list[Any]] = {
        name: sorted(spec.values)
        for name, spec in registry.facts.items()
        if spec.values and spec.type == "enum"
    }
    with scripted_upstream() as upstream, running_gateway(folder, upstream.url, files) as gateway:
        yield World(gateway, keys, values)


@pytest.fixture(scope="module")
def phrases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    files = phrase_bundle()
    yield from world_of(tmp_path_factory.mktemp("phrases"), files, (CHAT_KEY, DESK_KEY, AGENT_KEY))


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    development = open_development(tmp_path_factory.mktemp("world") / "dev", EXAMPLE)
    files = dict(read_folder(development.bundle))
    yield from world_of(tmp_path_factory.mktemp("example"), files, tuple(development.api_keys.values()))


SETTINGS = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@pytest.mark.slow
@SETTINGS
@given(data=st.data())
def test_small_policies_with_tools_and_phrases_decide_alike_at_every_endpoint(
    phrases: World, data: st.DataObject
) -> None:
    check_same(phrases, data)


@pytest.mark.slow
def test_what_was_compared_is_more_than_one_verdict(phrases: World) -> None:
    run_alone = not phrases.outcomes
    assert run_alone or len(phrases.outcomes) > 3, phrases.outcomes


@pytest.mark.slow
@SETTINGS
@given(data=st.data())
def test_the_example_policy_decides_alike_at_every_endpoint(example: World, data: st.DataObject) -> None:
    check_same(example, data)
