"""Phrases found in text, whole or as it arrives. Pure, and linear in the text for any number of phrases.

A phrase is a sequence of words. Words are compared without regard to case, width, accents and invisible
characters; between them may stand anything that is no letter or digit. A part of a word
is no word: two texts that were never joined make none together. Source: ADR-0027.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

MAX_WORD_CHARS = 256
"""A longer run of letters is no word of any phrase, and nothing waits for its end."""
# Scripts without spaces between words count by the character; marks and invisible characters belong to words.
_WORD = re.compile(
    r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|(?:[^\W_]|[\u0300-\u036f\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff])+"
)
_ASCII_WORD = re.compile("[a-z0-9]+")
"""The same in small letters of ASCII, at a third of the cost."""


@dataclass(slots=True)
class _Node:
    """One word of some phrases. `scores`: what a phrase that ends here gives."""

    following: dict[str, "_Node"] = field(default_factory=dict[str, "_Node"])
    scores: dict[str, int] = field(default_factory=dict[str, int])


NOTHING: Mapping[str, int] = MappingProxyType({})


class PhraseScreen:
    """Knows the phrases. Immutable once made; any number of scans may use it."""

    def __init__(self, phrases: Iterable[tuple[str, int, str]], nothing_found: Mapping[str, int]) -> None:
        """`phrases`: fact, score and phrase. `nothing_found`: the score of each fact where none is found."""
        self.nothing_found = nothing_found
        self._root = _Node()
        for fact, score, phrase in phrases:
            node = self._root
            for word in _words(phrase):
                node = node.following.setdefault(word, _Node())
            if node is not self._root:
                node.scores[fact] = max(score, node.scores.get(fact, score))

    def scan(self, text: str) -> Mapping[str, int]:
        """The greatest score of each fact of which a phrase stands in `text`: what `follow` finds in the
        whole of it, at less cost."""
        words = _ASCII_WORD.findall(text.lower()) if text.isascii() else _words(text)
        first, found = self._root.following, dict[str, int]()
        begun: list[_Node] = []
        for word in words:
            if not begun and word not in first:
                continue
            going, begun = (*begun, self._root), []
            for node in going:
                following = node.following.get(word)
                if following is None:
                    continue
                for fact, score in following.scores.items():
                    found[fact] = max(score, found.get(fact, score))
                if following.following:
                    begun.append(following)
        return found or NOTHING

    def follow(self, *, spans: bool = False) -> "PhraseScan":
        """A scan of one text that is still to come. `spans`: it also says where what it finds stands."""
        return PhraseScan(self._root, [] if spans else None)


class PhraseScan:
    """Follows one text, piece by piece; a border between pieces changes nothing."""

    def __init__(self, root: _Node, spans: list[tuple[int, int, str]] | None) -> None:
        """Made by `PhraseScreen.follow`. `spans`: takes where each phrase stands, and its fact."""
        self._root = root
        self.spans = spans
        self._tail = ""  # a word that may go on
        self._skipping = False  # within a run of letters that is too long for a word
        self._begun: list[tuple[_Node, int]] = []
        self._taken = 0  # characters before the tail

    @property
    def waits_from(self) -> int:
        """Where the first character stands that may yet turn out to belong to a phrase, counted from the
        beginning of the text; how much came so far, where there is none."""
        if self._begun:
            return min(start for _, start in self._begun)
        return self._taken

    def feed(self, text: str, *, last: bool = False) -> Mapping[str, int]:
        """The greatest score of each fact of which a phrase has been completed by this piece."""
        found: dict[str, int] = {}
        data = self._tail + text
        at = 0
        for match in _WORD.finditer(data):
            start, end = match.span()
            if end == len(data) and not last:
                break
            at = end
            if self._skipping and start == 0:
                self._begun.clear()
            else:
                self._step(_normal(match[0]), self._taken + start, self._taken + end, found)
            self._skipping = False
        rest = data[at:]
        kept = _WORD.search(rest) if not last else None
        self._tail = "" if kept is None else rest[kept.start() :]
        self._skipping = self._skipping and self._tail != "" and len(self._tail) == len(data)
        if len(self._tail) > MAX_WORD_CHARS:
            self._tail, self._skipping = self._tail[-1:], True
            self._begun.clear()
        self._taken += len(data) - len(self._tail)
        return found or NOTHING

    def _step(self, word: str, start: int, end: int, found: dict[str, int]) -> None:
        if not word:
            return  # nothing but marks
        begun = [*self._begun, (self._root, start)] if word in self._root.following else self._begun
        self._begun = []
        for node, at in begun:
            following = node.following.get(word)
            if following is None:
                continue
            for fact, score in following.scores.items():
                found[fact] = max(score, found.get(fact, score))
                if self.spans is not None:
                    self.spans.append((at, end, fact))
            if following.following:
                self._begun.append((following, at))


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text as phrases compare them."""
    return tuple(_words(text))


def _words(text: str) -> Iterator[str]:
    return (word for match in _WORD.finditer(text) if (word := _normal(match[0])))


def _normal(word: str) -> str:
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFKD", word)
    kept = "".join(char for char in apart if unicodedata.category(char) not in ("Mn", "Cf"))
    return unicodedata.normalize("NFC", kept.casefold())
