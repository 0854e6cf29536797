"""The command line called in this process."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from caveat.cli.main import run


@dataclass(frozen=True)
class Said:
    """What one call printed, and its exit code."""

    code: int
    out: str
    err: str


class Caveat:
    """Calls `caveat` with arguments of any kind."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Said:
        self._capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = self._capsys.readouterr()
        return Said(code, captured.out, captured.err)

    def mistaken(self, *arguments: object) -> str:
        """A call that cannot be run: exit code 2, one line and a hint, nothing else. Returns both lines."""
        said = self(*arguments)
        assert said.code == 2, said
        assert said.out == ""
        lines = said.err.splitlines()
        assert len(lines) == 2, said.err
        assert lines[0].startswith("caveat: ")
        assert lines[1].startswith("hint: ")
        assert "Traceback" not in said.err
        return said.err


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """The folder with these files in it."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
