"""A table on standard output where the terminal is wide enough for it, otherwise an entry for each row.

Nothing is ever cut off: what is read here is names, values and ids that somebody goes on with. Where there is
no terminal, a line is as long as it has to be.
"""

import shutil
import sys
from collections.abc import Sequence

import click

_GAP = "  "


def show_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The rows below their head. As an entry, each begins with its first cell."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in laid_out(head, rows, width):
        click.echo(line)


def laid_out(head: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """The lines; `width`: of the terminal, None where there is none."""
    columns = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        _GAP.join(cell.ljust(size) for cell, size in zip(row, columns, strict=True)).rstrip()
        for row in (head, *rows)
    ]
    if width is None or max(map(len, lines)) <= width:
        return lines
    found: list[str] = []
    for first, *others in rows:
        found.append(first)
        cells = [f"{name}: {cell}" for name, cell in zip(head[1:], others, strict=True) if cell]
        found += _wrapped(cells, width)
    return found


def _wrapped(cells: Sequence[str], width: int) -> list[str]:
    """As many cells on a line as fit; one that fits on none has its own."""
    lines: list[str] = []
    for cell in cells:
        if lines and len(lines[-1]) + len(_GAP) + len(cell) <= width:
            lines[-1] += _GAP + cell
        else:
            lines.append(_GAP + cell)
    return lines
