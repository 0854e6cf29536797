"""JSON values as records of persons, in the shapes in which programs write tables. Pure.

Objects in a list are a record each, and so are lists under a header, the entries of columns that are lists,
and members that are called by an identifier.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from caveat.screens.identifiers.columns import read_column
from caveat.signing.canonical import Json

_HEADERS = ("columns", "header", "headers", "fields")
_MIN_ALONE = 5
"""A single column of so many entries is a table; fewer may be one person's addresses."""
_MIN_NUMBER_DIGITS = 7


@dataclass(slots=True)
class Record:
    """One row or object. `cells`: its values by column, each as text; a column may occur several times.

    `nested`: objects in lists that it holds, each by itself.
    """

    cells: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    nested: list["Record"] = field(default_factory=list["Record"])


def records_of(value: Json) -> Iterator[Record]:
    """The objects of a JSON value. Those in lists are records; those in objects belong to the object."""
    if isinstance(value, dict):
        yield _record_of(value)
    elif isinstance(value, list):
        if _is_header(value[0] if value else None) and _are_lists(value):
            yield from _under(value[0], value[1:])
            return
        for one in value:
            if isinstance(one, (dict, list)):
                yield from records_of(one)
            elif one is not None:
                yield Record([("", said(one))])


def _record_of(value: Mapping[str, Json]) -> Record:
    record = Record()
    columns = _columns(value)
    record.nested += _across(columns)
    header = next((value[name] for name in _HEADERS if _is_header(value.get(name))), None)
    for name, member in value.items():
        if name in columns or member is header is not None:
            continue
        if header is not None and isinstance(member, list) and member and _are_lists(member):
            record.nested += _under(header, member)
        elif isinstance(member, dict) and _is_identifier(name):
            inner = _record_of(member)
            inner.cells.append(("name" if "@" not in name and " " in name else "", name))
            record.nested.append(inner)
        else:
            _gather(record, name, member)
    return record


def _is_header(value: Json) -> bool:
    """Whether a list names columns, of which at least one is about persons."""
    if not isinstance(value, list) or not value:
        return False
    names = [one for one in value if isinstance(one, str)]
    return len(names) == len(value) and any(map(_is_about_persons, names))


def _is_about_persons(name: str) -> bool:
    column = read_column(name)
    return column.kind is not None or column.part in ("given", "family")


def _are_lists(rows: Sequence[Json]) -> bool:
    return all(isinstance(row, list) for row in rows)


def _under(header: Json, rows: Sequence[Json]) -> Iterator[Record]:
    names = header if isinstance(header, list) else []
    for row in rows:
        cells = row if isinstance(row, list) else []
        yield Record([(str(name or ""), said(cell)) for name, cell in zip_longest(names, cells)])


def _columns(value: Mapping[str, Json]) -> dict[str, list[Json]]:
    """The members that are columns: alike in length, and nobody is named beside them."""
    lists = {name: _entries(member) for name, member in value.items()}
    found = {name: entries for name, entries in lists.items() if len(entries) > 1}
    known = [name for name in found if _is_about_persons(name)]
    if not known or any(not lists[name] and _is_about_persons(name) for name in value):
        return {}
    length = len(found[known[0]])
    alike = {name: entries for name, entries in found.items() if len(entries) == length}
    return alike if len(alike) > 1 or length >= _MIN_ALONE else {}


def _entries(member: Json) -> list[Json]:
    """A column as a list, or as an object by row; empty for anything else."""
    entries = list(member.values()) if isinstance(member, dict) else member
    if not isinstance(entries, list) or any(isinstance(one, (dict, list)) for one in entries):
        return []
    by_row = not isinstance(member, dict) or all(name.isdigit() for name in member)
    return entries if by_row else []


def _across(columns: Mapping[str, Sequence[Json]]) -> Iterator[Record]:
    for cells in zip(*columns.values(), strict=True):
        yield Record([(name, said(cell)) for name, cell in zip(columns, cells, strict=True)])


def _is_identifier(name: str) -> bool:
    """Whether a member is called by somebody's address, number or name, and not by a word for what it is."""
    return "@" in name or " " in name.strip() or sum(map(str.isdigit, name)) >= _MIN_NUMBER_DIGITS


def _gather(record: Record, name: str, member: Json) -> None:
    if isinstance(member, dict):
        inner = _record_of(member)
        if _is_apart(record, inner):
            record.nested.append(inner)
        else:
            record.cells.extend((_joined(name, column), cell) for column, cell in inner.cells)
            record.nested.extend(inner.nested)
    elif isinstance(member, list):
        if _is_header(member[0] if member else None) and _are_lists(member):
            record.nested.extend(_under(member[0], member[1:]))
            return
        for one in member:
            if isinstance(one, dict):
                record.nested.append(_record_of(one))
            elif isinstance(one, list):
                record.nested.extend(records_of(one))
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
