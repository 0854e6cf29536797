"""The errors of the analysis.

AnalysisError
├── SolverMissingError     the extra with the solver is not installed
├── EmptyWorldError        no world satisfies what the registry declares
├── ReplayError            the live engine does not confirm what the solver found
├── StatementError         a file of public sentences is not readable
└── CertificateError       a signed proof is not of this key, or not about this bundle
"""


class AnalysisError(Exception):
    """The analysis could not be made; the message says why. Never a statement about the policy."""


class SolverMissingError(AnalysisError):
    """The solver is not installed. Serving does not need it; proving does."""


class EmptyWorldError(AnalysisError):
    """No world satisfies the registry: whatever is asked of it would hold, so nothing is answered."""


class ReplayError(AnalysisError):
    """Solver and live engine disagree about a use: a bug of one of them, and no result to print."""


class StatementError(AnalysisError):
    """A sentence of the file cannot be asked; the message names it and what to write instead."""


class CertificateError(AnalysisError):
    """The certificate does not verify: it says nothing about this bundle."""
