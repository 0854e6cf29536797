"""A newcomer's mistakes: each ends in one line that says what is wrong, and one that says what to do."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from caveat.cli.exit import CannotRunError
from caveat.cli.serving import open_or_explain
from caveat.gateway.upstream import UpstreamConfig
from caveat.service import log_keys
from tests.cli.calling import Caveat, write
from tests.support.raw_client import asking, chat
from tests.support.running_gateway import running_gateway
from tests.support.scripted_upstream import scripted_upstream
from tests.support.small_bundle import ACTOR, CHAT_KEY, SmallBundle

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write(tmp_path / "bundle", SmallBundle().files())


def serve(caveat: Caveat, bundle: Path, *more: object) -> str:
    data = bundle.parent / "data"
    return caveat.mistaken("serve", "--bundle", bundle, "--data", data, "--port", 0, *more)


def test_no_upstream(caveat: Caveat, bundle: Path) -> None:
    said = serve(caveat, bundle)
    assert "no model to stand before" in said
    assert "--upstream URL" in said


def test_a_missing_directory(caveat: Caveat, tmp_path: Path, bundle: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert "is no folder" in serve(caveat, nowhere, "--upstream", NOWHERE)
    assert "is no folder" in caveat.mistaken("check", nowhere)
    assert "is no folder" in caveat.mistaken("terms", "page", nowhere)
    for command in (
        ("observe", "report", nowhere),
        ("keys", "list", "--data", nowhere),
        ("keys", "issue", "--data", nowhere, "--deployment", "chat"),
        ("keys", "revoke", "--data", nowhere, "0" * 16),
        ("explain", "use", "1-" + "0" * 16, "--data", nowhere),
    ):
        assert "does not exist" in caveat.mistaken(*command)
    assert "nowhere" in caveat.mistaken("ledger", "verify", nowhere)
    assert "holds no ledger" in caveat.mistaken("observe", "report", bundle)
    key = tmp_path / "key.pem"
    key.write_bytes(ACTOR.pem())
    enforce = ("observe", "enforce", nowhere, "watch", "--key", f"operator={key}")
    assert "is no folder" in caveat.mistaken(*enforce)
    assert "check the path" in caveat.mistaken("keys", "show", nowhere)


def test_an_unsigned_bundle(caveat: Caveat, tmp_path: Path) -> None:
    unsigned = write(tmp_path / "unsigned", SmallBundle(signed=False).files())
    said = serve(caveat, unsigned, "--upstream", NOWHERE)
    assert "may not be served" in said
    assert "caveat check --signed" in said
    checked = caveat("check", "--signed", unsigned)
    assert (checked.code, checked.err) == (1, "")
    assert "lack consent" in checked.out


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        ("acquisition_chanel", "acquisition_channel", "acquisition_chan"),
        ('"bulk_purchase"', '"bulk_purchased"', "bulk_purchase"),
        ("fobid (", "forbid (", "clauses/all.cedar"),
        ("@authorty(", "@authority(", "authorty"),
    ],
)
def test_a_typo_in_a_clause(caveat: Caveat, tmp_path: Path, wrong: str, right: str, told: str) -> None:
    draft = SmallBundle()
    draft.clauses = draft.clauses.replace(right, wrong)
    folder = write(tmp_path / "typo", draft.files())
    said = serve(caveat, folder, "--upstream", NOWHERE)
    assert "may not be served" in said
    assert told in said
    checked = caveat("check", folder)
    assert (checked.code, checked.err) == (1, "")
    assert checked.out.startswith("✗ ")
    assert told in checked.out


def test_an_unknown_fact(caveat: Caveat, bundle: Path, tmp_path: Path) -> None:
    use = tmp_path / "use.json"
    use.write_text('{"version": 1, "facts": {"colour": "blue"}}')
    assert "`colour` is not declared" in caveat.mistaken("decide", "--bundle", bundle, "--use", use)
    key, data = tmp_path / "key.pem", tmp_path / "rows.csv"
    key.write_bytes(ACTOR.pem())
    data.write_text("a\n")
    attest = ("attest", "data", data, "--key", key, "--issuer", "owner", "--audience", "chat")
    said = caveat.mistaken(*attest, "--fact", "colour=blue", "--bundle", bundle)
    assert "colour" in said


def test_a_file_that_is_no_key(caveat: Caveat, bundle: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a key")
    assert "caveat keys new" in caveat.mistaken("keys", "show", wrong)
    said = caveat.mistaken("observe", "enforce", bundle, "watch", "--key", f"operator={wrong}")
    assert "caveat keys new" in said


def test_a_wrong_duration_id_or_shell(caveat: Caveat, tmp_path: Path) -> None:
    issue = ("keys", "issue", "--data", tmp_path, "--deployment", "chat")
    assert "12h or 30d" in caveat.mistaken(*issue, "--expires-in", "soon")
    assert "no API key" in caveat.mistaken("keys", "revoke", "--data", tmp_path, "0" * 16)
    assert "bash" in caveat.mistaken("completion", "csh")


def test_a_gateway_at_a_wrong_port(caveat: Caveat, tmp_path: Path) -> None:
    said = caveat.mistaken("tour", "--gateway", NOWHERE, "--data", tmp_path)
    assert "hint: " in said


@pytest.mark.slow
def test_a_wrong_api_key_and_a_model_at_a_wrong_port(tmp_path: Path) -> None:
    with running_gateway(tmp_path, NOWHERE) as gateway:
        wrong = chat(gateway.url, "wrong", asking("hi"))
        assert (wrong.status, wrong.error["code"]) == (401, "invalid_api_key")
        assert "caveat keys issue" in wrong.error["hint"]
        away = chat(gateway.url, CHAT_KEY, asking("hi"))
        assert (away.status, away.error["code"]) == (503, "upstream_unavailable")
        assert away.error["hint"]


@pytest.mark.slow
def test_two_gateways_on_one_data_folder(caveat: Caveat, bundle: Path) -> None:
    with scripted_upstream() as model, running_gateway(bundle.parent / "data", model.url):
        said = serve(caveat, bundle, "--upstream", NOWHERE)
    assert "another process" in said


def _full(*_: object, **__: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_while_keys_are_made_leaves_nothing_half_made(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, endpoint = tmp_path / "data", UpstreamConfig(NOWHERE, None)
    with monkeypatch.context() as full:
        full.setattr(log_keys, "os", SimpleNamespace(**{**vars(os), "write": _full}))
        with pytest.raises(CannotRunError, match="no space left on device") as caught:
            open_or_explain(bundle, data, endpoint)
    assert caught.value.hint
    assert list(data.iterdir()) == []
    open_or_explain(bundle, data, endpoint).close()
    assert (data / "log.pem").stat().st_size > 0


def test_a_full_disk_anywhere_else_says_what_to_do(
    caveat: Caveat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", _full)
    said = caveat.mistaken("keys", "new", "--out", tmp_path / "key.pem")
    assert "no space left" in said
    assert "free some space" in said
    assert not (tmp_path / "key.pem").exists()


@pytest.mark.slow
def test_an_old_python_is_told_by_make(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements-dev.lock", "requirements-model.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    old = tmp_path / "python-old"
    script = "import sys; sys.version_info = (3, 9, 1); sys.version = '3.9.1 old'; exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{script}" "$2"\n')
    old.chmod(0o755)
    command = ["make", "-s", "setup", f"PYTHON={old}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    first = done.stderr.splitlines()[0]
    assert "needs Python 3.11 or newer; this is 3.9.1" in first
    assert "make PYTHON=python3.11 setup" in first
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_what_the_parser_of_options_finds_is_said_as_every_other_mistake(
    caveat: Caveat, tmp_path: Path
) -> None:
    for arguments in (
        ("check",),
        ("check", "--nothing", tmp_path),
        ("decide", "--bundle", tmp_path, "--use", tmp_path),
        ("serve", "--port", "99999"),
        ("nothing",),
    ):
        first = caveat.mistaken(*arguments).splitlines()[0].removeprefix("caveat: ")
        assert first[0].islower(), first
        assert not first.endswith("."), first


def test_what_the_assay_cannot_read_is_said_with_what_to_do_and_no_name_of_a_class(
    caveat: Caveat, tmp_path: Path
) -> None:
    empty, junk, folder = tmp_path / "empty", tmp_path / "junk", tmp_path / "folder"
    empty.touch()
    junk.write_bytes(b"a heron\x00\xff")
    folder.mkdir()
    for arguments in (
        ("report", empty),
        ("report", junk),
        ("refusals", empty),
        ("refusals", junk),
        ("scenarios", junk, "--bundle", folder),
        ("scenarios", empty, "--bundle", ROOT / "policies" / "government-analytics"),
        ("benign", "--bundle", folder, "--deployment", "chat", "--prompts", junk),
        ("run", "--bundle", ROOT / "policies" / "government-analytics", "--out", tmp_path / "no" / "where"),
        (
            *("run", "--bundle", ROOT / "policies" / "government-analytics"),
            *("--out", tmp_path / "run.jsonl", "--family", folder),
        ),
    ):
        said = caveat.mistaken("assay", *arguments)
        assert "Error" not in said
        assert "heron" not in said


def test_a_gateway_that_is_away_is_said_in_words(caveat: Caveat, tmp_path: Path) -> None:
    key = tmp_path / "anna.pem"
    key.write_bytes(ACTOR.pem())
    said = caveat.mistaken("approvals", "list", "--gateway", NOWHERE, "--key", key, "--as", "anna")
    assert "the gateway gave no answer: connection refused" in said.lower()


def test_what_the_system_says_is_said_in_small_letters(caveat: Caveat, tmp_path: Path) -> None:
    said = caveat.mistaken("keys", "new", "--out", tmp_path / "nowhere" / "key.pem")
    assert "cannot be written: no such file or directory" in said
