"""Who is signed in, under which name and for how long, and who is not."""

import re

from tests.console.client import Tab
from tests.support.overseers import Clock
from tests.support.passkeys import Authenticator
from tests.support.running_gateway import RunningGateway


def test_the_cookie_is_out_of_reach_and_new_at_sign_in(gateway: RunningGateway, dana: Authenticator) -> None:
    """299: session fixation"""
    planted = Tab(gateway, cookie="planted-by-somebody-else-000000000000000000")
    answer = planted.sign_in(dana)
    assert answer.status == 303
    cookie = answer.headers["set-cookie"]
    assert planted.cookie != "planted-by-somebody-else-000000000000000000"
    assert {"HttpOnly", "SameSite=Strict", "Path=/console"} <= set(cookie.split("; "))
    fixed = Tab(gateway, cookie="planted-by-somebody-else-000000000000000000")
    assert fixed.get("/console/queue").status == 303


def test_signing_in_again_ends_the_session_that_was(gateway: RunningGateway, dana: Authenticator) -> None:
    """299"""
    tab = Tab(gateway)
    assert tab.sign_in(dana).status == 303
    before = tab.cookie
    assert tab.sign_in(dana).status == 303
    assert tab.cookie != before
    assert Tab(gateway, cookie=before).get("/console/queue").status == 303
    assert tab.get("/console/queue").status == 200


def test_two_cookies_of_one_name_are_nobodys(signed_in: Tab) -> None:
    """299: another site of the same host can only add one"""
    mine = f"caveat-console={signed_in.cookie}"
    for both in (f"{mine}; caveat-console=planted", f"caveat-console=planted; {mine}"):
        assert Tab(signed_in.gateway).get("/console/queue", cookie=both).status == 303
    assert Tab(signed_in.gateway).get("/console/queue", cookie=mine).status == 200


def test_the_cookie_is_for_tls_alone_beyond_this_machine(tab: Tab) -> None:
    answer = tab.get("/console/sign-in", host="gateway.example:8700")
    assert "; Secure" in answer.headers["set-cookie"]


def test_a_statement_signs_in_once(gateway: RunningGateway, dana: Authenticator) -> None:
    """300"""
    dana.counter = 0
    tab = Tab(gateway)
    fields = tab.signed(tab.get("/console/sign-in?as=dana"), dana)
    assert tab.post("/console/sign-in", fields).status == 303
    page = Tab(gateway)
    token = page.signed(page.get("/console/sign-in?as=dana"), dana)["form_token"]
    again = page.post("/console/sign-in", {**fields, "form_token": token})
    assert (again.status, b"has signed in before" in again.body) == (401, True)


def test_signing_out_ends_it(signed_in: Tab) -> None:
    token = re.search(r'name="form_token" value="(\w+)"', signed_in.get("/console/queue").body.decode())
    assert token is not None
    name = signed_in.cookie
    assert signed_in.post("/console/sign-out", {"form_token": token[1]}).status == 303
    signed_in.cookie = name
    assert signed_in.get("/console/queue").status == 303


def test_a_session_ends_after_half_an_hour_without_a_request_and_after_eight_hours(
    clock: Clock, signed_in: Tab, dana: Authenticator
) -> None:
    """300"""
    for _ in range(3):
        clock.move(29 * 60)
        assert signed_in.get("/console/queue").status == 200
    clock.move(31 * 60)
    assert signed_in.get("/console/queue").status == 303
    assert signed_in.sign_in(dana).status == 303
    for _ in range(16):
        clock.move(29 * 60)
        signed_in.get("/console/queue")
    clock.move(20 * 60)
    assert signed_in.get("/console/queue").status == 303


def test_whoever_is_unknown_gets_the_same_page_as_whoever_is_enrolled(tab: Tab) -> None:
    """303"""
    known, unknown = tab.get("/console/sign-in?as=dana"), tab.get("/console/sign-in?as=nobody")
    assert (known.status, unknown.status) == (200, 200)
    shape = [re.sub(r'value="[^"]*"', "", page.body.decode()) for page in (known, unknown)]
    assert shape[0].replace("dana", "nobody") == shape[1]
    again = tab.get("/console/sign-in?as=nobody").body
    credentials = [re.search(rb'name="credential" value="([^"]*)"', page) for page in (unknown.body, again)]
    assert credentials[0] is not None
    assert credentials[1] is not None
    assert credentials[0][1] == credentials[1][1]
    assert re.fullmatch(rb"[\w-]{43}", credentials[0][1])  # of 32 bytes, as most authenticators make


def test_an_api_key_signs_nobody_in(tab: Tab, dana: Authenticator) -> None:
    token = tab.signed(tab.get("/console/sign-in?as=dana"), dana)["form_token"]
    answer = tab.post("/console/sign-in/token", {"form_token": token, "token": "key-of-desk"})
    assert (answer.status, b"this is no token" in answer.body) == (401, True)
