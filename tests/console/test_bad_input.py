"""What goes wrong for people, each as a page that says what happened and what next; nothing proceeds."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.console.client import Tab
from tests.support.overseers import Clock, ask_about, hold_of, overseen_bundle, status
from tests.support.passkeys import Authenticator
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.small_bundle import SmallBundle


@pytest.fixture
def tab(gateway: RunningGateway, dana: Authenticator) -> Tab:
    opened = Tab(gateway)
    assert opened.sign_in(dana).status == 303
    return opened


@pytest.mark.parametrize("name", ["9-0000000000000000", "x", "%3Cscript%3E", "9" * 400])
def test_a_hold_that_is_unknown_is_a_clear_page(tab: Tab, name: str) -> None:
    answer = tab.get(f"/console/holds/{name}")
    assert (answer.status, b"No such hold waits for you here" in answer.body) == (404, True)


def test_an_expired_hold_says_so_and_offers_nothing_to_sign(
    gateway: RunningGateway, tab: Tab, dana: Authenticator, clock: Clock
) -> None:
    hold = hold_of(ask_about(gateway))
    page = tab.get(f"/console/holds/{hold}")
    clock.move(timedelta(days=1).total_seconds())
    assert tab.sign_in(dana).status == 303
    body = tab.get(f"/console/holds/{hold}").body
    assert b"Its time is up." in body
    assert b"data-act" not in body
    late = tab.signed(page, dana, "approve")
    late["form_token"] = tab.signed(tab.get("/console/sign-in?as=dana"), dana)["form_token"]
    assert tab.post(f"/console/holds/{hold}", late).status in {400, 403}
    assert status(gateway, hold).json["status"] == "expired"


def test_a_consumed_hold_says_so_and_offers_nothing_to_sign(
    gateway: RunningGateway, tab: Tab, dana: Authenticator, emil: Authenticator, clock: Clock
) -> None:
    hold = hold_of(ask_about(gateway))
    other = Tab(gateway)
    other.sign_in(emil)
    before = other.get(f"/console/holds/{hold}")
    page = tab.get(f"/console/holds/{hold}")
    clock.move(11)
    assert tab.post(f"/console/holds/{hold}", tab.signed(page, dana, "approve")).status == 200
    assert ask_about(gateway).status == 200
    body = tab.get(f"/console/holds/{hold}").body
    assert b"It went through." in body
    assert b"data-act" not in body
    answer = other.post(f"/console/holds/{hold}", other.signed(before, emil, "approve"))
    assert (answer.status, b"approval_hold_ended" in answer.body) == (403, True)


def test_a_clock_that_went_back_is_a_clear_page_and_signs_nobody_in(
    gateway: RunningGateway, tab: Tab, clock: Clock
) -> None:
    hold = hold_of(ask_about(gateway))
    clock.move(-3600)
    for path in ("queue", f"holds/{hold}", "sign-in?as=dana", "halts", "figures"):
        answer = tab.get(f"/console/{path}")
        assert (answer.status, b"clock_behind" in answer.body) == (503, True), path
        assert answer.headers["content-security-policy"]
        assert answer.headers["content-type"].startswith("text/html")
    clock.move(3600)
    assert tab.get("/console/queue").status == 200


def test_the_page_for_a_lost_authenticator_says_who_can_help_and_opens_nothing(tab: Tab) -> None:
    body = tab.get("/console/lost").body.decode()
    assert "two actors" in body
    assert "<form" not in body.partition("<main")[2]
    assert "/console/lost" in Tab(tab.gateway).get("/console/sign-in?as=dana").body.decode()


def successor(dana: Authenticator, *people: Authenticator) -> SmallBundle:
    """The next version of the trust policy: dana's key revoked, others enrolled."""
    bundle = overseen_bundle(dana, *people)
    trust = bundle.extra["trust.toml"].replace(b"version = 1", b"version = 2", 1)
    bundle.extra["trust.toml"] = trust
    return bundle


def test_a_lost_key_is_replaced_by_two_administrators_and_the_ledger_shows_it(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path, dana: Authenticator
) -> None:
    """349"""
    with running_gateway(
        tmp_path, module_upstream.url, overseen_bundle(dana).files(), clock=clock
    ) as gateway:
        tab = Tab(gateway)
        assert tab.sign_in(dana).status == 303
        clock.move(60)
        dana.revoked_at = f"{clock():%Y-%m-%dT%H:%M:%SZ}"
        again = Authenticator("dana-2", line="north", origin=dana.origin, rp_id=dana.rp_id)
        files = successor(dana, again).files()
        alone = {name: data for name, data in files.items() if "trust-partner" not in name}
        assert not gateway.amend(alone)
        assert tab.get("/console/queue").status == 200
        assert Tab(gateway).sign_in(again).status != 303
        assert gateway.amend(files)
        assert tab.get("/console/queue").status == 303
        assert Tab(gateway).sign_in(dana).status == 401
        assert Tab(gateway).sign_in(again).status == 303
        newest = gateway.records("trust")[-1]
        assert newest["version"] == 2
        assert again.key.public().keyid in newest["keys"]
