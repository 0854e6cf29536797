"""Tables of a bundle's TOML files, edited in their place: comments stay, and the result says what was meant.

Source: ADR-0018.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from typing import cast

import tomli_w

from caveat.policy.clause_text import EditError, Files


def table_in(files: Files, path: str) -> dict[str, object]:
    """The table of this TOML file; raises `EditError`."""
    if path not in files:
        raise EditError(f"the bundle has no `{path}`")
    try:
        return tomllib.loads(files[path].decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EditError(f"`{path}` is no TOML: {error}") from error


def within(table: dict[str, object], *path: str) -> dict[str, object]:
    """The table at this path; raises `EditError` where there is none."""
    found = table
    for name in path:
        inner = found.get(name)
        if not isinstance(inner, dict):
            raise EditError(f"the bundle has no `{'.'.join(path)}`")
        found = cast("dict[str, object]", inner)
    return found


def set_key(files: Files, path: str, section: str, key: str, value: int | str) -> dict[str, bytes]:
    """The file with one key of one table set: in its place, so that comments stay; anew where it is not
    written on a line of its own.
    """
    table = table_in(files, path)
    within(table, *section.split("."))[key] = value
    text = files[path].decode()
    shown = tomli_w.dumps({key: value}).strip()
    head = re.search(rf"^\[{re.escape(section)}\][ \t]*(#[^\n]*)?\n", text, re.MULTILINE)
    if head is not None:
        end = re.compile(r"^\[", re.MULTILINE).search(text, head.end())
        body = text[head.end() : end.start() if end else len(text)]
        line = re.compile(rf"^{key}[ \t]*=[^\n]*$", re.MULTILINE)
        new = line.sub(lambda _: shown, body, count=1) if line.search(body) else f"{shown}\n{body}"
        text = text[: head.end()] + new + text[head.end() + len(body) :]
    return {**files, path: settled(text, table)}


def settled(text: str, table: Mapping[str, object]) -> bytes:
    """The text if it says just what the table says, else the table written out, without its comments."""
    try:
        if tomllib.loads(text) == table:
            return text.encode()
    except tomllib.TOMLDecodeError:
        pass  # the lines were not written one by one: write the table out below
    return tomli_w.dumps(table).encode()


def process_rows(files: Files) -> list[dict[str, object]]:
    """The process rows of the bundle."""
    rows = table_in(files, "bundle.toml").get("process", [])
    return cast("list[dict[str, object]]", rows) if isinstance(rows, list) else []


def without_process(
    files: Files, keep: Callable[[Mapping[str, object]], bool]
) -> tuple[dict[str, bytes], list[str]]:
    """The files without the process rows that are not kept, and the ids of those."""
    table = table_in(files, "bundle.toml")
    rows = process_rows(files)
    gone = [str(row.get("id")) for row in rows if not keep(row)]
    if not gone:
        return dict(files), []
    table["process"] = [row for row in rows if keep(row)]
    if not table["process"]:
        del table["process"]
    text = files["bundle.toml"].decode()
    for name in gone:
        head = rf'^\[\[process\]\][ \t]*\n(?:(?!\[)[^\n]*\n)*?id = "{re.escape(name)}"[ \t]*\n'
        block = head + r"(?:(?!\[)[^\n]*(?:\n|\Z))*"
        text = re.sub(block, "", text, count=1, flags=re.MULTILINE)
    return {**files, "bundle.toml": settled(text, table)}, gone


def changed_process(files: Files, clause: str, name: str, word: str) -> bytes:
    """`bundle.toml` with one member of a process row set."""
    table = table_in(files, "bundle.toml")
    table["process"] = [
        {**row, name: word} if row.get("id") == clause else row for row in process_rows(files)
    ]
    return tomli_w.dumps(table).encode()
