"""What a hostile page, caller or overseer tries against the console, and what comes of it: nothing."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.console.client import Tab
from tests.support.overseers import Clock, ask_about, hold_of, overseen_bundle, status
from tests.support.passkeys import Authenticator
from tests.support.raw_client import Answer
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream

PAGES = (
    "queue",
    "queue?role=officer&clause=C4",
    "uses",
    "incidents",
    "reviews",
    "halts",
    "dissents",
    "deployments",
    "policy",
    "ledger",
    "observers",
    "figures",
    "search?q=a",
)


@pytest.fixture
def tab(gateway: RunningGateway) -> Tab:
    return Tab(gateway)


@pytest.fixture
def signed_in(tab: Tab, dana: Authenticator) -> Tab:
    assert tab.sign_in(dana).status == 303
    return tab


def test_every_answer_hardens_the_browser(signed_in: Tab) -> None:
    """296"""
    for path in (*PAGES, "static/console.css", "no-such-page", "holds/0-0000000000000000"):
        headers = signed_in.get(f"/console/{path}").headers
        policy = dict(one.split(" ", 1) for one in headers["content-security-policy"].split("; "))
        assert policy == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self'",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["permissions-policy"].endswith("publickey-credentials-get=(self)")


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs_in_the_page(signed_in: Tab) -> None:
    """295"""
    for path in (*PAGES, "sign-in", "lost", "enrol"):
        body = signed_in.get(f"/console/{path}").body.decode()
        assert re.findall(r'(?:src|href)="(?!/console/|#|\?)', body) == []
        assert re.findall(r"<script(?! src=)|<style|\son[a-z]+=|\sstyle=|javascript:", body) == []


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_shown_to_nobody(tab: Tab, path: str) -> None:
    answer = tab.get(f"/console/{path}")
    assert (answer.status, answer.headers["location"]) == (303, "/console/sign-in")
    assert answer.body == b""


def test_a_form_of_another_site_changes_nothing(
    gateway: RunningGateway, clock: Clock, signed_in: Tab, dana: Authenticator
) -> None:
    """297"""
    hold = hold_of(ask_about(gateway))
    fields = signed_in.signed(signed_in.get(f"/console/holds/{hold}"), dana, "approve")
    clock.move(11)
    path = f"/console/holds/{hold}"
    without = {name: value for name, value in fields.items() if name != "form_token"}
    for sent, headers in (
        (without, {}),
        ({**fields, "form_token": "0" * 64}, {}),
        (fields, {"origin": "https://evil.example"}),
        (fields, {"sec_fetch_site": "cross-site"}),
        (fields, {"origin": "null"}),
    ):
        answer = signed_in.post(path, sent, **headers)
        assert (answer.status, b"form_foreign" in answer.body) == (403, True)
    assert gateway.records("review") == []
    assert signed_in.post(path, fields).status == 200


def test_another_sessions_form_token_is_foreign(
    gateway: RunningGateway, signed_in: Tab, dana: Authenticator, emil: Authenticator
) -> None:
    """297"""
    hold = hold_of(ask_about(gateway))
    other = Tab(gateway)
    assert other.sign_in(emil).status == 303
    theirs = re.search(r'name="form_token" value="(\w+)"', other.get("/console/queue").body.decode())
    assert theirs is not None
    fields = signed_in.signed(signed_in.get(f"/console/holds/{hold}"), dana, "refuse")
    answer = signed_in.post(f"/console/holds/{hold}", {**fields, "form_token": theirs[1]})
    assert answer.status == 403


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


def test_a_decision_signed_for_one_hold_is_not_taken_at_another(
    gateway: RunningGateway, clock: Clock, signed_in: Tab, dana: Authenticator
) -> None:
    """301: an insecure direct object reference"""
    one, other = hold_of(ask_about(gateway)), hold_of(ask_about(gateway, tag="e"))
    fields = signed_in.signed(signed_in.get(f"/console/holds/{one}"), dana, "approve")
    signed_in.get(f"/console/holds/{other}")
    clock.move(11)
    answer = signed_in.post(f"/console/holds/{other}", fields)
    assert (answer.status, b"another hold or person" in answer.body) == (403, True)
    assert gateway.records("review") == []
    assert {status(gateway, hold).json["status"] for hold in (one, other)} == {"open"}


def test_one_persons_session_takes_no_decision_of_another(
    gateway: RunningGateway, clock: Clock, signed_in: Tab, emil: Authenticator
) -> None:
    """301"""
    hold = hold_of(ask_about(gateway))
    other = Tab(gateway)
    other.sign_in(emil)
    theirs = other.signed(other.get(f"/console/holds/{hold}"), emil, "approve")
    mine = signed_in.get(f"/console/holds/{hold}").body.decode()
    token = re.search(r'name="form_token" value="(\w+)"', mine)
    assert token is not None
    clock.move(11)
    answer = signed_in.post(f"/console/holds/{hold}", {**theirs, "form_token": token[1]})
    assert answer.status == 403
    assert gateway.records("review") == []


def test_a_hold_for_another_role_is_as_one_that_does_not_exist(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """301"""
    zoe = Authenticator("zoe", role="other", origin="http://localhost:1", rp_id="localhost")
    bundle = overseen_bundle(zoe)
    with running_gateway(tmp_path, module_upstream.url, bundle.files(), clock=clock) as gateway:
        hold = hold_of(ask_about(gateway))
        tab = Tab(gateway)
        assert tab.sign_in(zoe).status == 303
        foreign, unknown = tab.get(f"/console/holds/{hold}"), tab.get("/console/holds/9-0000000000000000")
        assert (foreign.status, unknown.status) == (404, 404)
        assert _without_token(foreign) == _without_token(unknown)


def _without_token(answer: Answer) -> str:
    return re.sub(r'value="\w+"', "", answer.body.decode())


@pytest.mark.parametrize(
    "path",
    [
        "static/../../../../etc/passwd",
        "static/..%2f..%2ftemplates%2fbase.html",
        "static/%2e%2e/pages.py",
        "static//etc/passwd",
        "static/console.css/../pages.py",
        "templates/base.html",
        "holds/../../v1/approvals",
        "records/..%2f..%2fledger",
        "holds/%00",
        "queue/../../metrics",
        "halts/..%2f..%2fv1%2fhalts",
        "halts/../dissents",
        "dissents/../../etc/passwd",
        "sign-in/../static/pages.py",
    ],
)
def test_no_path_leads_out_of_the_console(signed_in: Tab, path: str) -> None:
    """302: path traversal"""
    answer = signed_in.get(f"/console/{path}")
    assert answer.status == 404
    assert b"root:" not in answer.body
    assert b"{% extends" not in answer.body


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"signature": ""}, "no_passkey"),
        ({"signature": "!!"}, "form_invalid"),
        ({"payload": "e30"}, "form_invalid"),
        ({"payload": "bm90IGpzb24"}, "form_invalid"),
        ({"client_data": "e30"}, "approval_forged"),
        ({"authenticator_data": "AAAA"}, "approval_forged"),
        ({"credential": "x" * 43}, "approval_unknown_key"),
        ({"credential": ""}, "approval_unknown_key"),
    ],
)
def test_a_malformed_assertion_is_a_clear_page_and_nothing_proceeds(
    gateway: RunningGateway,
    clock: Clock,
    signed_in: Tab,
    dana: Authenticator,
    changed: dict[str, str],
    code: str,
) -> None:
    hold = hold_of(ask_about(gateway))
    fields = signed_in.signed(signed_in.get(f"/console/holds/{hold}"), dana, "approve")
    clock.move(11)
    answer = signed_in.post(f"/console/holds/{hold}", {**fields, **changed})
    assert answer.status == 400
    assert f"<code>{code}</code>" in answer.body.decode()
    assert gateway.records("review") == []


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ({"origin": "https://evil.example"}, "approval_passkey_origin"),
        ({"rp_id": "evil.example"}, "approval_passkey_origin"),
        ({"flags": 0x01}, "approval_passkey_verification"),
        ({"flags": 0x04}, "approval_passkey_verification"),
        ({"members": {"challenge": "AAAA"}}, "approval_passkey_challenge"),
        ({"members": {"type": "webauthn.create"}}, "approval_passkey_challenge"),
        ({"members": {"crossOrigin": True}}, "approval_passkey_origin"),
    ],
)
def test_an_authenticator_that_says_something_else_approves_nothing(
    gateway: RunningGateway,
    clock: Clock,
    signed_in: Tab,
    dana: Authenticator,
    lie: dict[str, object],
    code: str,
) -> None:
    """79, 80, 84"""
    hold = hold_of(ask_about(gateway))
    fields = signed_in.signed(signed_in.get(f"/console/holds/{hold}"), dana.lying(**lie), "approve")
    clock.move(11)
    answer = signed_in.post(f"/console/holds/{hold}", fields)
    assert (answer.status, f"<code>{code}</code>" in answer.body.decode()) == (400, True)
    assert gateway.records("review") == []


def test_a_counter_that_goes_back_counts_as_none_and_is_remembered_over_a_restart(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path, dana: Authenticator
) -> None:
    """84"""
    files = overseen_bundle(dana).files()
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        dana.counter = 40
        assert Tab(gateway).sign_in(dana).status == 303
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        dana.counter = 40
        answer = Tab(gateway).sign_in(dana)
        assert (answer.status, b"counter of the passkey" in answer.body) == (401, True)
        dana.counter = 0
        assert Tab(gateway).sign_in(dana).status == 401
        dana.counter = 41
        assert Tab(gateway).sign_in(dana).status == 303


def test_a_synced_passkey_approves_nothing_in_a_role_that_takes_none(
    clock: Clock, module_upstream: ScriptedUpstream, tmp_path: Path, dana: Authenticator
) -> None:
    oversight = 'version = 1\n[passkeys]\ndevice_bound_roles = ["officer"]\n'
    files = overseen_bundle(dana, oversight=oversight).files()
    dana.flags = 0x1D
    with running_gateway(tmp_path, module_upstream.url, files, clock=clock) as gateway:
        hold = hold_of(ask_about(gateway))
        tab = Tab(gateway)
        tab.sign_in(dana)
        page = tab.get(f"/console/holds/{hold}")
        clock.move(11)
        answer = tab.post(f"/console/holds/{hold}", tab.signed(page, dana, "approve"))
        assert (answer.status, b"approval_passkey_synced" in answer.body) == (403, True)
        assert tab.post(f"/console/holds/{hold}", tab.signed(page, dana, "refuse")).status == 200


def test_a_bundle_whose_passkeys_nobody_attested_is_not_served(
    module_upstream: ScriptedUpstream, tmp_path: Path, dana: Authenticator
) -> None:
    """292"""
    dana.attestation = "none"
    with (
        pytest.raises(ValueError, match="without the attestation"),
        running_gateway(tmp_path / "a", module_upstream.url, overseen_bundle(dana).files()),
    ):
        pass
    oversight = 'version = 1\n[passkeys]\nattestation = "none"\n'
    files = overseen_bundle(dana, oversight=oversight).files()
    with running_gateway(tmp_path / "b", module_upstream.url, files) as gateway:
        assert Tab(gateway).sign_in(dana).status == 303


def test_the_figures_are_those_of_the_person_who_looks(
    gateway: RunningGateway, clock: Clock, signed_in: Tab, dana: Authenticator, emil: Authenticator
) -> None:
    holds = [hold_of(ask_about(gateway, tag=f"t{number}")) for number in range(3)]
    for hold, act, seconds in zip(holds, ("approve", "refuse", "approve"), (11, 0, 0), strict=True):
        shown = signed_in.get(f"/console/holds/{hold}")
        clock.move(seconds)
        signed_in.post(f"/console/holds/{hold}", signed_in.signed(shown, dana, act))
    body = signed_in.get("/console/figures").body.decode()
    tiles = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", body))
    wanted = {"Waiting": "1", "Decided": "3", "Approved": "1", "Refused": "1", "Counted as none": "1"}
    assert wanted.items() <= tiles.items()
    assert 'aria-label="Decisions: 3 0 h ago"' in body
    other = Tab(gateway)
    assert other.sign_in(emil).status == 303
    theirs = dict(
        re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", other.get("/console/figures").body.decode())
    )
    assert (theirs["Waiting"], theirs["Decided"]) == ("1", "0")


@pytest.mark.parametrize(
    "text", ['"><script>document.title=1</script>', "<img src=x onerror=1>", "'\"><a href=//x>", "{{ 7*7 }}"]
)
def test_what_is_searched_for_is_shown_and_nothing_of_it_runs(signed_in: Tab, text: str) -> None:
    """295: reflected into a field and a heading"""
    body = signed_in.get(f"/console/search?{urlencode({'q': text})}").body.decode()
    assert re.search(r"<(script>|img|a href=//)", body) is None
    assert "49" not in re.sub(r'name="form_token" value="\w+"', "", body)
    assert unescape(body).count(text) == 2


def test_a_search_finds_records_by_deployment_data_key_and_hold(
    gateway: RunningGateway, signed_in: Tab
) -> None:
    hold = hold_of(ask_about(gateway))
    record = next(one for one in gateway.records() if one.get("hold"))
    digest, key = record["parts"][0]["digest"], record["evidence"][0]["key"]
    for text in ("desk", digest, key, key[:12], hold):
        assert hold.encode() in signed_in.get(f"/console/search?q={text}").body, text
    assert hold.encode() not in signed_in.get("/console/search?q=nothing-like-it").body
    assert b"device_id" not in signed_in.get(f"/console/records/{hold}").body


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


@pytest.mark.parametrize(
    "body",
    [
        b"a=1&a=2",
        b"\xff\xfe",
        b"form_token=\xff",
        b"form_token",
        b"&".join(b"a%d=1" % n for n in range(40)),
    ],
)
def test_a_form_that_cannot_be_read_changes_nothing(signed_in: Tab, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert signed_in._send("POST", "/console/sign-out", body, headers).status == 400
    assert signed_in.get("/console/queue").status == 200


def test_a_form_that_is_too_large_or_of_another_kind_is_refused(signed_in: Tab) -> None:
    assert signed_in.post("/console/sign-out", {"a": "x" * 70_000}).status == 413
    assert signed_in._send("POST", "/console/sign-out", b"{}", {"content-type": "text/plain"}).status == 415
    assert signed_in._send("PUT", "/console/queue", b"", {}).status == 405


def test_the_queue_pages(gateway: RunningGateway, signed_in: Tab) -> None:
    holds = [hold_of(ask_about(gateway, tag=f"t{number}")) for number in range(52)]
    first, second = signed_in.get("/console/queue"), signed_in.get("/console/queue?start=50")
    assert [hold for hold in holds if hold.encode() in first.body] == holds[:50]
    assert [hold for hold in holds if hold.encode() in second.body] == holds[50:]
    assert signed_in.get("/console/queue?start=-1").status == 200


@pytest.fixture
def without_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caveat.service.console.find_spec", lambda _name: None)


@pytest.mark.usefixtures("without_libraries")
def test_without_its_libraries_there_is_no_console_and_the_answer_says_what_to_install(
    module_upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    with running_gateway(tmp_path, module_upstream.url) as gateway:
        answer = Tab(gateway).get("/console")
    assert (answer.status, answer.error["code"]) == (404, "no_console")
    assert "caveat[console]" in answer.body.decode()
