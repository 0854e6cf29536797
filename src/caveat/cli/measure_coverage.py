"""What a start spends on proving that every shape is decided."""

import asyncio
import time

from caveat.gateway.coverage import prove_coverage

_ROUNDS = 3


def measure_proof() -> tuple[float, int]:
    """CPU seconds of the quickest of some proofs, each of every cell, and the number of cells."""
    taken: list[float] = []
    cells = 0
    for _ in range(_ROUNDS):
        began = time.process_time()
        cells = len(asyncio.run(prove_coverage()).cells)
        taken.append(time.process_time() - began)
    return min(taken), cells
