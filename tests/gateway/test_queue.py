"""Beyond what its reviewers can do a queue grows: everybody waits, is told how long, and nothing goes on."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.support.overseers import (
    ANNA,
    BEN,
    Clock,
    ask_about,
    decide,
    hold_of,
    overseen_bundle,
    read,
    status,
)
from tests.support.raw_client import send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream

SLOW = "version = 1\nhold_seconds = 3600\n[roles.officer]\nitems_per_hour = 4\n"


def metric(gateway: RunningGateway, name: str) -> float:
    text = send(gateway.url, "/metrics", method="GET").body.decode()
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(name + " ")))


@pytest.mark.parametrize("times", [1, 3, 10])
def test_at_any_multiple_of_the_span_each_use_waits_and_is_told_how_long(
    times: int, module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    clock = Clock()
    module_upstream.seen.clear()
    files = overseen_bundle(ANNA, BEN, oversight=SLOW).files()
    span = 2 * 4  # persons, reviews an hour
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        for number in range(span * times):
            answer = ask_about(gateway, tag=f"t{number}")
            hold = answer.error["hold"]
            assert (answer.status, hold["ahead"]) == (403, number)
            waits = datetime.fromisoformat(hold["expected_at"]) - clock()
            assert waits.total_seconds() == (number + 1) * 3600 / span
            late = hold["expected_at"] > hold["expires_at"]
            assert late == (number + 1 > span)
        assert module_upstream.seen == []
        assert metric(gateway, "caveat_holds_waiting") == span * times
        clock.move(1800)
        assert metric(gateway, "caveat_holds_oldest_seconds") == 1800
        last = status(gateway, hold["id"]).json
        assert (last["status"], last["ahead"]) == ("open", span * times - 1)
        clock.move(1800)
        assert status(gateway, hold["id"]).json["status"] == "expired"
        assert metric(gateway, "caveat_holds_waiting") == 0
        assert module_upstream.seen == []


def test_what_is_decided_or_over_is_not_waited_for(module_upstream: ScriptedUpstream, tmp_path: Path) -> None:
    clock = Clock()
    files = overseen_bundle(ANNA, BEN, oversight=SLOW).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        holds = [hold_of(ask_about(gateway, tag=tag)) for tag in "abc"]
        shown = read(gateway, BEN, clock(), holds[0]).json
        clock.move(11)
        assert decide(gateway, shown, BEN, clock()).status == 201
        assert [status(gateway, one).json["ahead"] for one in holds] == [0, 0, 1]
        assert status(gateway, holds[0]).json["expected_at"] is None
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        assert [status(gateway, one).json["ahead"] for one in holds] == [0, 0, 1]


def test_where_nobody_is_enrolled_no_time_is_promised(
    module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    clock = Clock()
    files = overseen_bundle(ANNA, persons=2).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        hold = ask_about(gateway).error["hold"]
        assert (hold["ahead"], hold["expected_at"]) == (0, None)
