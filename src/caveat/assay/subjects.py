"""What a policy gives the layers to do, and which uses it is measured by.

A layer for which a policy has no clause cannot be measured with it: that reads `unmeasured`, with the reason,
and never `no measured effect`. Source: ADR-0036.
"""

from collections.abc import Mapping

from caveat.assay.errors import ScenarioError
from caveat.assay.extension import WORKFLOW, generate_extended
from caveat.assay.generator import Pair, generate_pairs
from caveat.assay.oracle_extended import ADDRESS_CLAUSE, ANSWER_CLAUSE, WORDS_CLAUSE
from caveat.facts.fact import Grade
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause
from caveat.policy.consent import facts_read

_EXTENDED = frozenset({WORDS_CLAUSE, ANSWER_CLAUSE, ADDRESS_CLAUSE})


def unused_layers(bundle: Bundle) -> Mapping[str, str]:
    """The layers that this policy has nothing for, and why."""
    reasons = {
        "answers": "no clause speaks of answers alone",
        "phrases": "the policy lists no phrases",
        "workflows": "no deployment registers a workflow",
        "redaction": "no clause has content replaced",
        "approvals": "nobody may approve anything",
    }
    used = {
        "answers": any(_speaks_of_answers(clause, bundle) for clause in bundle.clauses),
        "phrases": bool(bundle.phrases.lists),
        "workflows": any(one.workflows for one in bundle.deployments.values()),
        "redaction": bool(bundle.redactions),
        "approvals": bool(bundle.manifest.roles),
    }
    return {layer: why for layer, why in reasons.items() if not used[layer]}


def _speaks_of_answers(clause: Clause, bundle: Bundle) -> bool:
    """Whether it binds by facts at answers alone: no use here brings an answer that a screen would score."""
    scores = {name for name, spec in bundle.registry.facts.items() if spec.grade is Grade.ESTIMATED}
    return clause.points == frozenset({"output"}) and scores.isdisjoint(facts_read(clause))


def generate_uses(bundle: Bundle, seed: int, count: int) -> tuple[Pair, ...]:
    """`count` pairs for this policy: the example's, or half of them for the clauses that extend it.

    Raises `ScenarioError` for a policy that has some of those clauses and not all: its text is another one.
    """
    held = _EXTENDED & {clause.id for clause in bundle.written}
    if not held:
        return generate_pairs(seed, count)
    if held != _EXTENDED or not any(WORKFLOW in one.workflows for one in bundle.deployments.values()):
        raise ScenarioError(
            ("the policy extends the example otherwise than the oracle knows",),
            "measure `eval/bundles/extended`, or give uses by --scenarios",
        )
    return generate_extended(seed, count)
