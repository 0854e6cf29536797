"""Evidence that nobody entitled gave: for other data, out of date, used up, edited, or signed by nobody."""

import random
from dataclasses import replace

from caveat.assay.attacks.ask import EARLIER, Ask, Attempt, Family, Forgery, differing, shared
from caveat.assay.attacks.material import Material
from caveat.assay.generator import Pair
from caveat.assay.protection import Power


class Forger(Family):
    """Presents the twin's facts with one kind of bad evidence, and true evidence for the rest."""

    powers = frozenset({Power.FORGING})

    def __init__(self, forgery: Forgery) -> None:
        """Its name is that of the forgery."""
        self.forgery = forgery
        self.name = f"forges-{forgery.value.replace('_', '-')}"

    def attempt(self, use: Pair, rng: random.Random, material: Material) -> Attempt | None:
        """The forged facts are claimed too, or not."""
        del material  # needs none
        if not differing(use):
            return None
        claimed = rng.random() < 0.5
        ask = Ask(
            use.text,
            use.twin if claimed else {},
            shared(use),
            forged=differing(use),
            forgery=self.forgery,
        )
        variant = "claimed" if claimed else "unclaimed"
        if self.forgery is not Forgery.REPLAYED:
            return Attempt((ask,), variant=variant)
        before = replace(ask, caller=EARLIER, text=f"{use.text} (an earlier request)")
        return Attempt((before, ask), weights=(0, 1), variant=variant)


FORGERS = tuple(Forger(forgery) for forgery in Forgery)
