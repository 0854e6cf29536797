"""Content read as records of persons: rows of tables, objects of JSON. Pure.

Reads what `evidence.counting` reads, and refuses what it refuses, where an id column is named: where two
readers could see different rows there are none. Without one it reads nested objects too.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from caveat.screens.identifiers.blocks import SNIFFED_LINES, blocks_in, delimiter_of
from caveat.screens.identifiers.columns import read_column
from caveat.screens.identifiers.encoded import spelt_out
from caveat.signing.canonical import Json, StrictJsonError, parse_strict

MAX_CONTENT_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 32
MAX_CELL_CHARS = 1024
_SPACE = " \t\r\n"
_TREACHEROUS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")
_LONE_RETURN = re.compile("\r(?!\n)")
_BINARY = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class UnreadableError(ValueError):
    """The content is not what it is said to be, or two readers could differ about it."""


@dataclass(slots=True)
class Record:
    """One row or object. `cells`: its values by column, each as text; a column may occur several times.

    `nested`: objects in lists that it holds, each by itself.
    """

    cells: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    nested: list["Record"] = field(default_factory=list["Record"])


@dataclass(frozen=True, slots=True)
class Content:
    """What was read: records, prose, or records that stand in prose with what is around them."""

    records: Sequence[Record] = ()
    prose: str | None = None


def read_content(content: bytes, media_type: str, id_column: str | None) -> Content:
    """The records of a content, or its prose. Raises `UnreadableError`."""
    if len(content) > MAX_CONTENT_BYTES:
        raise UnreadableError
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise UnreadableError from error
    essence = media_type.partition(";")[0].strip().lower()
    if essence.startswith(("image/", "audio/", "video/")) or _BINARY.search(text):
        raise UnreadableError
    try:
        return _read(text, essence, id_column)
    except (StrictJsonError, csv.Error, RecursionError) as error:
        raise UnreadableError from error


def _read(text: str, essence: str, id_column: str | None) -> Content:
    strict = id_column is not None
    if "json" in essence:
        lines = essence not in ("application/json", "text/json") or text.lstrip(_SPACE)[:1] != "["
        records = None
        if not strict and lines:
            records = _one_object(text)
        if records is None:
            records = _json_lines(text, strict=strict) if lines else _json_array(text, strict=strict)
        return Content(_checked(records, id_column))
    if essence in ("text/csv", "text/tab-separated-values"):
        delimiter = "," if essence == "text/csv" else "\t"
        return Content(_checked(_separated(text, delimiter, strict=strict), id_column))
    return _sniffed(text, id_column)


def _sniffed(text: str, id_column: str | None) -> Content:
    """What no media type tells: rows where an id column is named, else whatever it reads as."""
    read = _as_it_stands(text, id_column)
    if read.prose is None:
        return read
    plain = spelt_out(text)
    if plain != text:
        read = _as_it_stands(plain, None)
    return read if read.prose is None else _mixed(read.prose)


def _mixed(text: str) -> Content:
    """Tables and JSON that stand between sentences, and the sentences."""
    records: list[Record] = []
    prose: list[str] = []
    for before, block in blocks_in(text):
        prose.append(before)
        if block:
            read = _as_it_stands(block, None)
            records += read.records
            prose.append(read.prose or "")
    return Content(records, "\n\n".join(filter(None, prose))) if records else Content(prose=text)


def _as_it_stands(text: str, id_column: str | None) -> Content:
    first = text.lstrip(_SPACE)[:1]
    if id_column is not None:
        essence = {"[": "application/json", "{": "application/jsonl"}.get(first, "text/csv")
        return _read(text, essence, id_column)
    if first in ("[", "{"):
        try:
            records = _one_object(text) or _json_lines(text, strict=False)
        except (StrictJsonError, UnreadableError):
            return Content(prose=text)
        return Content(records) if any(one.cells for one in _all(records)) else Content(prose=text)
    delimiter = delimiter_of(text.split("\n", SNIFFED_LINES)[:SNIFFED_LINES])
    if delimiter is not None:
        try:
            return Content(list(_separated(text, delimiter, strict=False)))
        except (csv.Error, UnreadableError):
            return Content(prose=text)
    return Content(prose=text)


def _all(records: Sequence[Record]) -> Iterator[Record]:
    for record in records:
        yield record
        yield from _all(record.nested)


def _checked(records: Sequence[Record], id_column: str | None) -> Sequence[Record]:
    if id_column is not None:
        for record in records:
            if sum(name == id_column for name, _ in record.cells) != 1:
                raise UnreadableError
    return records


def _separated(text: str, delimiter: str, *, strict: bool) -> list[Record]:
    if strict and (_TREACHEROUS.search(text) or _LONE_RETURN.search(text)):
        raise UnreadableError
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    first: list[str] = next(rows, [""])
    header = [name.strip() for name in first]
    records: list[Record] = []
    for row in rows:
        if not row:
            continue
        if len(row) != len(header):
            raise UnreadableError
        if strict and any(len(cell) > MAX_CELL_CHARS or "\n" in cell for cell in row):
            raise UnreadableError
        records.append(Record(list(zip(header, row, strict=True))))
    return records


def _one_object(text: str) -> list[Record] | None:
    """The records of a text that is one JSON value; None where it is several lines of such."""
    try:
        value = parse_strict(text.encode(), max_bytes=len(text) * 4 + 4, max_depth=MAX_DEPTH, floats=True)
    except StrictJsonError:
        return None
    return list(_records(value))


def _json_lines(text: str, *, strict: bool) -> list[Record]:
    records: list[Record] = []
    size = len(text) * 4 + 4
    for line in text.split("\n"):
        bare = line.strip(_SPACE)
        if bare:
            depth = 2 if strict else MAX_DEPTH
            value = parse_strict(bare.encode(), max_bytes=size, max_depth=depth, floats=True)
            records.extend([_flat(value)] if strict else _records(value))
    return records


def _json_array(text: str, *, strict: bool) -> list[Record]:
    depth = 3 if strict else MAX_DEPTH
    value = parse_strict(text.encode(), max_bytes=len(text) * 4 + 4, max_depth=depth, floats=True)
    if strict:
        if not isinstance(value, list):
            raise UnreadableError
        return [_flat(row) for row in value]
    return list(_records(value))


def _flat(row: Json) -> Record:
    if not isinstance(row, dict):
        raise UnreadableError
    for name, value in row.items():
        if isinstance(value, (dict, list)) or len(name) > MAX_CELL_CHARS:
            raise UnreadableError
        if isinstance(value, str) and (len(value) > MAX_CELL_CHARS or "\n" in value or "\r" in value):
            raise UnreadableError
    return Record([(name, said(value)) for name, value in row.items()])


def _records(value: Json) -> Iterator[Record]:
    """The objects of a JSON value. Those in lists are records; those in objects belong to the object."""
    if isinstance(value, dict):
        yield _record_of(value)
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, (dict, list)):
                yield from _records(one)
            elif one is not None:
                yield Record([("", said(one))])


def _record_of(value: Mapping[str, Json]) -> Record:
    record = Record()
    for name, member in value.items():
        _gather(record, name, member)
    return record


def _gather(record: Record, name: str, member: Json) -> None:
    if isinstance(member, dict):
        inner = _record_of(member)
        if _is_apart(record, inner):
            record.nested.append(inner)
        else:
            record.cells.extend((_joined(name, column), cell) for column, cell in inner.cells)
            record.nested.extend(inner.nested)
    elif isinstance(member, list):
        for one in member:
            if isinstance(one, dict):
                record.nested.append(_record_of(one))
            elif isinstance(one, list):
                record.nested.extend(_records(one))
            else:
                record.cells.append((name, said(one)))
    else:
        record.cells.append((name, said(member)))


def _is_apart(record: Record, inner: Record) -> bool:
    """Whether an object within another is of somebody else: it says again what the other says already."""
    kinds = {column.kind for name, _ in record.cells if (column := read_column(name)).kind is not None}
    return any(read_column(name).kind in kinds for name, _ in inner.cells)


def _joined(outer: str, inner: str) -> str:
    """`sender.email` says whose address it is; `contact.email` says no more than `email`."""
    return f"{outer}_{inner}" if read_column(f"{outer}_x").role or not read_column(inner).kind else inner


def said(value: Json) -> str:
    """A value as text: nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
