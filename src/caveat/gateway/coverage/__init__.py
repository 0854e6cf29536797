"""Whether every shape of every endpoint is decided: planted uses, run through this very process."""

from caveat.gateway.coverage.matrix import Cell, Matrix, measure_coverage
from caveat.gateway.coverage.proof import CoverageError, CoverageProof, once_per_process, prove_coverage

__all__ = [
    "Cell",
    "CoverageError",
    "CoverageProof",
    "Matrix",
    "measure_coverage",
    "once_per_process",
    "prove_coverage",
]
