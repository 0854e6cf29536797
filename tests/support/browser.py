"""A real Chromium with a virtual authenticator, for tests of the console; skipped where there is none."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from tests.support.passkeys import Authenticator

CEILING_MILLISECONDS = 120_000
"""For a machine that is busy with other things; nothing waits for a time, and all for a state."""

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-dev-shm-usage"],
            timeout=CEILING_MILLISECONDS,
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Seat:
    """Somebody before a browser with an authenticator of their own."""

    context: BrowserContext
    page: Page
    cdp: CDPSession
    authenticator: str
    base: str
    scripted: bool = True

    def open(self, path: str) -> None:
        """Goes to a page of the console, and waits until its script listens."""
        self.page.goto(f"{self.base}{path}")
        self.settle()

    def settle(self) -> None:
        """Returns once the page that is there listens: what is pressed before is sent unsigned."""
        self.page.wait_for_load_state()
        if self.scripted:
            self.page.wait_for_selector("html[data-ready]", state="attached")

    def follow(self, selector: str) -> None:
        """Presses what leads to another page, and waits for that."""
        with self.page.expect_navigation():
            self.page.click(selector)
        self.settle()

    def press(self, act: str) -> str:
        """Goes to the button of this act with the keyboard and presses it; the heading of what comes."""
        self.settle()
        self.page.keyboard.press(act[0])
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.settle()
        return self.page.inner_text("h1")

    def has(self, who: Authenticator, counter: int = 1) -> None:
        """Puts this person's credential into the authenticator."""
        key = private_bytes(who)
        self.cdp.send(
            "WebAuthn.addCredential",
            {
                "authenticatorId": self.authenticator,
                "credential": {
                    "credentialId": _b64(base64.urlsafe_b64decode(who.credential + "==")),
                    "isResidentCredential": False,
                    "rpId": who.rp_id,
                    "privateKey": _b64(key),
                    "signCount": counter,
                },
            },
        )

    def recognises(self, *, yes: bool) -> None:
        """Whether the authenticator recognises the person from here on."""
        self.cdp.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self.authenticator, "isUserVerified": yes}
        )

    def sign_in(self, person: str) -> None:
        """As a person does it, on the page."""
        self.open("/console/sign-in")
        self.page.fill("#as", person)
        with self.page.expect_navigation():
            self.page.press("#as", "Enter")
        self.settle()
        self.follow("text=Sign in with your passkey")
        assert self.page.inner_text("h1") == "Queue", self.page.inner_text("main")


@contextmanager
def seat(browser: Browser, base: str, **options: Any) -> Iterator[Seat]:
    """A fresh browser profile with an authenticator that asks for a PIN. `options`: of the profile."""
    context = browser.new_context(**options)
    context.set_default_timeout(CEILING_MILLISECONDS)
    page = context.new_page()
    cdp = context.new_cdp_session(page)
    cdp.send("WebAuthn.enable", {"enableUI": False})
    made = cdp.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "usb",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    try:
        scripted = options.get("java_script_enabled", True)
        yield Seat(context, page, cdp, made["authenticatorId"], base, scripted)
    finally:
        context.close()


def private_bytes(who: Authenticator) -> bytes:
    """The key as a browser takes it."""
    key = serialization.load_pem_private_key(who.key.pem(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
