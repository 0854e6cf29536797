"""Signing in at the organisation: who comes in, who does not, and that it opens reading alone."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from caveat.gateway.identity.sign_in import Provider as Organisation
from tests.console.client import Tab
from tests.support.browser import Seat, needs_chromium
from tests.support.console_tour import organisation_of
from tests.support.oidc_provider import CLIENT, Provider, believing, oidc_provider
from tests.support.overseers import Clock, ask_about, hold_of, overseen_bundle
from tests.support.passkeys import Authenticator
from tests.support.raw_client import Answer, send
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream

Opened = Callable[[dict[str, bytes], Organisation], AbstractContextManager[RunningGateway]]


@pytest.fixture
def provider(clock: Clock) -> Iterator[Provider]:
    with oidc_provider(clock) as opened:
        yield opened


@pytest.fixture
def opened(clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path, port: int) -> Opened:
    """A gateway over these files, with this organisation."""

    def opened(files: dict[str, bytes], sign_in: Organisation) -> AbstractContextManager[RunningGateway]:
        return running_gateway(tmp_path, module_upstream.url, files, clock=clock, port=port, sign_in=sign_in)

    return opened


@pytest.fixture
def gateway(
    opened: Opened, base: str, provider: Provider, dana: Authenticator, emil: Authenticator
) -> Iterator[RunningGateway]:
    dana.sign_in = ((provider.url, provider.subject),)
    files = believing(overseen_bundle(dana, emil), provider)
    with opened(files, organisation_of(provider, base)) as running:
        yield running


def state_of(answer: Answer) -> str:
    """The cookie that a browser keeps for the way back."""
    return answer.headers["set-cookie"].partition(";")[0]


def go(tab: Tab) -> tuple[str, str]:
    """To the provider and as far as its answer: the path back, and the cookie that belongs to it."""
    begun = tab.get("/console/sign-in/organisation")
    assert begun.status == 303
    there = urlsplit(begun.headers["location"])
    answered = send(f"{there.scheme}://{there.netloc}", f"{there.path}?{there.query}", b"", {}, "GET")
    back = urlsplit(answered.headers["location"])
    return f"{back.path}?{back.query}", state_of(begun)


def come_back(tab: Tab, path: str, state: str) -> Answer:
    return tab.get(path, cookie=state)


def test_whoever_the_organisation_knows_reads_and_signs_nothing_by_that(
    gateway: RunningGateway, tab: Tab, provider: Provider
) -> None:
    hold = hold_of(ask_about(gateway))
    answer = come_back(tab, *go(tab))
    assert (answer.status, b"Signed in as dana" in answer.body) == (200, True)
    assert b"signed with your own key all the same" in answer.body
    page = tab.get(f"/console/holds/{hold}")
    assert b"You signed in to look" in page.body
    token = page.body.decode().partition('name="form_token" value="')[2].partition('"')[0]
    unsigned = tab.post(f"/console/holds/{hold}", {"form_token": token, "act": "approve"})
    assert (unsigned.status, b"no_passkey" in unsigned.body) == (400, True)
    assert gateway.records("review") == []
    assert {"code", "S256"} == {provider.seen[0]["response_type"], provider.seen[0]["code_challenge_method"]}


def test_who_signed_in_to_look_decides_with_the_passkey_of_the_same_person(
    gateway: RunningGateway, tab: Tab, clock: Clock, dana: Authenticator
) -> None:
    hold = hold_of(ask_about(gateway))
    come_back(tab, *go(tab))
    page = tab.get(f"/console/holds/{hold}")
    clock.move(11)
    assert tab.post(f"/console/holds/{hold}", tab.signed(page, dana, "approve")).status == 200


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "not_signed_in"),
        ({"nonce": None}, "not_signed_in"),
        ({"aud": "another-client"}, "token_audience"),
        ({"aud": [CLIENT, "another-client"]}, "token_audience"),
        ({"azp": "another-client"}, "token_audience"),
        ({"iss": "https://evil.example"}, "token_issuer"),
        ({"iat": 1_000_000_000, "exp": 1_000_000_300}, "token_expired"),
        ({"exp": 4_000_000_000}, "token_lifetime"),
        ({"exp": None}, "token_claims"),
        ({"sub": "somebody-else"}, "not_signed_in"),
        ({"sub": None}, "not_signed_in"),
        ({"sub": ["248289761001"]}, "not_signed_in"),
    ],
)
def test_a_token_that_says_something_else_signs_nobody_in(
    tab: Tab, provider: Provider, claims: dict[str, object], why: str
) -> None:
    """345"""
    provider.claims = claims
    answer = come_back(tab, *go(tab))
    assert (answer.status, f"<code>{why}</code>" in answer.body.decode()) == (401, True), answer.body
    assert tab.get("/console/queue").status == 303


def test_a_token_by_another_key_signs_nobody_in(tab: Tab, provider: Provider) -> None:
    """345"""
    provider.signs_with = Provider(provider.clock).key
    answer = come_back(tab, *go(tab))
    assert (answer.status, b"token_signature" in answer.body) == (401, True)


def test_an_answer_counts_in_the_browser_that_asked_alone(gateway: RunningGateway, tab: Tab) -> None:
    """346: a forged sign-in"""
    path, state = go(tab)
    victim = Tab(gateway)
    _, other = go(victim)
    for cookie in ("", other, "caveat-console-sign-in=made-up"):
        answer = victim.get(path, cookie=cookie)
        assert (answer.status, b"did not begin in this browser" in answer.body) == (401, True)
    assert come_back(tab, path, state).status == 200


def test_a_made_up_state_signs_nobody_in(tab: Tab) -> None:
    """346"""
    path, state = go(tab)
    name, _, value = state.partition("=")
    forged = "9" + value[1:]
    answer = tab.get(path.replace(value, forged), cookie=f"{name}={forged}")
    assert (answer.status, b"did not begin in this browser" in answer.body) == (401, True)


def test_an_answer_counts_once_and_for_ten_minutes(tab: Tab, clock: Clock) -> None:
    """346"""
    path, state = go(tab)
    assert come_back(tab, path, state).status == 200
    again = come_back(tab, path, state)
    assert (again.status, b"completed before" in again.body) == (401, True)
    path, state = go(tab)
    clock.move(601)
    late = come_back(tab, path, state)
    assert (late.status, b"too long ago" in late.body) == (401, True)


def test_an_answer_of_another_provider_is_refused(tab: Tab, provider: Provider) -> None:
    """345: a mix-up. Source: RFC 9207."""
    provider.iss_in_answer = "https://evil.example"
    answer = come_back(tab, *go(tab))
    assert (answer.status, b"another issuer" in answer.body) == (401, True)
    provider.iss_in_answer = provider.url
    assert come_back(tab, *go(tab)).status == 200


def test_a_no_of_the_provider_is_a_clear_page_that_repeats_nothing(tab: Tab, provider: Provider) -> None:
    provider.error = "<script>access_denied</script>"
    answer = come_back(tab, *go(tab))
    assert (answer.status, b"said no" in answer.body, b"access_denied" in answer.body) == (401, True, False)


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}"),
        (200, b"no json"),
        (200, b"{}"),
        (200, b'{"id_token": 1}'),
        (200, b"[" * 70_000),
        (302, b""),
    ],
)
def test_a_provider_that_talks_nonsense_is_a_clear_page(
    tab: Tab, provider: Provider, answer: tuple[int, bytes]
) -> None:
    provider.answer = answer
    page = come_back(tab, *go(tab))
    assert (page.status, b"sign_in_unavailable" in page.body) == (503, True)
    assert b"sign in with your passkey" in page.body
    assert tab.get("/console/queue").status == 303


def test_a_provider_that_is_down_is_a_clear_page(
    opened: Opened, base: str, provider: Provider, dana: Authenticator
) -> None:
    down = replace(organisation_of(provider, base), token_url="http://127.0.0.1:9/token")
    with opened(believing(overseen_bundle(dana), provider), down) as gateway:
        tab = Tab(gateway)
        page = come_back(tab, *go(tab))
        assert (page.status, b"cannot be reached" in page.body) == (503, True)
        assert tab.sign_in(dana).status == 303


def test_an_issuer_that_the_bundle_does_not_enrol_signs_nobody_in(
    opened: Opened, base: str, provider: Provider, dana: Authenticator
) -> None:
    """345: the operator's file alone makes nobody believed"""
    dana.sign_in = ((provider.url, provider.subject),)
    with opened(overseen_bundle(dana).files(), organisation_of(provider, base)) as gateway:
        tab = Tab(gateway)
        page = come_back(tab, *go(tab))
        assert (page.status, b"enrols no keys of it" in page.body) == (503, True)


def test_the_name_of_the_session_is_new_and_the_old_one_is_over(
    gateway: RunningGateway, tab: Tab, dana: Authenticator
) -> None:
    """347: session fixation"""
    assert tab.sign_in(dana).status == 303
    before = tab.cookie
    path, state = go(tab)
    answer = tab.get(path, cookie=f"{state}; caveat-console=planted-by-somebody-else-0000000000000000")
    assert answer.status == 200
    attributes = set(answer.headers["set-cookie"].split("; "))
    assert {"HttpOnly", "SameSite=Strict", "Path=/console"} <= attributes
    assert tab.cookie not in {before, "planted-by-somebody-else-0000000000000000"}
    assert tab.get("/console/queue").status == 200
    old = Tab(gateway, cookie=before)
    assert old.get("/console/queue").status == 303


def test_the_state_is_kept_out_of_reach_and_for_the_way_back_alone(tab: Tab) -> None:
    begun = tab.get("/console/sign-in/organisation")
    attributes = set(begun.headers["set-cookie"].split("; "))
    assert {"HttpOnly", "SameSite=Lax", "Path=/console/sign-in", "Max-Age=600"} <= attributes
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["redirect_uri"][0].endswith("/console/sign-in/back")
    elsewhere = tab.get("/console/sign-in/organisation", host="evil.example")
    assert "evil" not in elsewhere.headers["location"]


def test_whoever_is_taken_out_of_the_trust_policy_is_signed_out(
    gateway: RunningGateway, tab: Tab, provider: Provider, dana: Authenticator, emil: Authenticator
) -> None:
    """347"""
    come_back(tab, *go(tab))
    assert tab.get("/console/queue").status == 200
    dana.sign_in = ()
    bundle = overseen_bundle(dana, emil)
    bundle.extra["trust.toml"] = b"version = 2" + bundle.extra["trust.toml"].lstrip().removeprefix(
        b"version = 1"
    )
    assert gateway.amend(believing(bundle, provider))
    assert tab.get("/console/queue").status == 303


def test_signing_out_ends_it_here_and_leads_to_the_organisations_own(tab: Tab, provider: Provider) -> None:
    come_back(tab, *go(tab))
    answer = tab.get("/console/sign-out/organisation")
    assert (answer.status, answer.headers["location"].partition("?")[0]) == (303, f"{provider.url}/leave")
    assert tab.get("/console/queue").status == 303


def test_without_an_organisation_there_is_no_such_page(
    module_upstream: ScriptedUpstream, tmp_path: Path, dana: Authenticator
) -> None:
    with running_gateway(tmp_path, module_upstream.url, overseen_bundle(dana).files()) as gateway:
        tab = Tab(gateway)
        assert b"sign-in/organisation" not in tab.get("/console/sign-in").body
        for path in ("sign-in/organisation", "sign-in/back?code=x&state=y", "sign-out/organisation"):
            assert tab.get(f"/console/{path}").status == 404


@needs_chromium
@pytest.mark.long
def test_somebody_signs_in_at_the_organisation_in_a_browser_and_decides_with_the_passkey(
    gateway: RunningGateway, clock: Clock, at_dana: Seat
) -> None:
    hold = hold_of(ask_about(gateway))
    at_dana.open("/console/sign-in")
    at_dana.page.click("text=Sign in with The Records Office")
    at_dana.page.wait_for_url("**/console/sign-in/back*")
    assert at_dana.page.inner_text("h1") == "Signed in as dana"
    at_dana.page.click("text=To the queue")
    at_dana.page.wait_for_url("**/console/queue")
    at_dana.open(f"/console/holds/{hold}")
    clock.move(11)
    at_dana.press("approve")
    assert at_dana.page.inner_text("h1") == "Approved"
    cookies = {one["name"]: one for one in at_dana.context.cookies()}
    assert cookies["caveat-console"]["sameSite"] == "Strict"
