"""The tables in a text, whatever cuts them, and which columns name persons. Pure. Linear in the text."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from caveat.screens.lexicon import COUNT_HEADS, GROUP_HEADS, PERSON_HEADS, TOPICS
from caveat.screens.persons import names_somebody
from caveat.signing.canonical import Json, JsonObject

_MAX_CELLS, _MAX_LINE = 64, 600
_SMALL = re.compile(r"[a-z]?(\d{1,2})\Z", re.IGNORECASE)
COUNTS = re.compile(
    r"\d+(?:[.,]\d+)? ?%(?! ?(?:likel|sure|certain|chance|prob|confiden))|±|\bn ?= ?\d"
    r"|\b(?:per ?cent|percent|prozent|of respondents|of voters)\b",
    re.IGNORECASE,
)
_CUT = re.compile(r"\s*(?:->|=>|::|\s[=/–-]\s|\.{3,}|\s{2,})\s*")
_MAY_CUT = re.compile(r"[\s=:.-](?:(?<=[=-])>|(?<=:):|(?<=\.)\.\.|(?<=\s)(?:\s|[=/–-]\s))")
"""In every line that `_CUT` cuts, and found at less cost."""
_TAG = re.compile(r"<[^<>\n]{1,200}>")
_QUOTED = re.compile(r'"([^"]{1,80})"')
_PAIR = re.compile(r"\s*(?:- )?([\w ]{1,24}?) ?[:=] ?(\S[^\n]{0,120})")
_PROSE = re.compile(r"[a-z][.!?]\s*\Z")
_DIGIT = re.compile(r"\d")
_RULE = re.compile(r"[\s|:+=-]+\Z")
_MARKS = "|\t;,→"
SPACES = re.compile(r"[\s_]+")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; `head` is empty where none stands above them."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def is_codebook(table: Table, columns: Mapping[int, bool]) -> bool:
    """Whether rows are numbered from 0 or 1 and none says what another does: then they explain codes."""
    if len(table.rows) < 2 or len(columns) != 1 or any(len(row) < 2 for row in table.rows):
        return False
    (at,) = columns
    numbers = [_SMALL.match(row[at].strip()) if at < len(row) else None for row in table.rows]
    found = [int(number[1]) for number in numbers if number]
    said = {row[1 - at] if at < 2 else "" for row in table.rows}
    return len(found) == len(table.rows) and found[0] in {0, 1} and len(said) == len(table.rows)


def person_columns(table: Table) -> dict[int, bool]:
    """Columns that name persons; true where their head says so, so that any value in them does."""
    heads = [SPACES.sub("_", head.strip().casefold()) for head in table.head]
    width = max((len(row) for row in table.rows), default=0)
    found = {at: True for at, head in enumerate(heads) if _is_person_head(head)}
    if found:
        return found
    counted = any(is_count_head(head) for head in heads)
    for at in range(width):
        if at < len(heads) and (heads[at] in GROUP_HEADS or set(heads[at].split("_")) & GROUP_HEADS):
            continue
        cells = [row[at] for row in table.rows if at < len(row)]
        named = sum(names_somebody(cell, by_head=False) for cell in cells)
        if named * 2 > len(cells) and not (counted or are_counts(table)):
            found[at] = False
    return found


def _is_person_head(head: str) -> bool:
    parts = {head, *head.split("_")}
    return bool(parts & PERSON_HEADS) and not parts & (GROUP_HEADS | COUNT_HEADS)


def is_count_head(head: str) -> bool:
    return head in COUNT_HEADS or bool(set(head.split("_")) & (COUNT_HEADS - {"p", "n", "part"}))


def are_counts(table: Table) -> bool:
    """Whether most rows hold a share: then they are about groups."""
    return sum(any(COUNTS.search(cell) for cell in row) for row in table.rows) * 2 > len(table.rows)


def tables_in(text: str) -> Iterator[Table]:
    """The tables in a text: JSON, and neighbouring lines that are cut by the same mark."""
    value = _json_in(text)
    if value is not None:
        yield from _json_tables(value)
    if "<" in text:
        text = re.sub(r"(</\w{1,40}>)[ \t]{0,8}(?=<\w{1,40} )", r"\1\n", text)
        text = _TAG.sub(lambda tag: "\t" + "\t".join(_QUOTED.findall(tag[0])), text)
        text = "\n".join(re.sub(r"\t+", "\t", line.strip()) for line in text.splitlines())
    if "('" in text:
        text = re.sub(r"[^\n']{0,200}\('", "", text).replace("','", "\t")
    lines = map(str.strip, text.splitlines())
    text = "\n".join([_CUT.sub("\t", line) if _MAY_CUT.search(line) else line for line in lines])
    for mark in _MARKS + ":":
        if mark in text:
            yield from _cut_tables(text, mark)
    yield from _records(text)


def _records(text: str) -> Iterator[Table]:
    """Lines, or what semicolons part, of a name and a value each; the first name begins a row."""
    rows: list[dict[str, str]] = []
    for line in (*re.split(r"[\n;\t]", text), ""):
        pair = _PAIR.match(line)
        if pair is None:
            if line.strip() and rows:
                yield from _table_of(rows)
                rows = []
            continue
        name, value = pair[1].strip().casefold(), pair[2].strip()
        if not rows or name in rows[-1]:
            rows.append({})
        rows[-1][name] = value
    yield from _table_of(rows)


def _table_of(rows: Sequence[Mapping[str, str]]) -> Iterator[Table]:
    whole = [row for row in rows if len(row) > 1]
    if whole:
        head = tuple(islice(dict.fromkeys(name for row in whole for name in row), _MAX_CELLS))
        yield Table(head, tuple(tuple(row.get(name, "") for name in head) for row in whole))


def _cut_tables(text: str, mark: str) -> Iterator[Table]:
    rows: list[tuple[str, ...]] = []
    for line in (*text.splitlines(), ""):
        cells = tuple(cell.strip(" *_`\"'-•") for cell in line.strip().strip("|").split(mark)[:_MAX_CELLS])
        if rows and len(cells) > 1 and len(cells) != len(rows[-1]) and _is_head(cells):
            yield from _headed(rows)
            rows = []
        if len(cells) > 1 and not (mark == "|" and _RULE.match(line)):
            if mark not in ",:" or (len(line) < _MAX_LINE and not (mark == "," and _PROSE.search(line))):
                rows.append(cells)
        elif (rows and not _RULE.match(line)) or (rows and not line.strip()):
            yield from _headed(rows)
            rows = []


def _is_head(cells: Sequence[str]) -> bool:
    known = PERSON_HEADS | GROUP_HEADS | TOPICS | COUNT_HEADS
    return any(SPACES.sub("_", cell.casefold()) in known for cell in cells)


def _headed(rows: Sequence[tuple[str, ...]]) -> Iterator[Table]:
    first = [SPACES.sub("_", cell.casefold()) for cell in rows[0]]
    known = PERSON_HEADS | GROUP_HEADS | TOPICS | COUNT_HEADS
    headed = len(rows) > 1 and (
        any(cell in known for cell in first)
        or (
            not (_DIGIT.search(first[0]) and _DIGIT.search(rows[1][0]))
            and not any(names_somebody(cell, by_head=False) for cell in rows[0])
        )
    )
    yield Table(tuple(rows[0]) if headed else (), tuple(rows[1:] if headed else rows))


def _json_in(text: str) -> Json:
    """The JSON that a text is, or that stands in its first fence."""
    plain = text.strip()
    if "```" in plain:
        plain = plain.split("```")[1].removeprefix("json").strip()
    if plain[:1] not in {"[", "{"}:
        return None
    try:
        value: Json = json.loads(plain)
    except (ValueError, RecursionError):
        lines = [_line_json(line) for line in plain.splitlines() if line.strip()]
        return [line for line in lines if line is not None] or None
    return value


def _line_json(line: str) -> Json:
    try:
        value: Json = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value


def _json_tables(value: Json) -> Iterator[Table]:
    """Each object as a row of its own with its members as columns; a list of alike rows is one table."""
    waiting: list[Json] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            plain = {key: _shown(each) for key, each in one.items() if not isinstance(each, dict)}
            plain |= {
                key: _shown(deep)
                for each in one.values()
                if isinstance(each, dict)
                for key, deep in each.items()
                if not isinstance(deep, dict)
            }
            if len(plain) > 1:
                yield Table(tuple(plain), (tuple(plain.values()),))
            nested = [(key, each) for key, each in one.items() if isinstance(each, dict)]
            named = [(key, " ".join(_shown(deep) for deep in each.values())) for key, each in nested]
            named += [(key, _shown(each)) for key, each in one.items() if isinstance(each, (str, list))]
            if named:
                yield Table((), tuple(named))
            waiting.extend(one.values())
        elif isinstance(one, list):
            rows = [tuple(map(_shown, row)) for row in one if isinstance(row, list) and len(row) > 1]
            if rows:
                yield Table((), tuple(rows))
            flat = [tuple(_leaves(row)) for row in one if isinstance(row, dict)]
            if len(flat) > 1 and len({len(row) for row in flat}) == 1 and len(flat[0]) > 1:
                yield Table((), tuple(flat))
            waiting.extend(one)


def _leaves(row: JsonObject) -> Iterator[str]:
    """The plain values of an object and of the objects in it, one deep."""
    for value in row.values():
        if isinstance(value, dict):
            yield from (_shown(deep) for deep in value.values() if not isinstance(deep, dict))
        else:
            yield _shown(value)


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return " ".join(str(each) for each in value if not isinstance(each, (dict, list)))
    return json.dumps(value) if isinstance(value, bool) else str(value) if value is not None else ""
