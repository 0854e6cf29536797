"""A use that waits, in a real browser: held, seen, read, approved with a passkey, let through once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from caveat.evidence.enrolment import parse_made, verify_made
from tests.support.browser import Seat, needs_chromium, seat
from tests.support.console_tour import Toured, every_page, furnish, toured
from tests.support.overseers import DESK, Clock, ask_about, hold_of, overseen_bundle, status
from tests.support.passkeys import Authenticator
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream

pytestmark = [needs_chromium, pytest.mark.long]


def decide(seat: Seat, act: str) -> str:
    """Presses the button with the keyboard alone; returns the heading of what comes back."""
    return seat.press(act)


def test_a_use_is_held_seen_read_approved_with_a_passkey_and_goes_through_once(
    gateway: RunningGateway, clock: Clock, at_dana: Seat, module_upstream: ScriptedUpstream
) -> None:
    hold = hold_of(ask_about(gateway))
    at_dana.sign_in("dana")
    at_dana.page.keyboard.press("j")
    with at_dana.page.expect_navigation():
        at_dana.page.keyboard.press("Enter")
    at_dana.settle()
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


def open_hold(seat: Seat, hold: str) -> None:
    seat.open(f"/console/holds/{hold}")
    assert seat.page.inner_text("h1") == f"Hold {hold}"


def said(seat: Seat) -> str:
    return seat.page.inner_text("[role=alert]")


def test_superhuman_speed_is_no_review(gateway: RunningGateway, clock: Clock, at_dana: Seat) -> None:
    hold = hold_of(ask_about(gateway))
    at_dana.sign_in("dana")
    open_hold(at_dana, hold)
    clock.move(9)
    assert decide(at_dana, "approve") == "Nothing happened"
    assert "sooner after the first display than a review takes" in said(at_dana)
    assert ask_about(gateway).status == 403


def test_a_refusal_counts_at_once(gateway: RunningGateway, at_dana: Seat) -> None:
    hold = hold_of(ask_about(gateway))
    at_dana.sign_in("dana")
    open_hold(at_dana, hold)
    assert decide(at_dana, "refuse") == "Refused"
    assert status(gateway, hold).json["status"] == "refused"


@pytest.mark.long
def test_of_fifty_in_ten_seconds_one_is_a_review(
    gateway: RunningGateway, clock: Clock, at_dana: Seat
) -> None:
    holds = [hold_of(ask_about(gateway, tag=f"t{number}")) for number in range(50)]
    at_dana.sign_in("dana")
    for hold in holds:
        open_hold(at_dana, hold)
    clock.move(60)
    told = []
    for hold in holds:
        open_hold(at_dana, hold)
        told.append(said(at_dana) if decide(at_dana, "approve") == "Nothing happened" else "counts")
        clock.move(0.2)
    assert told[0] == "counts"
    assert all(
        "sooner after this person's last decision" in one or "within the hour" in one for one in told[1:]
    )
    assert [status(gateway, hold).json["status"] for hold in holds].count("approved") == 1


def test_an_expired_hold_cannot_be_approved(gateway: RunningGateway, clock: Clock, at_dana: Seat) -> None:
    hold = hold_of(ask_about(gateway))
    clock.move(86_400 - 60)
    at_dana.sign_in("dana")
    open_hold(at_dana, hold)
    clock.move(61)
    assert decide(at_dana, "approve") == "Nothing happened"
    assert "the hold's time is up" in said(at_dana)


def test_a_page_that_lay_open_for_an_hour_signs_nothing(
    gateway: RunningGateway, clock: Clock, at_dana: Seat
) -> None:
    hold = hold_of(ask_about(gateway))
    at_dana.sign_in("dana")
    open_hold(at_dana, hold)
    clock.move(31 * 60)
    assert decide(at_dana, "approve") == "Nothing happened"
    assert "obody is signed in any more" in said(at_dana)
    at_dana.open("/console/queue")
    assert at_dana.page.inner_text("h1") == "Sign in"


def test_a_decision_that_was_sent_twice_counts_once(
    gateway: RunningGateway, clock: Clock, at_dana: Seat
) -> None:
    hold = hold_of(ask_about(gateway))
    at_dana.sign_in("dana")
    open_hold(at_dana, hold)
    clock.move(11)
    with at_dana.page.expect_request("**/console/holds/*") as sent:
        assert decide(at_dana, "approve") == "Approved"
    posted = sent.value
    again = at_dana.context.request.post(
        posted.url, data=posted.post_data or "", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert again.status == 403
    assert "the counter of the passkey did not go on" in again.text()
    reviews = gateway.records("review")
    assert [one["defect"] for one in reviews] == ["", "passkey_counter"]


def test_a_person_whom_the_authenticator_does_not_recognise_signs_nothing(
    gateway: RunningGateway, clock: Clock, at_dana: Seat
) -> None:
    hold = hold_of(ask_about(gateway))
    at_dana.sign_in("dana")
    open_hold(at_dana, hold)
    clock.move(11)
    at_dana.recognises(yes=False)
    at_dana.page.click("button.approve")
    at_dana.page.wait_for_function("document.getElementById('trouble').textContent !== ''")
    assert "nothing was signed" in at_dana.page.inner_text("#trouble")
    assert gateway.records("review") == []


@pytest.mark.usefixtures("gateway")
def test_a_browser_without_passkeys_says_so(at_dana: Seat) -> None:
    at_dana.page.add_init_script("delete window.PublicKeyCredential")
    at_dana.open("/console/sign-in?as=dana")
    at_dana.page.click("text=Sign in with your passkey")
    assert "This browser has no passkeys" in at_dana.page.inner_text("#trouble")


@pytest.mark.usefixtures("gateway")
def test_without_scripts_everything_reads_and_nothing_is_signed(browser: Browser, base: str) -> None:
    with seat(browser, base, java_script_enabled=False) as plain:
        plain.open("/console/sign-in?as=dana")
        assert "needs scripts" in plain.page.inner_text("noscript")
        plain.follow("text=Sign in with your passkey")
        assert "o passkey signed this" in said(plain)


@pytest.mark.usefixtures("gateway")
def test_somebody_elses_passkey_signs_nobody_in(browser: Browser, base: str, emil: Authenticator) -> None:
    with seat(browser, base) as stranger:
        stranger.has(emil)
        stranger.open("/console/sign-in?as=dana")
        stranger.page.evaluate("c => document.forms[0].credential.value = c", emil.credential)
        stranger.follow("text=Sign in with your passkey")
        assert "obody was signed in" in said(stranger)


def test_whoever_asks_does_not_approve(
    browser: Browser,
    base: str,
    port: int,
    clock: Clock,
    module_upstream: ScriptedUpstream,
    tmp_path: Path,
    dana: Authenticator,
) -> None:
    dana.callers = (DESK,)
    files = overseen_bundle(dana).files()
    with (
        running_gateway(tmp_path, module_upstream.url, files, clock=clock, port=port) as gateway,
        seat(browser, base) as at,
    ):
        at.has(dana)
        hold = hold_of(ask_about(gateway))
        at.sign_in("dana")
        open_hold(at, hold)
        clock.move(11)
        assert decide(at, "approve") == "Nothing happened"
        assert "whoever asks does not approve" in said(at)


def test_a_key_that_is_revoked_ends_the_session_and_takes_back_what_it_approved(
    browser: Browser,
    base: str,
    port: int,
    clock: Clock,
    module_upstream: ScriptedUpstream,
    tmp_path: Path,
    dana: Authenticator,
) -> None:
    dana.revoked_at = f"{clock() + timedelta(seconds=30):%Y-%m-%dT%H:%M:%SZ}"
    files = overseen_bundle(dana).files()
    with (
        running_gateway(tmp_path, module_upstream.url, files, clock=clock, port=port) as gateway,
        seat(browser, base) as at,
    ):
        at.has(dana)
        hold = hold_of(ask_about(gateway))
        at.sign_in("dana")
        open_hold(at, hold)
        clock.move(11)
        assert decide(at, "approve") == "Approved"
        clock.move(20)
        assert ask_about(gateway).status == 403
        at.open("/console/queue")
        assert at.page.inner_text("h1") == "Sign in"
        at.open("/console/sign-in?as=dana")
        at.page.evaluate("c => document.forms[0].credential.value = c", dana.credential)
        at.follow("text=Sign in with your passkey")
        assert "key is revoked" in said(at)


def test_what_waits_of_another_action_is_not_let_through(
    gateway: RunningGateway, clock: Clock, at_dana: Seat
) -> None:
    hold = hold_of(ask_about(gateway))
    at_dana.sign_in("dana")
    open_hold(at_dana, hold)
    clock.move(11)
    assert decide(at_dana, "approve") == "Approved"
    assert ask_about(gateway, tag="e").status == 403
    assert status(gateway, hold).json["status"] == "approved"
    assert ask_about(gateway).status == 200


def test_hostile_content_cannot_run_link_or_style_anything(
    gateway: RunningGateway, clock: Clock, at_dana: Seat
) -> None:
    hold = furnish(gateway, clock)
    reports: list[str] = []
    at_dana.page.on("console", lambda message: reports.append(message.text))
    at_dana.sign_in("dana")
    open_hold(at_dana, hold)
    page = at_dana.page
    assert page.title() == f"Hold {hold} · Caveat"
    content = page.locator(".untrusted")
    assert "<script>" in content.inner_text()
    assert content.locator("a, img, script, style, form, input, button, iframe").count() == 0
    assert page.locator("form").count() == 3
    spelt = content.locator("pre .hidden-char").all_inner_texts()
    assert {"⟦U+202E⟧", "⟦U+200B⟧", "⟦U+E0049⟧", "⟦U+3164⟧", "⟦U+001B⟧"} <= set(spelt)
    assert "49" not in content.inner_text().replace("E0049", "")
    assert [one for one in reports if "Content Security Policy" in one or "Error" in one] == []


@pytest.fixture
def furnished(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path, port: int) -> Iterator[Toured]:
    with toured(tmp_path, module_upstream.url, clock, port) as opened:
        yield opened


def test_axe_finds_nothing_serious_on_any_page(furnished: Toured, browser: Browser) -> None:
    found: list[str] = []
    for number, scheme in enumerate(("light", "dark")):
        with seat(browser, furnished.base, color_scheme=scheme) as at:
            at.has(furnished.dana, 1 + 10 * number)
            for name in every_page(at, furnished):
                for rule in Axe().run(at.page).response["violations"]:
                    where = rule["nodes"][0]["html"][:120]
                    found.append(f"{name} {scheme}: {rule['impact']} {rule['id']} {where}")
    assert found == []


def test_no_page_scrolls_sideways_at_two_hundred_percent_or_on_a_phone(
    furnished: Toured, browser: Browser
) -> None:
    """WCAG 2.2, 1.4.10: what is wider scrolls within its own region."""
    for number, width in enumerate((640, 320)):
        with seat(browser, furnished.base, viewport={"width": width, "height": 600}) as at:
            at.has(furnished.dana, 1 + 10 * number)
            for name in every_page(at, furnished):
                over = at.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert over <= 0, f"{name} is {over} pixels too wide for {width}"


@pytest.mark.usefixtures("gateway")
def test_a_passkey_is_made_in_the_browser_and_enrolled_from_its_file(browser: Browser, base: str) -> None:
    with seat(browser, base) as at:
        at.open("/console/enrol?as=frida")
        at.follow("text=Make the passkey")
        made = parse_made(at.page.input_value("#file").encode())
        assert (made.person, made.origin, made.rp_id) == ("frida", base, "localhost")
        enrolment = verify_made(made)
        assert enrolment.credential in at.cdp.send(
            "WebAuthn.getCredentials", {"authenticatorId": at.authenticator}
        )["credentials"][0]["credentialId"].replace("+", "-").replace("/", "_")
        assert enrolment.key.keyid in at.page.inner_text("main")
        assert enrolment.attestation == "unrooted"
