"""Who is named on the page of figures: those whose approvals count as none, and nobody else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from caveat.evidence.approval import Act
from tests.console.client import Tab
from tests.console.test_power import seat
from tests.support.overseers import ANNA, BEN, Clock, Somebody, decide, hold_of, read
from tests.support.passkeys import Authenticator
from tests.support.planted import ask, planting_files, step
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream

SHORT = "version = 1\nhold_seconds = 3600\n[floors]\nitems_per_hour = 360\nseconds = 1\n"


@pytest.fixture
def gateway(
    clock: Clock,
    module_upstream: ScriptedUpstream,
    tmp_path: Path,
    port: int,
    dana: Authenticator,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RunningGateway]:
    monkeypatch.setattr("caveat.oversight.planted.ENROLMENT_MOST", 1)
    files = planting_files(ANNA, BEN, dana, oversight=SHORT)
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock, port=port) as running:
        yield running


def decided(gateway: RunningGateway, clock: Clock, who: Somebody, holds: list[str], act: Act) -> None:
    for hold in holds:
        shown = read(gateway, who, clock(), hold).json
        clock.move(11)
        assert decide(gateway, shown, who, clock(), act).status == 201


def figures(tab: Tab) -> str:
    return tab.get("/console/figures").body.decode()


def test_by_name_only_who_misses_too_many_planted_cases(
    gateway: RunningGateway, clock: Clock, dana: Authenticator
) -> None:
    real = set()
    for number in range(6):
        real.add(hold_of(ask(gateway, number)))
        clock.move(2)
        step(gateway)
    planted = sorted({row["hold"] for row in read(gateway, BEN, clock()).json["holds"]} - real)
    decided(gateway, clock, ANNA, sorted(real)[:2], Act.REFUSE)
    decided(gateway, clock, BEN, planted[:2], Act.APPROVE)
    tab = seat(gateway, dana)
    assert "ben" not in figures(tab)  # until they are revealed nobody could know
    clock.move(1700)
    tab.get("/console/queue")
    clock.move(1700)
    tab.get("/console/queue")
    clock.move(600)
    step(gateway)
    body = figures(tab)
    named = re.findall(r"<li><strong>(\w+)</strong>: ([^<]*)</li>", body)
    assert [name for name, _ in named] == ["ben"]
    assert "0 of 2 planted cases caught" in named[0][1]
    assert "the floor is 90 %" in named[0][1]
    assert "anna" not in body
    assert "Below the floor" in body
