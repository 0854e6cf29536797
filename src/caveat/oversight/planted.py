"""Planted cases: uses that must be refused, made from real ones, that nobody can tell from them. Pure.

A planted case is a use that waited, with the words of another use in place of its own: the facts are true of
what they were attested for, and the words ask for something else. Whoever reads both refuses.
Its record is a record like any other. In place of the name of an action stands the digest of a secret, which
a later record reveals: so no bytes that anybody sends have that name, nobody can tell it before, and
everybody can check it after. Source: ADR-0040.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from caveat.signing.digest import Digest, sha256

_MARK = b"caveat planted case v1\n"
NONCE_BYTES = 32
ENROLMENT = 5
"""So many planted cases a person decides about before they are as rare as the bundle says."""
ENROLMENT_SHARE = 0.15
ENROLMENT_MOST = 20
"""Until then they are this share, and never further apart than this many holds."""

MOST_GAPS = 4
"""A case comes within as long as so many real holds took to come."""


def commitment(nonce: bytes) -> Digest:
    """What stands for this secret in the record of a planted case; raises `ValueError` for another size."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError("the secret of a planted case has 32 bytes")
    return sha256(_MARK + nonce)


@dataclass(frozen=True, slots=True)
class Plant:
    """One planted case that is not revealed yet."""

    hold: str
    nonce: bytes


class Pace:
    """When the next case is due in a queue: by chance alone, so that no count of holds tells it.

    `share`: how many of what is shown are planted, from 0 to 1.
    """

    def __init__(self, chance: random.Random) -> None:
        """`chance`: the operating system's, save in tests."""
        self._chance = chance
        self._since = 0

    def opened(self, share: float, *, enrolling: bool) -> bool:
        """Whether a case is due after this real hold. `enrolling`: somebody here is not proven yet."""
        self._since += 1
        of_real = max(share, ENROLMENT_SHARE) if enrolling else share
        chance = of_real / (1 - of_real)
        if self._chance.random() < chance or (enrolling and self._since >= ENROLMENT_MOST):
            self._since = 0
            return True
        return False


def delay(opened: Sequence[datetime], chance: random.Random) -> timedelta:
    """How long after a real hold a case comes: as long as some real holds once took to come.

    Were it one hold always, a case would come while the queue still has the real hold before it, and wait
    longer than others.
    """
    if len(opened) < 2:
        return timedelta()
    run = min(chance.randint(1, MOST_GAPS), len(opened) - 1)
    first = chance.randrange(len(opened) - run)
    return opened[first + run] - opened[first]
