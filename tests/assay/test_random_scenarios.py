"""Random scenario files through the real gateway against `decide` on the facts that they should come to."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caveat.assay.mint import issuing_role, stage
from caveat.assay.runner import Unwatched, run_arm
from caveat.assay.scenario import Defect, Visible, parse_scenarios
from caveat.assay.staging import Arm, Settings
from caveat.assay.world import registry_of
from caveat.call.call import Point
from caveat.decision.decide import decide
from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.facts.registry import FactSpec, FactType
from caveat.facts.value import Interval
from caveat.policy.bundle import Bundle, parse_bundle
from caveat.store.folder import read_folder

BUNDLE = Path(__file__).parents[2] / "policies" / "government-analytics"
TOTAL = "cumulative_subject_count_12m"
COUNTS = (0, 1, 9, 10, 29, 30, 100, 101, 999, 1000, 1001, 10_000, 10_001, 100_000, 100_001, 5_000_000)


@pytest.fixture(scope="module")
def files() -> Mapping[str, bytes]:
    return read_folder(BUNDLE)


def value(spec: FactSpec, generator: random.Random) -> Any:
    match spec.type:
        case FactType.BOOL:
            return generator.random() < 0.7
        case FactType.LONG:
            return generator.choice(COUNTS)
        case FactType.ENUM:
            return generator.choice(spec.values)
        case FactType.SET:
            return sorted(generator.sample(spec.values, generator.choice((0, 1, 1, 1, 2))))


def row(registry: Mapping[str, FactSpec], generator: random.Random) -> dict[str, Any]:
    """A use with a random truth, some lies, evidence for some of it, and now and then a defect."""
    attestable = {name: spec for name, spec in registry.items() if spec.grade is not Grade.ESTIMATED}
    named = [name for name, spec in attestable.items() if spec.neutral is None or generator.random() < 0.3]
    named = [name for name in named if generator.random() < 0.95]
    truth = {name: value(registry[name], generator) for name in named}
    lies = generator.choice((0.0, 0.0, 0.15))
    claims = {
        name: value(registry[name], generator) if generator.random() < lies else true
        for name, true in truth.items()
        if generator.random() < 0.9
    }
    proved = generator.choice((0.0, 0.5, 0.9, 1.0))
    unproved = [name for name in claims if generator.random() < 0.1]
    return {
        "request_text": generator.choice(("Sort the table.", "Describe each person.")),
        "claimed_facts": claims,
        "true_facts": truth,
        "evidence_available": [name for name in truth if generator.random() < proved],
        "evidence_defects": [
            {"fact": name, "defect": generator.choice([each.value for each in Defect])} for name in unproved
        ]
        if generator.random() < 0.3
        else [],
    }


def facts(use: Visible, bundle: Bundle) -> Facts:
    """What a flawless gateway would know of this use: nothing of it comes from the gateway's own code."""
    registry = bundle.registry.facts
    own = stage(use, registry, "x")
    known: dict[str, Fact] = {}
    for name, raw in {**own.neutral, **use.genuine}.items():
        typed = registry[name].parse(raw)
        assert typed is not None
        known[name] = Fact(name, typed, Grade.ATTESTED, issuing_role(registry[name]))
    for name, spec in registry.items():
        observers = sorted(spec.observed_by & own.observers)
        if observers and spec.neutral is not None and name != TOTAL:
            known[name] = Fact(name, spec.neutral, Grade.OBSERVED, observers[0])
    if "totals" in own.observers:
        persons = use.genuine.get("subject_count")
        open_above = Interval(0, registry[TOTAL].hi)
        total = persons if isinstance(persons, int) else open_above
        known[TOTAL] = Fact(TOTAL, total, Grade.OBSERVED, "totals")
    findings = {
        finding
        for defect, finding in ((Defect.FORGED, Finding.FORGED), (Defect.REPLAYED, Finding.REPLAYED))
        if any(each is defect for _, each in use.defective)
    }
    return Facts(tuple(known.values()), dict(use.claims), frozenset(), frozenset(findings))


@pytest.mark.slow
async def test_random_scenarios_get_the_verdict_of_what_they_prove(files: Mapping[str, bytes]) -> None:
    generator = random.Random(20)
    registry = registry_of(files)
    bundle = parse_bundle(files)
    rows = [row(registry, generator) for _ in range(300)]
    data = "\n".join(json.dumps(each) for each in rows).encode()
    uses = [scenario.visible for scenario in parse_scenarios(data, registry)]
    now = datetime.now(UTC).replace(microsecond=0)
    run = await run_arm(Arm.WHOLE, uses, Settings(files, now), Unwatched())
    expected = [decide(bundle.policy, Point.PROMPT, facts(use, bundle)) for use in uses]
    verdicts = [answer.verdict for answer in run.answers]
    assert verdicts == [decision.verdict.value for decision in expected]
    assert len(set(verdicts)) == 4, "all four verdicts occur, or this shows little"
    asked = [set(answer.needs) for answer in run.answers]
    assert asked == [set(decision.needs) for decision in expected]
