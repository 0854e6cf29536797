"""The formula of a policy says of a complete world exactly what the engines say of it."""

import random

import pytest

from caveat.analysis import encode, solve
from caveat.analysis.encode import EncodedPolicy, Truth
from caveat.analysis.frame import Frame, Word
from caveat.analysis.solve import Term, conj, disj, neg
from caveat.call.call import Point
from caveat.policy.expression import APPROVALS, Compare
from tests.analysis.encoded import disagreements, formula_of
from tests.oracle.cedar_engine import ask_cedar, evaluator_for
from tests.oracle.example import Sampler, example_bundle

Patch = pytest.MonkeyPatch
REQUESTS = 100_000


def _compare(rng: random.Random, requests: int) -> tuple[int, int]:
    """Disagreements of three on worlds of the example, and how many of these were allowed."""
    bundle = example_bundle()
    sampler, formula = Sampler(bundle, rng), formula_of(bundle)
    evaluator = evaluator_for(bundle, Point.PROMPT)
    differ = allowed = 0
    clauses = [clause for clause in bundle.clauses if "prompt" in clause.points]
    world = sampler.world()
    for number in range(requests):
        if number % 5 == 0:
            world = sampler.world_for(rng.choice(clauses).condition)
        world = sampler.step(world)
        says = formula.says(world, "prompt")
        cedar = ask_cedar(bundle, Point.PROMPT, world).allows
        ours = evaluator.allows(world)
        differ += not says == (cedar, True) == (ours, True)
        allowed += cedar
    return differ, allowed


@pytest.mark.slow
def test_the_formula_agrees_with_cedar_and_the_evaluator_on_the_example() -> None:
    differ, allowed = _compare(random.Random(4), 2_000)
    assert differ == 0
    assert allowed > 100


@pytest.mark.long
@pytest.mark.parametrize("shard", range(4))
def test_the_formula_agrees_on_a_hundred_thousand_requests(shard: int) -> None:
    differ, allowed = _compare(random.Random(40 + shard), REQUESTS // 4)
    assert differ == 0
    assert allowed > REQUESTS // 100


@pytest.mark.slow
def test_the_formula_agrees_with_the_naive_interpreter_on_generated_bundles() -> None:
    assert list(disagreements(range(60_000, 60_080), 40)) == []


@pytest.mark.long
def test_the_formula_agrees_with_the_naive_interpreter_on_two_thousand_generated_bundles() -> None:
    assert list(disagreements(range(61_000, 63_000), 60)) == []


def _no_short_circuit(patch: Patch) -> None:
    def chain(parts: list[Truth]) -> Truth:
        error = disj(part.error for part in parts)
        return Truth(conj([*(part.true for part in parts), neg(error)]), error)

    patch.setattr(encode, "_chain", chain)


def _lost_overflow(patch: Patch) -> None:
    arithmetic = solve.arithmetic
    patch.setattr(encode, "arithmetic", lambda *args: (arithmetic(*args)[0], False))


def _error_fires(patch: Patch) -> None:
    compare = encode.Encoder._compare

    def firing(self: encode.Encoder, atom: Compare) -> Truth:
        truth = compare(self, atom)
        return Truth(disj([truth.true, truth.error]))

    patch.setattr(encode.Encoder, "_compare", firing)


def _error_is_skipped(patch: Patch) -> None:
    """As Cedar does with a clause that errors."""
    patch.setattr(
        EncodedPolicy,
        "permitted",
        property(
            lambda self: conj(
                [
                    disj(each.fires for each in self.clauses if each.clause.is_permit),
                    *(neg(each.fires) for each in self.clauses if not each.clause.is_permit),
                ]
            )
        ),
    )


def _forbids_ignored(patch: Patch) -> None:
    patch.setattr(
        EncodedPolicy,
        "permitted",
        property(lambda self: disj(each.fires for each in self.clauses if each.clause.is_permit)),
    )


def _points_ignored(patch: Patch) -> None:
    patch.setattr(Frame, "at", lambda _self, _points: True)


def _any_permit_missing(patch: Patch) -> None:
    patch.setattr(
        EncodedPolicy,
        "permitted",
        property(
            lambda self: conj(
                neg(term)
                for each in self.clauses
                for term in (each.errs, *(() if each.clause.is_permit else (each.fires,)))
            )
        ),
    )


def _unsigned_order(patch: Patch) -> None:
    def unsigned(left: solve.Bits, right: solve.Bits) -> Term:
        term: Term = solve._Z3.ULT(left, right)
        return term

    patch.setattr(encode, "less", unsigned)


def _subset_reversed(patch: Patch) -> None:
    subset = encode._subset
    patch.setattr(encode, "_subset", lambda inner, outer: subset(outer, inner))


def _words_by_place(patch: Patch) -> None:
    def same_word(_self: encode.Encoder, left: Word, right: Word) -> Term:
        words = zip(left.places, right.places, strict=False)
        return disj(conj([left.is_word(one), right.is_word(other)]) for one, other in words)

    patch.setattr(encode.Encoder, "_same_word", same_word)


BUGS = [
    _no_short_circuit,
    _lost_overflow,
    _error_fires,
    _error_is_skipped,
    _forbids_ignored,
    _points_ignored,
    _any_permit_missing,
    _unsigned_order,
    _subset_reversed,
    _words_by_place,
]


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__.strip("_"))
def test_a_seeded_bug_of_the_encoder_is_caught(bug: object, monkeypatch: Patch) -> None:
    assert callable(bug)
    bug(monkeypatch)
    assert next(disagreements(range(60_000, 60_150), 40), None) is not None


def test_a_world_outside_the_registry_is_no_world() -> None:
    bundle = example_bundle()
    formula = formula_of(bundle)
    world = Sampler(bundle, random.Random(1)).world()
    assert formula.says(world, "prompt")[1]
    assert not formula.says(world | {"subject_count": -1}, "prompt")[1]
    assert not formula.says(world | {"data_category": frozenset()}, "prompt")[1]
    assert formula.says(world | {APPROVALS: frozenset()}, "prompt")[1]
