"""What reads content under a bundle and what its scores mean, as `screens.toml` says. The file is optional.

A score is an estimated fact and only tightens. Where a screen that should have answered did not, the bundle
says what stands for its score; where no screen gives a score at all, `[unmeasured.FACT]` says so openly, and
every record shows it. Source: DESIGN section 3, ADR-0048.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.facts.fact import Grade
from caveat.facts.registry import Registry

COMPARED = "content_contradiction"
"""The score that the gateway gives by itself: how far content contradicts what was said of it (ADR-0046)."""
_MEMBERS = frozenset({"version", "unmeasured"})


@dataclass(frozen=True, slots=True)
class Screens:
    """The screens of a bundle. `unmeasured`: the score of each fact that no screen gives, declared."""

    unmeasured: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def facts(self) -> frozenset[str]:
        """The facts that something here, or the gateway by itself, gives a score."""
        return frozenset({*self.unmeasured, COMPARED})


class _UnmeasuredModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    score: int
    text: str = Field(min_length=1)


def parse_screens(table: Mapping[str, object], registry: Registry) -> tuple[Screens, list[str]]:
    """The screens in `screens.toml`, and a finding for whatever may not stand there."""
    findings = [f"`screens.toml`: `{name}` has no meaning" for name in sorted(table.keys() - _MEMBERS)]
    if table and table.get("version") != 1:
        findings.append("`screens.toml`: `version` is 1")
    unmeasured: dict[str, int] = {}
    entries = table.get("unmeasured", {})
    if not isinstance(entries, Mapping):
        return Screens(), [*findings, "`screens.toml`: `unmeasured` is a table"]
    for fact, entry in cast("Mapping[str, object]", entries).items():
        where = f"unmeasured `{fact}`"
        try:
            model = _UnmeasuredModel.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            findings.append(f"{where}, `{'.'.join(map(str, first['loc']))}`: {first['msg'].lower()}")
            continue
        spec = registry.facts.get(fact)
        if spec is None or spec.grade is not Grade.ESTIMATED:
            findings.append(f"{where}: `{fact}` is no estimated fact")
        elif not spec.lo <= model.score <= spec.hi:
            findings.append(f"{where}: `score` lies between {spec.lo} and {spec.hi}")
        else:
            unmeasured[fact] = model.score
    return Screens(MappingProxyType(unmeasured)), findings
