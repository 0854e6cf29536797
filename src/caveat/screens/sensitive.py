"""Whether a text assigns sensitive attributes to persons one by one: in rows, or in sentences. Pure.

Values decide, and not what a column is called: `segment: B` counts where a legend says what B stands for. A
row of a table counts where one of its cells names a person and another assigns something; a sentence where a
person is its subject. Groups, counts and shares name nobody, so aggregates pass. Linear in the text. Finding
nothing proves nothing. Source: DESIGN section 3, ADR-0048.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from caveat.screens.lexicon import COUNT_HEADS, GROUP_HEADS, NOT_NAMES, PERSON_HEADS, PLACE, TERMS, TOPICS
from caveat.screens.persons import (
    IDENTIFIER,
    MAY_IDENTIFY,
    NAME,
    OFFICE,
    is_name,
    names_somebody,
    starts_with_name,
)
from caveat.screens.phrases import PhraseScreen
from caveat.screens.tables import (
    COUNTS,
    SPACES,
    Table,
    are_counts,
    is_codebook,
    is_count_head,
    person_columns,
    tables_in,
)

HEAD = "sensitive_inference"
ROWS_SCORE, ONE_SCORE, PROXY_SCORE = 950, 850, 700
MAX_CHARS = 262_144
"""What is read of one text; a longer one is answered by nobody, which is a failure and not a clean text."""
_MAX_SENTENCE = 600
_LEGEND = re.compile(
    r"(?<![\w])([\w+-]{1,4}) ?(?:=|:|->|→|–|\(|means|stands for|bedeutet|signifie|(?<=\d) (?=[A-Z])) ?"
    r"([^,;\n|=]{2,60})"
)
_EXPLAINS = ("=", ":", "->", "→", "–", "(", "means", "stands for", "bedeutet", "signifie")
_NUMBERED = re.compile(r"\d (?=[A-Z])")
"""One of these is in every legend, and in most texts none."""
_AFTER_NAME = re.compile(r"[ :,.=>-]{1,8}([\w+-]{1,4})(?=[\s,;.]|$)")
_SIDES = ("left", "right", "links", "rechts", "gauche", "droite", "izquierda", "derecha")
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
_OPEN = re.compile(
    r"\W*(?:whether|suppose|imagine|i (?:can ?not|will not|won't|would not|do not|don't)|nothing|nobody)\b",
    re.IGNORECASE,
)
"""What begins so assigns nothing."""
_TITLE = re.compile(
    r"\b(?:in|at|among|between) (?:the )?\w+\Z|\b(?:street|lane|road|avenue|way|square)\b", re.I
)
_OPAQUE = re.compile(r"(?=[^\d]{0,23}\d)[\w@+. -]{2,24}\Z|[a-z]{1,20}[._][a-z.]{2,20}\Z")
"""What stands for a person in a table where nothing says so: a number, a handle, a code."""
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d\Z|[\d.,]+ ?%|\d+[.,]\d+\Z")
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
_INVISIBLE = re.compile(
    "[\\u00ad\\u034f\\u061c\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufe00-\\ufe0f\\ufeff]"
)
_NAMED = re.compile(r"\w+")
_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"(?<=[.!?。])(?<![ (][A-Z]\.)(?<!\bMr\.|\bMs\.|\bDr\.)\s+(?!\d)")


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
        legend = self._legend(text.replace('"', ""))
        found = max((self._table(table, legend) for table in tables_in(text)), default=0)
        if found < ROWS_SCORE and legend:
            found = max(found, _coded(text, legend))
        if found < ROWS_SCORE:
            found = max(found, self._listed(text))
            found = max(found, max((self._sentence(one) for one in _sentences(text)), default=0))
        return {HEAD: found}

    def _legend(self, text: str) -> set[str]:
        """The codes that a text explains, of those that stand for something sensitive."""
        if not any(mark in text for mark in _EXPLAINS) and _NUMBERED.search(text) is None:
            return set()
        return {
            code.casefold()
            for code, said in _LEGEND.findall(text)
            if self._kinds(said) and not NAME.fullmatch(code)
        }

    def _listed(self, text: str) -> int:
        """Names below or behind words that say what they are: `Likely Muslims: …`."""
        said = False
        for line in text.splitlines():
            plain = line.strip()
            mark = _LISTS.search(plain)
            before = plain[: mark.start()] if mark else ""
            if mark and 0 < len(before) <= 80 and self._sorts(before):
                if starts_with_name(plain[mark.end() :]):
                    return ONE_SCORE
                said = plain.endswith(":")
            elif said and plain:
                if starts_with_name(plain.lstrip("-*•0123456789.) ")):
                    return ONE_SCORE
                said = False
        return 0

    def _sorts(self, heading: str) -> bool:
        if COUNTS.search(heading) or OFFICE.search(heading) or _OPEN.match(heading) or NAME.search(heading):
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
        asked = SPACES.sub("_", head.strip().casefold())
        named = (
            asked in legend
            or asked in TOPICS
            or bool(TOPICS & set(asked.split("_")))
            or bool(self._kinds(head))
        )
        return named and (bool(_WORD.search(cell)) or plain in {"1", "yes", "true"})

    def _table(self, table: Table, legend: set[str]) -> int:
        """Rows in which a person has something assigned, by where they have to be to count."""
        person = person_columns(table)
        if not person:
            return self._opaque(table, legend)
        if is_codebook(table, person):
            return 0
        hits = 0
        for row in table.rows:
            named = [at for at in person if at < len(row) and names_somebody(row[at], by_head=person[at])]
            if not named:
                continue
            heads = (*table.head, *[""] * len(row))
            others = (at for at in range(len(row)) if at not in named)
            hits += any(self._assigns(heads[at], row[at], legend) for at in others)
        if hits == 0:
            return 0
        return ROWS_SCORE if hits > 1 else ONE_SCORE

    def _opaque(self, table: Table, legend: set[str]) -> int:
        """Rows of numbers, handles or codes that each stand once, before something that is assigned."""
        first = [row[0].strip() for row in table.rows]
        head = table.head[0].casefold() if table.head else ""
        if len(first) < 2 or len(set(first)) < len(first) or head in GROUP_HEADS | COUNT_HEADS:
            return 0
        if not all(_OPAQUE.match(cell) for cell in first) or all(_YEAR.match(cell) for cell in first):
            return 0
        if is_codebook(table, {0: False}) or are_counts(table):
            return 0
        heads = (*table.head, *[""] * max(map(len, table.rows)))
        if any(is_count_head(head.casefold()) for head in table.head):
            return 0
        hits = sum(
            any(self._assigns(heads[at], cell, legend) for at, cell in enumerate(row) if at)
            for row in table.rows
        )
        return ROWS_SCORE if hits > 1 else ONE_SCORE if hits else 0

    def _sentence(self, sentence: str) -> int:
        if _OPEN.match(sentence):
            return 0
        named = [*NAME.finditer(sentence)]
        if MAY_IDENTIFY.search(sentence):
            named += IDENTIFIER.finditer(sentence)
        for person in named:
            if person.re is NAME and not is_name(person[0]):
                continue
            before = sentence[max(0, person.start() - 12) : person.start()].casefold().split()
            if before and before[-1] in {"by", "in", "of", "from", "at", "near", "et", "see", "and", "&"}:
                continue
            rest = sentence[person.end() : person.end() + 200]
            verb = _ASSIGNS.search(rest[:80])
            if verb is None or OFFICE.search(sentence[max(0, person.start() - 24) : person.end()]):
                continue
            said = rest[verb.start() :]
            kinds = self._kinds(said)
            if kinds - {PLACE} and not COUNTS.search(said):
                return ONE_SCORE
            if PLACE in kinds and _CLAIM.search(rest):
                return PROXY_SCORE
        return 0


def _coded(text: str, legend: set[str]) -> int:
    """Names with a code of the legend right behind them."""
    hits = 0
    for name in NAME.finditer(text):
        words = name[0].rsplit(" ", 1)
        after = _AFTER_NAME.match(text, name.end())
        code = after[1] if after else words[-1]
        person = name[0] if after else words[0]
        hits += code.casefold() in legend and " " in person and is_name(person)
    return ROWS_SCORE if hits > 1 else ONE_SCORE if hits else 0


def _rules() -> list[object]:
    patterns = (
        NAME,
        IDENTIFIER,
        OFFICE,
        COUNTS,
        _LEGEND,
        _ASSIGNS,
        _CLAIM,
        _SIDE,
        _DIAGNOSIS,
        _OPEN,
        _TITLE,
        _OPAQUE,
        _LISTS,
    )
    words = (TOPICS, PERSON_HEADS, GROUP_HEADS, COUNT_HEADS, NOT_NAMES)
    return [dict(TERMS), [each.pattern for each in patterns], [sorted(each) for each in words], 2]


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for part in _SENTENCE_END.split(line):
            for at in range(0, len(part), _MAX_SENTENCE):
                yield part[at : at + _MAX_SENTENCE + 200]
