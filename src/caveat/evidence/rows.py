"""Rows of a table, whatever container they travel in: CSV, TSV, JSONL or a JSON array of objects.

Laws of the module: a row is the set of its named cells, so order of keys and columns, quoting and blanks
around a cell do not matter, and every other character does; where two readers could see different rows there
is no table. `read_rows` accounts for every byte, so what it reads may carry permission; `loose_rows` takes
whatever looks like a row in any text, so what it reads may only restrict.
Source: EVIDENCE section 7, attacks 22, 25, 28 and 32 in `THREAT_MODEL.md`.
"""

import csv
import io
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn, cast

import orjson

from caveat.signing.merkle import leaf_hash

CANONICAL_ROWS = "caveat-rows-v1"
MAX_ROWS = 1_000_000
MAX_COLUMNS = 256
MAX_CELL_CHARACTERS = 65_536
SALT_BYTES = 16
DELIMITERS = (",", "\t", ";", "|")

_BLANK = " \t"
_JSON_SPACE = " \t\r\n"
# As in `counting`: readers disagree about which of these end a line; a lone surrogate is no text at all.
_TREACHEROUS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]|\r(?!\n)")

_FLAT_OBJECT = re.compile(r"\{[^{}]{1,65536}\}")

Columns = tuple[str, ...]
Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `cells` under `columns`, in the order in which the container gave them."""

    columns: Columns
    cells: Cells

    def project(self, columns: Columns) -> Cells | None:
        """The cells of these columns in this order; None where one is missing."""
        if columns == self.columns:
            return self.cells
        named = dict(zip(self.columns, self.cells, strict=True))
        try:
            return tuple([named[column] for column in columns])
        except KeyError:
            return None


class _NoTableError(ValueError):
    """Two readers could differ about what these rows are."""


def table_key(columns: Columns, salt: bytes) -> bytes:
    """What every leaf of one kind of table starts with: the named columns in fixed order, and the salt."""
    return leaf_hash(salt + orjson.dumps(columns))


def row_leaf(key: bytes, cells: Sequence[str]) -> bytes:
    """The leaf hash of one row of a table with that key. Source: RFC 6962 section 2.1."""
    return leaf_hash(key + orjson.dumps(cells))


def canonical_cell(value: object) -> str:
    """A cell as text: blanks around it do not count, and nothing is the empty text. A number is what it was
    written as, so `1.50` is not `1.5`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise _NoTableError
    if len(value) > MAX_CELL_CHARACTERS:
        raise _NoTableError
    if not value.isprintable() and ("\n" in value or _TREACHEROUS.search(value)):
        raise _NoTableError
    return value.strip(_BLANK)


def canonical_cells(values: Collection[object]) -> Cells:
    """Each of these as `canonical_cell` has it; raises as it does."""
    texts = cast("Collection[str]", values)
    try:
        joined = "".join(texts)
    except TypeError:  # not all of them are
        return tuple([canonical_cell(value) for value in values])
    # Of nearly every row all cells are short and printable, which is asked once for all of them.
    if joined.isprintable() and len(joined) <= MAX_CELL_CHARACTERS:
        return tuple([text.strip(_BLANK) for text in texts])
    return tuple([canonical_cell(text) for text in texts])


def read_rows(text: str) -> tuple[Row, ...]:
    """The rows that all of `text` consists of, in the reading with most columns; none where there is none."""
    return max(readings(text), key=lambda rows: len(rows[0].columns) if rows else 0, default=())


def readings(text: str, tables: Sequence[Columns] | None = None) -> Iterator[tuple[Row, ...]]:
    """Each way of reading all of `text` as rows: JSON where it starts like it, else by each delimiter.

    With `tables`, only readings that could have every column of one of them.
    """
    text = text.removeprefix("\ufeff")
    first = text.lstrip(_JSON_SPACE)[:1]
    in_json = first in ("[", "{")
    header = text.lstrip("\r\n").partition("\n")[0]
    if tables is not None and not in_json and not _may_name(header, tables):
        return
    if _is_treacherous(text):
        return
    if in_json:
        try:
            yield tuple(_json_rows(text, first))
        except (_NoTableError, ValueError, RecursionError):
            return
        return
    for delimiter in DELIMITERS:
        if delimiter in header or delimiter == DELIMITERS[0]:
            try:
                yield tuple(_separated_rows(text, delimiter))
            except (_NoTableError, csv.Error):
                continue


def _is_treacherous(text: str) -> bool:
    """Whether readers could differ about where lines end, or about whether it is text."""
    # All that is treacherous is unprintable, and a whole text is asked for that many times as fast.
    plain = text.replace("\r\n", "").replace("\n", "").replace("\t", "")
    return not plain.isprintable() and _TREACHEROUS.search(text) is not None


def _may_name(line: str, tables: Sequence[Columns]) -> bool:
    """Whether a header could name every column of a table; a quote inside a name is doubled in CSV."""
    return '""' in line or any(all(column in line for column in columns) for columns in tables)


def _separated_rows(text: str, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: Columns | None = None
    for row in reader:
        if not row:
            continue
        cells = canonical_cells(row)
        if columns is None:
            columns = _checked_columns(cells)
        elif len(cells) != len(columns):
            raise _NoTableError
        else:
            yield Row(columns, cells)


def _checked_columns(names: Cells) -> Columns:
    if len(names) > MAX_COLUMNS or len(set(names)) != len(names) or not all(names):
        raise _NoTableError
    return names


def _json_rows(text: str, first: str) -> Iterator[Row]:
    if first == "[":
        values = _load(text)
        if not isinstance(values, list):
            raise _NoTableError
        yield from (_object_row(value) for value in cast("list[object]", values))
        return
    for line in text.split("\n"):
        if bare := line.strip(_JSON_SPACE):
            yield _object_row(_load_bare(bare))


def _object_row(value: object) -> Row:
    if not isinstance(value, dict) or not value:
        raise _NoTableError
    named = cast("dict[str, object]", value)
    columns = _columns_of(tuple(named))
    return Row(columns, canonical_cells(named.values()))


@lru_cache(maxsize=256)
def _columns_of(names: tuple[str, ...]) -> Columns:
    return _checked_columns(canonical_cells(names))


def _load(text: str) -> object:
    return _DECODER.decode(text)


def _load_bare(bare: str) -> object:
    """As `_load`, of text without white space around it."""
    value, end = _DECODER.raw_decode(bare)
    if end != len(bare):
        raise _NoTableError
    return value


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    named = dict(pairs)
    if len(named) != len(pairs):
        raise _NoTableError
    return named


def _refuse_constant(_text: str) -> NoReturn:
    raise _NoTableError


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=str, parse_int=str, parse_constant=_refuse_constant
)


def loose_rows(text: str, tables: Sequence[Columns]) -> Iterator[tuple[Columns, Cells]]:
    """Whatever line of any text could be a row of one of `tables`: under a header that names its columns
    anywhere above, or with as many cells as the table has. May find what is none; must not permit anything.
    """
    by_width = {len(columns): [one for one in tables if len(one) == len(columns)] for columns in tables}
    headers: dict[str, tuple[Columns, list[Columns]]] = {}
    if "{" in text:
        for found in _FLAT_OBJECT.finditer(text):
            yield from _loose_object(found[0], tables)
    for line in text.splitlines():
        bare = line.strip(_JSON_SPACE)
        may_name = _may_name(bare, tables)
        for delimiter in DELIMITERS:
            width = bare.count(delimiter) + 1
            header = headers.get(delimiter)
            is_width = width in by_width or (header is not None and width == len(header[0]))
            if not (may_name or is_width or '"' in bare):
                continue
            cells = _loose_cells(bare, delimiter)
            if cells is None:
                continue
            named = [columns for columns in tables if set(columns) <= set(cells)] if may_name else []
            if named:
                headers[delimiter] = (cells, named)
                continue
            yield from ((columns, cells) for columns in by_width.get(len(cells), ()))
            if header is not None and len(header[0]) == len(cells):
                by_name = dict(zip(header[0], cells, strict=True))
                for columns in header[1]:
                    yield columns, tuple([by_name[column] for column in columns])


def _loose_object(line: str, tables: Sequence[Columns]) -> Iterator[tuple[Columns, Cells]]:
    try:
        row = _object_row(_load(line))
    except (ValueError, RecursionError):
        return
    for columns in tables:
        cells = row.project(columns)
        if cells is not None:
            yield columns, cells


def _loose_cells(line: str, delimiter: str) -> Cells | None:
    if '"' not in line:
        return tuple([cell.strip(_BLANK) for cell in line.split(delimiter)])
    try:
        rows = list(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return None
    return tuple([cell.strip(_BLANK) for cell in rows[0]]) if rows else None


def render_rows(rows: Sequence[Row]) -> bytes:
    """Rows as JSONL, in which they are counted."""
    return b"".join(orjson.dumps(dict(zip(row.columns, row.cells, strict=True))) + b"\n" for row in rows)
