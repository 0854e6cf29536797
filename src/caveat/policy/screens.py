"""What reads content under a bundle and what its scores mean, as `screens.toml` says. The file is optional.

A score is an estimated fact and only tightens. Where a screen that should have answered did not, the bundle
says what stands for its score; where no screen gives a score at all, `[unmeasured.FACT]` says so openly, and
every record shows it. Source: DESIGN section 3, ADR-0048.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caveat.facts.fact import Grade
from caveat.facts.registry import Registry
from caveat.policy.clause import Clause
from caveat.policy.expression import Compare, Count, Number, atoms

COMPARED = "content_contradiction"
"""The score that the gateway gives by itself: how far content contradicts what was said of it (ADR-0046)."""
LOCAL_KINDS = frozenset({"sensitive", "model", "persons"})
REMOTE_KINDS = frozenset({"moderation", "chat_classifier", "nemo", "llm_guard", "presidio", "http"})
KINDS = LOCAL_KINDS | REMOTE_KINDS
WINDOW_CHARS, MAX_WINDOW_CHARS = 2_000, 65_536
DEADLINE_MS, MAX_DEADLINE_MS = 2_000, 30_000
_MEMBERS = frozenset({"version", "unmeasured", "screens", "deadline_ms", "window_chars"})
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")


@dataclass(frozen=True, slots=True)
class GivenScore:
    """One score of a screen as a fact. `least`, `greatest`: its raw range. `calibration`: raw score to score.

    `unavailable`: the score where the screen gives none. `calibrated_on`: what the calibration was fitted on.
    """

    fact: str
    head: str
    least: float
    greatest: float
    calibration: tuple[tuple[float, int], ...]
    calibrated_on: str
    unavailable: int


@dataclass(frozen=True, slots=True)
class ScreenSpec:
    """A screen that a bundle asks for. `settings`: what its kind asks for beside, all texts."""

    name: str
    kind: str
    deadline_ms: int
    gives: tuple[GivenScore, ...]
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Screens:
    """The screens of a bundle. `unmeasured`: the score of each fact that no screen gives, declared.

    `deadline_ms`: for all screens of one text. `window_chars`: how much of a stream waits to be read at once.
    """

    unmeasured: Mapping[str, int] = field(default_factory=dict[str, int])
    panel: tuple[ScreenSpec, ...] = ()
    deadline_ms: int = DEADLINE_MS
    window_chars: int = WINDOW_CHARS

    @property
    def facts(self) -> frozenset[str]:
        """The facts that something here, or the gateway by itself, gives a score, or openly none."""
        return frozenset({*self.unmeasured, COMPARED}) | self.measured

    @property
    def measured(self) -> frozenset[str]:
        """The facts that a screen gives a score."""
        return frozenset(one.fact for screen in self.panel for one in screen.gives)


class _UnmeasuredModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    score: int
    text: str = Field(min_length=1)


class _GivesModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    head: str
    unavailable: int
    range: list[float | int] = Field(default=[0, 1000], min_length=2, max_length=2)
    calibration: list[list[float | int]] = Field(min_length=2)
    calibrated_on: str = Field(min_length=1)


class _ScreenModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    kind: str
    text: str = Field(min_length=1)
    deadline_ms: int = DEADLINE_MS
    gives: dict[str, _GivesModel] = Field(min_length=1)
    settings: dict[str, str] = Field(default_factory=dict[str, str])


class _WholeModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    deadline_ms: int = Field(default=DEADLINE_MS, ge=1, le=MAX_DEADLINE_MS)
    window_chars: int = Field(default=WINDOW_CHARS, ge=200, le=MAX_WINDOW_CHARS)


def parse_screens(table: Mapping[str, object], registry: Registry) -> tuple[Screens, list[str]]:
    """The screens in `screens.toml`, and a finding for whatever may not stand there."""
    findings = [f"`screens.toml`: `{name}` has no meaning" for name in sorted(table.keys() - _MEMBERS)]
    if table and table.get("version") != 1:
        findings.append("`screens.toml`: `version` is 1")
    try:
        numbers = {name: table[name] for name in ("deadline_ms", "window_chars") if name in table}
        whole = _WholeModel.model_validate(numbers)
    except ValidationError as error:
        findings.append(f"`screens.toml`, {_first(error)}")
        whole = _WholeModel()
    unmeasured = _unmeasured(_section(table, "unmeasured", findings), registry, findings)
    panel: list[ScreenSpec] = []
    for name, entry in _section(table, "screens", findings).items():
        where = f"screen `{name}`"
        try:
            model = _ScreenModel.model_validate(entry)
        except ValidationError as error:
            findings.append(f"{where}, {_first(error)}")
            continue
        wrong = list(_screen_findings(where, name, model, registry))
        findings.extend(wrong)
        if not wrong:
            panel.append(_spec(name, model))
    screens = Screens(MappingProxyType(unmeasured), tuple(panel), whole.deadline_ms, whole.window_chars)
    findings.extend(
        f"unmeasured `{fact}`: a screen gives it a score; take one of the two out"
        for fact in sorted(screens.measured & unmeasured.keys())
    )
    return screens, findings


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"`{'.'.join(map(str, first['loc']))}`: {first['msg'].lower()}"


def _section(table: Mapping[str, object], name: str, findings: list[str]) -> Mapping[str, object]:
    found = table.get(name, {})
    if not isinstance(found, Mapping):
        findings.append(f"`screens.toml`: `{name}` is a table")
        return {}
    return cast("Mapping[str, object]", found)


def _unmeasured(entries: Mapping[str, object], registry: Registry, findings: list[str]) -> dict[str, int]:
    unmeasured: dict[str, int] = {}
    for fact, entry in entries.items():
        where = f"unmeasured `{fact}`"
        try:
            model = _UnmeasuredModel.model_validate(entry)
        except ValidationError as error:
            findings.append(f"{where}, {_first(error)}")
            continue
        spec = registry.facts.get(fact)
        if spec is None or spec.grade is not Grade.ESTIMATED:
            findings.append(f"{where}: `{fact}` is no estimated fact")
        elif not spec.lo <= model.score <= spec.hi:
            findings.append(f"{where}: `score` lies between {spec.lo} and {spec.hi}")
        else:
            unmeasured[fact] = model.score
    return unmeasured


def _spec(name: str, model: _ScreenModel) -> ScreenSpec:
    gives = tuple(
        GivenScore(
            fact,
            one.head,
            float(one.range[0]),
            float(one.range[1]),
            tuple((float(raw), int(score)) for raw, score in one.calibration),
            one.calibrated_on,
            one.unavailable,
        )
        for fact, one in model.gives.items()
    )
    return ScreenSpec(name, model.kind, model.deadline_ms, gives, tuple(sorted(model.settings.items())))


def _screen_findings(where: str, name: str, model: _ScreenModel, registry: Registry) -> Iterator[str]:
    if not _NAME.match(name):
        yield f"{where}: a name is of small letters, digits and `_`, and begins with a letter"
    if model.kind not in KINDS:
        yield f"{where}: `kind` is one of {', '.join(sorted(KINDS))}"
    if not 1 <= model.deadline_ms <= MAX_DEADLINE_MS:
        yield f"{where}: `deadline_ms` lies between 1 and {MAX_DEADLINE_MS}"
    for fact, one in model.gives.items():
        spec = registry.facts.get(fact)
        if spec is None or spec.grade is not Grade.ESTIMATED:
            yield f"{where}: `{fact}` is no estimated fact, and what a screen says proves nothing"
        elif not spec.lo < one.unavailable <= spec.hi:
            yield f"{where}: `unavailable` of `{fact}` is above {spec.lo}, which is clean, up to {spec.hi}"
        else:
            yield from _calibration_findings(f"{where}, `{fact}`", one, spec.lo, spec.hi)


def _calibration_findings(where: str, one: _GivesModel, lo: int, hi: int) -> Iterator[str]:
    if not one.range[0] < one.range[1]:
        yield f"{where}: `range` is the least raw score and the greatest"
    if any(len(point) != 2 or not isinstance(point[1], int) for point in one.calibration):
        yield f"{where}: a point of `calibration` is a raw score and a whole number"
        return
    raws, scores = zip(*one.calibration, strict=True)
    if any(not low < high for low, high in pairwise(raws)):
        yield f"{where}: raw scores of `calibration` ascend"
    if any(low > high for low, high in pairwise(scores)):
        yield f"{where}: `calibration` never falls, or a higher raw score would loosen"
    if min(scores) < lo or max(scores) > hi:
        yield f"{where}: scores of `calibration` lie between {lo} and {hi}"


def harmless_failures(screens: Screens, clauses: Sequence[Clause]) -> Iterator[str]:
    """Failures that no clause would notice: a screen that is away would then read as a clean one."""
    for screen in screens.panel:
        for one in screen.gives:
            bounds = [bound for clause in clauses for bound in limits_of(clause, one.fact)]
            if bounds and one.unavailable < min(bounds):
                yield (
                    f"screen `{screen.name}`: `unavailable` of `{one.fact}` is {one.unavailable}, and no "
                    f"clause binds below {min(bounds)}; a screen that is away would read as a clean one"
                )


def limits_of(clause: Clause, fact: str) -> Iterator[int]:
    """The least scores from which on a test of the clause holds."""
    for atom, _ in atoms(clause.condition):
        match atom:
            case Compare("<=", Number(bound), Count(name)) if name == fact:
                yield bound
            case Compare("<", Number(bound), Count(name)) if name == fact:
                yield bound + 1
            case _:
                pass
