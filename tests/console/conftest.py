"""A gateway with people who hold passkeys, and browsers for them."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.console.client import Tab
from tests.support.browser import Seat, chromium, seat
from tests.support.overseers import ANNA, Clock, overseen_bundle
from tests.support.passkeys import Authenticator
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream, scripted_upstream


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def module_upstream() -> Iterator[ScriptedUpstream]:
    """One for each module: requests sent to it are seen by every test of the module."""
    with scripted_upstream() as endpoint:
        yield endpoint


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def port() -> int:
    """One that is free now; the passkeys are enrolled for the address that has it."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def base(port: int) -> str:
    return f"http://localhost:{port}"


@pytest.fixture
def dana(base: str) -> Authenticator:
    return Authenticator("dana", line="north", origin=base, rp_id="localhost")


@pytest.fixture
def emil(base: str) -> Authenticator:
    return Authenticator("emil", line="south", origin=base, rp_id="localhost")


@pytest.fixture
def gateway(
    clock: Clock,
    module_upstream: ScriptedUpstream,
    tmp_path: Path,
    port: int,
    dana: Authenticator,
    emil: Authenticator,
) -> Iterator[RunningGateway]:
    module_upstream.seen.clear()
    files = overseen_bundle(dana, emil, ANNA).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock, port=port) as running:
        yield running


@pytest.fixture
def at_dana(browser: Browser, base: str, dana: Authenticator) -> Iterator[Seat]:
    """Dana before a browser, with her authenticator, not signed in."""
    with seat(browser, base) as opened:
        opened.has(dana)
        yield opened


@pytest.fixture
def tab(gateway: RunningGateway) -> Tab:
    """A browser that runs nothing, at whichever gateway the test has."""
    return Tab(gateway)


@pytest.fixture
def signed_in(tab: Tab, dana: Authenticator) -> Tab:
    assert tab.sign_in(dana).status == 303
    return tab
