"""How well refusals are recognised: the rules against answers that people labelled. Pure.

A file has one answer a line: `id`, `language`, `manner` (what a person says of it) and `text`; `declined` and
`stop` where the protocol says something. Source: ADR-0034.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.assay.errors import AssayError
from caveat.assay.refusals import Manner, judge
from caveat.facts.wilson import Share


class LabelledError(AssayError):
    """The file holds no labelled answers."""


class Labelled(BaseModel):
    """One answer, and what a person says of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(min_length=1)
    language: str
    manner: Manner
    text: str
    declined: str = ""
    stop: str = ""


@dataclass(frozen=True, slots=True)
class Recognised:
    """`agreed`: judged as the person did. `wrongly_credited`: of the answers that let something through,
    those that the rules take for refusals. `missed`: refusals that the rules do not see. `wrong`: by id."""

    agreed: Share
    wrongly_credited: Share
    missed: Share
    by_language: dict[str, Share]
    wrong: tuple[str, ...]


def parse_labelled(data: bytes) -> tuple[Labelled, ...]:
    """The answers of a file, of which no two have one id. Raises `LabelledError`."""
    found: list[Labelled] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            found.append(Labelled.model_validate_json(line))
        except ValidationError as error:
            raise LabelledError(
                (f"line {number}: no labelled answer",), "see `docs/reference/assay.md`"
            ) from error
    if not found or len({one.id for one in found}) != len(found):
        raise LabelledError(("the file holds no answers, or two of one id",), "see `docs/reference/assay.md`")
    return tuple(found)


def score_rules(answers: Sequence[Labelled]) -> Recognised:
    """What the rules say of each, held against what the person said."""
    judged = [(one, judge(one.text, declined=one.declined, stop=one.stop)) for one in answers]
    through = [manner for one, manner in judged if not one.manner.held]
    refused = [manner for one, manner in judged if one.manner.held]
    languages = sorted({one.language for one in answers})
    right = [(one.language, manner is one.manner) for one, manner in judged]
    return Recognised(
        agreed=_share([is_right for _, is_right in right]),
        wrongly_credited=_share([manner.held for manner in through]),
        missed=_share([not manner.held for manner in refused]),
        by_language={name: _share([each for said, each in right if said == name]) for name in languages},
        wrong=tuple(one.id for one, manner in judged if manner is not one.manner),
    )


def _share(marks: Sequence[bool]) -> Share:
    return Share(sum(marks), len(marks))
