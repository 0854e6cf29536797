"""The proof at start: a gateway in which some shape is not decided serves nothing."""

from caveat.gateway.coverage.matrix import Matrix, measure_coverage
from caveat.gateway.errors import FaultError


class CoverageError(FaultError):
    """Some shape passes undecided, or nothing passes at all. The message names the first such shape."""

    def __init__(self, matrix: Matrix) -> None:
        """Of a matrix with a cell that does not hold."""
        first, *more = matrix.open
        others = f" (and {len(more)} more)" if more else ""
        super().__init__(
            503,
            "coverage",
            f"nothing is served: {first.name}: {first.fault}{others}",
            "`caveat coverage` prints every shape; install this release anew, or report it",
        )


async def prove_coverage() -> Matrix:
    """The matrix, of which every cell holds; raises `CoverageError`. For the start of a process."""
    matrix = await measure_coverage(every_twin=False)
    if matrix.open:
        raise CoverageError(matrix)
    return matrix


class CoverageProof:
    """The proof of one process, made before its first gateway serves: its code does not change afterwards."""

    def __init__(self) -> None:
        """Nothing is proved."""
        self._made = False

    async def __call__(self) -> None:
        """Returns once it is made; raises `CoverageError`, and again at the next attempt."""
        if not self._made:
            await prove_coverage()
            self._made = True


once_per_process = CoverageProof()
