"""Which parts of a request are typed words and which are data that evidence has to cover. Pure.

Laws of the room: whatever is declared as data is data; whatever might be data is data. Calling words data
only asks for evidence that nobody needed; calling data words would let a file in unattested. So every
doubt, an unreadable text and an exhausted budget included, ends at data.
"""

import json
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from enum import StrEnum

from caveat.call.call import DataParts, Part, PartKind, data_parts_of
from caveat.call.identifiers import identifiers
from caveat.signing.canonical import Json, StrictJsonError, parse_strict
from caveat.signing.digest import Digest, sha256

TABULAR_ROWS = 8
_DELIMITERS = (",", ";", "\t", "|")
_ARRAY_START = re.compile(r"\[\s*[\[{]")
_ARRAYS_TRIED = 256
_DECODER = json.JSONDecoder()


class Origin(StrEnum):
    """Where a piece of a request comes from, as far as its protocol tells.

    `text`: words in a message. `tool`: what a tool returned. `structure`: JSON that the protocol defines
    (tool definitions, earlier tool calls, parameters). `opaque`: anything else: images, files, unknown.
    """

    TEXT = "text"
    TOOL = "tool"
    STRUCTURE = "structure"
    OPAQUE = "opaque"


@dataclass(frozen=True, slots=True)
class RawPart:
    """One piece of a request before anybody said what it is. `content`: the bytes as the model gets them."""

    pointer: str
    role: str
    origin: Origin
    media_type: str
    content: bytes
    digest: Digest


def raw_part(pointer: str, role: str, origin: Origin, media_type: str, content: bytes) -> RawPart:
    """The piece with the digest of its own content."""
    return RawPart(pointer, role, origin, media_type, content, sha256(content))


@dataclass(frozen=True, slots=True)
class Declaration:
    """The caller's word that the part at `pointer` is data. It can only make a part stricter."""

    pointer: str
    media_type: str | None = None
    id_column: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What tells data from words, beside the pieces themselves.

    Data is what is `declared`, `covered` by evidence, returned by a tool, opaque, or looks like a
    table; the rest is typed until its bytes together pass `typed_text_max_bytes`, or its structured
    identifiers `max_identifiers` where that is given, and data from there on.
    """

    declared: Mapping[str, Declaration]
    covered: Set[Digest]
    typed_text_max_bytes: int
    max_identifiers: int | None = None


@dataclass(frozen=True, slots=True)
class Classified:
    """Pieces that were told apart under these terms. `room`: how many bytes may still be typed, -1 once all
    the rest is data; `seen`: the identifiers in what was typed."""

    raw: tuple[RawPart, ...]
    parts: tuple[Part, ...]
    terms: Terms
    room: int
    seen: frozenset[str]
    data: DataParts

    def goes_before(self, raw: tuple[RawPart, ...], terms: Terms) -> bool:
        """Whether telling all of `raw` apart begins exactly so: the same pieces, on the same terms."""
        return (
            raw[: len(self.raw)] == self.raw
            and self.terms.typed_text_max_bytes == terms.typed_text_max_bytes
            and self.terms.max_identifiers == terms.max_identifiers
            and self._declared(terms) == self._declared(self.terms)
            and self._covered(terms) == self._covered(self.terms)
        )

    def _declared(self, terms: Terms) -> dict[str, Declaration]:
        there = terms.declared
        return {one.pointer: there[one.pointer] for one in self.raw if one.pointer in there} if there else {}

    def _covered(self, terms: Terms) -> set[Digest]:
        return {one.digest for one in self.raw if one.digest in terms.covered} if terms.covered else set()


def classify_parts(
    raw: tuple[RawPart, ...],
    declared: Mapping[str, Declaration],
    covered: Set[Digest],
    typed_text_max_bytes: int,
    max_identifiers: int | None = None,
) -> tuple[Part, ...]:
    """The parts in their order, each typed or data, as `Terms` says."""
    return classify_after(None, raw, Terms(declared, covered, typed_text_max_bytes, max_identifiers)).parts


def classify_after(before: Classified | None, raw: tuple[RawPart, ...], terms: Terms) -> Classified:
    """All of `raw` told apart; `before` says how it begins, as `goes_before` has found."""
    if before is not None and len(before.raw) == len(raw):
        return replace(before, terms=terms)
    begun = () if before is None else before.parts
    parts: list[Part] = []
    room = terms.typed_text_max_bytes if before is None else before.room
    seen = frozenset[str]() if before is None else before.seen
    declared, covered, max_identifiers = terms.declared, terms.covered, terms.max_identifiers
    for piece in raw[len(begun) :]:
        declaration, digest = declared.get(piece.pointer), piece.digest
        media_type = piece.media_type
        if declaration is not None:
            kind, media_type = PartKind.DATA, declaration.media_type or media_type
        elif piece.origin in (Origin.TOOL, Origin.OPAQUE) or digest in covered:
            kind = PartKind.DATA
            media_type = tabular_media_type(piece) or media_type
        elif len(piece.content) > room:
            kind, room = PartKind.DATA, -1
            media_type = tabular_media_type(piece) or media_type
        elif (looks := tabular_media_type(piece)) is not None:
            kind, media_type = PartKind.DATA, looks
        else:
            if max_identifiers is not None:
                seen |= identifiers(piece.content.decode(errors="replace"))
            is_bulk = max_identifiers is not None and len(seen) > max_identifiers
            kind, room = (PartKind.DATA, -1) if is_bulk else (PartKind.TYPED, room - len(piece.content))
        column = declaration.id_column if declaration is not None else None
        parts.append(Part(piece.pointer, piece.role, kind, media_type, piece.content, digest, column))
    told = (*begun, *parts)
    data = data_parts_of(told, None if before is None else before.data)
    return Classified(raw, told, terms, room, seen, data)


def tabular_media_type(piece: RawPart) -> str | None:
    """The media type of a table of eight rows or more that the piece looks like, else None."""
    if piece.origin is Origin.OPAQUE:
        return None
    text = piece.content.decode(errors="replace")
    if piece.origin is Origin.STRUCTURE:
        return next((look for leaf in _leaves(piece.content) if (look := _look(leaf)) is not None), None)
    return _look(text)


def _look(text: str) -> str | None:
    if len(text) < 2 * TABULAR_ROWS:
        return None
    lines = [line for raw in text.splitlines() if (line := raw.strip())]
    if len(lines) >= TABULAR_ROWS:
        if _is_jsonl(lines):
            return "application/jsonl"
        if any(text.count(mark) >= TABULAR_ROWS and _is_delimited(lines, mark) for mark in _DELIMITERS):
            return "text/csv"
    return "application/json" if "[" in text and _has_array(text) else None


def _is_jsonl(lines: list[str]) -> bool:
    """At least eight lines that each look like one JSON object or array."""
    rows = 0
    for line in lines:
        row = line.rstrip(",")
        rows += (row[0:1], row[-1:]) in {("{", "}"), ("[", "]")} and len(row) > 2
    return rows >= TABULAR_ROWS


def _is_delimited(lines: list[str], mark: str) -> bool:
    """Eight lines in a row with the same number of columns, two or more, wherever in the text they stand."""
    run, columns = 0, 0
    for line in lines:
        found = line.rstrip(mark).count(mark)
        run = run + 1 if found and found == columns else int(found > 0)
        columns = found
        if run >= TABULAR_ROWS:
            return True
    return False


def _has_array(text: str) -> bool:
    """A JSON array of eight rows: the whole text, or rows that are objects or arrays anywhere in it."""
    starts = [0] if text.lstrip().startswith("[") else []
    starts += [match.start() for match in _ARRAY_START.finditer(text)]
    if len(starts) > _ARRAYS_TRIED:
        return True
    for start in starts:
        try:
            value, _ = _DECODER.raw_decode(text[start:].lstrip())
        except RecursionError:
            return True  # too deep to read: it may hold anything
        except ValueError:
            continue
        if _holds_rows(value):
            return True
    return False


def _holds_rows(value: object) -> bool:
    if isinstance(value, list):
        return len(value) >= TABULAR_ROWS or any(_holds_rows(item) for item in value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, dict):
        return any(_holds_rows(item) for item in value.values())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return False


def _leaves(content: bytes) -> Iterator[str]:
    """The strings inside a JSON text; the text itself where it is no JSON that all parsers read alike."""
    try:
        value = parse_strict(content, max_bytes=len(content), floats=True)
    except StrictJsonError:
        yield content.decode(errors="replace")
        return
    yield from _strings(value)


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
