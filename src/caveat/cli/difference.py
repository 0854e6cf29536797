"""The difference of two bundles by meaning, as verbs ask for it: its solver is an extra."""

from typing import TYPE_CHECKING

from caveat.analysis.errors import AnalysisError, SolverMissingError
from caveat.cli.exit import CannotRunError
from caveat.policy.bundle import Bundle

if TYPE_CHECKING:
    from caveat.analysis.difference import Difference

TIMEOUT_SECONDS = 30.0
USES = 12


def difference_of(
    old: Bundle, new: Bundle, *, uses: int = USES, timeout_seconds: float = TIMEOUT_SECONDS
) -> "Difference":
    """What `new` opens and closes; raises `CannotRunError` where there is no solver, or no result."""
    found = difference_if_installed(old, new, uses=uses, timeout_seconds=timeout_seconds)
    if found is None:
        raise CannotRunError("the solver is not installed", "pip install 'caveat[analysis]'")
    return found


def difference_if_installed(
    old: Bundle, new: Bundle, *, uses: int = USES, timeout_seconds: float = TIMEOUT_SECONDS
) -> "Difference | None":
    """The same; None where the solver is not installed, which says nothing about either bundle."""
    try:
        # Imported where it is needed: serving and most verbs do without the solver.
        from caveat.analysis.diff import diff_bundles
        from caveat.analysis.solve import Session

        return diff_bundles(Session(timeout_seconds=timeout_seconds), old, new, uses=uses)
    except SolverMissingError:
        return None
    except AnalysisError as error:
        raise CannotRunError(str(error), "nothing is said about either bundle") from error
