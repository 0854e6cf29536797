"""A call of a tool that waits for people is a use of its own, with an approval of its own."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.overseers import BEN, Clock, decide, hold_of, overseen_bundle, read
from tests.support.raw_client import Answer, asking, chat
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import Reply, ScriptedUpstream
from tests.support.small_bundle import adopted
from tests.support.tool_world import AGENT_KEY, chat_calls, tool_bundle

OFFICER = """
@id("T0") @text("An agent waits for the officer.") @authority("contract") @amend("operator")
forbid (principal, action, resource) when { context.supervised }
unless { context.approvals.contains("officer") };
"""
FIND, FIRE = ("find", '{"what": "a room"}'), ("fire", '{"at": "the gate"}')


def bundle() -> dict[str, bytes]:
    """The agent's bundle, in which nothing goes on without the officer, a kinetic call neither."""
    files = {name: data for name, data in tool_bundle(clauses=OFFICER).items() if "signatures/" not in name}
    clauses = files["clauses/all.cedar"].decode()
    kinetic = 'when { context.action_effect == "kinetic" }'
    assert kinetic in clauses
    files["clauses/all.cedar"] = clauses.replace(
        kinetic, kinetic + '\nunless { context.approvals.contains("officer") }'
    ).encode()
    return adopted(files | {"trust.toml": overseen_bundle(BEN).files()["trust.toml"]})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    with running_gateway(tmp_path, module_upstream.url, bundle(), clock=clock) as running:
        yield running


def ask(gateway: RunningGateway) -> Answer:
    return chat(gateway.url, AGENT_KEY, asking("Do it."))


def approve(gateway: RunningGateway, clock: Clock, answer: Answer) -> Any:
    """Whatever waits is shown and approved; what was shown."""
    assert answer.status == 403, answer.body
    shown = read(gateway, BEN, clock(), hold_of(answer)).json
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).status == 201
    return shown


def calling(upstream: ScriptedUpstream, *calls: tuple[str, str]) -> None:
    upstream.script = lambda _seen: Reply(body=chat_calls(*calls))


def test_an_approval_of_a_prompt_holds_for_a_call_that_changes_no_fact(
    gateway: RunningGateway, clock: Clock, upstream: ScriptedUpstream
) -> None:
    calling(upstream, FIND)
    approve(gateway, clock, ask(gateway))
    assert ask(gateway).status == 200


def test_an_approval_of_a_prompt_does_not_reach_a_call_with_other_facts(
    gateway: RunningGateway, clock: Clock, upstream: ScriptedUpstream
) -> None:
    calling(upstream, FIRE)
    approve(gateway, clock, ask(gateway))
    held = ask(gateway)
    assert (held.status, held.error["code"], held.error["point"]) == (403, "needs_approval", "tool")
    shown = read(gateway, BEN, clock(), hold_of(held)).json
    assert base64.b64decode(shown["content"]) == b'fire\n{"at": "the gate"}'
    assert shown["view"]["does"] == "tool:fire"


def test_an_approved_call_goes_through_once_with_an_approved_prompt(
    gateway: RunningGateway, clock: Clock, upstream: ScriptedUpstream
) -> None:
    calling(upstream, FIRE)
    approve(gateway, clock, ask(gateway))
    approve(gateway, clock, ask(gateway))
    approve(gateway, clock, ask(gateway))  # the prompt again, whose approval was used
    assert ask(gateway).status == 200
    approve(gateway, clock, ask(gateway))
    again = ask(gateway)
    assert (again.status, again.error["point"]) == (403, "tool")


def test_two_calls_of_one_answer_go_through_together_once_both_are_approved(
    gateway: RunningGateway, clock: Clock, upstream: ScriptedUpstream
) -> None:
    """Otherwise the approval of one would be used up by an answer that waits for the other."""
    calling(upstream, FIRE, ("fire", '{"at": "the other gate"}'))
    for _ in range(2):
        approve(gateway, clock, ask(gateway))  # the prompt, whose approval is used
        held = ask(gateway)
        assert held.error["point"] == "tool"
        approve(gateway, clock, held)  # one call, then the other
    approve(gateway, clock, ask(gateway))
    assert ask(gateway).status == 200
    approve(gateway, clock, ask(gateway))
    assert ask(gateway).error["point"] == "tool"  # both were used


def test_one_approval_does_not_release_the_same_call_twice_in_one_answer(
    gateway: RunningGateway, clock: Clock, upstream: ScriptedUpstream
) -> None:
    calling(upstream, FIRE)
    for _ in range(3):
        approve(gateway, clock, ask(gateway))
    calling(upstream, FIRE, FIRE)
    twice = ask(gateway)
    assert (twice.status, twice.error["point"]) == (403, "tool")
    approve(gateway, clock, ask(gateway))
    calling(upstream, FIRE)
    assert ask(gateway).status == 200  # what was approved once is still there for one


def test_another_call_than_the_approved_one_waits(
    gateway: RunningGateway, clock: Clock, upstream: ScriptedUpstream
) -> None:
    """74"""
    calling(upstream, FIRE)
    for _ in range(3):
        approve(gateway, clock, ask(gateway))
    calling(upstream, ("fire", '{"at": "the other gate"}'))
    assert (ask(gateway).status, len(upstream.seen)) == (403, 2)
