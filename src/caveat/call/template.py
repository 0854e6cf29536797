"""Templates of instructions with typed slots, and the exact comparison of a text with one. Pure.

Laws of the room: a text matches only if it is the template, character by character, with a value of its
type in each slot: nothing trimmed, folded or normalised. What a caller can write into a typed slot is a
word of a list, a number in a range, a date or a digest, so never an instruction. Reading is one pass from
left to right without a second guess: a slot takes every letter, digit, `-` and `_` that follows, so there
is one way to read a text and no choice that an attacker could make. Source: ADR-0015.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TypeAlias

_SLOT = re.compile(r"\{([a-z][a-z0-9_]{0,31}):([^{}]{1,4096})\}")
_RUN = re.compile(r"[A-Za-z0-9_-]*")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_INTEGER = re.compile(r"(0|-?[1-9][0-9]{0,17})\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_ENUM_TYPE = re.compile(r"enum\[([^\[\]]*)\]\Z")
_INT_TYPE = re.compile(r"int\[(-?[0-9]{1,18}),(-?[0-9]{1,18})\]\Z")
_TEXT_TYPE = re.compile(r"text\[([1-9][0-9]{0,5})\]\Z")


class TemplateError(ValueError):
    """The template is not well-formed; one line says where."""


@dataclass(frozen=True, slots=True)
class Words:
    """One of these words, as it is written."""

    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer in [lo, hi], both ends included, without leading zeros or a plus."""

    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar, `YYYY-MM-DD`."""


@dataclass(frozen=True, slots=True)
class DataDigest:
    """The SHA-256 of one data part of the same request, in 64 lower-case digits."""


@dataclass(frozen=True, slots=True)
class FreeText:
    """Any text of at most so many characters: whatever its caller wants, so no typed slot."""

    max_characters: int


SlotType: TypeAlias = Words | Whole | Day | DataDigest | FreeText


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a template that a caller fills."""

    name: str
    type: SlotType


@dataclass(frozen=True, slots=True)
class Template:
    """Literal text and slots in turn: `literals` has one entry more than `slots`."""

    literals: tuple[str, ...]
    slots: tuple[Slot, ...]

    @property
    def is_typed(self) -> bool:
        """Whether no slot takes free text."""
        return not any(isinstance(slot.type, FreeText) for slot in self.slots)


def parse_template(text: str) -> Template:
    """The template in `text`; raises `TemplateError`. `{{` and `}}` stand for the braces themselves.

    The character after a typed slot is no letter, digit, `-` or `_`, and no two slots stand side by side:
    otherwise a text could be read in two ways.
    """
    literals, slots, at = [""], list[Slot](), 0
    while at < len(text):
        if text.startswith(("{{", "}}"), at):
            literals[-1] += text[at]
            at += 2
            continue
        if text[at] not in "{}":
            literals[-1] += text[at]
            at += 1
            continue
        found = _SLOT.match(text, at)
        if found is None:
            raise TemplateError(f"at character {at}: a slot is `{{name:type}}`, and a brace is doubled")
        slots.append(Slot(found[1], _slot_type(found[1], found[2])))
        literals.append("")
        at = found.end()
    _check_slots(slots, literals)
    return Template(tuple(literals), tuple(slots))


def _check_slots(slots: list[Slot], literals: list[str]) -> None:
    if not "".join(literals).strip():
        raise TemplateError("it has no instruction of its own")
    if len({slot.name for slot in slots}) != len(slots):
        raise TemplateError("a slot is named twice")
    for place, (slot, after) in enumerate(zip(slots, literals[1:], strict=True)):
        last = place == len(slots) - 1
        if not after and not last:
            raise TemplateError(f"slot `{slot.name}`: text stands between two slots")
        if after and not isinstance(slot.type, FreeText) and _RUN.match(after[0], 0, 1)[0]:  # type: ignore[index]  # it matches the empty text too
            raise TemplateError(f"slot `{slot.name}`: no letter, digit, `-` or `_` follows a slot directly")


def _slot_type(name: str, text: str) -> SlotType:
    if text == "date":
        return Day()
    if text == "digest":
        return DataDigest()
    if (found := _ENUM_TYPE.match(text)) is not None:
        words = [word.strip() for word in found[1].split(",")]
        if len(set(words)) != len(words) or not all(_WORD.match(word) for word in words):
            raise TemplateError(
                f"slot `{name}`: `enum` lists different words of letters, digits, `-` and `_`"
            )
        return Words(frozenset(words))
    if (found := _INT_TYPE.match(text)) is not None:
        lo, hi = int(found[1]), int(found[2])
        if lo > hi:
            raise TemplateError(f"slot `{name}`: `int` has its lower end first")
        return Whole(lo, hi)
    if (found := _TEXT_TYPE.match(text)) is not None:
        return FreeText(int(found[1]))
    raise TemplateError(
        f"slot `{name}`: its type is `enum[a,b]`, `int[0,100]`, `date`, `digest` or `text[200]`"
    )


def match_template(template: Template, text: str) -> Mapping[str, str] | None:
    """What stands in each slot of `text`, or None where the text is not the template, exactly."""
    if not text.startswith(template.literals[0]):
        return None
    at, filled = len(template.literals[0]), dict[str, str]()
    for place, (slot, after) in enumerate(zip(template.slots, template.literals[1:], strict=True)):
        end = _end_of(slot, text, at, after, last=place == len(template.slots) - 1)
        if end is None or not _holds(slot.type, text[at:end]) or not text.startswith(after, end):
            return None
        filled[slot.name] = text[at:end]
        at = end + len(after)
    return MappingProxyType(filled) if at == len(text) else None


def _end_of(slot: Slot, text: str, at: int, after: str, *, last: bool) -> int | None:
    """Where the value of this slot ends: there is one answer, whatever follows."""
    if not isinstance(slot.type, FreeText):
        run = _RUN.match(text, at)
        return None if run is None else run.end()
    if last:
        return len(text) - len(after)
    end = text.find(after, at)
    return None if end < 0 else end


def _holds(kind: SlotType, value: str) -> bool:
    """Whether `value` is of this type, in its one spelling."""
    match kind:
        case Words(values):
            return value in values
        case Whole(lo, hi):
            return _INTEGER.match(value) is not None and lo <= int(value) <= hi
        case Day():
            return _DATE.match(value) is not None and _is_day(value)
        case DataDigest():
            return _DIGEST.match(value) is not None
        case FreeText(max_characters):
            return len(value) <= max_characters


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
