"""From what is said about a use to what is known, what is claimed, and what no world satisfies.

Step 1 of the verdict rule and the sets K and C of DESIGN section 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from caveat.decision.verdict import Reason
from caveat.facts.fact import Facts, Finding, Grade
from caveat.facts.registry import FactSpec, FactType, Registry
from caveat.facts.value import Interval, Value
from caveat.labels.join import Join
from caveat.signing.canonical import Json


@dataclass(frozen=True, slots=True)
class Resolved:
    """`known`: K. `claims`: typed claims on declared facts. `attested`: names of K that an issuer signed.

    `fault`: why no world satisfies what is said, or None.
    """

    known: Mapping[str, Value]
    claims: Mapping[str, Value]
    attested: frozenset[str]
    fault: Reason | None


_FINDINGS = (
    (Finding.FORGED, Reason.FORGED_EVIDENCE),
    (Finding.REPLAYED, Reason.REPLAYED_EVIDENCE),
    (Finding.OUT_OF_RANGE, Reason.VALUE_OUT_OF_RANGE),
)


def resolve(registry: Registry, facts: Facts) -> Resolved:
    """K, C and the first fault. Facts whose grade or source does not count are as if they were not said."""
    fault = next((reason for finding, reason in _FINDINGS if finding in facts.findings), None)
    claims, misfit = _typed_claims(registry, facts.claims or {})
    attested: dict[str, Value] = {}
    observed: dict[str, Value] = {}
    contradiction = False
    for fact in facts.facts:
        if fact.name not in registry.facts:
            misfit = True
            continue
        if not registry.counts(fact.name, fact.grade, fact.role):
            continue
        spec = registry.facts[fact.name]
        value = spec.parse(fact.value)
        if value is None or (isinstance(value, Interval) and fact.grade is not Grade.OBSERVED):
            misfit = True
        elif not spec.is_unknown(value):
            said = attested if fact.grade is Grade.ATTESTED else observed
            contradiction |= said.setdefault(fact.name, value) != value
    known = observed | attested
    for name in observed.keys() & attested.keys():
        merged = _merge(registry.facts[name], attested[name], observed[name])
        contradiction |= merged is None
        known[name] = attested[name] if merged is None else merged
    for name, spec in registry.facts.items():
        if spec.grade is Grade.CLAIMED and name in claims and not spec.is_unknown(claims[name]):
            known.setdefault(name, claims[name])
    if fault is None and misfit:
        fault = Reason.VALUE_OUT_OF_RANGE
    if fault is None and contradiction:
        fault = Reason.CONTRADICTORY_EVIDENCE
    return Resolved(known, claims, frozenset(attested), fault)


def _typed_claims(registry: Registry, claims: Mapping[str, Json]) -> tuple[dict[str, Value], bool]:
    """The claims that some world satisfies, and whether one lies outside its type.

    An empty set where empty is unknown holds in no world: it says nothing, so it is no claim.
    """
    typed: dict[str, Value] = {}
    misfit = False
    for name, raw in claims.items():
        spec = registry.facts.get(name)
        value = None if spec is None else spec.parse(raw)
        if spec is None or value is None:
            misfit = True
        elif not (isinstance(value, frozenset) and spec.is_unknown(value)):
            typed[name] = value
    return typed, misfit


def _merge(spec: FactSpec, attested: Value, observed: Value) -> Value | None:
    """One value for what an issuer signed and what the gateway saw, or None where they contradict.

    A count attested inside a counted interval agrees with it. One that joins by total or greatest may also
    be attested above what was counted in this request, never below it: the persons counted are there.
    """
    if attested == observed:
        return attested
    if spec.type is not FactType.LONG or not isinstance(attested, int):
        return None
    lo, hi = (observed.lo, observed.hi) if isinstance(observed, Interval) else (observed, observed)
    if not isinstance(lo, int) or not isinstance(hi, int) or attested < lo:
        return None
    return attested if attested <= hi or spec.join in (Join.TOTAL, Join.GREATEST) else None
