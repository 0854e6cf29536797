"""Signing in with a token of the customer's own sign-in: an overseer's alone, and to look."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from caveat.policy.bundle import parse_bundle
from tests.console.client import Tab
from tests.support.credentials import Registry, claims_of, jwk, jwks, p256, token
from tests.support.overseers import Clock, ask_about, hold_of, overseen_bundle
from tests.support.passkeys import Authenticator
from tests.support.raw_client import Answer
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream

KEY, FOREIGN = p256(), p256()
REGISTRY = (
    Registry()
    .issuer(jwks=jwks(jwk(KEY)).decode())
    .token("desk", subject="dana-at-work")
    .token("desk", subject="a-program")
)


def principal_of(subject: str) -> str:
    """As records and `trust.toml` know whoever has this subject."""
    matches = parse_bundle(REGISTRY.files()).deployments["desk"].callers.tokens
    return next(one.principal for one in matches if one.claims["sub"] == subject)


@pytest.fixture
def gateway(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path, port: int, dana: Authenticator
) -> Iterator[RunningGateway]:
    dana.callers = (principal_of("dana-at-work"),)
    bundle = overseen_bundle(dana)
    bundle.extra["deployments.toml"] = REGISTRY.files()["deployments.toml"]
    with running_gateway(tmp_path, module_upstream.url, bundle.files(), clock=clock, port=port) as running:
        yield running


def sign_in(tab: Tab, who: Authenticator, text: str) -> Answer:
    fields = tab.signed(tab.get(f"/console/sign-in?as={who.person}"), who)
    return tab.post("/console/sign-in/token", {"form_token": fields["form_token"], "token": text})


def test_an_overseers_token_opens_reading_and_no_more(
    gateway: RunningGateway, tab: Tab, clock: Clock, dana: Authenticator
) -> None:
    hold = hold_of(ask_about(gateway))
    assert sign_in(tab, dana, token(KEY, claims_of("dana-at-work", clock()))).status == 303
    page = tab.get(f"/console/holds/{hold}")
    assert b"You signed in to look" in page.body
    fields = tab.signed(page, dana, "approve")
    unsigned = {name: value for name, value in fields.items() if name != "signature"}
    assert tab.post(f"/console/holds/{hold}", unsigned).status == 400
    assert gateway.records("review") == []


def test_a_good_token_of_somebody_else_signs_nobody_in(tab: Tab, clock: Clock, dana: Authenticator) -> None:
    """305"""
    answer = sign_in(tab, dana, token(KEY, claims_of("a-program", clock())))
    assert (answer.status, b"belongs to no overseer" in answer.body) == (401, True)
    assert tab.get("/console/queue").status == 303


def test_a_token_that_no_registered_issuer_signed_signs_nobody_in(
    tab: Tab, clock: Clock, dana: Authenticator
) -> None:
    """305"""
    assert sign_in(tab, dana, token(FOREIGN, claims_of("dana-at-work", clock()))).status == 401
    assert tab.get("/console/queue").status == 303
