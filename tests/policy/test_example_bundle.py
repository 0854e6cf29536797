"""The example bundle encodes its policy document: ids, values, limits, and the red lines it promises."""

import json
import random
from collections import Counter

import pytest

from caveat.call.call import Point
from caveat.facts.registry import FactType
from caveat.policy.cedar import parse_policies, validation_findings
from caveat.policy.schema import cedar_schema
from tests.oracle.cedar import CedarError, NaivePolicy, read_policies
from tests.oracle.cedar_engine import evaluator_for
from tests.oracle.example import ROOT, Sampler, World, example_bundle, without

BUNDLE = example_bundle()
VOCABULARY = json.loads((ROOT / "conformance" / "vocabulary.json").read_text())["facts"]
# What the gateway observes has a neutral value of its own where there is nothing to observe.
NEUTRAL = {"approval_mode": "unmeasured", "onward_recipient": "none"}
# What screens estimate of content; nobody attests it, so no use is described with it.
SCORES = {"sensitive_inference", "content_contradiction"}
TYPES = {"enum": FactType.ENUM, "set": FactType.SET, "integer": FactType.LONG, "boolean": FactType.BOOL}


def test_the_clause_ids_are_exactly_those_of_the_policy_document() -> None:
    served = {name for clause in BUNDLE.clauses for name in clause.clauses}
    served |= {row.id for row in BUNDLE.manifest.process}
    document = {"R1.a", "R1.b", "R1.c", "R2.a", "R2.b"} | {f"P{number:02}" for number in range(3, 28)}
    assert served == document


def test_the_facts_are_exactly_those_of_the_vocabulary() -> None:
    assert set(BUNDLE.registry.facts) == set(VOCABULARY) | SCORES


@pytest.mark.parametrize("name", VOCABULARY)
def test_the_values_of_a_fact_are_exactly_those_of_the_vocabulary(name: str) -> None:
    spec, entry = BUNDLE.registry.facts[name], VOCABULARY[name]
    assert spec.type is TYPES[entry["type"]]
    extra = {NEUTRAL[name]} if name in NEUTRAL else set()
    assert set(spec.values) - extra == set(entry.get("values", ()))
    observed = entry.get("when_absent", "").startswith("neutral")
    assert (spec.neutral is not None) is observed
    assert bool(spec.observed_by) or not observed


def test_the_limits_are_those_of_the_policy_document() -> None:
    limits = {name: limit.value for name, limit in BUNDLE.manifest.limits.items()}
    assert limits == {
        "human_genomic": 100,
        "other_omic": 1000,
        "biometric_identifiers": 1000,
        "precise_geolocation": 1000,
        "personal_health": 10_000,
        "personal_financial": 10_000,
        "covered_personal_identifiers": 100_000,
        "policy_choice": 1000,
        "employment_records": 10_000,
        "review_seconds_kinetic": 30,
        "review_seconds_legal": 10,
        "sensitive_inference": 500,
        "contradiction_likely": 500,
        "contradiction_certain": 900,
    }


def test_every_red_line_needs_both_parties() -> None:
    lines = [clause for clause in BUNDLE.clauses if clause.red_line is not None]
    assert {clause.amend_text for clause in lines} == {"provider & customer"}
    assert {name for clause in lines for name in clause.clauses} == {"R1.a", "R1.b", "R1.c", "R2.a", "R2.b"}


def test_an_example_bundle_without_signatures_is_a_draft_in_every_clause() -> None:
    assert set(BUNDLE.unsigned) >= {clause.id for clause in BUNDLE.clauses}
    assert not BUNDLE.signers


def test_every_text_of_the_bundle_is_read_and_validated_by_cedar() -> None:
    limits = BUNDLE.manifest.limits
    schema = cedar_schema(BUNDLE.registry, limits)
    for path, data in BUNDLE.files.items():
        if path.endswith(".cedar"):
            assert parse_policies(data.decode())
            assert validation_findings(data.decode(), schema) == ()


def _holds(specification: NaivePolicy, world: World) -> bool:
    try:
        return specification.holds(world)
    except CedarError:
        return True


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(2))
def test_whatever_falls_within_a_red_line_is_denied_even_with_every_approval(shard: int) -> None:
    texts = [data.decode() for path, data in BUNDLE.files.items() if path.startswith("red_lines/")]
    specifications = read_policies(texts)
    sampler, evaluator = Sampler(BUNDLE, random.Random(shard)), evaluator_for(BUNDLE, Point.PROMPT)
    lines = [clause for clause in BUNDLE.clauses if clause.red_line is not None]
    everyone = frozenset(BUNDLE.policy.roles)
    counts, passed = Counter[str](), []
    for _ in range(12_000):
        drawn = sampler.world_for(sampler.rng.choice(lines).condition)
        world = (sampler.step(drawn) if sampler.rng.random() < 0.7 else drawn) | {"approvals": everyone}
        broken = [each.id for each in specifications if _holds(each, world)]
        counts.update(broken or ["outside"])
        if broken and evaluator.allows(world):
            passed.append((broken, world))
    assert passed == []
    assert min(counts["R1"], counts["R2"], counts["outside"]) >= 500, counts


@pytest.mark.slow
def test_a_red_line_is_held_by_its_clauses_and_not_by_chance() -> None:
    lines = [clause.id for clause in BUNDLE.clauses if clause.red_line is not None]
    weakened = without(BUNDLE, lines)
    texts = [data.decode() for path, data in BUNDLE.files.items() if path.startswith("red_lines/")]
    sampler, evaluator = Sampler(BUNDLE, random.Random(9)), evaluator_for(weakened, Point.PROMPT)
    passed = Counter[str]()
    for clause in BUNDLE.clauses:
        if clause.red_line is None:
            continue
        for _ in range(300):
            world = sampler.world_for(clause.condition) | {"approvals": frozenset(BUNDLE.policy.roles)}
            if evaluator.allows(world):
                passed.update(each.id for each in read_policies(texts) if _holds(each, world))
    assert passed["R1"] > 0, "without its clauses the first red line is open"
    assert passed["R2"] > 0, "and so is the second"
