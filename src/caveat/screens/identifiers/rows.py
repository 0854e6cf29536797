"""Content read as records of persons: rows of tables, objects of JSON. Pure.

Reads what `evidence.counting` reads, and refuses what it refuses, where an id column is named: where two
readers could see different rows there are none. Without one it reads nested objects too.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from caveat.screens.identifiers.blocks import SNIFFED_LINES, blocks_in, delimiter_of
from caveat.screens.identifiers.encoded import spelt_out
from caveat.screens.identifiers.objects import Record, records_of, said
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


def read_broken(content: bytes) -> Content | None:
    """The rows of a table or of JSON lines of which some are broken, for counts that are lower bounds; None
    where there are none."""
    lines = content.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    said_of = [record for line in lines if line.lstrip()[:1] in ("{", "[") for record in _broken_json(line)]
    if said_of:
        return Content(said_of)
    delimiter = delimiter_of(lines[:2]) or delimiter_of([*lines[:1], *lines[2:3]])
    if delimiter is None:
        return None
    header = [name.strip(' "') for name in lines[0].split(delimiter)]
    cells = ([cell.strip(' "') for cell in line.split(delimiter)] for line in lines[1:])
    return Content([Record(list(zip(header, row, strict=False))) for row in cells if len(row) > 1])


def _broken_json(line: str) -> Iterator[Record]:
    try:
        value: Json = json.loads(line, object_pairs_hook=_every_member)
    except (ValueError, RecursionError):
        return
    yield from records_of(value)


def _every_member(pairs: list[tuple[str, Json]]) -> Json:
    """An object as each reader could read it: where it has a name twice, one object for each time."""
    readings: list[dict[str, Json]] = [{}]
    times: dict[str, int] = {}
    for name, value in pairs:
        at = times[name] = times.get(name, -1) + 1
        if at == len(readings):
            readings.append({})
        readings[at][name] = value
    return readings[0] if len(readings) == 1 else list[Json](readings)


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
    return list(records_of(value))


def _json_lines(text: str, *, strict: bool) -> list[Record]:
    records: list[Record] = []
    size = len(text) * 4 + 4
    for line in text.split("\n"):
        bare = line.strip(_SPACE)
        if bare:
            depth = 2 if strict else MAX_DEPTH
            value = parse_strict(bare.encode(), max_bytes=size, max_depth=depth, floats=True)
            records.extend([_flat(value)] if strict else records_of(value))
    return records


def _json_array(text: str, *, strict: bool) -> list[Record]:
    depth = 3 if strict else MAX_DEPTH
    value = parse_strict(text.encode(), max_bytes=len(text) * 4 + 4, max_depth=depth, floats=True)
    if strict:
        if not isinstance(value, list):
            raise UnreadableError
        return [_flat(row) for row in value]
    return list(records_of(value))


def _flat(row: Json) -> Record:
    if not isinstance(row, dict):
        raise UnreadableError
    for name, value in row.items():
        if isinstance(value, (dict, list)) or len(name) > MAX_CELL_CHARS:
            raise UnreadableError
        if isinstance(value, str) and (len(value) > MAX_CELL_CHARS or "\n" in value or "\r" in value):
            raise UnreadableError
    return Record([(name, said(value)) for name, value in row.items()])
