"""Planted cases over HTTP: shown as any other, caught or missed, never executed, revealed when over."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caveat.evidence.approval import Act
from caveat.oversight.planted import commitment
from tests.support.overseers import ANNA, BEN, Clock, Somebody, decide, hold_of, read, status
from tests.support.planted import WORDS, ask, ask_with, planting_files, step
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import rows

SHORT = "version = 1\nhold_seconds = 3600\n[floors]\nitems_per_hour = 360\nseconds = 1\n"
FILES = planting_files(ANNA, BEN, oversight=SHORT)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.oversight.planted.ENROLMENT_MOST", 1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gateway(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path) -> Iterator[RunningGateway]:
    module_upstream.seen.clear()
    with running_gateway(tmp_path, module_upstream.url, FILES, clock=clock) as running:
        yield running


def opened(gateway: RunningGateway, clock: Clock, count: int = 2) -> tuple[set[str], set[str]]:
    """Real holds, and planted ones beside them."""
    real = set()
    for number in range(count):
        real.add(hold_of(ask(gateway, number)))
        clock.move(2)
        step(gateway)
    clock.move(5)
    step(gateway)
    listed = {row["hold"] for row in read(gateway, BEN, clock()).json["holds"]}
    assert real <= listed
    return real, listed - real


def one_planted(gateway: RunningGateway, clock: Clock) -> str:
    _, planted = opened(gateway, clock)
    assert planted
    return sorted(planted)[0]


def shown(gateway: RunningGateway, clock: Clock, hold: str, who: Somebody = BEN) -> Any:
    answer = read(gateway, who, clock(), hold)
    assert answer.status == 200, answer.body
    return answer.json


def test_a_planted_case_has_the_shape_of_a_real_one_and_asks_for_what_is_not_attested(
    gateway: RunningGateway, clock: Clock
) -> None:
    real, planted = opened(gateway, clock)
    views = [shown(gateway, clock, hold) for hold in (*real, *planted)]
    assert len({json.dumps(sorted(one["view"])) for one in views}) == 1
    assert len({json.dumps(sorted(one)) for one in views}) == 1
    for hold in planted:
        one = shown(gateway, clock, hold)
        said = {fact["name"]: fact["value"] for fact in one["view"]["cases"][0]["facts"]}
        body = json.loads(base64.b64decode(one["content"]))
        assert body["messages"][1]["content"] not in WORDS[said["task"]]
        assert body["messages"][0]["content"].startswith("device_id,place\n")


def test_approving_a_planted_case_lets_nothing_through_and_answers_as_any_other(
    gateway: RunningGateway, clock: Clock, module_upstream: ScriptedUpstream
) -> None:
    hold = one_planted(gateway, clock)
    seen = shown(gateway, clock, hold)
    clock.move(11)
    answer = decide(gateway, seen, BEN, clock())
    assert (answer.status, answer.json["counts"]) == (201, True)
    # Whoever has the very bytes that were shown, and evidence for them, is asked about anew.
    body = json.loads(base64.b64decode(seen["content"]))
    task = next(fact["value"] for fact in seen["view"]["cases"][0]["facts"] if fact["name"] == "task")
    again = ask_with(gateway, body, task)
    assert (again.status, again.error["code"]) == (403, "needs_approval")
    assert hold_of(again) != hold
    assert module_upstream.seen == []
    assert not any(record.get("approved") for record in gateway.records())
    assert hold not in {row["hold"] for row in read(gateway, BEN, clock()).json["holds"]}


def test_no_caller_learns_of_a_planted_case(gateway: RunningGateway, clock: Clock) -> None:
    real, planted = opened(gateway, clock)
    assert {status(gateway, hold).status for hold in real} == {200}
    assert {status(gateway, hold).status for hold in planted} == {404}


def test_it_is_revealed_when_its_time_is_up_and_everybody_can_check_it(
    gateway: RunningGateway, clock: Clock
) -> None:
    _, planted = opened(gateway, clock)
    assert gateway.records("planted") == []
    clock.move(3600)
    step(gateway)
    revealed = gateway.records("planted")
    assert {record["hold"] for record in revealed} == planted
    step(gateway)
    assert len(gateway.records("planted")) == len(revealed)
    for record in revealed:
        index = int(record["hold"].split("-")[0])
        entry = next(one for one in gateway.service.ledger.records() if one.index == index)
        assert json.loads(entry.leaf)["request"] == commitment(bytes.fromhex(record["nonce"]))


def test_who_misses_two_planted_cases_approves_nothing_any_more_and_comes_back_by_catching(
    gateway: RunningGateway, clock: Clock
) -> None:
    real, planted = opened(gateway, clock, 12)
    cases = sorted(planted)
    assert len(cases) >= 10
    for hold in cases[:2]:
        seen = shown(gateway, clock, hold)
        clock.move(11)
        assert decide(gateway, seen, BEN, clock()).status == 201
    one, other, *_ = sorted(real)
    seen = shown(gateway, clock, one)
    clock.move(11)
    assert decide(gateway, seen, BEN, clock()).error["code"] == "approval_vigilance"
    assert status(gateway, one).json["status"] == "open"
    for hold in cases[2:8]:
        seen = shown(gateway, clock, hold)
        assert decide(gateway, seen, BEN, clock(), Act.REFUSE).status == 201
        clock.move(2)
    seen = shown(gateway, clock, other)
    clock.move(11)
    assert decide(gateway, seen, BEN, clock()).status == 201


def test_what_is_planted_survives_a_restart(module_upstream: ScriptedUpstream, tmp_path: Path) -> None:
    clock = Clock()
    with running_gateway(tmp_path, module_upstream.url, FILES, clock=clock) as gateway:
        hold = one_planted(gateway, clock)
    with running_gateway(tmp_path, module_upstream.url, FILES, clock=clock) as gateway:
        seen = shown(gateway, clock, hold)
        assert status(gateway, hold).status == 404
        clock.move(11)
        assert decide(gateway, seen, BEN, clock()).status == 201
        clock.move(3600)
        step(gateway)
        assert hold in {record["hold"] for record in gateway.records("planted")}


def test_whoever_knows_the_words_of_a_case_is_not_asked_about_it_while_somebody_else_can_be(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = [False]
    monkeypatch.setattr("caveat.oversight.planted.Pace.opened", lambda *_said, **_more: due[0])
    real = [hold_of(ask(gateway, number)) for number in range(2)]
    for hold in real:
        shown(gateway, clock, hold)
    # Anna decides here, too, and what she decides about has no words that stand in it once.
    body: dict[str, Any] = {
        "model": "scripted",
        "messages": [{"role": "user", "content": t} for t in (rows(3), "scripted")],
    }
    real.append(hold_of(ask_with(gateway, body, "count_them", 7)))
    assert decide(gateway, shown(gateway, clock, real[-1], ANNA), ANNA, clock(), Act.REFUSE).status == 201
    step(gateway)
    due[0] = True
    body["max_tokens"] = 9
    real.append(hold_of(ask_with(gateway, body, "count_them", 8)))
    clock.move(60)
    step(gateway)
    of_anna, of_ben = (
        {row["hold"] for row in read(gateway, who, clock()).json["holds"]} - set(real) for who in (ANNA, BEN)
    )
    (hidden,) = of_anna
    assert not of_ben
    assert read(gateway, BEN, clock(), hidden).status == 404


def test_a_real_use_is_kept_from_whoever_saw_what_a_case_in_its_place_would_be_made_of(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only for a while, and only while enough others are left: else a wait would tell a planted case."""
    monkeypatch.setattr("caveat.oversight.planted.Pace.opened", lambda *_said, **_more: False)
    real = [hold_of(ask(gateway, number)) for number in range(2)]
    for hold in real:
        shown(gateway, clock, hold)
    assert decide(gateway, shown(gateway, clock, real[0], ANNA), ANNA, clock(), Act.REFUSE).status == 201
    step(gateway)
    later = hold_of(ask(gateway, 2))
    assert later not in {row["hold"] for row in read(gateway, BEN, clock()).json["holds"]}
    assert read(gateway, BEN, clock(), later).status == 404
    assert status(gateway, later).json["status"] == "open"
    clock.move(15 * 60)
    assert later in {row["hold"] for row in read(gateway, BEN, clock()).json["holds"]}


def test_nobody_is_kept_from_a_use_that_would_then_have_too_few_to_decide(
    gateway: RunningGateway, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caveat.oversight.planted.Pace.opened", lambda *_said, **_more: False)
    real = [hold_of(ask(gateway, number)) for number in range(2)]
    for hold in real:
        shown(gateway, clock, hold)
    assert decide(gateway, shown(gateway, clock, real[0]), BEN, clock(), Act.REFUSE).status == 201
    step(gateway)
    later = hold_of(ask(gateway, 2))
    assert later in {row["hold"] for row in read(gateway, BEN, clock()).json["holds"]}


def test_figures_are_of_the_person_who_asks_and_name_nobody_else(
    gateway: RunningGateway, clock: Clock
) -> None:
    _, planted = opened(gateway, clock, 4)
    for hold in sorted(planted)[:2]:
        seen = shown(gateway, clock, hold)
        clock.move(11)
        assert decide(gateway, seen, BEN, clock()).status == 201
    before = read(gateway, BEN, clock(), "figures").json
    (own,) = before["own"]
    assert own["decisions"] == 2
    assert own["seconds_median"] == 11.0
    assert own["caught"]["of"] == 0  # it still waits for others
    assert own["vigilant"] is False
    clock.move(3600)
    step(gateway)
    (own,) = read(gateway, BEN, clock(), "figures").json["own"]
    assert (own["caught"]["count"], own["caught"]["of"]) == (0, 2)
    assert own["missed_by_clause"] == {"C4": 2}
    assert (own["let_through"]["C4"]["count"], own["let_through"]["C4"]["of"]) == (2, 2)
    others = read(gateway, ANNA, clock(), "figures")
    assert others.json["own"][0]["decisions"] == 0
    (queue,) = others.json["queues"]
    assert (queue["persons"], queue["below_floor"], queue["figures"]) == (1, 1, None)
    assert b"ben" not in others.body


@pytest.mark.slow
def test_a_reviewer_who_approves_everything_is_exposed_within_fifty_items(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the pace of the product, alone, and with a pause before each that would do for a review."""
    monkeypatch.setattr("caveat.oversight.planted.ENROLMENT_MOST", 20)
    module_upstream.seen.clear()
    with running_gateway(tmp_path, module_upstream.url, FILES, clock=clock) as gateway:
        codes: list[str] = []
        for number in range(50):
            ask(gateway, number)
            clock.move(20)
            step(gateway)
            for row in read(gateway, BEN, clock()).json["holds"]:
                seen = shown(gateway, clock, row["hold"])
                clock.move(11)
                answer = decide(gateway, seen, BEN, clock())
                codes.append("counts" if answer.status == 201 else answer.error["code"])
            if "approval_vigilance" in codes:
                break
        assert codes.index("approval_vigilance") < 50
        assert set(codes) == {"counts", "approval_vigilance"}
