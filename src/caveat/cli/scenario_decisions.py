"""Scenarios as a bundle decides them: with what would be proved, observed and claimed of each."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from caveat.assay.errors import ScenarioError
from caveat.assay.scenario import Defect, Scenario, Visible, parse_scenarios
from caveat.call.call import Point
from caveat.cli.exit import CannotRunError
from caveat.cli.progress import Bar
from caveat.cli.unread import SCREEN, unread_facts
from caveat.decision.decide import decide_use
from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.facts.observers import OBSERVERS
from caveat.facts.registry import FactSpec
from caveat.policy.bundle import Bundle

_FINDINGS = {Defect.FORGED: Finding.FORGED, Defect.REPLAYED: Finding.REPLAYED}


def read_scenarios(path: Path, registry: Mapping[str, FactSpec]) -> tuple[Scenario, ...]:
    """The scenarios of a file; raises `CannotRunError` with the line that is wrong."""
    try:
        return parse_scenarios(path.read_bytes(), registry)
    except ScenarioError as error:
        raise CannotRunError(f"`{path}`: {error}", error.hint) from error


def decided_by(bundle: Bundle, paths: Iterable[Path]) -> frozenset[str]:
    """The clauses that decide some scenario of these files."""
    found: set[str] = set()
    scenarios = [each for path in paths for each in read_scenarios(path, bundle.registry.facts)]
    with Bar("deciding scenarios") as progress:
        for done, scenario in enumerate(scenarios, start=1):
            progress(done, len(scenarios))
            found.update(decide_use(bundle.policy, *scenario_facts(bundle, scenario.visible)).clauses)
    return frozenset(found)


def scenario_facts(bundle: Bundle, visible: Visible) -> tuple[Point, tuple[Facts, ...]]:
    """What the bundle's gateway would know of the scenario: what is proved, observed and claimed."""
    facts: list[Fact] = []
    for name, spec in bundle.registry.facts.items():
        value = spec.parse(visible.genuine[name]) if name in visible.genuine else None
        observers = sorted(spec.observed_by & OBSERVERS)
        if value is not None and spec.attested_by:
            facts.append(Fact(name, value, Grade.ATTESTED, min(spec.attested_by)))
        elif value is not None and spec.grade is Grade.ESTIMATED:
            facts.append(Fact(name, value, Grade.ESTIMATED, SCREEN))
        elif value is not None and spec.observed_by:
            facts.append(Fact(name, value, Grade.OBSERVED, min(spec.observed_by)))
        elif name not in visible.genuine and spec.neutral is not None and observers:
            facts.append(Fact(name, spec.neutral, Grade.OBSERVED, observers[0]))
    facts += unread_facts(bundle, {fact.name for fact in facts})
    claims = {name: value for name, value in visible.claims.items() if name in bundle.registry.facts}
    findings = frozenset(_FINDINGS[defect] for _, defect in visible.defective if defect in _FINDINGS)
    return Point.PROMPT, (Facts(tuple(facts), claims or None, frozenset(), findings),)
