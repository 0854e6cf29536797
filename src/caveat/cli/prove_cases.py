"""A scenario as facts, the way the gateway would see its use at the prompt."""

from caveat.assay.scenario import Defect, Visible
from caveat.cli.unread import SCREEN, unread_facts
from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.policy.bundle import Bundle

_FINDINGS = {Defect.FORGED: Finding.FORGED, Defect.REPLAYED: Finding.REPLAYED}


def facts_of_scenario(bundle: Bundle, visible: Visible) -> Facts:
    """What is proved is attested or observed; observers report their neutral value of what nobody speaks of.

    An attestation with another defect than forged or replayed counts as absent, as the evidence check says.
    """
    facts: list[Fact] = []
    for name, spec in bundle.registry.facts.items():
        if name in visible.genuine:
            value = spec.parse(visible.genuine[name])
            if value is None:
                continue
            if spec.attested_by:
                facts.append(Fact(name, value, Grade.ATTESTED, min(spec.attested_by)))
            elif spec.grade is Grade.ESTIMATED:
                facts.append(Fact(name, value, Grade.ESTIMATED, SCREEN))
            else:
                facts.append(Fact(name, value, Grade.OBSERVED, min(spec.observed_by, default="")))
        elif spec.neutral is not None and spec.observed_by and name not in visible.mentioned:
            facts.append(Fact(name, spec.neutral, Grade.OBSERVED, min(spec.observed_by)))
    facts += unread_facts(bundle, {fact.name for fact in facts})
    findings = frozenset(_FINDINGS[defect] for _, defect in visible.defective if defect in _FINDINGS)
    return Facts(tuple(facts), dict(visible.claims) or None, frozenset(), findings)
