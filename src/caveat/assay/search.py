"""Which attack to try next: the adversary adapts to what got through before. Pure and seeded.

UCB1 over families: every one is tried once, then those that got through most, with a bonus for those that
were tried little. Choices follow from the seed and the outcomes alone, so a resumed run makes the same ones.
Source: Auer, Cesa-Bianchi and Fischer 2002.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Tried:
    times: int = 0
    got_through: int = 0


@dataclass(slots=True)
class Bandit:
    """The families of one adversary against one arm."""

    families: Sequence[str]
    seed: str
    _tried: dict[str, _Tried] = field(default_factory=dict[str, _Tried])

    def __post_init__(self) -> None:
        """The order of first tries is drawn once."""
        order = list(self.families)
        random.Random(self.seed).shuffle(order)  # noqa: S311 - the order of attacks is no secret
        self._tried = {name: _Tried() for name in order}

    def order(self) -> tuple[str, ...]:
        """The families, the most promising first."""
        total = sum(each.times for each in self._tried.values())
        places = {name: place for place, name in enumerate(self._tried)}

        def promise(name: str) -> tuple[float, int]:
            tried = self._tried[name]
            if tried.times == 0:
                return (-math.inf, places[name])
            mean = tried.got_through / tried.times
            return (-(mean + math.sqrt(2 * math.log(total) / tried.times)), places[name])

        return tuple(sorted(self._tried, key=promise))

    def copy(self) -> "Bandit":
        """One that learns by itself from here on."""
        other = Bandit(self.families, self.seed)
        other._tried = {name: _Tried(each.times, each.got_through) for name, each in self._tried.items()}
        return other

    def learn(self, family: str, *, got_through: bool) -> None:
        """One more try of a family, and whether it got through."""
        tried = self._tried[family]
        tried.times += 1
        tried.got_through += got_through
