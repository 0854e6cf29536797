"""A smallest set of facts whose proof would leave nothing denied: step 4 of the verdict rule, exactly.

Every denied box that is found names facts of which an answer must hold at least one: those that the box
does not leave free. Sets that meet all such constraints are tried by size, then in registry order. A set is
tested by narrowing its facts away from one denied box after another: facts with a claim to the claimed
value, the others to whatever is left. The first set that leaves no denied box is a smallest one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from caveat.decision.needs import first_meeting
from caveat.decision.search import Budget, Program
from caveat.facts.registry import FactType
from caveat.facts.value import Value


@dataclass(slots=True)
class ProofSearch:
    """One search over one box. `claims`: usable claims on unknown facts. `candidates`: what one may ask."""

    program: Program
    root: list[int]
    claims: Mapping[str, Value]
    candidates: Sequence[str]
    budget: Budget
    constraints: list[frozenset[str]] = field(default_factory=list[frozenset[str]])
    _touched: set[str] = field(default_factory=set[str])

    def smallest(self) -> tuple[str, ...] | None:
        """The smallest set, ties in candidate order; None where no set suffices.

        Raises `BudgetExhausted`; `best_guess` then names facts that do matter.
        """
        if self._settles(self.root, frozenset(), set()):
            return ()
        size = 1
        while all(self.constraints) and size <= len(self.candidates):
            attempt = first_meeting(self.candidates, self.constraints, size)
            if attempt is None:
                size += 1
                continue
            self._touched = set()
            if self._settles(self._provable(attempt), frozenset(attempt), set()):
                return attempt
            # A set without any further fact that bears on the denied boxes met here would meet them too.
            self.constraints.append(frozenset(self._touched.difference(attempt)))
        return None

    def suffices(self, names: Sequence[str]) -> bool:
        """Whether proof of exactly these facts leaves no denied world. Raises `BudgetExhausted`."""
        return self._settles(self._provable(names), frozenset(names), set())

    def best_guess(self) -> tuple[str, ...]:
        """A smallest set that meets the constraints found so far: each of its facts can matter."""
        constraints = [constraint for constraint in self.constraints if constraint]
        for size in range(1, min(len(self.candidates), 6) + 1):
            attempt = first_meeting(self.candidates, constraints, size)
            if attempt is not None:
                return attempt
        return ()

    def _provable(self, attempt: Sequence[str]) -> list[int]:
        """The root without the values of these facts that are no knowledge: proof never yields `unknown`."""
        layout, box = self.program.layout, self.root.copy()
        for name in attempt:
            spec = layout.specs[name]
            if spec.unknown and name not in self.claims:
                told_apart = self.program.regions.bits[name]
                words = frozenset(spec.values) - spec.unknown
                box[layout.slots[name]] = sum({told_apart[layout.word_bits[name][word]] for word in words})
        return box

    def _settles(self, box: list[int], facts: frozenset[str], seen: set[tuple[int, ...]]) -> bool:
        """Whether some values of `facts` leave no denied world in the box."""
        key = tuple(box)
        if key in seen:
            return False
        seen.add(key)
        denied = self.program.find_denied(box, self.budget)
        if denied is None:
            return True
        denied = self._widened(denied)
        constraint = frozenset(name for name in self.candidates if self._bears_on(name, denied))
        self._touched |= constraint
        if constraint not in self.constraints:
            self.constraints.append(constraint)
        for name in self.candidates:
            if name in facts:
                for narrowed in self._away(name, box, denied):
                    if self._settles(narrowed, facts, seen):
                        return True
        return False

    def _widened(self, denied: list[int]) -> list[int]:
        """The denied box with every fact that it need not constrain set free again, last facts first."""
        layout = self.program.layout
        box = denied.copy()
        for name in reversed(self.candidates):
            wider = box.copy()
            layout.copy_fact(name, self.root, wider)
            if wider == box:
                continue
            self.budget.spend()
            if not self.program.can_allow(wider):
                box = wider
        return box

    def _bears_on(self, name: str, denied: list[int]) -> bool:
        """Whether proof of this fact could exclude the denied box."""
        if name in self.claims:
            return not self._holds(name, self.claims[name], denied)
        slot = self.program.layout.slots[name]
        places = slice(slot, slot + (2 if self.program.layout.is_pair(name) else 1))
        return denied[places] != self.root[places]

    def _holds(self, name: str, value: Value, box: list[int]) -> bool:
        layout = self.program.layout
        world = box.copy()
        self.program.regions.write(world, name, value)
        slot = layout.slots[name]
        match layout.specs[name].type:
            case FactType.ENUM | FactType.BOOL:
                return bool(world[slot] & box[slot])
            case FactType.LONG:
                return box[slot] <= world[slot] <= box[slot + 1]
            case FactType.SET:
                return not box[slot] & ~world[slot] and not world[slot] & ~box[slot + 1]

    def _away(self, name: str, box: list[int], denied: list[int]) -> Iterator[list[int]]:
        """The box with this fact narrowed so that the denied box is excluded, in every way that is left."""
        layout = self.program.layout
        if name in self.claims:
            if not self._holds(name, self.claims[name], denied):
                narrowed = box.copy()
                self.program.regions.write(narrowed, name, self.claims[name])
                yield narrowed
            return
        slot = layout.slots[name]
        match layout.specs[name].type:
            case FactType.ENUM | FactType.BOOL:
                left = box[slot] & ~denied[slot]
                if left:
                    yield _with(box, slot, left)
            case FactType.LONG:
                if box[slot] < denied[slot]:
                    yield _with(box, slot + 1, min(box[slot + 1], denied[slot] - 1))
                if denied[slot + 1] < box[slot + 1]:
                    yield _with(box, slot, max(box[slot], denied[slot + 1] + 1))
            case FactType.SET:
                yield from self._away_from_set(slot, box, denied)

    def _away_from_set(self, slot: int, box: list[int], denied: list[int]) -> Iterator[list[int]]:
        must, may = box[slot], box[slot + 1]
        for member in _bits(denied[slot] & may & ~must):
            if may & ~member or slot + 1 not in self.program.layout.never_empty:
                yield _with(box, slot + 1, may & ~member)
        for member in _bits(may & ~must & ~denied[slot + 1]):
            yield _with(box, slot, must | member)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield mask & -mask
        mask &= mask - 1


def _with(box: list[int], slot: int, value: int) -> list[int]:
    narrowed = box.copy()
    narrowed[slot] = value
    return narrowed
