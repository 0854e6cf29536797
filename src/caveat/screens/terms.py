"""Words that assign something sensitive, found in text with their places. Pure, and linear in the text.

Text is folded first: accents, marks and invisible characters go, and case is disregarded. The words stand in
`words/*.txt`, by kind: `LANGUAGE STRENGTH: term | term`. Terms that are no whole word are none.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Final

from caveat.screens.inflection import forms

PERSON, CONDITION, WEAK, PLACE, CLEAR, SOFT = "person", "condition", "weak", "place", "clear", "soft"
KINDS: Final = ("religion", "ethnicity", "health", "orientation", "politics", "union", "place", "topic")
_STRENGTHS: Final = (PERSON, CONDITION, PLACE, CLEAR, WEAK, SOFT)
WORD = re.compile(
    "[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|[^\W_\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
"""Scripts without spaces between words count by the character."""
_MARKS = re.compile(
    "[\u0300-\u036f\u00ad\u061c\u0610-\u061a\u064b-\u065f\u0670\u0640\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A term and its place. `kind`: what it is about; `strength`: when it says something of a person."""

    start: int
    end: int
    kind: str
    strength: str


@dataclass(slots=True)
class _Node:
    following: dict[str, "_Node"] = field(default_factory=dict[str, "_Node"])
    found: tuple[str, str] | None = None


def fold(text: str) -> str:
    """Text without accents, marks and invisible characters; its case stays."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFKD", text)))


def lower(text: str) -> str:
    """Small letters at the places of the letters of `text`."""
    small = text.lower()
    if len(small) == len(text):
        return small
    return "".join(one if len(one.lower()) != 1 else one.lower() for one in text)


class Terms:
    """The terms of all kinds. Immutable once made."""

    def __init__(self) -> None:
        """Those that are shipped."""
        self._root = _Node()
        for kind in KINDS:
            for language, strength, term in _terms_of(kind):
                for form in forms(term, language):
                    self._add(form, kind, strength)
        self.first = frozenset(self._root.following)

    def _add(self, term: str, kind: str, strength: str) -> None:
        node = self._root
        for word in WORD.findall(term):
            node = node.following.setdefault(word, _Node())
        if node.found is None or _STRENGTHS.index(strength) < _STRENGTHS.index(node.found[1]):
            node.found = (kind, strength)

    def find(self, text: str) -> list[Hit]:
        """The terms in folded text, the longest at each place, in their order."""
        words = [(match[0], match.start(), match.end()) for match in WORD.finditer(lower(text))]
        hits, at, first = list[Hit](), 0, self._root.following
        while at < len(words):
            node = first.get(words[at][0])
            if node is None:
                at += 1
                continue
            end, ahead, found = at + 1, at, None
            while node is not None:
                ahead += 1
                if node.found is not None:
                    end, found = ahead, node.found
                node = node.following.get(words[ahead][0]) if ahead < len(words) else None
            if found is not None:
                hits.append(Hit(words[at][1], words[end - 1][2], *found))
            at = end
        return hits


def _terms_of(kind: str) -> Iterator[tuple[str, str, str]]:
    for line in _lines(kind):
        head, _, listed = line.partition(":")
        language, strength = head.split()
        for term in listed.split("|"):
            if term.strip():
                yield language, strength, fold(term.strip()).lower()


def _lines(name: str) -> Iterator[str]:
    text = resources.files("caveat.screens").joinpath("words", f"{name}.txt").read_text("utf-8")
    return (line for line in text.splitlines() if line.strip() and not line.startswith("#"))


@cache
def words_in(name: str) -> frozenset[str]:
    """The words of a list that has no terms: `given`, `role`. Folded, in small letters."""
    return frozenset(fold(word).lower() for line in _lines(name) for word in line.split())


@cache
def term_words() -> frozenset[str]:
    """Terms of one word that are no part of anybody's name."""
    kinds = ("religion", "health", "politics", "union")
    found = (
        term
        for kind in kinds
        for language, strength, term in _terms_of(kind)
        if strength in {PERSON, CONDITION} and " " not in term and language not in {"ru", "ar", "zh"}
    )
    return frozenset(found) - words_in("given")


@cache
def shipped_terms() -> Terms:
    """The terms that come with Caveat; read once."""
    return Terms()
