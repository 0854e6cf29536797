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

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
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

    def open(self, path: str) -> None:
        """Goes to a page of the console."""
        self.page.goto(f"{self.base}{path}")

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
        self.page.press("#as", "Enter")
        self.page.click("text=Sign in with your passkey")
        self.page.wait_for_url("**/console/queue")


@contextmanager
def seat(browser: Browser, base: str, **options: Any) -> Iterator[Seat]:
    """A fresh browser profile with an authenticator that asks for a PIN. `options`: of the profile."""
    context = browser.new_context(**options)
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
        yield Seat(context, page, cdp, made["authenticatorId"], base)
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
