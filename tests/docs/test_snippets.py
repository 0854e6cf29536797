"""Every marked snippet of a page runs as the page says, in order, in a folder of its own.

`<!-- run: CODE -->` before a fence runs it and expects that exit code: `sh` as one script, `python` as one
program, `console` line by line, where the lines below a command are found in its output in that order (`…`
stands for anything), and `json` is read strictly. `<!-- file: NAME -->` writes the fence to that file. A
page that begins with `<!-- needs: gateway -->` runs beside a development gateway, named by `URL`,
`KEY` and `DATA`.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from caveat.signing.canonical import parse_strict
from tests.docs.gateway import development_gateway
from tests.docs.pages import ROOT, Snippet, name_of, pages, snippets
from tests.support.scripted_upstream import scripted_upstream

_LONG = {"docs/how-to/measure-a-safeguard.md", "docs/how-to/repeat-the-tour.md"}
"""Pages that start whole gateways many times over."""
PAGES = [
    pytest.param(page, id=name_of(page), marks=pytest.mark.long if name_of(page) in _LONG else ())
    for page in pages()
    if snippets(page)
]
_SECONDS = 60
_NEEDS_GATEWAY = "<!-- needs: gateway -->\n"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_snippets_of_a_page_run_as_it_says(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    with contextlib.ExitStack() as stack:
        variables: Mapping[str, str] = {}
        if page.read_text("utf-8").startswith(_NEEDS_GATEWAY):
            variables = stack.enter_context(development_gateway(tmp_path))
        if "$UPSTREAM" in page.read_text("utf-8"):
            variables = {**variables, "UPSTREAM": stack.enter_context(scripted_upstream()).url}
        place = _Place(tmp_path, variables)
        for snippet in snippets(page):
            if snippet.file is not None:
                (tmp_path / snippet.file).write_text(snippet.text, "utf-8")
            else:
                _run(snippet, place, f"{name_of(page)}:{snippet.line}")


@dataclass(frozen=True, slots=True)
class _Place:
    folder: Path
    variables: Mapping[str, str]


def _run(snippet: Snippet, place: _Place, where: str) -> None:
    match snippet.language:
        case "console":
            commands = _commands(snippet.text, where)
            for number, (command, expected) in enumerate(commands):
                last = number == len(commands) - 1
                code, output = _call(["bash", "-c", command], place)
                assert code == (snippet.run if last else 0), f"{where}: `{command}`\n{output}"
                _compare(output, expected, f"{where}: `{command}`")
        case "sh":
            code, output = _call(["bash", "-euo", "pipefail", "-c", snippet.text], place)
            assert code == snippet.run, f"{where}\n{output}"
        case "python":
            code, output = _call([sys.executable, "-c", snippet.text], place)
            assert code == snippet.run, f"{where}\n{output}"
        case "json":
            parse_strict(snippet.text.encode(), max_bytes=1 << 20, floats=True)
        case other:
            pytest.fail(f"{where}: nobody runs `{other}`")


def _commands(text: str, where: str) -> list[tuple[str, list[str]]]:
    commands: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append((line[2:], []))
        else:
            assert commands, f"{where}: output stands before any command"
            commands[-1][1].append(line)
    assert commands, f"{where}: no command"
    return commands


def _call(command: list[str], place: _Place) -> tuple[int, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "PYTHONPATH": str(ROOT / "src"), "HOME": str(place.folder), "COLUMNS": "200"}
    process = subprocess.Popen(
        command,
        cwd=place.folder,
        env={**environment, **place.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=_SECONDS)
    finally:
        # What a snippet left running would answer the next one, on the same port.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode, output + errors


def _compare(output: str, expected: list[str], where: str) -> None:
    lines = iter(output.splitlines())
    for line in expected:
        pattern = re.compile(".*".join(map(re.escape, line.split("…"))))
        if line.strip() != "…":
            assert any(pattern.fullmatch(each) for each in lines), f"{where}: no line `{line}` in\n{output}"
