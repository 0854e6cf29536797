"""Lists of phrases that a bundle wants noticed in content, as `phrases.toml` says. The file is optional.

Finding a phrase gives an estimated fact a score, and a score only tightens. Not finding one proves nothing:
a phrase can be written in other words. Source: DESIGN section 3, ADR-0027.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.facts.fact import Grade
from caveat.facts.registry import Registry

HOLD_BACK_CHARS = 256
MAX_HOLD_BACK_CHARS = 65_536
MAX_PHRASE_CHARS = 200
MAX_PHRASES = 20_000
_MEMBERS = frozenset({"version", "phrases", "hold_back_chars"})


@dataclass(frozen=True, slots=True)
class PhraseList:
    """Some phrases. Where one is found, the estimated fact `fact` has at least `score`."""

    name: str
    fact: str
    score: int
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrases:
    """All lists of a bundle. `hold_back_chars`: how much of a stream's text waits for what follows it."""

    lists: tuple[PhraseList, ...] = ()
    hold_back_chars: int = HOLD_BACK_CHARS

    @property
    def facts(self) -> frozenset[str]:
        """The facts that some list gives a score."""
        return frozenset(one.fact for one in self.lists)


class _ListModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    fact: str
    score: int
    phrases: list[str] = Field(min_length=1)
    text: str = ""


def parse_phrases(table: Mapping[str, object], registry: Registry) -> tuple[Phrases, list[str]]:
    """The lists in `phrases.toml`, and a finding for whatever may not stand there."""
    findings = [
        f"`phrases.toml`: `{name}` has no meaning; lists stand under `[phrases.NAME]`"
        for name in sorted(table.keys() - _MEMBERS)
    ]
    hold_back = table.get("hold_back_chars", HOLD_BACK_CHARS)
    if (
        isinstance(hold_back, bool)
        or not isinstance(hold_back, int)
        or not 0 <= hold_back <= MAX_HOLD_BACK_CHARS
    ):
        findings.append(
            f"`phrases.toml`: `hold_back_chars` is a number of characters up to {MAX_HOLD_BACK_CHARS}"
        )
        hold_back = HOLD_BACK_CHARS
    entries = table.get("phrases", {})
    if not isinstance(entries, Mapping):
        return Phrases(), [*findings, "`phrases.toml`: `phrases` is a table"]
    lists: list[PhraseList] = []
    for name, entry in cast("Mapping[str, object]", entries).items():
        where = f"phrases `{name}`"
        try:
            model = _ListModel.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            findings.append(f"{where}, `{'.'.join(map(str, first['loc']))}`: {first['msg'].lower()}")
            continue
        findings.extend(_findings(where, model, registry))
        lists.append(PhraseList(name, model.fact, model.score, tuple(model.phrases)))
    if sum(len(one.phrases) for one in lists) > MAX_PHRASES:
        findings.append(f"`phrases.toml`: at most {MAX_PHRASES} phrases")
    return Phrases(tuple(lists), hold_back), findings


def _findings(where: str, model: _ListModel, registry: Registry) -> Iterator[str]:
    spec = registry.facts.get(model.fact)
    if spec is None or spec.grade is not Grade.ESTIMATED:
        yield f"{where}: `{model.fact}` is no estimated fact, and a phrase that is found proves nothing"
    elif not spec.lo < model.score <= spec.hi:
        yield f"{where}: `score` lies above {spec.lo}, which stands for nothing found, up to {spec.hi}"
    for phrase in model.phrases:
        if len(phrase) > MAX_PHRASE_CHARS or not any(char.isalnum() for char in phrase):
            yield f"{where}: a phrase has letters or digits, and at most {MAX_PHRASE_CHARS} characters"
            return
