"""Whose decision about which hold counts, and which passkey's."""

import re
from pathlib import Path

import pytest

from tests.console.client import Tab
from tests.support.overseers import Clock, ask_about, hold_of, overseen_bundle, status
from tests.support.passkeys import Authenticator
from tests.support.raw_client import Answer
from tests.support.running_gateway import RunningGateway, running_gateway
from tests.support.scripted_upstream import ScriptedUpstream


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
