"""Insiders as the run found them, beside insiders as a proof has them: the same answer, or a finding. Pure.

The run tries every issuer alone on every use; the proof says of the same uses who alone could open them, and
for each red line who is a cut set by himself. What was got through although no proof allows it is a defect,
of the gateway or of the proof. What could be got through and was held says that the attack was too weak.
Source: ADR-0035.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from caveat.assay.journal import Entry, Result
from caveat.signing.canonical import Json, JsonObject

FAMILY = "signs-falsely"
ARM = "whole"
Tried = tuple[str, str]
"""A use, and the role whose key was used."""


class Proved(BaseModel):
    """What was proved of the uses of a run. `openers`: by use, who alone could open it.

    `red_lines`: by use, those it lies inside of. `cut_sets`: by red line, who is one alone; None where the
    solver did not list all. `unknown`: by use, of whom it did not say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    solver: str
    openers: dict[str, list[str]]
    unknown: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    red_lines: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    cut_sets: dict[str, list[str] | None] = Field(default_factory=dict[str, list[str] | None])

    def render(self) -> JsonObject:
        """As it stands in a journal."""
        return cast("JsonObject", self.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class Agreement:
    """Both compared. `breached_unproved`: got through, and proved closed. `held_though_open`: the reverse.

    `outside_cut_sets`: inside a red line, by somebody who is no cut set of it.
    """

    proved: Proved
    breached: tuple[Tried, ...]
    compared: int
    breached_unproved: tuple[Tried, ...]
    held_though_open: tuple[Tried, ...]
    outside_cut_sets: tuple[Tried, ...]

    @property
    def agreed(self) -> int:
        """How many answers are the same."""
        return self.compared - len(self.breached_unproved) - len(self.held_though_open)

    @property
    def holds(self) -> bool:
        """Nothing was got through that is proved closed."""
        return not self.breached_unproved and not self.outside_cut_sets

    def render(self) -> JsonObject:
        """The section of a report."""
        roles = sorted({role for _, role in self.breached} | {one for each in self._could() for one in each})
        return {
            "arm": ARM,
            "solver": self.proved.solver,
            "compared": self.compared,
            "agreed": self.agreed,
            "breached_unproved": _rows(self.breached_unproved),
            "held_though_open": _rows(self.held_though_open),
            "outside_cut_sets": _rows(self.outside_cut_sets),
            "roles": {
                role: {
                    "breached": sum(who == role for _, who in self.breached),
                    "could": sum(role in could for could in self._could()),
                }
                for role in roles
            },
            "cut_sets": {
                line: None if names is None else [*names] for line, names in self.proved.cut_sets.items()
            },
        }

    def _could(self) -> list[list[str]]:
        return list(self.proved.openers.values())


def _rows(tried: Sequence[Tried]) -> list[Json]:
    return [{"use": use, "role": role} for use, role in tried]


def compare_insiders(proved: Proved, entries: Sequence[Entry]) -> Agreement:
    """What the whole gateway let each issuer alone get through, against what is proved of the same uses.

    A use without a verdict, and one of which the solver did not say, is not compared.
    """
    tried: dict[Tried, Result] = {}
    for entry in entries:
        if entry.arm != ARM or entry.family != FAMILY or entry.use not in proved.openers:
            continue
        if entry.outcome in {"held", "breached"} and entry.variant not in proved.unknown.get(entry.use, ()):
            tried[entry.use, entry.variant] = entry.outcome
    breached = tuple(one for one, outcome in tried.items() if outcome == "breached")
    return Agreement(
        proved=proved,
        breached=breached,
        compared=len(tried),
        breached_unproved=tuple(one for one in breached if not _is_open(proved, one)),
        held_though_open=tuple(
            one for one, outcome in tried.items() if outcome == "held" and _is_open(proved, one)
        ),
        outside_cut_sets=tuple(one for one in breached if _is_outside(proved, one)),
    )


def _is_open(proved: Proved, one: Tried) -> bool:
    use, role = one
    return role in proved.openers[use]


def _is_outside(proved: Proved, one: Tried) -> bool:
    use, role = one
    cuts: Mapping[str, Sequence[str] | None] = proved.cut_sets
    listed = [cuts.get(line) for line in proved.red_lines.get(use, ())]
    return any(names is not None and role not in names for names in listed)
