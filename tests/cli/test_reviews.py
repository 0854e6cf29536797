"""`caveat approvals reviews`, `look`, `finding`; and what `explain record` says of each record."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caveat.cli.approving import Door
from caveat.ledger.record import record_id_of
from tests.cli.calling import Caveat
from tests.cli.test_approvals import as_
from tests.support.overseers import Clock
from tests.support.raw_client import asking, chat
from tests.support.reviews import IDA, UNCLEARED, reviewed_bundle, sampled, step
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import CHAT_KEY


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(tmp_path: Path, clock: Clock) -> Iterator[RunningGateway]:
    with (
        scripted_upstream() as upstream,
        running_gateway(
            tmp_path / "data", upstream.url, reviewed_bundle(sampled()).files(), clock=clock
        ) as one,
    ):
        assert chat(one.url, CHAT_KEY, asking("what is this")).status == 200
        step(one)
        yield one


@pytest.fixture
def caveat(capsys: pytest.CaptureFixture[str]) -> Caveat:
    return Caveat(capsys)


def due(caveat: Caveat, who: tuple[object, ...]) -> str:
    return str(json.loads(caveat("approvals", "reviews", "--json", *who).out)["reviews"][0]["review"])


def test_what_went_through_is_listed_looked_at_and_found_right(
    gateway: RunningGateway, clock: Clock, caveat: Caveat, tmp_path: Path
) -> None:
    ida = as_(IDA, gateway, tmp_path)
    assert "1 reviews are due" in caveat("approvals", "reviews", *ida).out
    use = due(caveat, ida)
    shown = caveat("approvals", "look", use, *ida)
    assert (shown.code, "went through at" in shown.out, "what is" in shown.out) == (0, True, True)
    assert json.loads(caveat("approvals", "look", use, "--json", *ida).out)["review"] == use
    found = ("approvals", "finding", use, "right", "--role", "auditor", *ida)
    clock.move(11)
    assert "found right: it counts" in caveat(*found).out
    again = caveat("approvals", "finding", use, "right", "--role", "auditor", *ida)
    assert (again.code, again.out) == (1, "")
    assert "no review is due" in caveat("approvals", "reviews", *ida).out


def test_a_wrong_one_takes_a_code_and_no_pause(
    gateway: RunningGateway, caveat: Caveat, tmp_path: Path
) -> None:
    ida = as_(IDA, gateway, tmp_path)
    use = due(caveat, ida)
    found = ("approvals", "finding", use, "wrong", "--role", "auditor", *ida)
    assert "takes --code" in caveat.mistaken(*found)
    done = caveat(*found, "--code", "facts_untrue")
    assert (done.code, "found wrong: it counts" in done.out) == (0, True)


def test_who_is_not_cleared_sees_nothing(gateway: RunningGateway, caveat: Caveat, tmp_path: Path) -> None:
    use = due(caveat, as_(IDA, gateway, tmp_path))
    kim = as_(UNCLEARED, gateway, tmp_path)
    assert "no review is due" in caveat("approvals", "reviews", *kim).out
    assert "no such review" in caveat.mistaken("approvals", "look", use, *kim)


@pytest.mark.parametrize("changed", [{"content": "AAAA"}, {"action": "1" * 64}, {"view": None}])
def test_what_is_not_shown_is_not_signed(
    gateway: RunningGateway, caveat: Caveat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: Any
) -> None:
    ida = as_(IDA, gateway, tmp_path)
    use = due(caveat, ida)
    look = Door.look
    monkeypatch.setattr(Door, "look", lambda door, path: {**look(door, path), **changed})
    for verb in (("look", use), ("finding", use, "wrong", "--code", "facts_untrue", "--role", "auditor")):
        assert "tell the auditor" in caveat.mistaken("approvals", *verb, *ida)


def test_every_record_is_explained(gateway: RunningGateway, caveat: Caveat, tmp_path: Path) -> None:
    ida = as_(IDA, gateway, tmp_path)
    use = due(caveat, ida)
    caveat("approvals", "finding", use, "wrong", "--role", "auditor", "--code", "facts_untrue", *ida)
    step(gateway)
    step(gateway)
    said = [
        caveat("explain", "record", record_id_of(entry.index, entry.leaf), "--data", tmp_path / "data").out
        for entry in gateway.service.ledger.records()
    ]
    for text in (
        "sampling: at ",
        f"the use of record {use} was drawn in period 1",
        f"`ida` found as `auditor` that the sample {use} was wrong (facts_untrue), which counts",
        "incident: at ",
    ):
        assert any(text in one for one in said), text
