"""The checks of one envelope as a list: which passed, which failed, and which were not reached or not asked.

Follows from the order of the checks alone: whatever stands before the one that failed has passed.
"""

from dataclasses import dataclass
from enum import StrEnum

from caveat.evidence.check import Checked
from caveat.evidence.defects import DefectCode, Explanation, Stage


class Result(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not_reached"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class Step:
    """One check. `code` where it failed."""

    stage: Stage
    result: Result
    code: DefectCode | None = None


OF_A_USE = frozenset({Stage.AUDIENCE, Stage.ONCE, Stage.BINDING})
"""Checks that need a use to be asked at all."""


def steps_of(
    checked: Checked, explanations: dict[DefectCode, Explanation], not_asked: frozenset[Stage]
) -> tuple[Step, ...]:
    """Every check in its order. `checked`: how the check ended; `not_asked`: what nothing was said about."""
    failed = None if checked.code is None else explanations[checked.code].stage
    steps: list[Step] = []
    reached = True
    for stage in Stage:
        if stage is failed:
            steps.append(Step(stage, Result.FAILED, checked.code))
            reached = False
        elif not reached:
            steps.append(Step(stage, Result.NOT_REACHED))
        else:
            steps.append(Step(stage, Result.NOT_ASKED if stage in not_asked else Result.PASSED))
    return tuple(steps)
