"""How many persons a text is about, as a range: from those whom identifiers tell apart to all that it names.

Laws: `least` is what content is compared with elsewhere, and no model changes it; `most` is never less; what
a model reads is bounded in length, and so is each word of it. Names of a model are counted and kept nowhere.
Source: MODELS section 3, ADR-0050.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from caveat.screens.identifiers.census import census_of
from caveat.screens.identifiers.columns import read_column
from caveat.screens.identifiers.names import Name, exact_keys, exact_word, read_name
from caveat.screens.identifiers.objects import Record
from caveat.screens.identifiers.prose import as_seen
from caveat.screens.identifiers.records import Person, persons_in_prose, persons_of
from caveat.screens.identifiers.rows import UnreadableError, read_content
from caveat.screens.identifiers.sighted import together

LEAST, MOST = "least", "most"
GREATEST = 100_000
"""The greatest count; there are texts that name more, and none that is read here."""
MAX_CHARS = 65_536
"""What is read of one text; a longer one is answered by nobody, which is a failure and not a clean text."""
PIECE_CHARS = 2_000
_LONG_WORD = re.compile(r"\S{65,}")
"""No name is so long, and a tokenizer takes the square of a word's length."""
_ENDS = re.compile(r"(?s).{1,1999}(?:[\n.!?;](?=\s|\Z)|\Z)|.{1,1999}(?=\s|\Z)|.{1,2000}")
_PROSE_SPACES = 3
_RULES = "1"


class NameReader(Protocol):
    """A model of names. `digest`: of all that it decides by."""

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal digits."""
        ...

    def names(self, pieces: Iterable[str]) -> list[str]:
        """What it takes for names of persons, as they are written, in any number and order."""
        ...


@dataclass(frozen=True, slots=True)
class _Read:
    """Persons whom structure and forms tell, and the words that a model reads."""

    persons: list[Person]
    prose: str


class PersonsScreen:
    """Counts the persons of one text at a time. Raises whatever its model raises: then it is unavailable."""

    name = "persons"
    max_chars = MAX_CHARS
    heads: Mapping[str, tuple[float, float]] = MappingProxyType(
        {LEAST: (0.0, float(GREATEST)), MOST: (0.0, float(GREATEST))}
    )

    def __init__(self, reader: NameReader) -> None:
        """Of a model that is loaded."""
        self._reader = reader
        self.digest = hashlib.sha256(f"persons {_RULES}\n{reader.digest}".encode()).hexdigest()

    def score(self, text: str) -> Mapping[str, float]:
        """Both ends of the range. Raises `ValueError` for a text that is too long to be read."""
        if len(text) > MAX_CHARS:
            raise ValueError("the text is too long to be read")
        least = len(census_of(text.encode("utf-8", "replace"), "text/plain", None, "").persons)
        read = _read(text)
        known = sum(not group.is_device for group in together(read.persons))
        written = self._reader.names(pieces_of(read.prose))
        seen = [name for one in written if (name := read_name(one)) is not None]
        more = further_names(seen, [one.name for one in read.persons if one.name is not None])
        most = max(least, known + more)
        return {LEAST: float(min(least, GREATEST)), MOST: float(min(most, GREATEST))}


def _read(text: str) -> _Read:
    """Names in columns are read by structure; a model reads plain words, and cells that hold sentences."""
    shown, _ = as_seen(text)
    try:
        content = read_content(text.encode("utf-8", "replace"), "text/plain", None)
    except UnreadableError:
        return _Read(persons_in_prose(shown), shown)
    in_rows, in_words = persons_of(content, None)
    said = [content.prose or "", *(cell for record in content.records for cell in _sentences(record))]
    return _Read([*in_rows, *in_words], as_seen("\n".join(said))[0])


def _sentences(record: Record) -> Iterator[str]:
    for column, cell in record.cells:
        if cell.count(" ") >= _PROSE_SPACES and read_column(column).kind is None:
            yield cell
    for inner in record.nested:
        yield from _sentences(inner)


def pieces_of(text: str) -> Iterator[str]:
    """The text in pieces of at most `PIECE_CHARS`, cut behind sentences where there are any."""
    plain = _LONG_WORD.sub(" ", text)
    return (match[0] for match in _ENDS.finditer(plain))


def further_names(seen: Iterable[Name], known: Iterable[Name]) -> int:
    """How many of these names are nobody's who is known: spellings of one count once, and a single word
    counts for nobody where a longer name holds it."""
    keys: set[str] = set()
    words: set[str] = set()
    for one in known:
        keys |= exact_keys(one)
        words.update(map(exact_word, one.whole))
    more = 0
    for one in sorted(seen, key=lambda name: -len(name.words)):
        own = exact_keys(one)
        if own & keys or (len(one.words) == 1 and exact_word(one.words[0]) in words):
            continue
        more += 1
        keys |= own
        words.update(map(exact_word, one.whole))
    return more
