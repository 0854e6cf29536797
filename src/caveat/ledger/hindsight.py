"""What a record would have said, had a fact been known that came out later: decided again, with it.

The bundle is the one that the record cites, so only the fact changes. Source: EVIDENCE attack 34.
"""

from dataclasses import dataclass, replace

from caveat.decision.decide import decide_use
from caveat.decision.verdict import Verdict
from caveat.facts.fact import Fact, Facts, Grade
from caveat.facts.registry import FactSpec
from caveat.facts.value import Value
from caveat.ledger.record import DecisionRecord
from caveat.ledger.replay import Bundles
from caveat.signing.canonical import Json

HINDSIGHT = "hindsight"
_JOINED = "join:"


@dataclass(frozen=True, slots=True)
class Assumed:
    """A fact as it is now known to have been: the name, and the value as JSON."""

    name: str
    value: Json


@dataclass(frozen=True, slots=True)
class Differs:
    """The record was decided `was` and would have been decided `now`."""

    was: Verdict
    now: Verdict


class Hindsight:
    """Decides records again, with a fact corrected, with a key disbelieved, or both."""

    def __init__(self, bundles: Bundles, assumed: Assumed | None, disbelieved_key: str | None) -> None:
        """`disbelieved_key`: the id of a key whose facts count for nothing."""
        self._bundles = bundles
        self._assumed = assumed
        self._disbelieved = disbelieved_key

    def decide(self, record: DecisionRecord) -> Verdict | None:
        """The verdict with what is known now; None where the bundle, or the fact in it, is not there.

        A fact corrected is so in every case of the record: which case a part went into is not recorded, so
        a use that mixes datasets is told as if all of them had it. What was claimed stays claimed.
        """
        bundle = self._bundles.get(record.bundle)
        if bundle is None:
            return None
        cases = record.cases
        if self._disbelieved is not None:
            cases = tuple(self._without(case, self._disbelieved) for case in cases)
        if self._assumed is not None:
            spec = bundle.registry.facts.get(self._assumed.name)
            value = None if spec is None else spec.parse(self._assumed.value)
            if spec is None or value is None:
                return None
            cases = tuple(_corrected(case, spec, value) for case in cases)
        return decide_use(bundle.policy, record.point, cases).verdict

    @staticmethod
    def _without(case: Facts, key: str) -> Facts:
        """The case without what the key said, and without what was joined of several and may hold it."""
        kept = tuple(
            fact for fact in case.facts if fact.source != f"key:{key}" and not fact.source.startswith(_JOINED)
        )
        return replace(case, facts=kept)


def _corrected(case: Facts, spec: FactSpec, value: Value) -> Facts:
    """The case with the fact known at this value, from a source that the registry takes it from."""
    observed = spec.grade is Grade.OBSERVED or not spec.attested_by
    sources = spec.observed_by if observed else spec.attested_by
    grade = Grade.OBSERVED if observed else Grade.ATTESTED
    fact = Fact(spec.name, value, grade, min(sources, default=HINDSIGHT), HINDSIGHT)
    kept = tuple(one for one in case.facts if one.name != spec.name)
    return replace(case, facts=(*kept, fact))
