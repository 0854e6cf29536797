"""Forms that are not the session's own, or that cannot be read, change nothing."""

import re

import pytest

from tests.console.client import Tab
from tests.support.overseers import Clock, ask_about, hold_of
from tests.support.passkeys import Authenticator
from tests.support.running_gateway import RunningGateway


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
