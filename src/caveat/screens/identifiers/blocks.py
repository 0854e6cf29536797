"""Where tables and JSON stand in a text that is something else as well. Pure, and linear in the text.

A table is lines that one mark cuts as its header is cut, where the header names something about persons. JSON
is what a line with an opening bracket begins. Both end with their block, or where their form does.
"""

import re
from collections.abc import Iterator, Sequence

from caveat.screens.identifiers.columns import read_column

SNIFFED_LINES = 20
_MIN_COLUMNS = 2
_HEADERS = 4
"""So many lines of a block are tried as a header: sentences stand above tables."""
_PARTED = re.compile(r"\n[ \t]*+(?:\n[ \t]*+)++|^[ \t]*+(?:```|~~~)[^\n]{0,40}$\n?", re.MULTILINE)
_OPENS = re.compile(r"^[ \t]*+[\[{]", re.MULTILINE)
_CLOSES = re.compile(r"[\]}][,;]?[ \t\r]*+$", re.MULTILINE)
DELIMITERS = (",", "\t", ";", "|")


def blocks_in(text: str) -> Iterator[tuple[str, str]]:
    """The text in order, as words and what stands behind them and may be rows; either may be empty."""
    for block in _PARTED.split(text):
        if "\n" not in block and block.lstrip()[:1] not in ("[", "{"):
            yield block, ""
            continue
        start, end = _table(block) or _json(block) or (0, 0)
        yield block[:start] if end else block, block[start:end]
        if end and block[end:].strip():
            yield block[end:], ""


def delimiter_of(lines: Sequence[str]) -> str | None:
    """What separates the columns of lines of which the first names at least one that is about persons."""
    lines = [line for line in lines if line.strip()]
    if len(lines) < 2:
        return None
    for delimiter in DELIMITERS:
        header = lines[0].split(delimiter)
        if len(header) < _MIN_COLUMNS:
            continue
        widths = {line.count(delimiter) for line in lines[1:-1] or lines[1:]}
        known = [column for column in map(read_column, header) if column.kind is not None or column.part]
        if known and min(widths) >= len(header) - 1:
            return delimiter
    return None


def _table(block: str) -> tuple[int, int] | None:
    start = 0
    for _ in range(_HEADERS):
        lines = block[start:].split("\n", SNIFFED_LINES)[:SNIFFED_LINES]
        if len(lines) < 2:
            return None
        for delimiter in DELIMITERS:
            width = lines[0].count(delimiter)
            if width and lines[1].count(delimiter) >= width and delimiter_of(lines[:2]) == delimiter:
                return start, _end_of(block, start, delimiter, width)
        start += len(lines[0]) + 1
    return None


def _end_of(block: str, start: int, delimiter: str, width: int) -> int:
    end = start
    while end < len(block):
        line_end = block.find("\n", end)
        line_end = len(block) if line_end < 0 else line_end
        if block.count(delimiter, end, line_end) < width:
            break
        end = line_end + 1
    return min(end, len(block))


def _json(block: str) -> tuple[int, int] | None:
    opens = _OPENS.search(block)
    if opens is None:
        return None
    ends = [match.end() for match in _CLOSES.finditer(block, opens.start())]
    return (opens.start(), ends[-1]) if ends else None
