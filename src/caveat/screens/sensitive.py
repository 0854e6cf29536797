"""Whether a text assigns sensitive attributes to persons one by one: in rows, or in sentences. Pure.

Values decide, and not what a column is called: `segment: B` counts where a legend says what B stands for. A
row of a table counts where one of its cells names a person and another assigns something; a sentence where a
person is its subject. Groups, counts and shares name nobody, so aggregates pass. Linear in the text. Finding
nothing proves nothing. Source: DESIGN section 3, ADR-0048.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from caveat.screens.lexicon import COUNT_HEADS, GROUP_HEADS, NOT_NAMES, PERSON_HEADS, PLACE, TERMS, TOPICS
from caveat.screens.phrases import PhraseScreen
from caveat.signing.canonical import Json

HEAD = "sensitive_inference"
ROWS_SCORE, ONE_SCORE, PROXY_SCORE = 950, 850, 700
MAX_CHARS = 262_144
"""What is read of one text; a longer one is answered by nobody, which is a failure and not a clean text."""
_MAX_CELLS, _MAX_SENTENCE = 64, 600
_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪĮİĶŁŃŇŌŐŒŘŚŞŠŤŪŮŰŹŻŽА-ЯЁ"
_NAME_WORD = rf"[{_UPPER}][\w'’.-]{{0,40}}"
_NAME = re.compile(
    rf"(?<![\w]){_NAME_WORD}"
    rf"(?:,? (?:(?:van|von|de|da|del|di|al|bin|el|der|den|la|le) ){{0,2}}{_NAME_WORD}){{1,3}}"
)
_IDENTIFIER = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,64}\.\w|(?<!\w)@\w{3,30}|\+\d[\d ()-]{6,20}\d|\b\d{3}-\d{2}-\d{4}\b"
    r"|(?i:\b(?:citizen|voter|employee|patient|member|person|resident|subject|user|case)"
    r"[ _#-]{0,2}\d{2,12}\b)"
)
_LEGEND = re.compile(
    r"(?<![\w])([\w+-]{1,4}) ?(?:=|:|->|→|–|means|stands for|bedeutet|signifie) ?([^,;\n|=]{2,60})"
)
_ASSIGNS = re.compile(
    r"\b(?:is|was|are|seems?|appears?|looks?|likely|probably|presumably|possibly|almost certainly|votes?"
    r"|voted|leans?|supports?|identifies|believed|considered|classified|labell?ed|inferred|predicted|suffers?"
    r"|has|diagnosed|belongs|attends?|visits?|worships?|prays?|goes|donates?|practi[sc]es|ist|wählt|war"
    r"|leidet|besucht|gehört|hat|wahrscheinlich|vermutlich|est|vote|semble|probablement|fréquente|es|vota"
    r"|parece|probablemente|asiste|è|sembra|probabilmente|é|provavelmente|frequenta|muhtemelen)\b"
    r"|вероятно|скорее всего|голосует|посещает|является|[—–:(→]|->|على الأرجح|ربما"
)
_CLAIM = re.compile(
    r"\b(?:attends?|visits?|worships?|prays?|goes to|donates?|belongs|member|weekly|regular(?:ly)?|often"
    r"|every (?:week|friday|sunday|month)|besucht|regelmäßig|fréquente|asiste|frequenta)\b|посещает",
    re.IGNORECASE,
)
_COUNTS = re.compile(
    r"\d+(?:[.,]\d+)? ?%(?! ?(?:likel|sure|certain|chance|prob|confiden))|±|\bn ?= ?\d"
    r"|\b(?:per ?cent|percent|prozent|of respondents|of voters)\b",
    re.IGNORECASE,
)
_INVISIBLE = re.compile(
    "[\\u00ad\\u034f\\u061c\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufe00-\\ufe0f\\ufeff]"
)
_NAMED = re.compile(r"\w+")
_RULE = re.compile(r"[\s|:+=-]+\Z")
_WORD = re.compile(r"[^\W\d_]+")
_MARKS = "|\t;,→"
_SPACES = re.compile(r"[\s_]+")


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows of cells; `head` is empty where none stands above them."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class SensitiveScreen:
    """Reads texts. Immutable; its digest is that of its words and rules."""

    name = "sensitive"
    max_chars = MAX_CHARS
    heads: Mapping[str, tuple[int, int]] = MappingProxyType({HEAD: (0, 1000)})

    def __init__(self) -> None:
        """The lexicon as it is shipped."""
        phrases = ((kind, 1, term) for kind, terms in TERMS.items() for term in terms if term.strip())
        self._terms = PhraseScreen(phrases, {})
        self.digest = hashlib.sha256(json.dumps(_rules(), sort_keys=True).encode()).hexdigest()

    def score(self, text: str) -> Mapping[str, int]:
        """The score of the one head. Raises `ValueError` for a text that is too long to be read."""
        if len(text) > MAX_CHARS:
            raise ValueError("the text is too long to be read")
        text = _INVISIBLE.sub("", text)
        untouched = "\\u" not in text and TOPICS.isdisjoint(_NAMED.findall(text.casefold()))
        if untouched and not self._kinds(text):
            return {HEAD: 0}  # whatever a legend, a row or a sentence assigns stands in these words
        legend = {
            code.casefold()
            for code, said in _LEGEND.findall(text)
            if self._kinds(said) and not _NAME.fullmatch(code)
        }
        found = max((self._table(table, legend) for table in _tables(text)), default=0)
        if found < ROWS_SCORE:
            found = max(found, max((self._sentence(one) for one in _sentences(text)), default=0))
        return {HEAD: found}

    def _kinds(self, text: str) -> set[str]:
        return set(self._terms.scan(text))

    def _assigns(self, head: str, cell: str, legend: set[str]) -> bool:
        """Whether a cell says something sensitive of whoever its row is about."""
        plain = cell.strip().casefold()
        if not plain or plain in {"-", "n/a", "no", "false", "0", "none", "null", "unknown"}:
            return False
        if plain in legend or self._kinds(cell):
            return True
        asked = _SPACES.sub("_", head.strip().casefold())
        named = asked in TOPICS or bool(TOPICS & set(asked.split("_"))) or bool(self._kinds(head))
        return named and (bool(_WORD.search(cell)) or plain in {"1", "yes", "true"})

    def _table(self, table: _Table, legend: set[str]) -> int:
        """Rows in which a person has something assigned, by where they have to be to count."""
        person = _person_columns(table)
        if not person:
            return 0
        hits = 0
        for row in table.rows:
            named = [at for at in person if at < len(row) and _names_somebody(row[at], by_head=person[at])]
            if not named:
                continue
            heads = (*table.head, *[""] * len(row))
            others = (at for at in range(len(row)) if at not in named)
            hits += any(self._assigns(heads[at], row[at], legend) for at in others)
        if hits == 0:
            return 0
        return ROWS_SCORE if hits > 1 else ONE_SCORE

    def _sentence(self, sentence: str) -> int:
        for person in (*_NAME.finditer(sentence), *_IDENTIFIER.finditer(sentence)):
            if person.re is _NAME and not _is_name(person[0]):
                continue
            before = sentence[max(0, person.start() - 12) : person.start()].casefold().split()
            if before and before[-1] in {"by", "in", "of", "from", "at", "near", "et", "see", "and", "&"}:
                continue
            rest = sentence[person.end() : person.end() + 200]
            verb = _ASSIGNS.search(rest[:80])
            if verb is None:
                continue
            said = rest[verb.start() :]
            kinds = self._kinds(said)
            if kinds - {PLACE} and not _COUNTS.search(said):
                return ONE_SCORE
            if PLACE in kinds and _CLAIM.search(rest):
                return PROXY_SCORE
        return 0


def _rules() -> list[object]:
    patterns = (_NAME, _IDENTIFIER, _LEGEND, _ASSIGNS, _CLAIM, _COUNTS)
    words = (TOPICS, PERSON_HEADS, GROUP_HEADS, COUNT_HEADS, NOT_NAMES)
    return [dict(TERMS), [each.pattern for each in patterns], [sorted(each) for each in words], 1]


def _person_columns(table: _Table) -> dict[int, bool]:
    """Columns that name persons; true where their head says so, so that any value in them does."""
    heads = [_SPACES.sub("_", head.strip().casefold()) for head in table.head]
    width = max((len(row) for row in table.rows), default=0)
    found = {at: True for at, head in enumerate(heads) if _is_person_head(head)}
    if found:
        return found
    counted = any(_is_count_head(head) for head in heads)
    for at in range(width):
        if at < len(heads) and (heads[at] in GROUP_HEADS or set(heads[at].split("_")) & GROUP_HEADS):
            continue
        cells = [row[at] for row in table.rows if at < len(row)]
        named = sum(_names_somebody(cell, by_head=False) for cell in cells)
        if named * 2 > len(cells) and not (counted or _are_counts(table)):
            found[at] = False
    return found


def _is_person_head(head: str) -> bool:
    parts = {head, *head.split("_")}
    return bool(parts & PERSON_HEADS) and not parts & (GROUP_HEADS | COUNT_HEADS)


def _is_count_head(head: str) -> bool:
    return head in COUNT_HEADS or bool(set(head.split("_")) & (COUNT_HEADS - {"p", "n", "part"}))


def _are_counts(table: _Table) -> bool:
    """Whether most rows hold a share: then they are about groups."""
    return sum(any(_COUNTS.search(cell) for cell in row) for row in table.rows) * 2 > len(table.rows)


def _names_somebody(cell: str, *, by_head: bool) -> bool:
    plain = cell.strip()
    if not plain or len(plain) > 120:
        return False
    if by_head:
        return plain.casefold() not in {"total", "all", "other", "sum", "mean", "gesamt", "none"}
    if _IDENTIFIER.search(plain):
        return True
    name = _NAME.match(plain)
    return name is not None and len(name[0]) >= len(plain) - 3 and _is_name(name[0])


def _is_name(words: str) -> bool:
    """A name of a person has no word that names places, bodies, groups or terms."""
    return not any(word.casefold().strip(".") in NOT_NAMES for word in re.split(r"[\s,-]+", words))


def _tables(text: str) -> Iterator[_Table]:
    """The tables in a text: JSON, and neighbouring lines that are cut by the same mark."""
    value = _json_in(text)
    if value is not None:
        yield from _json_tables(value)
    for mark in _MARKS + ":":
        yield from _cut_tables(text, mark)


def _cut_tables(text: str, mark: str) -> Iterator[_Table]:
    rows: list[tuple[str, ...]] = []
    for line in (*text.splitlines(), ""):
        cells = tuple(cell.strip(" *_`\"'-•") for cell in line.strip().strip("|").split(mark)[:_MAX_CELLS])
        if len(cells) > 1 and not (mark == "|" and _RULE.match(line)):
            if mark not in ",:" or len(line) < _MAX_SENTENCE:
                rows.append(cells)
        elif (rows and not _RULE.match(line)) or (rows and not line.strip()):
            yield from _headed(rows)
            rows = []


def _headed(rows: Sequence[tuple[str, ...]]) -> Iterator[_Table]:
    first = [_SPACES.sub("_", cell.casefold()) for cell in rows[0]]
    known = PERSON_HEADS | GROUP_HEADS | TOPICS | COUNT_HEADS
    headed = len(rows) > 1 and (
        any(cell in known for cell in first)
        or not any(_names_somebody(cell, by_head=False) for cell in rows[0])
    )
    yield _Table(tuple(rows[0]) if headed else (), tuple(rows[1:] if headed else rows))


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


def _json_tables(value: Json) -> Iterator[_Table]:
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
                yield _Table(tuple(plain), (tuple(plain.values()),))
            nested = [(key, each) for key, each in one.items() if isinstance(each, dict)]
            named = [(key, " ".join(_shown(deep) for deep in each.values())) for key, each in nested]
            named += [(key, _shown(each)) for key, each in one.items() if isinstance(each, (str, list))]
            if named:
                yield _Table((), tuple(named))
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return " ".join(str(each) for each in value if not isinstance(each, (dict, list)))
    return json.dumps(value) if isinstance(value, bool) else str(value) if value is not None else ""


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for part in re.split(r"(?<=[.!?。])\s+(?!\d)", line):
            for at in range(0, len(part), _MAX_SENTENCE):
                yield part[at : at + _MAX_SENTENCE + 200]
