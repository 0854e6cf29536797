"""People who approve whatever waits for them, at a glance: the use is honest, the review is none."""

import random
from collections.abc import Sequence
from dataclasses import replace

from caveat.assay.attacks.ask import Ask, Attempt, Family, Overseer, honest
from caveat.assay.attacks.material import Material
from caveat.assay.generator import Pair
from caveat.assay.protection import REVIEWED, Power


class Stamper(Family):
    """Everybody who is asked signs as soon as it is shown.

    What has to pass beside it is the same use before people who take the time that a review takes: a gate
    that nobody can open is no oversight either.
    """

    name = "stamps"
    powers = frozenset({Power.RUBBER_STAMP})

    def attempt(self, use: Pair, rng: random.Random, material: Material) -> None:
        """None: there is one way, and `every` has it."""
        del use, rng, material

    def every(self, use: Pair) -> Sequence[Attempt]:
        """One, for each use that waits."""
        if use.right != "needs_approval":
            return ()
        return (Attempt((replace(honest(use), overseer=Overseer.HURRIED),), variant="at-once"),)

    def twin(self, use: Pair) -> tuple[str, Ask]:
        """Of a use that waits, itself before careful people."""
        if use.right != "needs_approval":
            return super().twin(use)
        return REVIEWED, replace(honest(use), overseer=Overseer.CAREFUL)
