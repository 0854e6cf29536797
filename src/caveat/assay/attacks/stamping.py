"""People who approve whatever waits for them, at once: the use is honest, the review is none."""

import random
from collections.abc import Sequence
from dataclasses import replace

from caveat.assay.attacks.ask import Attempt, Family, honest
from caveat.assay.attacks.material import Material
from caveat.assay.generator import Pair
from caveat.assay.protection import Power


class Stamper(Family):
    """Everybody who is asked signs as soon as it is shown."""

    name = "stamps"
    powers = frozenset({Power.RUBBER_STAMP})

    def attempt(self, use: Pair, rng: random.Random, material: Material) -> Attempt | None:
        """The use itself, where it waits for people."""
        del rng, material
        return next(iter(self.every(use)), None)

    def every(self, use: Pair) -> Sequence[Attempt]:
        """One, for each use that waits."""
        if use.right != "needs_approval":
            return ()
        return (Attempt((replace(honest(use), stamped=True),), variant="at-once"),)
