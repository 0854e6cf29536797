"""Entitlement: which facts of an envelope its issuer may say, and which of their values.

Pure over the envelope as verified under one trust policy, and one registry: no use and no time plays a part,
so what is found here may be remembered. Source: attacks 2, 3, 18 and 40 in `THREAT_MODEL.md`, ADR-0021.
"""

from dataclasses import dataclass

from caveat.evidence.binding import OF_USE
from caveat.evidence.defects import DefectCode
from caveat.evidence.envelope import VerifiedEnvelope
from caveat.evidence.predicates import Predicate
from caveat.evidence.statement import Scope
from caveat.evidence.trust import Issuer, is_entitled, may_attest_value
from caveat.facts.fact import Fact, Grade
from caveat.facts.registry import Registry

COUNTER = "counter"
"""The observer that counts persons in data. Who may attest what it observes may say how to count."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Which facts of an envelope its issuer may say.

    `ignored`: the others, with the reason; `out_of_range`: one of them has a value that the registry does not
    have. `defect`: why nothing of it counts. `counts_persons`: the issuer may say how persons are counted.
    `each`: facts that are said of each record by itself.
    """

    facts: tuple[Fact, ...]
    ignored: tuple[tuple[str, DefectCode], ...]
    out_of_range: bool
    counts_persons: bool
    defect: DefectCode | None
    each: frozenset[str]


def entitlement(verified: VerifiedEnvelope, registry: Registry) -> Entitlement:
    """What counts of a verified envelope by the word of its issuer, under this registry."""
    issuer, statement = verified.issuer, verified.statement
    facts: list[Fact] = []
    ignored: list[tuple[str, DefectCode]] = []
    for name in statement.facts:
        said = _said(verified, name, registry)
        if isinstance(said, Fact):
            facts.append(said)
        else:
            ignored.append((name, said))
    out_of_range = any(code is DefectCode.OUT_OF_RANGE for _, code in ignored)
    defect = None
    if not all(issuer.owns(subject.name) for subject in statement.subjects):
        defect = DefectCode.NAMESPACE
    elif not facts and not out_of_range:
        defect = ignored[0][1]
    return Entitlement(
        tuple(facts),
        tuple(ignored),
        out_of_range,
        _counts_persons(issuer, registry),
        defect,
        frozenset(name for name, scope in statement.scope.items() if scope is Scope.EACH),
    )


def _said(verified: VerifiedEnvelope, name: str, registry: Registry) -> Fact | DefectCode:
    """The fact that a statement says, or why it does not count."""
    issuer, statement = verified.issuer, verified.statement
    spec, said = registry.facts.get(name), statement.facts[name]
    if spec is None:
        return DefectCode.UNKNOWN_FACT
    if not may_say(statement.kind, spec.about):
        return DefectCode.FACT_OF_OTHER_KIND
    if not is_entitled(issuer, name, registry):
        return DefectCode.NOT_ENTITLED
    if (value := spec.parse(said)) is None:
        return DefectCode.OUT_OF_RANGE
    if not may_attest_value(issuer, name, said):
        return DefectCode.VALUE_NOT_ENTITLED
    return Fact(name, value, Grade.ATTESTED, issuer.role, f"key:{issuer.keyid}")


def _counts_persons(issuer: Issuer, registry: Registry) -> bool:
    """Whether the issuer may attest anything that the counter of persons observes."""
    return any(
        name in registry.facts
        and COUNTER in registry.facts[name].observed_by
        and is_entitled(issuer, name, registry)
        for name in issuer.facts
    )


def may_say(kind: Predicate, about: str) -> bool:
    """Whether a statement of this kind may say facts about that.

    Of a deployment only what its registration fixes, of a process or a target nothing about data: otherwise
    facts of data would come without the data.
    """
    if kind is Predicate.DEPLOYMENT:
        return about == "deployment"
    return kind not in OF_USE or about != "data"
