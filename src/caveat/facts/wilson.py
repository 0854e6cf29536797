"""The Wilson score interval: how far a measured share can be from the true one. Source: Wilson 1927."""

import math
from dataclasses import dataclass

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `total`, with the 95 % Wilson interval of the share. Of nothing, it is unmeasured: None."""

    count: int
    total: int

    def __post_init__(self) -> None:
        """Raises `ValueError` for more than there are."""
        if not 0 <= self.count <= self.total:
            raise ValueError("a share counts no more than there are")

    @property
    def value(self) -> float | None:
        """The share itself."""
        return self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The two ends, both within [0, 1]."""
        if not self.total:
            return None
        n, p, square = self.total, self.count / self.total, Z95 * Z95
        centre = p + square / (2 * n)
        spread = Z95 * math.sqrt(p * (1 - p) / n + square / (4 * n * n))
        scale = 1 + square / n
        low = 0.0 if self.count == 0 else (centre - spread) / scale
        high = 1.0 if self.count == n else (centre + spread) / scale
        return low, high
