"""One use cut into many: each small enough, all of them together what the policy denies."""

import random

from caveat.assay.attacks.ask import CALLERS, Ask, Attempt, Family
from caveat.assay.attacks.material import Material
from caveat.assay.generator import Pair
from caveat.assay.oracle import BULK_ABOVE, label
from caveat.assay.protection import Power
from caveat.signing.canonical import Json

_COUNT, _TOTAL = "subject_count", "cumulative_subject_count_12m"


class Splitter(Family):
    """Slices of one source below the limit, over several keys, at once or one after the other.

    Each slice is truthfully attested. The harm is done when more persons are reached than the limit.
    """

    name = "splits"
    powers = frozenset({Power.SPLITTING})

    def attempt(self, use: Pair, rng: random.Random, material: Material) -> Attempt | None:
        """None where it is not the number that denies the use, or where a total is part of the use."""
        del material  # needs none
        personal = [one for one in _words(use.truth["data_category"]) if one in BULK_ABOVE]
        if not personal or _TOTAL in use.truth:
            return None
        limit = min(BULK_ABOVE[one] for one in personal)
        size = limit // rng.choice((2, 4))
        slice_of = {**use.truth, _COUNT: size}
        if label(slice_of).result != "allow" or label({**use.truth, _COUNT: limit + 1}).result != "deny":
            return None
        several = rng.random() < 0.7
        asks = tuple(
            Ask(use.text, slice_of, slice_of, part=at, caller=at % CALLERS if several else 0)
            for at in range(limit // size + 1)
        )
        return Attempt(
            asks,
            weights=(size,) * len(asks),
            enough=limit + 1,
            at_once=rng.random() < 0.7,
            variant="several-keys" if several else "one-key",
        )


def _words(value: Json) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else []
