"""`caveat keys issue`, `list` and `revoke`: shown once, kept as a digest, never lost."""

import json
import sqlite3
from pathlib import Path

import pytest

from caveat.signing.digest import Digest, sha256
from caveat.store.api_keys import FILE, ApiKeyStore, StoredKey
from caveat.store.errors import KeyStoreError
from tests.cli.calling import Caveat


def issue(caveat: Caveat, data: Path, *more: object) -> dict[str, str]:
    said = caveat("keys", "issue", "--data", data, "--deployment", "chat", "--json", *more)
    assert said.code == 0, said.err
    return dict(json.loads(said.out))


def listed(caveat: Caveat, data: Path) -> list[dict[str, str]]:
    return list(json.loads(caveat("keys", "list", "--data", data, "--json").out)["keys"])


def test_a_key_is_shown_once_and_kept_as_its_digest(caveat: Caveat, tmp_path: Path) -> None:
    said = caveat("keys", "issue", "--data", tmp_path, "--deployment", "chat", "--label", "intranet")
    secret = said.out.splitlines()[0].split()[1]
    path = tmp_path / FILE
    assert secret.encode() not in path.read_bytes()
    assert sha256(secret.encode()).encode() in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    shown = caveat("keys", "list", "--data", tmp_path).out
    assert secret not in shown
    assert "intranet" in shown


def test_keys_are_listed_with_their_state_and_revoked_by_id(caveat: Caveat, tmp_path: Path) -> None:
    assert listed(caveat, tmp_path) == []
    assert "no API key was issued" in caveat("keys", "list", "--data", tmp_path).out
    first, second = issue(caveat, tmp_path), issue(caveat, tmp_path, "--expires-in", "90d")
    assert first["key"] != second["key"]
    assert first["id"] == sha256(first["key"].encode())[:16]
    assert {row["id"]: row["state"] for row in listed(caveat, tmp_path)} == {
        first["id"]: "good",
        second["id"]: "good",
    }
    assert caveat("keys", "revoke", "--data", tmp_path, first["id"]).code == 0
    once = listed(caveat, tmp_path)
    assert caveat("keys", "revoke", "--data", tmp_path, first["id"], "--json").code == 0
    assert listed(caveat, tmp_path) == once
    assert {row["id"]: row["state"] for row in once} == {first["id"]: "revoked", second["id"]: "good"}


def test_a_key_past_its_time_is_listed_as_expired(caveat: Caveat, tmp_path: Path) -> None:
    row = StoredKey(sha256(b"x"), "chat", "", "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z")
    ApiKeyStore(tmp_path).add(row)
    assert [each["state"] for each in listed(caveat, tmp_path)] == ["expired"]


def test_a_label_for_people_holds_no_control_characters(caveat: Caveat, tmp_path: Path) -> None:
    said = caveat.mistaken("keys", "issue", "--data", tmp_path, "--deployment", "chat", "--label", "a\nb")
    assert "--label" in said
    assert listed(caveat, tmp_path) == []


def test_the_store_tells_every_change_and_refuses_a_foreign_file(tmp_path: Path) -> None:
    store = ApiKeyStore(tmp_path)
    assert store.fingerprint() is None
    key = StoredKey(sha256(b"x"), "chat", "", "2030-01-01T00:00:00Z")
    store.add(key)
    added = store.fingerprint()
    assert store.all() == (key,)
    with pytest.raises(KeyStoreError):
        store.add(key)
    assert store.revoke("0" * 16, "2030-01-02T00:00:00Z") is None
    revoked = store.revoke(key.id, "2030-01-02T00:00:00Z")
    assert revoked is not None
    assert revoked.revoked_at == "2030-01-02T00:00:00Z"
    assert store.fingerprint() != added
    other = tmp_path / "other"
    other.mkdir()
    connection = sqlite3.connect(other / FILE)
    connection.execute("PRAGMA application_id = 7")
    connection.execute("CREATE TABLE api_key (digest TEXT)")
    connection.close()
    with pytest.raises(KeyStoreError, match="another program"):
        ApiKeyStore(other).add(StoredKey(Digest(key.digest), "chat", "", "2030-01-01T00:00:00Z"))


@pytest.mark.parametrize(
    ("shell", "told"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete -")]
)
def test_completion_prints_the_script_of_a_shell(caveat: Caveat, shell: str, told: str) -> None:
    said = caveat("completion", shell)
    assert said.code == 0
    assert told in said.out
    assert "_CAVEAT_COMPLETE" in said.out
