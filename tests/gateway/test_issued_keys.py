"""API keys issued beside the bundle's: seen and refused by the running gateway without a restart."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from caveat.cli.api_keys import issue_key, revoke_key
from caveat.gateway.errors import FaultError, RequestError
from caveat.gateway.issued_keys import IssuedKey, IssuedKeys
from caveat.policy.bundle import parse_bundle
from caveat.signing.digest import sha256
from tests.support.raw_client import asking, chat
from tests.support.running_gateway import RunningGateway
from tests.support.small_bundle import CHAT_KEY, SmallBundle

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DIGEST = sha256(b"secret")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def events(gateway: RunningGateway) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in gateway.log.getvalue().splitlines()]
    return [(line["outcome"], line["key"]) for line in lines if line["event"] == "api_key"]


@pytest.mark.slow
def test_a_key_works_once_issued_and_no_more_once_revoked(gateway: RunningGateway) -> None:
    secret, row = issue_key(gateway.folder, "chat", "intranet", None)
    until(lambda: ("issued", row.id) in events(gateway))
    answer = chat(gateway.url, secret, asking("hi"))
    assert answer.status == 200
    assert {record["principal"] for record in gateway.records()[-2:]} == {f"key:{row.id}"}
    assert secret.encode() not in gateway.log.getvalue()
    assert secret.encode() not in (gateway.folder / "api_keys.sqlite3").read_bytes()
    revoke_key(gateway.folder, row.id)
    until(lambda: ("revoked", row.id) in events(gateway))
    refused = chat(gateway.url, secret, asking("hi"))
    assert (refused.status, refused.error["code"]) == (401, "revoked_api_key")
    assert "revoked" in refused.error["message"]
    assert chat(gateway.url, CHAT_KEY, asking("hi")).status == 200


@pytest.mark.slow
def test_a_damaged_list_refuses_issued_keys_and_spares_those_of_the_bundle(gateway: RunningGateway) -> None:
    secret, row = issue_key(gateway.folder, "chat", "", None)
    until(lambda: ("issued", row.id) in events(gateway))
    path = gateway.folder / "api_keys.sqlite3"
    kept = path.read_bytes()
    path.write_bytes(b"x" * len(kept))
    until(lambda: chat(gateway.url, secret, asking("hi")).status == 503)
    assert chat(gateway.url, CHAT_KEY, asking("hi")).status == 200
    path.write_bytes(kept)
    until(lambda: chat(gateway.url, secret, asking("hi")).status == 200)
    assert events(gateway).count(("issued", row.id)) == 1


LAW = SimpleNamespace(bundle=parse_bundle(SmallBundle().files()))  # what `deployment_of` reads of a law


def issued(*keys: IssuedKey) -> IssuedKeys:
    found = IssuedKeys()
    found.replace(keys)
    return found


def code_of(keys: IssuedKeys, now: datetime = NOW) -> str:
    with pytest.raises((RequestError, FaultError)) as caught:
        keys.deployment_of(LAW, DIGEST, now)  # type: ignore[arg-type]
    return caught.value.code


def test_only_a_good_key_of_a_registered_deployment_speaks() -> None:
    hour = timedelta(hours=1)
    good = issued(IssuedKey(DIGEST, "chat", NOW + hour))
    assert good.deployment_of(LAW, DIGEST, NOW).id == "chat"  # type: ignore[arg-type]
    assert code_of(issued()) == "invalid_api_key"
    assert code_of(issued(IssuedKey(DIGEST, "gone"))) == "invalid_api_key"
    assert code_of(good, NOW + hour) == "expired_api_key"
    assert code_of(issued(IssuedKey(DIGEST, "chat", None, NOW))) == "revoked_api_key"
    good.replace(None)
    assert code_of(good) == "keys_unavailable"


def test_a_principal_speaks_for_its_deployment_as_long_as_its_key_is_good() -> None:
    principal = f"key:{DIGEST[:16]}"
    good = issued(IssuedKey(DIGEST, "chat", NOW))
    before = NOW - timedelta(seconds=1)
    assert good.speaks_for(principal, "chat", before)
    assert not good.speaks_for(principal, "desk", before)
    assert not good.speaks_for("key:other", "chat", before)
    assert not good.speaks_for(principal, "chat", NOW)
    assert not issued(IssuedKey(DIGEST, "chat", None, NOW)).speaks_for(principal, "chat", before)
    good.replace(None)
    assert not good.speaks_for(principal, "chat", before)


def test_what_is_new_is_told_once() -> None:
    keys = IssuedKeys()
    one = IssuedKey(DIGEST, "chat")
    assert [event for event, _ in keys.replace([one])] == ["issued"]
    assert keys.replace([one]) == ()
    revoked = IssuedKey(DIGEST, "chat", None, NOW)
    assert [event for event, _ in keys.replace([revoked])] == ["revoked"]
    assert keys.replace(None) == ()
    assert [event for event, _ in keys.replace([])] == ["removed"]
