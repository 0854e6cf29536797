"""The command line's own promises: grouped help, three exit codes, one line and a hint, no stack traces."""

import subprocess
import sys

import click
import pytest

from caveat import __version__
from caveat.cli import main as main_module
from caveat.cli.exit import CannotRunError
from caveat.cli.main import VERBS, run


def test_help_lists_the_verbs_that_exist_in_their_groups(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    assert said.index("Run:") < said.index("Policy:")
    assert "serve" in said
    assert "Exit codes: 0 it holds, 1 it does not hold, 2 it could not be run." in said


def test_every_verb_in_the_table_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    present = main_module.caveat.list_commands(click.Context(main_module.caveat))
    assert present
    for name in present:
        assert run([name, "--help"]) == 0, name
        assert "Usage: caveat " + name in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["no-such-verb"], ["--no-such"], ["serve"], ["serve", "--port", "x"]])
def test_wrong_use_is_one_line_and_a_hint_with_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert lines[0].startswith("caveat: ")
    assert lines[1].startswith("hint: ")
    assert len(lines) == 2


def raising(error: BaseException) -> click.Command:
    def body() -> None:
        raise error

    return click.Command("serve", callback=body)


RAISED = (
    (CannotRunError("the port is taken", "name one"), 2, "caveat: the port is taken\nhint: name one\n"),
    (
        FileNotFoundError(2, "No such file", "x.json"),
        2,
        "caveat: `x.json`: no such file\nhint: check the path\n",
    ),
    (KeyboardInterrupt(), 2, "\ncaveat: stopped\n"),
    (BrokenPipeError(), 0, ""),
    (click.exceptions.Exit(1), 1, ""),
)


@pytest.mark.parametrize(("error", "code", "said"), RAISED)
def test_what_a_verb_raises_becomes_a_code(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(type(main_module.caveat), "get_command", lambda *_: raising(error))
    assert run(["serve"]) == code
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_code_that_a_verb_returns_is_the_exit_code(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    command = click.Command("serve", callback=lambda: code)
    monkeypatch.setattr(type(main_module.caveat), "get_command", lambda *_: command)
    assert run(["serve"]) == code


@pytest.mark.slow
def test_help_loads_no_verb() -> None:
    script = "import sys; from caveat.cli.main import run; run(['--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    for module in ("uvicorn", "aiohttp", "cedarpy", "cryptography", "pydantic"):
        assert f"'{module}'" not in done.stdout
    assert set(VERBS) >= {"serve", "check", "ledger", "assay", "explain"}
