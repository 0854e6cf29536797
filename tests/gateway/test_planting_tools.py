"""Planted cases among calls of tools, and among prompts in which something is replaced."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from caveat.evidence.approval import Act
from tests.support.overseers import ANNA, BEN, Clock, decide, hold_of, read
from tests.support.planted import WORDS, ask_with, planting_files, step
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import Reply, ScriptedUpstream, Seen
from tests.support.small_bundle import rows
from tests.support.tool_world import chat_calls

SHORT = "version = 1\nhold_seconds = 3600\n[floors]\nitems_per_hour = 360\nseconds = 1\n"
TASKS = sorted(WORDS)
EMAIL = "ada.lovelace@example.org"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.oversight.planted.ENROLMENT_MOST", 1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    files = planting_files(ANNA, BEN, oversight=SHORT, tools=True)
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as running:
        yield running
    module_upstream.script = type(module_upstream)().script


def calling(arguments: str) -> Callable[[Seen], Reply]:
    return lambda _seen: Reply(body=chat_calls(("look", arguments)))


def body(number: int, *before: str) -> dict[str, Any]:
    words = WORDS[TASKS[number % 2]][number % 3]
    texts = (rows(3, f"n{number}d"), *before, words)
    return {"model": "scripted", "messages": [{"role": "user", "content": text} for text in texts]}


def planted_among(gateway: RunningGateway, clock: Clock, real: set[str]) -> list[Any]:
    clock.move(60)
    step(gateway)
    listed = {row["hold"] for row in read(gateway, BEN, clock()).json["holds"]} - real
    return [read(gateway, BEN, clock(), hold).json for hold in sorted(listed)]


def test_a_call_is_planted_with_the_facts_of_one_use_and_the_arguments_of_another_and_never_made(
    gateway: RunningGateway, clock: Clock, module_upstream: ScriptedUpstream
) -> None:
    real: set[str] = set()
    asked = {}
    for number in range(6):
        at = json.dumps({"for": TASKS[number % 2], "at": f"place {number}"})
        asked[f"look\n{at}"] = TASKS[number % 2]
        module_upstream.script = calling(at)
        real.add(hold_of(ask_with(gateway, body(number), TASKS[number % 2], number, "first_party")))
        clock.move(2)
        step(gateway)
    planted = planted_among(gateway, clock, real)
    assert planted
    calls = len(module_upstream.seen)
    for one in planted:
        assert (one["view"]["point"], one["view"]["does"]) == ("tool", "tool:look")
        task = next(fact["value"] for fact in one["view"]["cases"][0]["facts"] if fact["name"] == "task")
        assert asked[base64.b64decode(one["content"]).decode()] != task
    clock.move(11)
    assert decide(gateway, planted[0], BEN, clock()).status == 201
    assert len(module_upstream.seen) == calls
    assert not any(record.get("approved") for record in gateway.records())


def test_a_prompt_with_replaced_values_is_planted_and_shows_none_of_them(
    gateway: RunningGateway, clock: Clock
) -> None:
    real: set[str] = set()
    for number in range(6):
        asked = body(number, f"Answer to {EMAIL}.")
        real.add(hold_of(ask_with(gateway, asked, TASKS[number % 2], number)))
        clock.move(2)
        step(gateway)
    planted = planted_among(gateway, clock, real)
    assert planted
    for one in planted:
        content = base64.b64decode(one["content"])
        assert EMAIL.encode() not in content
        assert b"Answer to" in content
    assert decide(gateway, planted[0], BEN, clock(), Act.REFUSE).status == 201


def test_words_of_a_use_with_something_replaced_are_not_put_where_nothing_is(
    gateway: RunningGateway, clock: Clock
) -> None:
    """What stands in a words' place is read again by nobody, so a value in it would be shown."""
    asked = body(1)
    asked["messages"][-1]["content"] += f" Answer to {EMAIL}."
    real = {hold_of(ask_with(gateway, asked, TASKS[1], 1)), hold_of(ask_with(gateway, body(2), TASKS[0], 2))}
    clock.move(2)
    step(gateway)
    assert planted_among(gateway, clock, real) == []
