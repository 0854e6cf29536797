"""Figures of `diff`: what deleting one clause of a generated policy opens, with everything replayed."""

import time

from caveat.analysis.diff import diff_bundles
from caveat.analysis.errors import AnalysisError
from caveat.analysis.solve import Session
from caveat.cli.measure_decision import workload_bundle

_REPEATS = 3


def measure_diff(clauses: int) -> tuple[float, int]:
    """Least processor seconds of the whole answer, uses replayed and made small, and how many runs it took.

    Raises `AnalysisError` where the deleted clause is not found: a figure of a wrong answer is none.
    """
    old, new = workload_bundle(clauses), workload_bundle(clauses, without=clauses // 2)
    taken: list[float] = []
    for _ in range(_REPEATS):
        started = time.process_time()
        found = diff_bundles(Session(), old, new)
        taken.append(time.process_time() - started)
        if not found.opened.uses or found.closed.exists is not False:
            raise AnalysisError("the deleted clause was not found")
    return min(taken), _REPEATS
