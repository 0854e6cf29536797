"""On complete facts our evaluator allows where Cedar allows without an error, and nowhere else."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from caveat.call.call import Point
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.policy.clause import Clause
from caveat.policy.expression import APPROVALS
from tests.oracle.cedar import is_allowed, read_policies
from tests.oracle.cedar_engine import Evaluator, ask_cedar, evaluator_for
from tests.oracle.example import Sampler, World, example_bundle, limits_in, without
from tests.oracle.generate import generate_bundle, values_of

SHARDS = 4
FACT_SETS = 100_000 // SHARDS
SOLE = 500 // SHARDS
# Permits that P05 or P19 imply for all whom P22 does not refuse: beside those, none of these decides alone.
PROMPT = Point.PROMPT.value
IMPLIED = {
    "P04.permit",
    "P06.permit",
    "P07.permit",
    "P08.permit",
    "P10.permit",
    "P11.permit",
    "P15",
    "P17.permit",
    "P18",
    "P19.public",
}


def _walk(
    sampler: Sampler, evaluator: Evaluator, target: Clause, wanted: int
) -> Iterator[tuple[dict[str, Value], bool]]:
    """Worlds around those that `target` alone decides, each with whether it does: `wanted` that do."""

    def badness(world: World) -> int:
        forbids, permits = evaluator.firing(world)
        if target.is_permit:
            return len(forbids) + len(permits - {target.id}) + 5 * (target.id not in permits)
        return len(forbids - {target.id}) + 5 * (target.id not in forbids) + (not permits)

    world = sampler.reach(target.condition, badness)
    seen: set[tuple[object, ...]] = set()
    for _ in range(wanted * 40):
        neighbour = sampler.step(world)
        key = tuple(neighbour.values())
        if key in seen:
            continue
        seen.add(key)
        alone = badness(neighbour) == 0
        yield neighbour, alone
        if alone:
            world, wanted = neighbour, wanted - 1
            if wanted == 0:
                return
    raise AssertionError(f"{target.id} is too seldom the sole decider")


def _worlds(bundle: Bundle, rng: random.Random, targets: Sequence[Clause]) -> Iterator[dict[str, Value]]:
    sampler, evaluator = Sampler(bundle, rng), evaluator_for(bundle, Point.PROMPT)
    centres: list[dict[str, Value]] = []
    for target in targets:
        for world, alone in _walk(sampler, evaluator, target, SOLE + 5):
            yield world
            if alone:
                centres.append(world)
    while True:
        yield sampler.step(rng.choice(centres)) if rng.random() < 0.7 else sampler.world()


def _compare(bundle: Bundle, rng: random.Random, targets: Sequence[Clause], fact_sets: int) -> Counter[str]:
    evaluator = evaluator_for(bundle, Point.PROMPT)
    limits, counts = limits_in(bundle), Counter[str]()
    seen: set[tuple[object, ...]] = set()
    for world in _worlds(bundle, rng, targets):
        key = tuple(world.values())
        if key in seen:
            continue
        seen.add(key)
        counts["fact sets"] += 1
        opinion = ask_cedar(bundle, Point.PROMPT, world)
        counts["disagreements"] += evaluator.allows(world) is not opinion.allows
        counts["allowed"] += opinion.allows
        _, permits = evaluator.firing(world)
        if len(opinion.reasons) == 1 and (opinion.allows or permits):
            counts[f"sole {opinion.reasons[0]}"] += 1
        for fact, limit in limits:
            if world[fact] in (limit, limit + 1):
                counts[f"side {fact} {world[fact]}"] += 1
        if counts["fact sets"] >= fact_sets:
            break
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_evaluator_agrees_with_cedar_on_the_example_bundle(shard: int) -> None:
    bundle = example_bundle()
    targets = [clause for clause in bundle.clauses if clause.id not in IMPLIED and PROMPT in clause.points]
    counts = _compare(bundle, random.Random(shard), targets, FACT_SETS)
    print(dict(counts))  # noqa: T201 - the figures, for whoever runs this by hand with -s
    assert counts["disagreements"] == 0
    assert counts["fact sets"] == FACT_SETS
    assert {
        clause.id: counts[f"sole {clause.id}"] for clause in targets if counts[f"sole {clause.id}"] < SOLE
    } == {}
    for fact, limit in limits_in(bundle):
        assert counts[f"side {fact} {limit}"] >= 50
        assert counts[f"side {fact} {limit + 1}"] >= 50


@pytest.mark.slow
def test_the_evaluator_agrees_with_cedar_where_an_implied_permit_decides_alone() -> None:
    bundle = without(example_bundle(), ["P22.deployer"])
    targets = [clause for clause in bundle.clauses if clause.id in IMPLIED]
    assert {clause.id for clause in targets} == IMPLIED
    counts = Counter[str]()
    for shard in range(SHARDS):
        counts += _compare(bundle, random.Random(100 + shard), targets, 5_000)
    print(dict(counts))  # noqa: T201 - as above
    assert counts["disagreements"] == 0
    assert {name: counts[f"sole {name}"] for name in IMPLIED if counts[f"sole {name}"] < SOLE * SHARDS} == {}


def _generated(seeds: range, worlds: int) -> Counter[str]:
    """Complete worlds of generated bundles: Cedar, our evaluator, and the naive interpreter of the oracle."""
    counts = Counter[str]()
    for seed in seeds:
        rng = random.Random(seed)
        bundle = parse_bundle(generate_bundle(rng))
        naive = read_policies([bundle.files["clauses/all.cedar"].decode()])
        limits = {name: limit.value for name, limit in bundle.manifest.limits.items()}
        roles = bundle.policy.roles
        counts["bundles"] += 1
        for point in Point:
            evaluator = evaluator_for(bundle, point)
            for _ in range(worlds):
                world: dict[str, Value] = {
                    name: rng.choice(values_of(spec)) for name, spec in bundle.registry.facts.items()
                }
                world[APPROVALS] = frozenset(rng.sample(roles, rng.randint(0, len(roles))))
                opinion = ask_cedar(bundle, point, world)
                counts["fact sets"] += 1
                counts["allowed"] += opinion.allows
                counts["errors"] += opinion.errors
                counts["disagreements"] += evaluator.allows(world) is not opinion.allows
                says = is_allowed(naive, point.value, {**world, "limits": limits})
                counts["oracle disagreements"] += says is not opinion.allows
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_evaluator_agrees_with_cedar_on_a_thousand_generated_bundles(shard: int) -> None:
    counts = _generated(range(30_000 + shard * 250, 30_000 + shard * 250 + 250), worlds=6)
    print(dict(counts))  # noqa: T201 - as above
    assert counts["bundles"] == 250
    assert counts["disagreements"] == counts["oracle disagreements"] == 0
    assert min(counts["allowed"], counts["errors"]) >= 100, "both allowed worlds and errors have to occur"


@pytest.mark.long
@pytest.mark.parametrize("shard", range(8))
def test_the_evaluator_agrees_with_cedar_on_many_generated_bundles(shard: int) -> None:
    counts = _generated(range(40_000 + shard * 500, 40_000 + shard * 500 + 500), worlds=40)
    assert counts["disagreements"] == counts["oracle disagreements"] == 0
