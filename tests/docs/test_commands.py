"""Every command that a page, a message or a help text names exists, with every option that it is given."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from caveat.cli.main import caveat
from tests.docs.pages import ROOT, name_of, pages

_COMMAND = re.compile(r"(?:`|^\s*\$ |^ +|\| )caveat ((?:[a-z]|--)[^`\n]*)", re.MULTILINE)
_PROSE = re.compile(r"[a-z]+(?: [a-z]+){4,}")  # a sentence that begins with the name
FILES = [*pages(), *sorted((ROOT / "src").rglob("*.py")), ROOT / "Makefile"]


def _named(file: Path) -> Iterator[list[str]]:
    for found in _COMMAND.findall(file.read_text("utf-8").replace("\\\n", " ").replace("\\\\\n", " ")):
        if _PROSE.match(found) is None:
            yield found.partition(" | ")[0].split()


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_command_that_is_named_exists(file: Path) -> None:
    assert [" ".join(words) for words in _named(file) if not _exists(words)] == []


def _exists(words: list[str]) -> bool:
    command: click.Command = caveat
    context = click.Context(caveat)
    place = 0
    while isinstance(command, click.Group) and place < len(words) and re.fullmatch(r"[a-z]+", words[place]):
        below = command.get_command(context, words[place])
        if below is None:
            return False
        command, place = below, place + 1
    known = {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}
    given = {word.partition("=")[0].strip("[](),.:;") for word in words[place:] if word.startswith("--")}
    return given <= known


def test_a_command_that_does_not_exist_is_found() -> None:
    assert not _exists(["explode"])
    assert not _exists(["ledger", "explode"])
    assert not _exists(["check", "--explode", "folder"])
    assert _exists(["ledger", "verify", "folder", "--replay"])
