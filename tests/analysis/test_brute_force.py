"""The answers about small bundles beside an enumeration of every truth and every way to be seen.

The enumeration is written from the description of the adversaries alone, over Cedar's semantics as the
naive interpreter has them.
"""

import random
import tomllib
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest
import tomli_w

from caveat.analysis.adversary import Adversary
from caveat.facts.fact import Grade
from caveat.facts.observers import OBSERVERS
from caveat.facts.registry import FactSpec, FactType
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle, parse_bundle
from tests.analysis.test_holds import TRUST, answers
from tests.oracle.cedar import CedarError, read_policies
from tests.oracle.decide import NaiveRule
from tests.oracle.generate import Shape, generate_bundle, values_of

POINTS = ("prompt", "tool", "output")
RANK = ["honest", "silent", "liar", "evader"]
SHAPE = Shape(facts=4, clauses=4, depth=2, worlds=48)


def bundle_of(seed: int) -> Bundle:
    """A generated bundle with a red line, and now and then a neutral value that nobody observes."""
    rng = random.Random(seed)
    files = generate_bundle(rng, SHAPE)
    facts: dict[str, Any] = tomllib.loads(files["facts.toml"].decode())
    for entry in facts["facts"].values():
        if entry["type"] == "enum" and rng.random() < 0.4:
            entry["neutral"] = rng.choice(entry["values"])
    files["facts.toml"] = tomli_w.dumps(facts).encode()
    files["trust.toml"] = TRUST.encode()
    parsed = parse_bundle(files)
    tests = [_test(rng, spec) for spec in parsed.registry.facts.values() if spec.grade is not Grade.ESTIMATED]
    chosen = rng.sample(tests, min(len(tests), rng.choice([1, 2, 2, 3])))
    files["red_lines/R.cedar"] = (
        '@id("R") @text("t") @authority("technical") @amend("owner") @red_line("r")\n'
        f"forbid (principal, action, resource) when {{ {' && '.join(chosen)} }};"
    ).encode()
    return parse_bundle(files)


def _test(rng: random.Random, spec: FactSpec) -> str:
    match spec.type:
        case FactType.BOOL:
            return f"context.{spec.name}" if rng.random() < 0.5 else f"!context.{spec.name}"
        case FactType.ENUM:
            return f'context.{spec.name} {rng.choice(["==", "!="])} "{rng.choice(spec.values)}"'
        case FactType.SET:
            return f'context.{spec.name}.contains("{rng.choice(spec.values)}")'
        case FactType.LONG:
            return f"context.{spec.name} >= {rng.randint(spec.lo, spec.hi)}"


World = tuple[Value, ...]


class Enumeration:
    """Every truth inside the red line, and whether some way to be seen lets it through."""

    def __init__(self, bundle: Bundle) -> None:
        """`bundle`: small enough to be listed."""
        self.bundle = bundle
        self.specs = list(bundle.registry.facts.values())
        self.rules = {point: NaiveRule(bundle, point) for point in POINTS}
        self.red = read_policies([bundle.files["red_lines/R.cedar"].decode()])
        self.everyone = frozenset(bundle.policy.roles)
        self._through: dict[tuple[str, World], bool] = {}

    def open_to(self, adversary: str) -> bool:
        """Whether any use inside the red line gets through."""
        insiders = [None, *(self._insiders() if adversary == "issuer" else ())]
        return any(
            self._lets_through(seen)
            for insider in insiders
            for truth in product(*(values_of(spec) for spec in self.specs))
            if self._is_inside(truth)
            for seen in product(
                *(
                    self._ways(spec, value, adversary, insider)
                    for spec, value in zip(self.specs, truth, strict=True)
                )
            )
        )

    def _insiders(self) -> list[str | None]:
        roles = {role for spec in self.specs for role in spec.attested_by}
        return [*sorted(roles), *(["settler"] if self.bundle.policy.interval_role else [])]

    def _ways(self, spec: FactSpec, true: Value, adversary: str, insider: str | None) -> list[Value]:
        rank = RANK.index(adversary) if adversary in RANK else len(RANK) - 1
        if spec.grade is Grade.ESTIMATED:
            return list(values_of(spec)) if rank == 3 else [spec.severest]
        if (
            (spec.grade is Grade.CLAIMED and rank >= 2)
            or (insider is not None and insider in spec.attested_by)
            or (adversary == "operator" and spec.observed_by)
        ):
            return list(values_of(spec))
        ways = [true]
        if rank >= 1 and spec.neutral is not None and not spec.observed_by & OBSERVERS:
            ways.append(spec.neutral)
        if insider == "settler" and spec.observed_by and isinstance(true, int):
            ways += [v for v in values_of(spec) if isinstance(v, int) and v < true and spec.values == ()]
        return ways

    def _is_inside(self, truth: World) -> bool:
        context = self.rules["prompt"].context(truth, self.everyone)
        try:
            return self.red[0].holds(context)
        except CedarError:
            return True

    def _lets_through(self, seen: World) -> bool:
        return any(self._at(point, seen) for point in POINTS)

    def _at(self, point: str, seen: World) -> bool:
        key = (point, seen)
        if key not in self._through:
            known: Mapping[str, Value] = {
                spec.name: value
                for spec, value in zip(self.specs, seen, strict=True)
                if not spec.is_unknown(value)
            }
            rule = self.rules[point]
            self._through[key] = all(rule.allowed(world, self.everyone) for world in rule.worlds(known))
        return self._through[key]


def compared(seeds: range) -> Iterator[tuple[int, str, bool | None, bool]]:
    """What the analysis says that holds beside what the enumeration says."""
    for seed in seeds:
        bundle = bundle_of(seed)
        enumeration = Enumeration(bundle)
        (row,) = answers(bundle).values()
        for adversary in Adversary:
            yield seed, adversary.value, row[adversary].holds, not enumeration.open_to(adversary.value)


def _check(seeds: range) -> None:
    told: dict[str, set[bool]] = {adversary.value: set() for adversary in Adversary}
    for seed, adversary, said, found in compared(seeds):
        assert said is found, (seed, adversary)
        told[adversary].add(found)
    assert all(each == {True, False} for each in told.values()), told


@pytest.mark.slow
def test_the_analysis_agrees_with_an_enumeration_of_every_world() -> None:
    _check(range(70_000, 70_040))


@pytest.mark.long
def test_the_analysis_agrees_with_an_enumeration_of_every_world_of_five_hundred_bundles() -> None:
    _check(range(71_000, 71_500))


def test_adversaries_who_may_do_more_open_no_less() -> None:
    for seed in range(70_000, 70_040):
        (row,) = answers(bundle_of(seed)).values()
        held = [row[adversary].holds for adversary in Adversary]
        for weaker, stronger in ((0, 1), (1, 2), (2, 3), (3, 4), (3, 5)):
            assert not (held[weaker] is False and held[stronger] is True), seed
