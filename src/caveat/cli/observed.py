"""What a ledger says of deployments that are only watched: uses by what would have become of them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from caveat.call.call import Point
from caveat.decision.verdict import Decision, Verdict
from caveat.facts.fact import Facts, Grade
from caveat.facts.value import render_value
from caveat.facts.wire import render_facts
from caveat.ledger.read import Entry
from caveat.ledger.record import DecisionRecord, History, HistoryRecord
from caveat.policy.deployments import REGISTRATION
from caveat.signing.canonical import canonical
from caveat.signing.digest import Digest

MAX_SITUATIONS = 2000
"""How many different situations are kept with their facts, for each deployment; others are counted."""


@dataclass(slots=True)
class Situation:
    """Uses that would have been refused alike: the same decision on the same facts, whatever their source."""

    bundle: Digest
    point: Point
    decision: Decision
    cases: tuple[Facts, ...]
    uses: int = 0
    parts: set[str] = field(default_factory=set[str])


@dataclass(slots=True)
class Watched:
    """One deployment. `rows`: refused uses by (verdict, reason, clauses). `held`: held back all the same."""

    deployment: str
    uses: int = 0
    refused: int = 0
    held: int = 0
    bundle: Digest | None = None
    rows: Counter[tuple[str, str, tuple[str, ...]]] = field(
        default_factory=Counter[tuple[str, str, tuple[str, ...]]]
    )
    situations: dict[bytes, Situation] = field(default_factory=dict[bytes, Situation])
    uncounted: int = 0
    stated: dict[str, Counter[bytes]] = field(default_factory=dict[str, Counter[bytes]])


@dataclass(slots=True)
class Traffic:
    """All that was read. `first` and `last`: times of the first and last use."""

    deployments: dict[str, Watched] = field(default_factory=dict[str, Watched])
    first: str | None = None
    last: str | None = None


class _Lists:
    """The data parts of uses, those of their histories included."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[History | None, tuple[Digest, ...]]] = {}

    def see(self, entry: Entry) -> None:
        """Takes in a record; what it cites came before."""
        record = entry.record
        if isinstance(record, DecisionRecord | HistoryRecord) and (record.parts or record.history):
            self._of[entry.id] = (record.history, tuple(part.digest for part in record.parts))

    def of(self, record: DecisionRecord) -> Iterator[Digest]:
        """The digests of all data parts of the record's use."""
        yield from (part.digest for part in record.parts)
        history = record.history
        while history is not None:
            before, digests = self._of.get(history.record, (None, ()))
            yield from digests[: max(0, history.parts - (0 if before is None else before.parts))]
            history = before


def read_traffic(entries: Iterable[Entry], since: str | None, only: frozenset[str]) -> Traffic:
    """The uses in observe mode from `since` on, of the deployments in `only` if it names any.

    A use is refused once, at its prompt or at its answer, whichever comes first.
    """
    traffic = Traffic()
    refused: set[str] = set()
    lists = _Lists()
    for entry in entries:
        record = entry.record
        lists.see(entry)
        if not isinstance(record, DecisionRecord) or record.mode != "observe":
            continue
        if (since is not None and record.time < since) or (only and record.deployment not in only):
            continue
        watched = traffic.deployments.setdefault(record.deployment, Watched(record.deployment))
        watched.bundle = record.bundle
        traffic.first, traffic.last = traffic.first or record.time, record.time
        if record.of is None:
            watched.uses += 1
            _note_values(watched, record)
        if record.decision.verdict is not Verdict.ALLOW and (record.of is None or record.of not in refused):
            refused.add(entry.id if record.of is None else record.of)
            _note_refusal(watched, record, lists.of(record))
    return traffic


def _note_values(watched: Watched, record: DecisionRecord) -> None:
    """What callers claim and issuers attest, by fact: a registration may only fix what never differs."""
    for case in record.cases:
        for name, claimed in (case.claims or {}).items():
            watched.stated.setdefault(name, Counter())[canonical(claimed)] += 1
        for fact in case.facts:
            if fact.grade is Grade.ATTESTED and fact.role != REGISTRATION:
                watched.stated.setdefault(fact.name, Counter())[canonical(render_value(fact.value))] += 1


def _note_refusal(watched: Watched, record: DecisionRecord, parts: Iterable[Digest]) -> None:
    decision = record.decision
    watched.refused += 1
    watched.held += record.enforced
    watched.rows[decision.verdict.value, decision.reason.value, decision.clauses] += 1
    cases = tuple(_without_sources(case) for case in record.cases)
    key = canonical(
        [
            record.bundle,
            record.point.value,
            decision.verdict.value,
            decision.reason.value,
            [*decision.approvals],
            [render_facts(case) for case in cases],
        ]
    )
    situation = watched.situations.get(key)
    if situation is None:
        if len(watched.situations) >= MAX_SITUATIONS:
            watched.uncounted += 1
            return
        situation = Situation(record.bundle, record.point, decision, cases)
        watched.situations[key] = situation
    situation.uses += 1
    situation.parts.update(parts)


def _without_sources(case: Facts) -> Facts:
    return replace(case, facts=tuple(replace(fact, source="") for fact in case.facts))
