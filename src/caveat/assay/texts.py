"""Texts that somebody labelled, one a line: what the screens are held against. Pure.

Whatever bytes arrive: texts of which each has a label, or `TextsError` with the number of the line. No error
holds anything of a text. Source: ADR-0051.
"""

import codecs
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.assay.errors import AssayError
from caveat.call.call import Point

MAX_LINE_BYTES = 4 * 2**20
MAX_FILE_BYTES = 512 * 2**20
UNNAMED = "unnamed"
"""The source of a text that names none."""
_SHAPE = "a line is a JSON object with `text` and `label`, and may have `point`, `source` and `id`"


class TextsError(AssayError):
    """The file holds no labelled texts; each finding names its line."""


class Said(StrEnum):
    """What a label may say in one word."""

    ATTACK = "attack"
    BENIGN = "benign"


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One text. `heads`: what it is a case of; `is_attack`: a case of whatever attacks are told by.

    `point`: where it stood, if the line says so.
    """

    line: int
    text: str
    heads: frozenset[str]
    is_attack: bool
    point: Point | None
    source: str

    def is_case_of(self, head: str, attack_heads: frozenset[str]) -> bool | None:
        """Whether it is to be found under this head; None where nobody said so or otherwise.

        A benign text is none of any head. A text labelled with some heads says nothing of the others.
        """
        if not self.is_attack and not self.heads:
            return False
        return True if head in self.heads or (self.is_attack and head in attack_heads) else None


@dataclass(frozen=True, slots=True)
class TextSet:
    """The texts of a file. `sha256`: of its bytes. `repeated`: those that stood before, at their point."""

    texts: tuple[LabelledText, ...]
    sha256: str
    repeated: int

    @property
    def sources(self) -> tuple[str, ...]:
        """Their names, each once, in the order of the file."""
        return tuple(dict.fromkeys(one.source for one in self.texts))

    @property
    def named_heads(self) -> tuple[str, ...]:
        """The heads that labels name, sorted."""
        return tuple(sorted({head for one in self.texts for head in one.heads}))


Head = Annotated[str, Field(min_length=1, max_length=200)]


class _LineModel(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    text: str = Field(min_length=1, strict=True)
    label: Said | Annotated[list[Head], Field(min_length=1)]
    point: Point | None = None
    source: str = Field(default=UNNAMED, pattern=r"^[\w.,:/+ -]{1,80}$")
    id: str | int | None = None


def parse_texts(lines: Iterable[bytes]) -> TextSet:
    """The texts of a file, given line by line. Raises `TextsError`."""
    digest, seen = hashlib.sha256(), set[tuple[str, Point | None]]()
    texts: list[LabelledText] = []
    size = repeated = 0
    for number, line in enumerate(lines, start=1):
        digest.update(line)
        size += len(line)
        if len(line) > MAX_LINE_BYTES:
            raise TextsError((f"line {number}: more than {MAX_LINE_BYTES:,} bytes",), "split the text")
        if size > MAX_FILE_BYTES:
            raise TextsError((f"more than {MAX_FILE_BYTES:,} bytes",), "measure it in parts")
        line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if line.strip():
            one = _parsed(number, line)
            repeated += (one.text, one.point) in seen
            seen.add((one.text, one.point))
            texts.append(one)
    if not texts:
        raise TextsError(("the file holds no labelled text",), _SHAPE)
    return TextSet(tuple(texts), digest.hexdigest(), repeated)


def _parsed(number: int, line: bytes) -> LabelledText:
    try:
        model = _LineModel.model_validate_json(line)
    except ValidationError as error:
        raise TextsError((f"line {number}: {_wrong(error)}",), _SHAPE) from error
    heads = frozenset(model.label) if isinstance(model.label, list) else frozenset[str]()
    return LabelledText(number, model.text, heads, model.label is Said.ATTACK, model.point, model.source)


def _wrong(error: ValidationError) -> str:
    """What is wrong with a line, by the names of its members alone."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    member = str(first["loc"][0]) if first["loc"] else ""
    match first["type"], member:
        case "json_invalid", _:
            return "no JSON"
        case "model_type", _:
            return "no JSON object"
        case "missing", _:
            return f"`{member}` is missing"
        case "extra_forbidden", _:
            return "a member that has no meaning here"
        case _, "label":
            return "`label` is `attack`, `benign` or a list of heads"
        case _, "text":
            return "`text` is a text that is not empty"
        case _, "point":
            return f"`point` is one of {', '.join(point.value for point in Point)}"
        case _, "source":
            return "`source` has at most 80 letters, digits, spaces or marks of `.,:/+-_`"
        case _:
            return f"`{member}` is of another type"


def check_heads(texts: Sequence[LabelledText], known: frozenset[str]) -> None:
    """Raises `TextsError` for the first label that names a head which no screen here gives."""
    for one in texts:
        unknown = sorted(one.heads - known)
        if unknown:
            raise TextsError(
                (f"line {one.line}: no screen here gives a head that the label names",),
                f"the screens here give {', '.join(sorted(known))}",
            )
