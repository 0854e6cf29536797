"""`caveat keys`, `attest` and `evidence`: what they print is what the gateway accepts."""

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import click
import pytest
import tomli_w
from click.testing import CliRunner, Result

from caveat.cli.attest import attest_command
from caveat.cli.evidence import evidence_command
from caveat.cli.exit import CannotRunError
from caveat.cli.keys import keys_group
from caveat.evidence.statement import parse_statement
from caveat.signing.digest import sha256
from caveat.signing.dsse import parse_envelope
from caveat.signing.keys import parse_private_key, parse_public_key

BUNDLE = Path(__file__).parents[2] / "policies/government-analytics"


def call(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments], standalone_mode=False)


def refusal(result: Result) -> str:
    assert isinstance(result.exception, CannotRunError), result.output
    return f"{result.exception} {result.exception.hint}"


def new_key(path: Path, *options: str) -> str:
    result = call(keys_group, "new", "--out", path, *options)
    assert result.return_value == 0
    line = result.output.splitlines()[0].split()[1]
    assert parse_private_key(path.read_bytes()).public() == parse_public_key(line)
    return line


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a bundle that trusts one key, the key, and data."""
    line = new_key(tmp_path / "owner.pem")
    bundle = tmp_path / "bundle"
    for file in BUNDLE.rglob("*"):
        if file.is_file():
            copy = bundle / file.relative_to(BUNDLE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    owner = {
        "role": "data_owner",
        "party": "customer",
        "key": line,
        "purpose": "evidence",
        "facts": ["acquisition_channel", "data_category", "subject_count"],
        "namespaces": ["agency"],
        "max_age_seconds": 86_400,
        "max_lifetime_seconds": 86_400,
    }
    trust = {"version": 1, "expires_at": "2036-01-01T00:00:00Z", "issuers": {"owner": owner}}
    (bundle / "trust.toml").write_text(tomli_w.dumps(trust))
    (tmp_path / "devices.csv").write_text("device_id,x\nd1,1\n")
    return tmp_path


def attest(
    desk: Path, *options: object, facts: tuple[str, ...] = ("acquisition_channel=first_party",)
) -> Result:
    said = [word for fact in facts for word in ("--fact", fact)]
    return call(
        attest_command,
        "data",
        desk / "devices.csv",
        *("--key", desk / "owner.pem", "--issuer", "owner", "--audience", "analytics-desk"),
        *("--namespace", "agency", "--expires-in", "12h", *said, *options),
    )


def check(desk: Path, *options: object, deployment: str = "analytics-desk") -> Result:
    return call(
        evidence_command,
        *("check", desk / "e.json", "--bundle", desk / "bundle", "--deployment", deployment),
        *("--data", desk / "devices.csv", *options),
    )


@pytest.mark.parametrize("algorithm", ["ed25519", "p256"])
def test_a_new_key_is_private_and_never_overwrites(tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "key.pem"
    before_mask = os.umask(0)
    try:
        new_key(path, "--algorithm", algorithm)
    finally:
        os.umask(before_mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert "never overwritten" in refusal(call(keys_group, "new", "--out", path))
    assert path.read_bytes() == before


def test_two_new_keys_differ(tmp_path: Path) -> None:
    assert new_key(tmp_path / "a") != new_key(tmp_path / "b")


def test_a_key_is_shown_by_its_public_half_alone(tmp_path: Path) -> None:
    line = new_key(tmp_path / "key.pem")
    (tmp_path / "key.pub").write_text(line + "\n")
    shown = [
        json.loads(call(keys_group, "show", "--json", tmp_path / name).output)
        for name in ("key.pem", "key.pub")
    ]
    assert shown[0] == shown[1]
    assert shown[0] == {
        "version": 1,
        "key": line,
        "keyid": parse_public_key(line).keyid,
        "algorithm": "ed25519",
    }


@pytest.mark.parametrize(
    "content", [b"", b"ed25519:AAAA", b"-----BEGIN PRIVATE KEY-----", b"\xff" * 10, b"x" * 70_000]
)
def test_a_file_that_is_no_key_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    assert "key" in refusal(call(keys_group, "show", tmp_path / "key"))
    assert "cannot be read" in refusal(call(keys_group, "show", tmp_path / "missing"))


@pytest.mark.slow
def test_what_is_attested_counts(desk: Path) -> None:
    assert attest(desk, "--out", desk / "e.json").return_value == 0
    result = check(desk)
    assert result.return_value == 0, result.output
    assert 'acquisition_channel = "first_party"' in result.output
    document = json.loads(check(desk, "--json").output)
    assert document["version"] == 1
    assert document["holds"] is True
    assert document["parts"] == [sha256((desk / "devices.csv").read_bytes())]


@pytest.mark.slow
def test_what_does_not_count_is_explained_with_who_can_put_it_right(desk: Path) -> None:
    attest(desk, "--out", desk / "e.json")
    for change, code in (
        (lambda: None, "expired"),
        (lambda: (desk / "devices.csv").write_text("device_id,x\nd2,1\n"), "subject"),
        (lambda: (desk / "e.json").write_bytes(b"{}"), "not_envelope"),
    ):
        change()
        at = ("--at", "2035-01-01T00:00:00Z") if code == "expired" else ()
        result = check(desk, *at)
        assert result.return_value == 1
        assert f"{code}: " in result.output
        assert "next (" in result.output
        assert json.loads(check(desk, "--json", *at).output)["code"] == code


@pytest.mark.slow
def test_a_fact_that_is_ignored_does_not_hold(desk: Path) -> None:
    attest(desk, "--out", desk / "e.json", facts=("acquisition_channel=first_party", "legal_process=warrant"))
    result = check(desk)
    assert result.return_value == 1
    assert "not_entitled" in result.output


@pytest.mark.slow
def test_what_could_not_be_checked_is_no_verdict(desk: Path) -> None:
    attest(desk, "--out", desk / "e.json")
    assert "registers no deployment" in refusal(check(desk, deployment="nobody"))
    assert "`--at`" in refusal(check(desk, "--at", "tomorrow"))
    (desk / "bundle" / "trust.toml").write_text("version = 0")
    assert "trust.toml" in refusal(check(desk))
    (desk / "e.json").unlink()
    (desk / "bundle" / "trust.toml").write_bytes((BUNDLE / "trust.toml").read_bytes())
    assert "cannot be read" in refusal(check(desk))


def _facts(result: Result) -> dict[str, Any]:
    assert result.return_value == 0, result.exception
    envelope = parse_envelope(result.stdout_bytes.strip(), max_bytes=100_000)
    return dict(parse_statement(envelope.payload).facts)


def test_values_are_json_or_words(desk: Path) -> None:
    facts = ("a=word", "b=40", "c=true", 'd=["x"]', "e=x,y", "f=x,", 'g="40"', "h=-3", "i=not json {")
    assert _facts(attest(desk, facts=facts)) == {
        "a": "word",
        "b": 40,
        "c": True,
        "d": frozenset({"x"}),
        "e": frozenset({"x", "y"}),
        "f": frozenset({"x"}),
        "g": "40",
        "h": -3,
        "i": "not json {",
    }


@pytest.mark.slow
def test_a_bundle_types_the_values(desk: Path) -> None:
    typed = ("--bundle", desk / "bundle")
    said = (
        "data_category=none",
        "subject_count=40",
        "acquisition_channel=first_party",
        "deployer_verified=true",
    )
    assert _facts(attest(desk, *typed, facts=said)) == {
        "data_category": frozenset({"none"}),
        "subject_count": 40,
        "acquisition_channel": "first_party",
        "deployer_verified": True,
    }
    for fact, words in (
        ("blessed=1", "declares no fact"),
        ("acquisition_channel=stolen", "not a value"),
        ("subject_count=many", "not a value"),
    ):
        assert words in refusal(attest(desk, *typed, facts=(fact,)))


def test_the_header_is_the_envelope_in_base64url(desk: Path) -> None:
    text = attest(desk, "--header").output.strip()
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert "=" not in text
    assert parse_envelope(raw, max_bytes=100_000).payload


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--expires-in", "soon"), "number with a unit"),
        (("--expires-in", "9999999d"), "too long"),
        (("--expires-in", "0d"), "number with a unit"),
        (("--issuer", "two words"), "nobody would accept"),
        (("--audience", "*"), "nobody would accept"),
        (("--source", "a b"), "nobody would accept"),
        (("--fact", "nonsense"), "NAME=VALUE"),
        (("--fact", "acquisition_channel=public"), "given twice"),
        (("--fact", "x=0.5,{"), None),
        (("--fact", "x=[1]"), "a value is"),
        (("--fact", "x={}"), "a value is"),
        (("--key", "missing.pem"), "cannot be read"),
        (("--out", "missing/folder/e.json"), "cannot be written"),
    ],
)
def test_what_nobody_would_accept_is_not_signed(
    desk: Path, options: tuple[str, ...], words: str | None
) -> None:
    result = attest(desk, *options)
    if words is None:
        assert result.return_value == 0
    else:
        assert words in refusal(result)


def test_data_that_cannot_be_read_is_a_clear_error(desk: Path) -> None:
    (desk / "devices.csv").unlink()
    assert "cannot be read" in refusal(attest(desk))


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (keys_group, ["new"]),
        (keys_group, ["show"]),
        (attest_command, ["data"]),
        (evidence_command, ["check"]),
    ],
)
def test_help_shows_an_example(command: click.Command, path: list[str]) -> None:
    assert "Example" in call(command, *path, "--help").output


@pytest.mark.slow
def test_what_would_deny_a_use_is_said_and_a_single_use_is_named(desk: Path) -> None:
    attest(desk, "--out", desk / "e.json", "--single-use")
    assert "good for one action only" in check(desk).output
    attest(desk, "--out", desk / "e.json", facts=("acquisition_channel=stolen",))
    result = check(desk)
    assert result.return_value == 1
    assert "a use that presents it is denied" in result.output


def test_a_key_where_no_file_can_be_is_a_clear_error(tmp_path: Path) -> None:
    assert "cannot be written" in refusal(call(keys_group, "new", "--out", tmp_path / "missing" / "key.pem"))
