"""A use that waits, in a real browser: held, seen, read, approved with a passkey, let through once."""

import pytest

from tests.support.browser import Seat, needs_chromium
from tests.support.overseers import Clock, ask_about, hold_of, status
from tests.support.running_gateway import RunningGateway
from tests.support.scripted_upstream import ScriptedUpstream

pytestmark = [needs_chromium, pytest.mark.slow]


def decide(seat: Seat, act: str) -> str:
    """Presses the button with the keyboard alone; returns the heading of what comes back."""
    seat.page.keyboard.press(act[0])
    with seat.page.expect_navigation():
        seat.page.keyboard.press("Enter")
    return seat.page.inner_text("h1")


def test_a_use_is_held_seen_read_approved_with_a_passkey_and_goes_through_once(
    gateway: RunningGateway, clock: Clock, at_dana: Seat, module_upstream: ScriptedUpstream
) -> None:
    hold = hold_of(ask_about(gateway))
    at_dana.sign_in("dana")
    at_dana.page.keyboard.press("j")
    with at_dana.page.expect_navigation():
        at_dana.page.keyboard.press("Enter")
    assert at_dana.page.inner_text("h1") == f"Hold {hold}"
    assert "device_id" in at_dana.page.inner_text(".untrusted")
    clock.move(11)
    assert decide(at_dana, "approve") == "Approved"
    assert status(gateway, hold).json["status"] == "approved"
    assert module_upstream.seen == []
    assert ask_about(gateway).status == 200
    assert status(gateway, hold).json["status"] == "used"
    assert ask_about(gateway).status == 403
    assert len(module_upstream.seen) == 1
