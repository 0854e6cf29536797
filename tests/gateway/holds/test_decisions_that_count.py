"""Which decision of a person about a hold counts, and which is none."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caveat.signing.keys import Algorithm
from tests.gateway.holds.waiting import held, shown_to
from tests.support.overseers import (
    ANNA,
    BEN,
    CARA,
    STRANGER,
    Clock,
    ask_about,
    decide,
    overseen_bundle,
    read,
    submit,
)
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"action": "0" * 64}, "approval_other_action"),
        ({"policy": "0" * 64}, "approval_other_policy"),
        ({"requester": "key:0123456789abcdef"}, "approval_other_requester"),
        ({"deployment": "chat"}, "approval_other_deployment"),
    ],
)
def test_what_is_signed_is_what_was_shown(
    gateway: RunningGateway, clock: Clock, changed: dict[str, Any], code: str
) -> None:
    """74, 77, 81"""
    shown = shown_to(gateway, clock, held(gateway))
    clock.move(11)
    answer = decide(gateway, shown, BEN, clock(), **changed)
    assert (answer.status, answer.error["code"]) == (403, code)
    assert ask_about(gateway).status == 403


def test_superhuman_speed_is_no_review(gateway: RunningGateway, clock: Clock) -> None:
    """78"""
    shown = shown_to(gateway, clock, held(gateway))
    clock.move(9)
    answer = decide(gateway, shown, BEN, clock())
    assert (answer.status, answer.error["code"]) == (403, "approval_too_fast")
    assert ask_about(gateway).status == 403


def test_what_was_never_shown_is_no_review(gateway: RunningGateway, clock: Clock) -> None:
    """78"""
    shown = shown_to(gateway, clock, held(gateway), ANNA)
    clock.move(11)
    assert decide(gateway, shown, BEN, clock()).error["code"] == "approval_not_shown"


def test_fifty_in_ten_seconds_are_one_review_at_most(gateway: RunningGateway, clock: Clock) -> None:
    """78: all were open long enough, but nobody reads two things at once."""
    holds = [held(gateway, f"t{number}") for number in range(50)]
    shown = [shown_to(gateway, clock, hold) for hold in holds]
    clock.move(60)
    codes = []
    for one in shown:
        answer = decide(gateway, one, BEN, clock())
        codes.append("counts" if answer.status == 201 else answer.error["code"])
        clock.move(0.2)
    assert codes[0] == "counts"
    assert set(codes[1:]) <= {"approval_batch", "approval_over_span"}
    assert sum(ask_about(gateway, tag=f"t{number}").status == 200 for number in range(50)) == 1


def test_beyond_the_span_of_control_the_queue_waits(gateway: RunningGateway, clock: Clock) -> None:
    codes = []
    for number in range(31):
        shown = shown_to(gateway, clock, held(gateway, f"s{number}"))
        clock.move(20)
        answer = decide(gateway, shown, BEN, clock())
        codes.append("counts" if answer.status == 201 else answer.error["code"])
    assert codes == ["counts"] * 30 + ["approval_over_span"]


def test_whoever_asks_does_not_approve(gateway: RunningGateway, clock: Clock) -> None:
    """76"""
    shown = shown_to(gateway, clock, held(gateway), CARA)
    clock.move(11)
    assert decide(gateway, shown, CARA, clock()).error["code"] == "approval_self_approval"


def test_nobody_approves_for_their_own_line(gateway: RunningGateway, clock: Clock) -> None:
    """76: the caller is known to be of the same line as the first, and not of the second's."""
    hold = held(gateway)
    codes = []
    for who in (ANNA, BEN):
        shown = shown_to(gateway, clock, hold, who)
        clock.move(11)
        answer = decide(gateway, shown, who, clock())
        codes.append("counts" if answer.status == 201 else answer.error["code"])
    assert codes == ["approval_own_line", "counts"]


def test_two_approvers_are_two_persons_and_blind_to_each_other(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    dora = type(ANNA)("dora", line="east")
    files = overseen_bundle(BEN, dora, persons=2).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        hold = held(gateway)
        first = shown_to(gateway, clock, hold, BEN)
        before = shown_to(gateway, clock, hold, dora)
        clock.move(11)
        assert decide(gateway, first, BEN, clock()).status == 201
        assert shown_to(gateway, clock, hold, dora) == before
        assert read(gateway, BEN, clock()).json["holds"] == []
        assert ask_about(gateway).status == 403
        clock.move(11)
        assert decide(gateway, first, BEN, clock()).error["code"] == "approval_decided_before"
        assert decide(gateway, before, dora, clock()).status == 201
        assert ask_about(gateway).status == 200


def test_a_decision_that_nobody_enrolled_signed_is_not_recorded(
    gateway: RunningGateway, clock: Clock
) -> None:
    shown = shown_to(gateway, clock, held(gateway), BEN)
    clock.move(11)
    before = len(gateway.records("review"))
    assert decide(gateway, shown, STRANGER, clock()).error["code"] == "approval_unknown_key"
    for junk in (b"", b"{}", b"\xff" * 100, b'{"payload": 1}'):
        answer = submit(gateway, junk)
        assert (answer.status, answer.error["code"].partition("_")[0]) == (400, "approval")
    assert submit(gateway, b"x" * 9000).status == 413
    assert len(gateway.records("review")) == before
    forged = decide(gateway, shown, replace(BEN, algorithm=Algorithm.ED25519), clock())
    assert forged.error["code"] == "approval_unknown_key"
