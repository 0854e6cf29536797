"""What a hostile page, caller or overseer tries against the pages of the console, and what comes of it."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.console.client import Tab
from tests.support.overseers import Clock, ask_about, hold_of
from tests.support.passkeys import Authenticator
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
