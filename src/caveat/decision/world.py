"""Worlds as vectors: what each fact may still be, in a form on which clauses compile to a few bit tests.

One list of integers holds a box of worlds. An enumerated fact is a mask of the words it may be, a Boolean a
mask of two bits, a count a pair (lo, hi), a set a pair (must, may) of masks over one alphabet. A box whose
every fact has one value is one world.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from caveat.facts.registry import FactSpec, FactType
from caveat.facts.value import Interval, Value
from caveat.policy.expression import APPROVALS

FALSE, TRUE = 1, 2


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each fact stands in the vector, and which bit stands for which word."""

    slots: Mapping[str, int]
    specs: Mapping[str, FactSpec]
    word_bits: Mapping[str, Mapping[str, int]]
    alphabet: Mapping[str, int]
    size: int
    never_empty: tuple[int, ...]

    def mask(self, words: frozenset[str]) -> int:
        """The mask of a set of words; words of no declared set have no bit, since no set can hold them."""
        return sum(self.alphabet.get(word, 0) for word in words)

    def words(self, fact: str, words: frozenset[str]) -> int:
        """The mask of values of an enumerated fact."""
        bits = self.word_bits[fact]
        return sum(bits.get(word, 0) for word in words)

    def write(self, box: list[int], name: str, value: Value) -> None:
        """Narrows `name` to exactly this value (an interval to its two ends)."""
        slot = self.slots[name]
        if isinstance(value, bool):
            box[slot] = TRUE if value else FALSE
        elif isinstance(value, int):
            box[slot] = box[slot + 1] = value
        elif isinstance(value, str):
            box[slot] = self.word_bits[name][value]
        elif isinstance(value, Interval):
            box[slot], box[slot + 1] = value.lo, value.hi
        else:
            box[slot] = box[slot + 1] = self.mask(value)

    def widest(self) -> list[int]:
        """The box of all worlds; approvals stand at none."""
        box = [0] * self.size
        for name, spec in self.specs.items():
            slot = self.slots[name]
            match spec.type:
                case FactType.BOOL:
                    box[slot] = FALSE | TRUE
                case FactType.ENUM:
                    box[slot] = (1 << len(spec.values)) - 1
                case FactType.LONG:
                    box[slot], box[slot + 1] = spec.lo, spec.hi
                case FactType.SET:
                    box[slot], box[slot + 1] = 0, self.mask(frozenset(spec.values))
        return box

    def copy_fact(self, name: str, source: list[int], target: list[int]) -> None:
        """Gives `name` in `target` what it may be in `source`."""
        slot = self.slots[name]
        target[slot] = source[slot]
        if self.is_pair(name):
            target[slot + 1] = source[slot + 1]

    def is_pair(self, name: str) -> bool:
        """Whether the fact takes two places of the vector."""
        return name == APPROVALS or self.specs[name].type in (FactType.LONG, FactType.SET)


def build_layout(specs: Mapping[str, FactSpec], roles: tuple[str, ...]) -> Layout:
    """The layout for a registry and its approver roles; approvals come last."""
    slots: dict[str, int] = {}
    word_bits: dict[str, Mapping[str, int]] = {}
    words: dict[str, None] = {}
    position = 0
    never_empty: list[int] = []
    for name, spec in specs.items():
        slots[name] = position
        pair = spec.type in (FactType.LONG, FactType.SET)
        if spec.type is FactType.ENUM:
            word_bits[name] = MappingProxyType({word: 1 << i for i, word in enumerate(spec.values)})
        if spec.type is FactType.SET:
            words.update(dict.fromkeys(spec.values))
            if spec.empty_is_unknown:
                never_empty.append(position + 1)
        position += 2 if pair else 1
    slots[APPROVALS] = position
    words.update(dict.fromkeys(roles))
    return Layout(
        slots=MappingProxyType(slots),
        specs=specs,
        word_bits=MappingProxyType(word_bits),
        alphabet=MappingProxyType({word: 1 << i for i, word in enumerate(words)}),
        size=position + 2,
        never_empty=tuple(never_empty),
    )
