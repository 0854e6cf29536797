"""The cells of one record about one person, read by what their columns say. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from caveat.screens.identifiers.columns import Column
from caveat.screens.identifiers.found import Kind
from caveat.screens.identifiers.instants import is_date
from caveat.screens.identifiers.positions import is_latitude, is_longitude, is_position
from caveat.screens.identifiers.prose import find_identifiers

MAX_ID_CHARS = 128
_NAME, _POSITION = Kind.NAME, Kind.POSITION
"""Looked up once: a record asks for each of them several times."""


@dataclass(slots=True)
class Said:
    """The cells of one record about one person."""

    values: list[tuple[Kind, str]] = field(default_factory=list[tuple[Kind, str]])
    names: tuple[str, ...] = ()
    given: str = ""
    family: str = ""
    born: str = ""
    times: tuple[str, ...] = ()
    lat: str = ""
    lon: str = ""
    positions: tuple[str, ...] = ()
    attributes: set[str] = field(default_factory=set[str])
    loose: bool = False
    in_prose: bool = False
    points_beside: int = 0
    times_beside: tuple[str, ...] = ()


def count_point(about: Said, said: Said) -> None:
    """A place of an object in a list is one more point of whoever holds the list."""
    if has_place(said):
        about.points_beside += 1
        about.attributes.add("location_history")
        about.times_beside += said.times


def has_place(said: Said) -> bool:
    """Whether the cells say where somebody was."""
    return bool(said.positions) or bool(said.lat and said.lon)


def read_cell(said: Said, column: Column, cell: str) -> None:
    """Adds what one cell says."""
    match column.part:
        case "":
            _read_value(said, column, cell)
        case "given":
            said.given = f"{said.given} {cell}".strip()
        case "family":
            said.family = f"{said.family} {cell}".strip()
        case "born":
            said.born = cell
        case "time":
            said.times += (cell,)
        case "lat" if is_latitude(cell):
            said.lat = cell
        case "lon" if is_longitude(cell):
            said.lon = cell
        case _:
            _read_value(said, column, cell)


def _read_value(said: Said, column: Column, cell: str) -> None:
    kind = column.kind
    if kind is None:
        if column.attribute:
            said.attributes.add(column.attribute)
        if 6 <= len(cell) <= MAX_ID_CHARS and may_be_found(cell):
            said.values += _found_in(cell)
    elif kind is _NAME:
        said.names += (cell,)
        said.loose |= column.loose
    elif kind is _POSITION:
        if is_position(cell):
            said.positions += (cell,)
    else:
        said.values.append((kind, cell))


def may_be_found(cell: str) -> bool:
    """Whether a cell of a column that says nothing is looked at: most are words, dates or plain numbers."""
    return "@" in cell or cell[0] == "+" or (cell.count("-") == 2 and is_date(cell) is None)


def _found_in(cell: str) -> Iterator[tuple[Kind, str]]:
    """What such a cell holds, where the whole cell is one identifier."""
    for one in find_identifiers(cell):
        if one.kind is not Kind.POSITION and one.end - one.start >= len(cell) - 2:
            yield one.kind, cell[one.start : one.end]
