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
from caveat.signing.canonical import Json, JsonObject

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
    r"|(?i:\b(?:citizen|voter|employee|emp|patient|member|person|resident|subject|user|case|customer|client"
    r"|tenant|flat|plate|id|account|student|session|visitor|device|driver|applicant|subscriber)"
    r"[ _#-]{0,2}(?=[a-z]{0,4}\d)\w{1,12}\b)"
)
_LEGEND = re.compile(
    r"(?<![\w])([\w+-]{1,4}) ?(?:=|:|->|→|–|\(|means|stands for|bedeutet|signifie|(?<=\d) (?=[A-Z])) ?"
    r"([^,;\n|=]{2,60})"
)
_AFTER_NAME = re.compile(r"[ :,.=>-]{1,8}([\w+-]{1,4})(?=[\s,;.]|$)")
_SIDES = sorted(
    [
        "left",
        "right",
        "links",
        "rechts",
        "gauche",
        "droite",
        "izquierda",
        "derecha",
        "sinistra",
        "destra",
        "esquerda",
        "direita",
    ]
)
_SIDE = re.compile(
    rf"(?:the )?(?:far |hard |centre[ -]|center[ -])?(?:{'|'.join(_SIDES)})(?:[ (]+[\d.,%]+\)?)?\Z",
    re.IGNORECASE,
)
"""A side of politics, where it stands by itself: as a part of something longer it is a side of anything."""
_BY_ITSELF = frozenset({"union", "non-union", "labour", "secular", "unpolitisch", "links", "rechts"})
_ALONE = TOPICS | _BY_ITSELF | frozenset(_SIDES) | {"non"}
_ANY_DIAGNOSIS = re.compile(r"[A-TV-Z]\d{2}\.\d")
_DIAGNOSIS = re.compile(r"[A-TV-Z]\d{2}\.\d{1,2}\Z")
"""Source: ICD-10, the form of a code."""
_OFFICE = re.compile(
    r"\b(?:president|minister|senator|deputy|mp|mps|mayor|governor|chancellor|candidate|candidates|leader"
    r"|bishop|pope|rabbi|imam|councillor|ambassador|secretary|abgeordneter?|bürgermeister(?:in)?|diputad[oa])\b",
    re.IGNORECASE,
)
"""Who holds or seeks a public office, or leads in a faith, has said in public what is said here."""
_OPEN = re.compile(
    r"\W*(?:whether|suppose|imagine|i (?:can ?not|will not|won't|would not|do not|don't)|nothing|nobody)\b",
    re.IGNORECASE,
)
"""What begins so assigns nothing."""
_TITLE = re.compile(
    r"\b(?:in|at|among|between) (?:the )?\w+\Z|\b(?:street|lane|road|avenue|way|square)\b", re.I
)
_SMALL = re.compile(r"[a-z]?(\d{1,2})\Z", re.IGNORECASE)
_OPAQUE = re.compile(r"(?=[^\d]{0,23}\d)[\w@+. -]{2,24}\Z|[a-z]{1,20}[._][a-z.]{2,20}\Z")
"""What stands for a person in a table where nothing says so: a number, a handle, a code."""
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d\Z|[\d.,]+ ?%|\d+[.,]\d+\Z")
_CUT = re.compile(r"\s*(?:->|=>|::|\s[=/–-]\s|\.{3,}|\s{2,})\s*")
_TAG = re.compile(r"<[^<>\n]{1,200}>")
_QUOTED = re.compile(r'"([^"]{1,80})"')
_PAIR = re.compile(r"\s*(?:- )?([\w ]{1,24}?) ?[:=] ?(\S[^\n]{0,120})")
_LISTS = re.compile(r":|\b(?:are|is|include|sind|ist|son|es)\b")
_ASSIGNS = re.compile(
    r"\b(?:is|was|are|seems?|appears?|looks?|likely|probably|presumably|possibly|almost certainly|votes?"
    r"|voted|leans?|supports?|identifies|believed|considered|classified|labell?ed|inferred|predicted|suffers?"
    r"|has|diagnosed|belongs|attends?|visits?|worships?|prays?|goes|donates?|practi[sc]es|ist|wählt|war"
    r"|suggests?|indicates?|shows?|reveals?|pays?|subscribes?|takes?|took|wears?|keeps?|fasts?|organi[sz]es?|joined"
    r"|refused|marched|campaigns?|converted|would|tends|label|as|eats|sings|buys|signed|sind|litt|padece|sufre|va|son|está"
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
_SENTENCE_END = re.compile(r"(?<=[.!?。])(?<![ (][A-Z]\.)(?<!\bMr\.|\bMs\.|\bDr\.)\s+(?!\d)")
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
        words = set(_NAMED.findall(text.casefold()))
        escaped = "\\u" in text or _ANY_DIAGNOSIS.search(text) is not None
        if not escaped and words.isdisjoint(_ALONE) and not self._kinds(text):
            return {HEAD: 0}  # whatever a legend, a row or a sentence assigns stands in these words
        legend = {
            code.casefold()
            for code, said in _LEGEND.findall(text.replace('"', ""))
            if self._kinds(said) and not _NAME.fullmatch(code)
        }
        found = max((self._table(table, legend) for table in _tables(text)), default=0)
        if found < ROWS_SCORE and legend:
            found = max(found, _coded(text, legend))
        if found < ROWS_SCORE:
            found = max(found, self._listed(text))
            found = max(found, max((self._sentence(one) for one in _sentences(text)), default=0))
        return {HEAD: found}

    def _listed(self, text: str) -> int:
        """Names below or behind words that say what they are: `Likely Muslims: …`."""
        said = False
        for line in text.splitlines():
            plain = line.strip()
            mark = _LISTS.search(plain)
            before = plain[: mark.start()] if mark else ""
            if mark and 0 < len(before) <= 80 and self._sorts(before):
                if _starts_with_name(plain[mark.end() :]):
                    return ONE_SCORE
                said = plain.endswith(":")
            elif said and plain:
                if _starts_with_name(plain.lstrip("-*•0123456789.) ")):
                    return ONE_SCORE
                said = False
        return 0

    def _sorts(self, heading: str) -> bool:
        if (
            _COUNTS.search(heading)
            or _OFFICE.search(heading)
            or _OPEN.match(heading)
            or _NAME.search(heading)
        ):
            return False
        return bool(self._kinds(heading) - {PLACE})

    def _kinds(self, text: str) -> set[str]:
        return set(self._terms.scan(text))

    def _assigns(self, head: str, cell: str, legend: set[str]) -> bool:
        """Whether a cell says something sensitive of whoever its row is about."""
        plain = cell.strip().casefold()
        if not plain or plain in {"-", "n/a", "no", "false", "0", "none", "null", "unknown"}:
            return False
        if plain in legend or plain in _BY_ITSELF or _SIDE.match(plain) or _DIAGNOSIS.match(cell.strip()):
            return True
        if self._kinds(cell) and not _TITLE.search(plain):
            return True
        asked = _SPACES.sub("_", head.strip().casefold())
        named = (
            asked in legend
            or asked in TOPICS
            or bool(TOPICS & set(asked.split("_")))
            or bool(self._kinds(head))
        )
        return named and (bool(_WORD.search(cell)) or plain in {"1", "yes", "true"})

    def _table(self, table: _Table, legend: set[str]) -> int:
        """Rows in which a person has something assigned, by where they have to be to count."""
        person = _person_columns(table)
        if not person:
            return self._opaque(table, legend)
        if _is_codebook(table, person):
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

    def _opaque(self, table: _Table, legend: set[str]) -> int:
        """Rows of numbers, handles or codes that each stand once, before something that is assigned."""
        first = [row[0].strip() for row in table.rows]
        head = table.head[0].casefold() if table.head else ""
        if len(first) < 2 or len(set(first)) < len(first) or head in GROUP_HEADS | COUNT_HEADS:
            return 0
        if not all(_OPAQUE.match(cell) for cell in first) or all(_YEAR.match(cell) for cell in first):
            return 0
        if _is_codebook(table, {0: False}) or _are_counts(table):
            return 0
        heads = (*table.head, *[""] * max(map(len, table.rows)))
        if any(_is_count_head(head.casefold()) for head in table.head):
            return 0
        hits = sum(
            any(self._assigns(heads[at], cell, legend) for at, cell in enumerate(row) if at)
            for row in table.rows
        )
        return ROWS_SCORE if hits > 1 else ONE_SCORE if hits else 0

    def _sentence(self, sentence: str) -> int:
        if _OPEN.match(sentence):
            return 0
        for person in (*_NAME.finditer(sentence), *_IDENTIFIER.finditer(sentence)):
            if person.re is _NAME and not _is_name(person[0]):
                continue
            before = sentence[max(0, person.start() - 12) : person.start()].casefold().split()
            if before and before[-1] in {"by", "in", "of", "from", "at", "near", "et", "see", "and", "&"}:
                continue
            rest = sentence[person.end() : person.end() + 200]
            verb = _ASSIGNS.search(rest[:80])
            if verb is None or _OFFICE.search(sentence[max(0, person.start() - 24) : person.end()]):
                continue
            said = rest[verb.start() :]
            kinds = self._kinds(said)
            if kinds - {PLACE} and not _COUNTS.search(said):
                return ONE_SCORE
            if PLACE in kinds and _CLAIM.search(rest):
                return PROXY_SCORE
        return 0


def _coded(text: str, legend: set[str]) -> int:
    """Names with a code of the legend right behind them."""
    hits = 0
    for name in _NAME.finditer(text):
        words = name[0].rsplit(" ", 1)
        after = _AFTER_NAME.match(text, name.end())
        code = after[1] if after else words[-1]
        person = name[0] if after else words[0]
        hits += code.casefold() in legend and " " in person and _is_name(person)
    return ROWS_SCORE if hits > 1 else ONE_SCORE if hits else 0


def _starts_with_name(text: str) -> bool:
    plain = text.lstrip(" (\"'")
    name = _NAME.match(plain)
    if name is not None:
        return _is_name(name[0])
    return _IDENTIFIER.match(plain) is not None


def _is_codebook(table: _Table, columns: Mapping[int, bool]) -> bool:
    """Whether rows are numbered from 0 or 1 and none says what another does: then they explain codes."""
    if len(table.rows) < 2 or len(columns) != 1 or any(len(row) < 2 for row in table.rows):
        return False
    (at,) = columns
    numbers = [_SMALL.match(row[at].strip()) if at < len(row) else None for row in table.rows]
    found = [int(number[1]) for number in numbers if number]
    said = {row[1 - at] if at < 2 else "" for row in table.rows}
    return len(found) == len(table.rows) and found[0] in {0, 1} and len(said) == len(table.rows)


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
    if _OFFICE.search(words):
        return False
    return not any(word.casefold().strip(".") in NOT_NAMES for word in re.split(r"[\s,-]+", words))


def _tables(text: str) -> Iterator[_Table]:
    """The tables in a text: JSON, and neighbouring lines that are cut by the same mark."""
    value = _json_in(text)
    if value is not None:
        yield from _json_tables(value)
    if "<" in text:
        text = _TAG.sub(lambda tag: "\t" + "\t".join(_QUOTED.findall(tag[0])), text)
        text = "\n".join(re.sub(r"\t+", "\t", line.strip()) for line in text.splitlines())
    if "('" in text:
        text = re.sub(r"[^\n']*\('", "", text).replace("','", "\t")
    text = "\n".join(_CUT.sub("\t", line.strip()) for line in text.splitlines())
    for mark in _MARKS + ":":
        yield from _cut_tables(text, mark)
    yield from _records(text)


def _records(text: str) -> Iterator[_Table]:
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


def _table_of(rows: Sequence[Mapping[str, str]]) -> Iterator[_Table]:
    whole = [row for row in rows if len(row) > 1]
    if whole:
        head = tuple(dict.fromkeys(name for row in whole for name in row))
        yield _Table(head, tuple(tuple(row.get(name, "") for name in head) for row in whole))


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
            rows = [tuple(map(_shown, row)) for row in one if isinstance(row, list) and len(row) > 1]
            if rows:
                yield _Table((), tuple(rows))
            flat = [tuple(_leaves(row)) for row in one if isinstance(row, dict)]
            if len(flat) > 1 and len({len(row) for row in flat}) == 1 and len(flat[0]) > 1:
                yield _Table((), tuple(flat))
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


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for part in _SENTENCE_END.split(line):
            for at in range(0, len(part), _MAX_SENTENCE):
                yield part[at : at + _MAX_SENTENCE + 200]
