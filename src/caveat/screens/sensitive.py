"""Whether a text assigns sensitive attributes to persons one by one: in rows, or in sentences. Pure.

A text is cut into units: rows with their headings, sentences, items of lists, objects. A unit counts where it
names one person, or something that stands for one, and says something sensitive of exactly that person.
Groups, counts and shares name nobody, so aggregates pass. Linear in the text. Finding nothing proves nothing.
Source: DESIGN section 3, ADR-0048, ADR-0052.
"""

import hashlib
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib import resources
from types import MappingProxyType

from caveat.screens.notes import captioned, codes_explained, listed
from caveat.screens.persons import persons_in
from caveat.screens.rows import BY_ITSELF, DIAGNOSIS, ONE_SCORE, ROWS_SCORE, rows_score
from caveat.screens.sentences import said_of_one, tell_apart, unknown_names, weak_of_persons
from caveat.screens.tables import Table, tables_in
from caveat.screens.terms import KINDS, SOFT, WEAK, Hit, fold, shipped_terms

HEAD = "sensitive_inference"
MAX_CHARS = 262_144
"""What is read of one text; a longer one is answered by nobody, which is a failure and not a clean
text."""
_MAX_SENTENCE = 600
_LOOKED_BACK = 6
"""Sentences before one in which a pronoun means somebody."""
_ANY_DIAGNOSIS = re.compile(DIAGNOSIS.pattern.removesuffix(r"{1,2}\Z"))
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_NAMED = re.compile(r"\w+")
_SENTENCE_END = re.compile(
    r"(?<=[.!?。])(?<![ (][A-Z]\.)(?<!\b(?:Mr|Ms|Dr|St|Lt|No)\.)(?<!\b(?:Mrs|Col"
    r"|def)\.)(?<![ :(]\d\.)\s+(?!\d)|(?<=。)"
)
WORD_LISTS = (*KINDS, "given", "role", "verb")
DECIDING = (
    "inflection",
    "lexicon",
    "notes",
    "persons",
    "rows",
    "sensitive",
    "sentences",
    "tables",
    "terms",
    "wording",
)


class SensitiveScreen:
    """Reads texts. Immutable; its digest is that of its words and rules."""

    name = "sensitive"
    max_chars = MAX_CHARS
    heads: Mapping[str, tuple[int, int]] = MappingProxyType({HEAD: (0, 1000)})

    def __init__(self) -> None:
        """The words as they are shipped."""
        self._terms = shipped_terms()
        self.digest = _digest()

    def score(self, text: str) -> Mapping[str, int]:
        """The score of the one head. Raises `ValueError` for a text that is too long to be read."""
        if len(text) > MAX_CHARS:
            raise ValueError("the text is too long to be read")
        if "\\u" in text:
            text = _ESCAPE.sub(lambda code: chr(int(code[1], 16)), text)
        text = fold(text)
        hits = self._terms.find(text)
        telling = any(hit.strength not in {WEAK, SOFT} for hit in hits)
        if not telling and _ANY_DIAGNOSIS.search(text) is None:
            said = {hit.strength for hit in hits}
            apart = {text[hit.start : hit.end].casefold() for hit in hits if hit.strength == WEAK}
            if (
                said != {WEAK, SOFT}
                and len(apart) < 2
                and BY_ITSELF.isdisjoint(_NAMED.findall(text.casefold()))
            ):
                return {HEAD: 0}  # whatever a note, a row or a sentence assigns stands in these words
        return {HEAD: self._read(text, hits)}

    def _read(self, text: str, hits: Sequence[Hit]) -> int:
        codes = codes_explained(text, hits)
        said = codes | {text[hit.start : hit.end].casefold() for hit in hits}
        tables = (table for table in tables_in(text) if _may_tell(table, said))
        found = max((rows_score(table, codes, self._terms.find) for table in tables), default=0)
        if found == ROWS_SCORE:
            return found
        places = [hit.start for hit in hits]

        def hits_in(start: int, end: int) -> list[Hit]:
            return [
                Hit(hit.start - start, hit.end - start, hit.kind, hit.strength)
                for hit in hits[bisect_left(places, start) : bisect_left(places, end)]
            ]

        lines = list(_lines(text))
        if codes:
            found = max(found, _coded(lines, codes))
        if listed(lines, hits_in):
            found = max(found, ONE_SCORE)
        rows = captioned(lines, hits_in)
        if rows:
            found = max(found, ROWS_SCORE if rows > 1 else ONE_SCORE)
        if found < ONE_SCORE:
            found = max(found, self._said(lines, hits_in))
        return found

    def _said(self, lines: Sequence[tuple[int, str]], hits_in: Callable[[int, int], list[Hit]]) -> int:
        """The score of the sentences."""
        found, unknown, before = 0, 0, deque[str](maxlen=_LOOKED_BACK)
        weak = set[tuple[str, str]]()
        for start, sentence in _sentences(lines):
            if _COUNTED.search(sentence):
                continue
            here = hits_in(start, start + len(sentence))
            if any(hit.strength != SOFT for hit in here):
                found = max(found, said_of_one(sentence, here, before))
                unknown += unknown_names(sentence, here)
                weak |= weak_of_persons(sentence, here)
            if found >= ONE_SCORE or unknown > 1 or tell_apart(weak):
                return ONE_SCORE
            before.append(sentence)
        return found


_COUNTED = re.compile(r'"(?:n|share|pct|percent|count|total|mean|median)(?:_\w*)?"\s*:\s*[\d.]')
"""A member of an object that counts: what the object says is of groups."""
_LABELLED = re.compile(
    r"\b(?:label|tag|code|group|class|segment|cluster|tier|marked|type"
    r"|colou?r)\w*:? ?=? ?[\"'“„]?([\w+-]{1,24})",
    re.IGNORECASE,
)
_SET = re.compile(
    r"[\"'=](\w{1,24})[\"']?.{0,60}\b(?:\w*(?:id|no|nr|mail|name|user)\b) ?(?:in|=) ?\(?[\"']?\w{2}",
    re.IGNORECASE,
)
_AFTER = re.compile(r"[ \t:,.=>(\"'|–—→-]{1,8}([\w+-]{1,24})(?=[\s,;.)\"']|$)")


def _may_tell(table: Table, said: Collection[str]) -> bool:
    """Whether a table has a word of those that may say something, or a diagnosis, in any place."""
    cells = "\n".join(cell for row in (table.head, *table.rows) for cell in row)
    small = cells.casefold()
    return any(word in small for word in said) or _ANY_DIAGNOSIS.search(cells) is not None


def _coded(lines: Sequence[tuple[int, str]], codes: set[str]) -> int:
    """Persons with a code that the text explains right behind them."""
    hits = 0
    for _, line in lines:
        if codes.isdisjoint(_NAMED.findall(line.casefold())):
            continue
        chosen = _SET.search(line[:_MAX_SENTENCE])
        hits += chosen is not None and chosen[1].casefold() in codes
        labels = [label for label in _LABELLED.finditer(line[:_MAX_SENTENCE]) if label[1].casefold() in codes]
        for one in persons_in(line[:_MAX_SENTENCE]):
            hits += one.form == "sure" and any(0 < label.start() - one.end < 120 for label in labels)
            after = _AFTER.match(line, one.end)
            last = line[one.start : one.end].rpartition(" ")[2]
            inside = last.isupper() and last.casefold() in codes and one.form == "sure"
            behind = after is not None and after[1].casefold() in codes
            hits += one.form in {"sure", "likely"} and (inside or behind)
    return ROWS_SCORE if hits > 1 else ONE_SCORE if hits else 0


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.splitlines(keepends=True):
        yield at, line.rstrip("\r\n")
        at += len(line)


def _sentences(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for start, line in lines:
        at = 0
        for end in (*(match.end() for match in _SENTENCE_END.finditer(line)), len(line)):
            for part in range(at, end, _MAX_SENTENCE):
                yield start + part, line[part : min(end, part + _MAX_SENTENCE + 200)]
            at = end


def _digest() -> str:
    """That of all that decides: the words, and the modules that hold the rules."""
    package = resources.files("caveat.screens")
    digest = hashlib.sha256()
    for name in (
        *(f"words/{kind}.txt" for kind in WORD_LISTS),
        *(f"{one}.py" for one in DECIDING),
    ):
        digest.update(hashlib.sha256(package.joinpath(*name.split("/")).read_bytes()).digest())
    return digest.hexdigest()
