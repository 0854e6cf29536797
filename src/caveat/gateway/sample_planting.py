"""Which cases are planted among the uses that people review, and what they are made of.

Laws: a case has the record of a real use that was not drawn and the words of another, so that nothing tells
it but those words; whether a use becomes one is chance, by the rate at which uses are drawn, so that no order
tells it; nothing of it counts as a use. Fails safe: of uses that nothing can be made of, nothing is planted.
Source: ADR-0043.
"""

import random
from collections import deque

from caveat.facts.registry import Registry
from caveat.gateway.planted_case import Opened, in_other_words, is_source
from caveat.oversight.demanded import Demands
from caveat.oversight.planted import ENROLMENT, ENROLMENT_SHARE

SOURCES = 100
"""So many of the newest uses that words are taken from, and so many bytes of them at most."""
SOURCE_BYTES = 64 * 1024
TRIED = 10


class SamplePlanting:
    """The cases of one gateway. `about`: those that are not revealed yet, by what they are shown in place of,
    with whether the sample has its record."""

    def __init__(self, demands: Demands, chance: random.Random | None = None) -> None:
        """`chance`: the operating system's, save in tests."""
        self._demands = demands
        self.chance = chance or random.SystemRandom()
        self._sources: deque[Opened] = deque(maxlen=SOURCES)
        self.about: dict[str, bool] = {}

    def instead(self, one: Opened, registry: Registry, drawn: float, percent: int) -> bytes | None:
        """What is shown in place of this use, which was not drawn; None where nothing is planted.

        `drawn`: of the uses so far, the share that was drawn; `percent`: of what is reviewed, how many are
        to be planted.
        """
        if one.record.approved is not None or len(one.content) > SOURCE_BYTES or not is_source(one):
            return None
        share = percent / 100
        if self._is_enrolling():
            share = max(share, ENROLMENT_SHARE)
        made = None
        if self.chance.random() < drawn * share / (1 - share):
            made = self._made(one, registry)
        if made is None:
            self._sources.append(one)
        return made

    def _made(self, one: Opened, registry: Registry) -> bytes | None:
        alike = [other for other in self._sources if other.deployment.id == one.deployment.id]
        for other in self.chance.sample(alike, min(TRIED, len(alike))):
            made = in_other_words(one, other, registry)
            if made is not None:
                return made
        return None

    def _is_enrolling(self) -> bool:
        """Whether some reviewer has not met enough planted cases yet."""
        reviewers = self._demands.reviewers()
        return not reviewers or any(
            self._demands.figures_of(person, role).caught.total < ENROLMENT for person, role in reviewers
        )
