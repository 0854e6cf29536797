"""The queue on a page, with cases planted among what waits, over plain HTTP."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from caveat.evidence.approval import Act
from tests.console.client import Tab
from tests.support.overseers import BEN, Clock, decide, hold_of, read
from tests.support.passkeys import Authenticator
from tests.support.planted import ask, planting_files, step
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream

OVERSIGHT = "version = 1\nhold_seconds = 3600\n[floors]\nitems_per_hour = 360\nseconds = 1\n"


@pytest.fixture
def planted_gateway(
    clock: Clock,
    module_upstream: ScriptedUpstream,
    tmp_path: Path,
    port: int,
    dana: Authenticator,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RunningGateway]:
    monkeypatch.setattr("caveat.oversight.planted.ENROLMENT_MOST", 1)
    files = planting_files(BEN, dana, oversight=OVERSIGHT)  # a passkey does as well
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock, port=port) as running:
        yield running


def listed(tab: Tab) -> set[str]:
    page = tab.get("/console/queue")
    assert page.status == 200, page.body
    return set(re.findall(r'href="/console/holds/([0-9a-f-]+)"', page.body.decode()))


def test_the_queue_lists_no_hold_that_may_not_be_opened_so_that_no_planted_case_is_given_away(
    planted_gateway: RunningGateway, clock: Clock, dana: Authenticator
) -> None:
    """Whoever saw what a case is made of is not asked about it at first, and no page says so."""
    tab = Tab(planted_gateway)
    assert tab.sign_in(dana).status == 303
    first = hold_of(ask(planted_gateway, 0))
    shown = read(planted_gateway, BEN, clock(), first).json
    clock.move(2)
    assert (
        decide(planted_gateway, shown, BEN, clock(), Act.REFUSE).status == 201
    )  # somebody else decides here
    hidden = set[str]()
    for number in range(1, 9):
        real = hold_of(ask(planted_gateway, number))
        tab.get(f"/console/holds/{real}")
        clock.move(2)
        step(planted_gateway)
        clock.move(5)
        step(planted_gateway)
        waiting = {row["hold"] for row in read(planted_gateway, BEN, clock()).json["holds"]}
        on_page = listed(tab)
        opens = {hold for hold in waiting if tab.get(f"/console/holds/{hold}").status == 200}
        assert on_page == opens
        hidden |= waiting - opens
    assert hidden, "nothing was kept from anybody, so that nothing was shown here"
