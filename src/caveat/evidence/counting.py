"""Persons in a table, counted by the gateway itself: rows, and distinct persons by an id column.

It never counts too few by a trick of form: where two readers could see different rows, or persons could
hide inside one, there is no count, and no count is unknown. Blank ids are one person each. What it cannot
see is a person named in the plain words of another column; the reference says so.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from caveat.signing.canonical import Json, StrictJsonError, parse_strict

CSV, TSV, JSONL, JSON = "text/csv", "text/tab-separated-values", "application/jsonl", "application/json"
_SAME = {"application/x-ndjson": JSONL, "application/ndjson": JSONL, "application/x-jsonlines": JSONL}
MAX_CELL_CHARACTERS = 1024
MAX_ID_CHARACTERS = 128
_JSON_SPACE = " \t\r\n"
# Readers disagree about which of these end a line, and a row that hides in a cell is a person not counted.
_TREACHEROUS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")
_SEVERAL = re.compile(r"[\s,;|]")  # an id with a separator in it may be several
_LONE_RETURN = re.compile("\r(?!\n)")


@dataclass(frozen=True, slots=True)
class Count:
    """`rows` of data, and `persons`: distinct ids, with each blank id one person more."""

    rows: int
    persons: int


class _UncountableError(ValueError):
    """Two readers could differ about what these rows are, so nobody counts them."""


def count_persons(content: bytes, media_type: str, id_column: str) -> Count | None:
    """Rows and distinct persons in a CSV, TSV, JSONL or JSON-array part, or None where it is not countable.

    Fails towards None, which leaves the count unknown: malformed data, a missing or doubled column, ragged
    rows, nested values, duplicate keys, overlong cells, line ends inside cells.
    """
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
        read = _reader(media_type, text)
        return _count(read(text, id_column))
    except (_UncountableError, UnicodeDecodeError, StrictJsonError, csv.Error):
        return None


def sniff_media_type(text: str) -> str:
    """The form in which rows would be read where none was declared; it decides nothing by itself."""
    first = text.lstrip(_JSON_SPACE)[:1]
    return JSON if first == "[" else JSONL if first == "{" else CSV


_Reader = Callable[[str, str], Iterable[str]]


def _reader(media_type: str, text: str) -> _Reader:
    essence = media_type.partition(";")[0].strip().lower()
    match _SAME.get(essence, essence):
        case "text/csv":
            return _csv_ids
        case "text/tab-separated-values":
            return _tsv_ids
        case "application/jsonl":
            return _jsonl_ids
        case "application/json":
            # One object a line is often called JSON: read as what it is, it has the same rows.
            return _array_ids if sniff_media_type(text) == JSON else _jsonl_ids
        case _:
            return {JSON: _array_ids, JSONL: _jsonl_ids, CSV: _csv_ids}[sniff_media_type(text)]


def _count(ids: Iterable[str]) -> Count:
    rows = blank = 0
    seen: set[str] = set()
    for raw in ids:
        rows += 1
        person = raw.strip()
        if not person:
            blank += 1
        elif len(person) > MAX_ID_CHARACTERS or _SEVERAL.search(person):
            raise _UncountableError
        else:
            seen.add(person)
    return Count(rows, len(seen) + blank)


def _csv_ids(text: str, id_column: str) -> Iterable[str]:
    return _separated_ids(text, id_column, ",")


def _tsv_ids(text: str, id_column: str) -> Iterable[str]:
    return _separated_ids(text, id_column, "\t")


def _separated_ids(text: str, id_column: str, delimiter: str) -> Iterable[str]:
    if _TREACHEROUS.search(text) or _LONE_RETURN.search(text):
        raise _UncountableError
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    first: list[str] = next(rows, [""])
    header = [name.strip() for name in first]
    if header.count(id_column.strip()) != 1:
        raise _UncountableError
    place, width = header.index(id_column.strip()), len(header)
    ids: list[str] = []
    for row in rows:
        if not row:
            continue  # an empty line
        if len(row) != width:
            raise _UncountableError
        for cell in row:
            if len(cell) > MAX_CELL_CHARACTERS or "\n" in cell:
                raise _UncountableError
        ids.append(row[place])
    return ids


def _jsonl_ids(text: str, id_column: str) -> Iterable[str]:
    size = len(text) * 4
    for line in text.split("\n"):
        bare = line.strip(_JSON_SPACE)
        if bare:
            yield _id_of(parse_strict(bare.encode(), max_bytes=size, max_depth=2, floats=True), id_column)


def _array_ids(text: str, id_column: str) -> Iterable[str]:
    rows = parse_strict(text.encode(), max_bytes=len(text) * 4, max_depth=3, floats=True)
    if not isinstance(rows, list):
        raise _UncountableError
    for row in rows:
        yield _id_of(row, id_column)


def _id_of(row: Json, id_column: str) -> str:
    if not isinstance(row, dict):
        raise _UncountableError
    for name, value in row.items():
        hides = isinstance(value, (dict, list)) or (isinstance(value, str) and _hides_rows(value))
        if hides or len(name) > MAX_CELL_CHARACTERS:
            raise _UncountableError
    if id_column not in row:
        raise _UncountableError
    person = row[id_column]
    if person is None:
        return ""
    if isinstance(person, (bool, float)):
        raise _UncountableError
    return str(person)


def _hides_rows(cell: str) -> bool:
    if len(cell) > MAX_CELL_CHARACTERS:
        return True
    return not cell.isprintable() and ("\n" in cell or "\r" in cell or _TREACHEROUS.search(cell) is not None)
