"""What each record says of one person: identifiers, what tells people apart, attributes, places at times.

Values by which a record is known are of two sorts. Its *own* stand for the person beyond doubt of this
content: an id of the declared column, a name beside a date of birth or beside another identifier. *Linking*
ones stand for whoever uses them, and count only while nobody else is seen beside them. *Local* ones join the
records of this content, and stand for the person elsewhere only where there is nothing better.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import count

from caveat.screens.identifiers.canonical import canonical_value, is_role_address
from caveat.screens.identifiers.cells import MAX_ID_CHARS, Said, count_point, has_place, read_cell
from caveat.screens.identifiers.columns import read_column
from caveat.screens.identifiers.encoded import may_be_encoded, spelt_out
from caveat.screens.identifiers.found import DEVICES, Found, Kind
from caveat.screens.identifiers.instants import day_of, is_date
from caveat.screens.identifiers.names import Name, exact_keys, name_of_parts, near_keys, read_name
from caveat.screens.identifiers.objects import Record
from caveat.screens.identifiers.prose import find_identifiers
from caveat.screens.identifiers.rows import Content, UnreadableError, read_content
from caveat.screens.identifiers.spellings import GIVEN
from caveat.screens.identifiers.vocabulary import words

Value = tuple[str, str]
_DEVICES = frozenset(map(str, DEVICES))
_IP, _EMAIL, _PHONE, _NATIONAL_ID = Kind.IP, Kind.EMAIL, Kind.PHONE, Kind.NATIONAL_ID
"""Looked up once: a record asks for each of them several times."""
_LONG_ID_CHARS = 9
_MAX_TEXT_DEPTH = 3


@dataclass(slots=True)
class Person:
    """One person or device as one record has it.

    `cells`: of that record; `role`: whose part of it this is, where it is not the person of the row.
    `is_identified`: by an identifier, or a name in its place. `is_loose`: by nothing but a name in a column
    where things have names too, of which `is_usual` says whether persons are often called so. `anchors`: by
    sort (`id`, `born`, `national`) the keys that two records of one person share.
    """

    cells: Sequence[tuple[str, str]] = ()
    role: str = ""
    own: Set[Value] = frozenset()
    local: Set[Value] = frozenset()
    linking: Set[Value] = frozenset()
    name: Name | None = None
    anchors: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    attributes: Set[str] = frozenset()
    points: int = 0
    days: Set[int] = frozenset()
    is_device: bool = False
    is_identified: bool = False
    is_loose: bool = False
    is_usual: bool = False
    phones: Sequence[str] = ()


def persons_in_records(records: Sequence[Record], id_column: str | None) -> list[Person]:
    """Everybody in these records. With an id column every record is somebody."""
    persons: list[Person] = []
    unnamed = count()
    for record in records:
        persons.extend(_persons(record, id_column, unnamed))
    return persons


def persons_of(read: Content, id_column: str | None) -> tuple[list[Person], list[Person]]:
    """Everybody in a content: those in records, and those in words."""
    in_words = [] if read.prose is None else persons_in_prose(read.prose)
    return persons_in_records(read.records, id_column), in_words


@dataclass(slots=True)
class _Row:
    """What one record says, by whom it says it of; `texts`: cells in which there may be others."""

    by_role: dict[str, Said] = field(default_factory=dict[str, Said])
    declared: str = ""
    texts: list[str] = field(default_factory=list[str])


def _row(record: Record, id_column: str | None) -> _Row:
    row = _Row()
    for name, written in record.cells:
        cell = written.strip()
        column = read_column(name)
        if name == id_column:
            row.declared = cell
            if column.kind is None:
                continue
        if not cell:
            continue
        if may_be_encoded(cell):
            cell = spelt_out(cell)
        if column.kind is None and _may_hold_persons(cell):
            row.texts.append(cell)
        said = row.by_role.get(column.role)
        if said is None:
            said = row.by_role[column.role] = Said()
        read_cell(said, column, cell)
    return row


def _persons(
    record: Record, id_column: str | None, unnamed: Iterator[int], depth: int = 0
) -> Iterator[Person]:
    row = _row(record, id_column)
    about = row.by_role.pop("", None) or Said()
    apart = _nested(record, about)
    main = _person(about)
    if id_column is not None:
        main = main or Person(attributes=about.attributes)
    if main is not None:
        main.cells = record.cells
        if id_column is not None:
            _declare(main, row.declared, id_column, unnamed)
        yield main
    for role, said in row.by_role.items():
        other = _person(said)
        if other is not None:
            other.cells, other.role = record.cells, role
            yield other
        elif main is not None:
            main.attributes |= said.attributes
    for inner in apart:
        yield from _persons(inner, None, unnamed, depth)
    if depth < _MAX_TEXT_DEPTH:
        for text in row.texts:
            yield from _persons_in_cell(text, unnamed, depth + 1)


def _may_hold_persons(cell: str) -> bool:
    """Whether a cell is long enough for sentences or a table, or holds an address among other words."""
    return len(cell) > MAX_ID_CHARS or ("@" in cell and " " in cell)


def _persons_in_cell(text: str, unnamed: Iterator[int], depth: int) -> Iterator[Person]:
    """Whom a text in a cell tells by an identifier; a name alone may be that of the record itself."""
    try:
        read = read_content(text.encode(), "text/plain", None)
    except (UnreadableError, UnicodeEncodeError):
        return
    for record in read.records:
        yield from _persons(record, None, unnamed, depth)
    if read.prose is not None:
        yield from (person for person in persons_in_prose(read.prose) if person.linking)


def _nested(record: Record, about: Said) -> list[Record]:
    """Objects in lists: those without an identifier of their own say more of the one who holds them."""
    apart: list[Record] = []
    for inner in record.nested:
        said = Said()
        for name, cell in inner.cells:
            if bare := cell.strip():
                read_cell(said, read_column(name), bare)
        if said.values or said.names or said.family or inner.nested:
            apart.append(inner)
        else:
            about.attributes |= said.attributes
            count_point(about, said)
            if any(_may_hold_persons(cell) for _, cell in inner.cells):
                apart.append(inner)
    return apart


def _person(said: Said) -> Person | None:
    """Who the cells are about; None where they tell nobody apart."""
    values, strong, national = _values(said)
    name = _name_of(said, has_more=bool(values or said.born))
    if name is None and not values:
        return None
    born = is_date(said.born) if said.born else None
    if said.born:
        said.attributes.add("age_band")
    person = Person(
        linking=strong or (values if name is None else frozenset[Value]()),
        attributes=said.attributes,
        phones=[text for kind, text in said.values if kind is _PHONE],
    )
    if name is not None:
        _add_name(person, name, born)
    if born is not None:
        person.anchors["born"] = frozenset({born})
    if national:
        person.anchors["national"] = frozenset(national)
    named = name is not None and name.is_whole and not said.in_prose
    person.is_identified = bool(strong) or named
    person.is_loose = named and said.loose and not strong and born is None
    person.is_usual = person.is_loose and name is not None and not GIVEN.isdisjoint(name.words)
    person.is_device = name is None and born is None and all(kind in _DEVICES for kind, _ in values)
    _add_places(person, said)
    return person


def _values(said: Said) -> tuple[set[Value], set[Value], list[str]]:
    """All identifiers; those that tell persons apart; those that one person alone has."""
    values: set[Value] = set()
    strong: set[Value] = set()
    national: list[str] = []
    for kind, text in said.values:
        plain = canonical_value(kind, text)
        if plain is None:
            continue
        value = (str(kind), plain)
        values.add(value)
        if kind is not _IP and not (kind is _EMAIL and is_role_address(plain)):
            strong.add(value)
        if kind is _NATIONAL_ID:
            national.append(plain)
    return values, strong, national


def _add_name(person: Person, name: Name, born: str | None) -> None:
    person.name = name
    if born is not None:
        person.own = {("name+born", f"{key}|{born}") for key in near_keys(name)}
    elif not person.linking:
        person.own = {("name", key) for key in exact_keys(name)}


def _add_places(person: Person, said: Said) -> None:
    person.points = said.points_beside
    if has_place(said):
        person.attributes |= {"location_history"}
        person.points += max(1, len(said.positions)) if said.times else 0
    if person.points:
        times = (*said.times, *said.times_beside)
        person.days = {day for time in times if (day := day_of(time)) is not None}


def _name_of(said: Said, *, has_more: bool) -> Name | None:
    if said.family or said.given:
        return _name_in_parts(said)
    for text in said.names:
        name = read_name(text)
        if name is not None and (
            has_more or not said.loose or (len(name.words) > 1 and not _names_a_thing(text, said))
        ):
            return name
    return None


def _name_in_parts(said: Said) -> Name | None:
    """The name in several columns. `Name` beside `Vorname` is a surname, `Nombre` beside `Apellidos` not."""
    given, family = said.given, said.family
    if said.names and not (given and family):
        other = said.names[0]
        if (given or family).casefold() in other.casefold():
            return read_name(other)
        given, family = given or other, family or other
    return name_of_parts(given, family) if family else read_name(given)


_THINGS = words(
    "price sku quantity stock product company brand category code version file size unit weight colour color "
    "model currency population capital iso species genre isbn parameters input_schema arguments function"
)


def _names_a_thing(text: str, said: Said) -> bool:
    """A product, or a function as programs write it: requests define tools by `name`."""
    return "_" in text or not said.attributes.isdisjoint(_THINGS)


def _declare(person: Person, declared: str, id_column: str, unnamed: Iterator[int]) -> None:
    """What a declared id adds: whoever has another one in this content is somebody else.

    A short one, as of numbered rows, is found in every other table too. So beside a name it counts only with
    the name, and where nothing else tells the person apart with the name of its column.
    """
    person.own = {one for one in person.own if one[0] != "name"}
    if not declared:  # one person more
        person.anchors["id"] = frozenset({f"\0{next(unnamed)}"})
        return
    column = read_column(id_column)
    named = column.kind is not None and column.kind is not Kind.NAME
    value = (canonical_value(column.kind, declared) if column.kind and named else None) or declared.casefold()
    person.anchors["id"] = frozenset({value})
    title = "".join(char for char in id_column.casefold() if char.isalnum())
    person.local = {(f"id:{title}", value)}
    if named and column.kind is not None:
        person.linking |= {(column.kind.value, value)}
    elif len(value) >= _LONG_ID_CHARS:
        person.own |= {("id", value)}
    person.own |= {
        ("name+id", f"{key}|{value}") for key in (near_keys(person.name) if person.name is not None else ())
    }


def row_of(person: Person, seen: dict[str, int]) -> str:
    """The content of a row with how many like it came before: what tells apart what nothing else does."""
    said = "\x1f".join(f"{name}\x1e{cell}" for name, cell in person.cells)
    said = f"{person.role}:{said}" if person.role else said
    seen[said] = seen.get(said, 0) + 1
    return f"{said}\x1f{seen[said]}"


def persons_in_prose(text: str) -> list[Person]:
    """Everybody whom a text names by an identifier. Those of one line are one person's
    where none is of a kind twice.
    """
    by_line: dict[int, list[Found]] = {}
    line = at = 0
    for one in find_identifiers(text):
        line += text.count("\n", at, one.start)
        at = one.start
        by_line.setdefault(line, []).append(one)
    persons: list[Person | None] = []
    for found in by_line.values():
        alone = len(found) == 1 or len({str(one.kind) for one in found}) == len(found)
        persons.extend(_in_prose(group, text) for group in ([found] if alone else [[one] for one in found]))
    return [person for person in persons if person is not None and (person.own or person.linking)]


def _in_prose(found: Sequence[Found], text: str) -> Person | None:
    said = Said(in_prose=True)
    for one in found:
        value = text[one.start : one.end]
        if one.kind is Kind.NAME:
            said.names += (value,)
        elif one.kind is Kind.POSITION:
            said.positions += (value,)
        else:
            said.values.append((one.kind, value))
    return _person(said)
