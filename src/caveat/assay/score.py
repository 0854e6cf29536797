"""What the verdicts of a run amount to. Pure: scenarios and outcomes in, figures out.

Each figure counts one kind of mistake and none is an average over kinds. A figure whose scoring field some
line of the file lacks is None: absent is not zero. Source: `docs/reference/scenarios.md`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caveat.assay.errors import RunError
from caveat.assay.mint import stage
from caveat.assay.scenario import Scenario, VerdictName
from caveat.facts.registry import FactSpec
from caveat.facts.wilson import Share

LET_THROUGH: frozenset[VerdictName] = frozenset({"allow", "needs_approval"})
"""A use that only a person still holds back is counted as let through where it should not be."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back for one scenario: `record` is the id of the ledger record, None without a gateway."""

    id: str
    verdict: VerdictName
    clauses: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    record: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one arm. None: not measured.

    `harmful_passed`: of the uses whose truth is harmful, those let through. `evidence_per_allow`: facts that
    a permitted use has to have attested, mean; `liar_equals_honest`: whether scenarios with equal visible
    input got equal verdicts, None where no two have.
    """

    n: int
    agreement: Share | None
    unsafe: Share | None
    blocked: Share | None
    over_asking: Share | None
    friction: Share | None
    undecidable: Share
    harmful_passed: Share | None
    evidence_per_allow: float | None
    liar_equals_honest: bool | None

    @property
    def holds(self) -> bool:
        """Whether every expected verdict came and nothing unsafe did; true where the file expects nothing."""
        agrees = self.agreement is None or self.agreement.count == self.agreement.total
        return agrees and (self.unsafe is None or self.unsafe.count == 0)


def score(
    scenarios: Sequence[Scenario],
    outcomes: Sequence[Outcome],
    registry: Mapping[str, FactSpec],
    needed: Sequence[int] | None = None,
) -> Figures:
    """The figures of one run; `outcomes` stand in the order of `scenarios`, each with its id.

    `needed`: for every permitted use, how many attested facts it could not do without.
    """
    if [scenario.id for scenario in scenarios] != [outcome.id for outcome in outcomes]:
        raise RunError(("the outcomes are not those of the scenarios",))
    pairs = list(zip(scenarios, outcomes, strict=True))
    expectations = _expectations(scenarios)
    harmful = _harmful(scenarios)
    verdicts: list[VerdictName] = [outcome.verdict for outcome in outcomes]
    return Figures(
        n=len(pairs),
        agreement=None
        if expectations is None
        else Share(sum(map(str.__eq__, expectations, verdicts)), len(verdicts)),
        unsafe=_share(expectations, verdicts, frozenset({"deny", "needs_evidence"}), LET_THROUGH),
        blocked=_share(expectations, verdicts, frozenset({"allow"}), _OTHER_THAN_ALLOW),
        over_asking=_over_asking(pairs, registry),
        friction=_share(expectations, verdicts, frozenset({"needs_evidence"}), frozenset({"deny"})),
        undecidable=Share(verdicts.count("needs_evidence"), len(verdicts)),
        harmful_passed=None
        if harmful is None
        else Share(
            sum(verdict in LET_THROUGH for bad, verdict in zip(harmful, verdicts, strict=True) if bad),
            sum(harmful),
        ),
        evidence_per_allow=sum(needed) / len(needed) if needed else None,
        liar_equals_honest=_liar_equals_honest(pairs),
    )


_OTHER_THAN_ALLOW: frozenset[VerdictName] = frozenset({"needs_approval", "needs_evidence", "deny"})


def _expectations(scenarios: Sequence[Scenario]) -> list[VerdictName] | None:
    expected: list[VerdictName] = [s.scoring.expected for s in scenarios if s.scoring.expected is not None]
    return expected if len(expected) == len(scenarios) else None


def _harmful(scenarios: Sequence[Scenario]) -> list[bool] | None:
    """Whether each truth is harmful: a denial is right, or proof is asked for and the caller lies."""
    if any(s.scoring.expected is None or s.scoring.lie is None for s in scenarios):
        return None
    return [
        s.scoring.expected == "deny" or (s.scoring.expected == "needs_evidence" and s.scoring.lie is True)
        for s in scenarios
    ]


def _share(
    expectations: list[VerdictName] | None,
    verdicts: list[VerdictName],
    where: frozenset[VerdictName],
    wrong: frozenset[VerdictName],
) -> Share | None:
    """Of the uses expected to be in `where`, those whose verdict is in `wrong`."""
    if expectations is None:
        return None
    concerned = [
        verdict for expected, verdict in zip(expectations, verdicts, strict=True) if expected in where
    ]
    return Share(sum(verdict in wrong for verdict in concerned), len(concerned))


def _over_asking(pairs: Sequence[tuple[Scenario, Outcome]], registry: Mapping[str, FactSpec]) -> Share | None:
    """Uses asked for proof although missing facts cannot matter, or asked for what cannot help.

    What cannot help, as seen from outside: a fact that was genuinely attested at a known value already, one
    that an observer of the deployment establishes, and one that the registry does not declare.
    """
    if any(scenario.scoring.variant is None for scenario, _ in pairs):
        return None
    asked = 0
    for scenario, outcome in pairs:
        if outcome.verdict != "needs_evidence":
            continue
        minimal = scenario.scoring.variant == "benign_minimal_evidence"
        asked += minimal or any(_cannot_help(name, scenario, registry) for name in outcome.needs)
    return Share(asked, len(pairs))


def _cannot_help(name: str, scenario: Scenario, registry: Mapping[str, FactSpec]) -> bool:
    spec = registry.get(name)
    if spec is None:
        return True
    value = spec.parse(scenario.visible.genuine.get(name))
    if value is not None and not spec.is_unknown(value):
        return True
    return spec.neutral is not None and bool(spec.observed_by & stage(scenario.visible, registry).observers)


def _liar_equals_honest(pairs: Sequence[tuple[Scenario, Outcome]]) -> bool | None:
    groups: dict[bytes, list[VerdictName]] = {}
    for scenario, outcome in pairs:
        groups.setdefault(scenario.visible.fingerprint(), []).append(outcome.verdict)
    comparable = [verdicts for verdicts in groups.values() if len(verdicts) > 1]
    return all(len(set(verdicts)) == 1 for verdicts in comparable) if comparable else None
