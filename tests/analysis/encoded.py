"""A policy's formula beside Cedar, our evaluator and the naive interpreter, on complete worlds."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from caveat.analysis.encode import EncodedPolicy, encode_policy
from caveat.analysis.frame import Frame, Members, make_frame
from caveat.analysis.solve import flag
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.policy.expression import APPROVALS
from tests.analysis.terms import function_of, values_of_world
from tests.oracle.cedar import is_allowed, read_policies
from tests.oracle.generate import Shape, generate_bundle, values_of


def open_frame(bundle: Bundle, tag: str = "t") -> Frame:
    """A frame whose approvals are variables too."""
    frame = make_frame(bundle.registry.facts, bundle.policy.roles, tag)
    return replace(frame, approvals=Members({role: flag(f"{tag}!by!{role}") for role in bundle.policy.roles}))


@dataclass(frozen=True)
class Formula:
    """`permitted` and `well_formed` of one bundle as a function of worlds."""

    encoded: EncodedPolicy
    evaluate: Callable[[dict[str, int]], tuple[bool, ...]]

    def says(self, world: Mapping[str, Value], point: str) -> tuple[bool, bool]:
        """Whether the world is permitted, and whether it is one."""
        permitted, well_formed = self.evaluate(values_of_world(self.encoded.frame, world, point))
        return permitted, well_formed


def formula_of(bundle: Bundle) -> Formula:
    """The formula of a bundle."""
    frame = open_frame(bundle)
    encoded = encode_policy(frame, bundle.clauses)
    return Formula(encoded, function_of([encoded.permitted, frame.well_formed]))


def some_worlds(bundle: Bundle, rng: random.Random, number: int) -> Iterator[dict[str, Value]]:
    """Random complete worlds of a small bundle, with approvals."""
    ranges = {name: values_of(spec) for name, spec in bundle.registry.facts.items()}
    roles: Sequence[str] = bundle.policy.roles
    for _ in range(number):
        world: dict[str, Value] = {name: rng.choice(values) for name, values in ranges.items()}
        yield world | {APPROVALS: frozenset(rng.sample(roles, rng.randint(0, len(roles))))}


def disagreements(seeds: range, worlds: int, shape: Shape | None = None) -> Iterator[tuple[int, str]]:
    """Every world of these bundles on which the formula and the naive interpreter differ."""
    for seed in seeds:
        rng = random.Random(seed)
        bundle = parse_bundle(generate_bundle(rng, shape))
        formula = formula_of(bundle)
        policies = read_policies(
            [data.decode() for path, data in sorted(bundle.files.items()) if path.startswith("clauses/")]
        )
        limits = {name: limit.value for name, limit in bundle.manifest.limits.items()}
        for world in some_worlds(bundle, rng, worlds):
            point = rng.choice(["prompt", "tool", "output"])
            permitted, is_world = formula.says(world, point)
            if permitted != is_allowed(policies, point, {**world, "limits": limits}) or not is_world:
                yield seed, point
