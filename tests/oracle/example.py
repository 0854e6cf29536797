"""The example bundle, and complete fact sets of it: drawn at random near its limits, or for one clause."""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from caveat.facts.registry import FactSpec, FactType
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.policy.expression import (
    APPROVALS,
    Compare,
    Condition,
    Count,
    IsTrue,
    Number,
    OneOf,
    Overlap,
    Words,
    WordSet,
    atoms,
)

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "policies" / "government-analytics"


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a bundle on disk."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@cache
def example_bundle() -> Bundle:
    """The example bundle, parsed once."""
    return parse_bundle(files_of(FOLDER))


def limits_in(bundle: Bundle) -> set[tuple[str, int]]:
    """Every count and the greatest value on the lower side of each limit that a clause sets for it."""
    found: set[tuple[str, int]] = set()
    for clause in bundle.clauses:
        for atom, _ in atoms(clause.condition):
            match atom:
                case Compare("<", Number(k), Count(fact)) | Compare("<=", Count(fact), Number(k)):
                    found.add((fact, k))
                case Compare("<", Count(fact), Number(k)) | Compare("<=", Number(k), Count(fact)):
                    found.add((fact, k - 1))
                case Compare():
                    raise AssertionError("the example bundle compares counts with limits only")
                case _:
                    pass
    return found


World = Mapping[str, Value]


class Sampler:
    """Draws complete worlds of one bundle."""

    def __init__(self, bundle: Bundle, rng: random.Random) -> None:
        """Counts are drawn from both sides of every limit, and from the ends of their ranges."""
        self.bundle, self.rng = bundle, rng
        self.specs = bundle.registry.facts
        limits = limits_in(bundle)
        self.counts = {
            name: sorted(
                {spec.lo, spec.hi, spec.lo + 1}
                | {value for fact, k in limits if fact == name for value in (k, k + 1)}
            )
            for name, spec in self.specs.items()
            if spec.type is FactType.LONG
        }

    def value(self, spec: FactSpec) -> Value:
        """One value of a fact."""
        match spec.type:
            case FactType.BOOL:
                return self.rng.random() < 0.5
            case FactType.ENUM:
                return self.rng.choice(spec.values)
            case FactType.LONG:
                return self.rng.choice(self.counts[spec.name])
            case FactType.SET:
                least = 1 if spec.empty_is_unknown else 0
                return frozenset(self.rng.sample(spec.values, max(least, self.rng.choice([0, 1, 1, 2, 3]))))

    def approvals(self) -> frozenset[str]:
        """Some of the approvals that roles could give; often all of them."""
        roles = self.bundle.policy.roles
        return frozenset(roles if self.rng.random() < 0.5 else self.rng.sample(roles, self.rng.randint(0, 3)))

    def world(self) -> dict[str, Value]:
        """Any complete world, with approvals."""
        return {name: self.value(spec) for name, spec in self.specs.items()} | {APPROVALS: self.approvals()}

    def world_for(self, condition: Condition) -> dict[str, Value]:
        """A world in which most tests that help the condition hold."""
        world = self.world()
        for atom, positive in atoms(condition):
            match atom:
                case OneOf(fact, values) if positive:
                    world[fact] = self.rng.choice(sorted(values))
                case IsTrue(fact):
                    world[fact] = positive is True
                case Overlap(WordSet(fact), Words(values)) if positive:
                    world[fact] = frozenset({self.rng.choice(sorted(values))})
                case _:
                    pass
        return world

    def step(self, world: World) -> dict[str, Value]:
        """A neighbour: one or two facts changed."""
        changed = dict(world)
        for name in self.rng.sample([*self.specs, APPROVALS], self.rng.choice([1, 1, 2])):
            changed[name] = self.approvals() if name == APPROVALS else self.value(self.specs[name])
        return changed

    def reach(self, condition: Condition, badness: Callable[[World], int]) -> dict[str, Value]:
        """A world of badness 0 near those of the condition, by steps that do not make it worse, or raises."""
        for _ in range(60):
            world = self.world_for(condition)
            bad = badness(world)
            for _ in range(600):
                if bad == 0:
                    return world
                neighbour = self.step(world)
                worse = badness(neighbour)
                if worse <= bad:
                    world, bad = neighbour, worse
        raise AssertionError("no such world was reached")


def without(bundle: Bundle, ids: Sequence[str]) -> Bundle:
    """The bundle without these policies, parsed anew from its own text."""
    files = dict(bundle.files)
    for path in [path for path in files if path.startswith("clauses/")]:
        parts = files[path].decode().split("@id(")
        kept = [parts[0], *(part for part in parts[1:] if part.split('"')[1] not in ids)]
        files[path] = "@id(".join(kept).encode()
    return parse_bundle(files)
