"""What observers see of oversight: counts, incidents, halts and dissents, without content or anybody's name.

Pure: the records up to a size alone make it, so that two parties who look at the same checkpoint see the same
digest, and anybody computes it again from the ledger. Source: ADR-0041.
"""

from collections import Counter, deque
from dataclasses import dataclass

from caveat.ledger.record import (
    DecisionRecord,
    DissentRecord,
    FindingRecord,
    HaltRecord,
    IncidentRecord,
    PlantedSampleRecord,
    Record,
    ReviewRecord,
    SampleRecord,
    SamplingRecord,
    Share,
    parse_time,
)
from caveat.oversight.book import Book
from caveat.oversight.demanded import Demands
from caveat.oversight.halts import Halts
from caveat.oversight.hold import Status
from caveat.signing.canonical import Json, JsonObject, canonical
from caveat.signing.digest import Digest, sha256
from caveat.signing.merkle import CompactRange, leaf_hash

NEWEST_INCIDENTS = 100
_KINDS = ("sample", "emergency")


@dataclass(frozen=True, slots=True)
class View:
    """A view, and the digest of its canonical form."""

    shown: JsonObject
    digest: Digest


class Oversight:
    """Folds every record of a log from the first on, in order."""

    def __init__(self) -> None:
        """No record yet."""
        self.size = 0
        self._tree = CompactRange()
        self._first = self._last = ""
        self._uses: Counter[tuple[str, str]] = Counter()
        self._deployments: Counter[tuple[str, str]] = Counter()
        self._clauses: Counter[tuple[str, str]] = Counter()
        self._reviews: Counter[tuple[str, str]] = Counter()
        self._incidents = 0
        self._newest: deque[str] = deque(maxlen=NEWEST_INCIDENTS)
        self._dissents: list[JsonObject] = []
        self._book = Book()
        self._halts = Halts()
        self._demands = Demands(self._book)
        self._shares: tuple[Share, ...] = ()
        self._sampled: Counter[tuple[str, str]] = Counter()
        self._findings: Counter[tuple[str, str]] = Counter()
        self._opened: list[str] = []

    def fold(self, record: Record, record_id: str, leaf: bytes) -> None:
        """Takes in the next record, which is this leaf."""
        self._tree.append(leaf_hash(leaf))
        self.size += 1
        self._first = self._first or record.time
        self._last = record.time
        self._book.fold(record, record_id)
        self._halts.fold(record, record_id)
        if isinstance(record, PlantedSampleRecord):
            self._planted(record.about)
        self._demands.fold(record, record_id)
        match record:
            case DecisionRecord():
                self._decision(record, record_id)
            case ReviewRecord():
                self._reviews[record.act, "counted_as_none" if record.defect else "counted"] += 1
            case SamplingRecord():
                self._shares = record.shares
            case SampleRecord():
                for clause in record.clauses or ("",):
                    self._sampled[record.deployment, clause] += 1
            case FindingRecord():
                self._findings[record.kind, "counted_as_none" if record.defect else record.finding] += 1
            case IncidentRecord():
                self._opened.append(record_id)
            case DissentRecord():
                self._dissents.append(
                    {
                        "number": record.number,
                        "record": record_id,
                        "about": record.about,
                        "link": record.link,
                        "time": record.time,
                    }
                )
            case _:
                return

    def _planted(self, about: str) -> None:
        """Takes out of all counts what was never asked for."""
        demand = self._demands.find(about)
        if demand is None:
            return
        for clause in demand.clauses or ("",):
            self._sampled.subtract([(demand.deployment, clause)])
        found = ["wrong" if one.is_wrong else "right" for one in demand.findings]
        found += ["counted_as_none"] * len(demand.unseen)
        self._findings.subtract((demand.kind, one) for one in found)
        self._sampled, self._findings = +self._sampled, +self._findings

    def _decision(self, record: DecisionRecord, record_id: str) -> None:
        verdict = record.decision.verdict.value
        self._uses[record.point.value, verdict] += 1
        self._deployments[record.deployment, verdict] += 1
        for clause in record.decision.clauses:
            self._clauses[clause, verdict] += 1
        if record.decision.incident:
            self._incidents += 1
            self._newest.append(record_id)

    def render(self, origin: str) -> View:
        """The view at this size, of the log with this origin."""
        shown: JsonObject = {
            "version": 1,
            "log": origin,
            "checkpoint": {"size": self.size, "root": self._tree.root().hex()},
            "from": self._first or None,
            "to": self._last or None,
            "decisions": _nested(self._uses),
            "deployments": _nested(self._deployments),
            "clauses": _nested(self._clauses),
            "incidents": {"count": self._incidents, "newest": list[Json](self._newest)},
            "reviews": _nested(self._reviews),
            "holds": self._holds(),
            "halts": [_halt(one) for one in self._halts.rows()],
            "dissents": list[Json](self._dissents),
            "reviewed_afterwards": self._afterwards(),
        }
        return View(shown, sha256(canonical(shown)))

    def _afterwards(self) -> JsonObject:
        """What is reviewed of all that went through, what was found, and what was not reviewed in time."""
        due: Counter[str] = Counter(dict.fromkeys(_KINDS, 0))
        overdue: Counter[str] = Counter(dict.fromkeys(_KINDS, 0))
        if self._last:
            now = parse_time(self._last)
            for one in self._demands.due():
                due[one.kind] += 1
                overdue[one.kind] += one.is_overdue(now)
        return {
            "shares": [
                {
                    "deployment": one.deployment,
                    "clause": one.clause,
                    "percent": one.percent,
                    "least": one.least,
                }
                for one in self._shares
            ],
            "sampled": _nested(self._sampled),
            "findings": _nested(self._findings),
            "due": dict[str, Json](due),
            "overdue": dict[str, Json](overdue),
            "incidents": {
                "count": len(self._opened),
                "newest": list[Json](self._opened[-NEWEST_INCIDENTS:]),
            },
        }

    def _holds(self) -> JsonObject:
        counts: Counter[str] = Counter({status.value: 0 for status in Status})
        oldest: str | None = None
        if self._last:
            now = parse_time(self._last)
            for entry in self._book.all():
                status = entry.status(now)
                counts[status.value] += 1
                if status is Status.OPEN and oldest is None:
                    oldest = entry.hold.id
        return {"by_status": dict[str, Json](sorted(counts.items())), "oldest_open": oldest}


def _halt(row: tuple[str, HaltRecord, str]) -> JsonObject:
    """A halt without who made it and whose conversation it is."""
    record_id, record, released = row
    return {
        "record": record_id,
        "scope": record.scope,
        "target": record.target,
        "time": record.time,
        "released": released or None,
    }


def _nested(counts: Counter[tuple[str, str]]) -> JsonObject:
    rows: dict[str, dict[str, Json]] = {}
    for (outer, inner), count in sorted(counts.items()):
        rows.setdefault(outer, {})[inner] = count
    return dict[str, Json](rows)
