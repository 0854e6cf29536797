"""The newest records, for people who watch: uses, incidents, and a search. Pure, bounded, and no content.

What is older is read from the ledger, a part at a time. Source: ADR-0039, ADR-0044.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from caveat.decision.verdict import Verdict
from caveat.ledger.record import (
    BundleRecord,
    DecisionRecord,
    EvidenceRecord,
    FindingRecord,
    IncidentRecord,
    OutputEndRecord,
    PlantedSampleRecord,
    Record,
    ReviewRecord,
    SampleRecord,
    StoppedRecord,
    TrustRecord,
    kind_of,
    parse_record_id,
)

REASONS = MappingProxyType(
    {
        "sample_wrong": "a review of what went through found it wrong",
        "emergency_wrong": "an approval in an emergency was found unjustified",
        "review_overdue": "an approval in an emergency was not reviewed in time",
    }
)
"""Why an incident was opened that no decision opened by itself."""

KEPT = 5_000
"""Records that are kept in memory."""


@dataclass(frozen=True, slots=True)
class Noted:
    """One record under its id."""

    id: str
    record: Record

    @property
    def index(self) -> int:
        """Its place in the log."""
        return parse_record_id(self.id)[0]

    @property
    def kind(self) -> str:
        """As reports name it."""
        return kind_of(self.record)

    @property
    def incident(self) -> str:
        """Why somebody should look at it, in a few words; empty where nobody has to."""
        return _incident(self.record)

    @property
    def is_use(self) -> bool:
        """Whether it is a decision."""
        return isinstance(self.record, DecisionRecord)

    def is_named(self, text: str) -> bool:
        """Whether its id, hold, data, key, deployment or issuer of evidence begins with this text."""
        return any(name.startswith(text) for name in _names(self))


class Chronicle:
    """The newest records of one log. The gateway's event loop owns it."""

    def __init__(self, kept: int = KEPT) -> None:
        """Nothing yet."""
        self._newest: deque[Noted] = deque(maxlen=kept)
        self.bundle: Noted | None = None
        self.trust: Noted | None = None

    def fold(self, record: Record, record_id: str) -> None:
        """Takes in a durable record."""
        noted = Noted(record_id, record)
        self._newest.append(noted)
        if isinstance(record, BundleRecord):
            self.bundle = noted
        elif isinstance(record, TrustRecord):
            self.trust = noted

    def newest(self) -> Iterator[Noted]:
        """All that is kept, newest first."""
        return iter(reversed(self._newest))

    @property
    def begins(self) -> int:
        """The place in the log from which on all is kept."""
        return self._newest[0].index if self._newest else 0

    def uses(self) -> Iterator[Noted]:
        """Decisions, newest first."""
        return (one for one in self.newest() if one.is_use)

    def find(self, record_id: str) -> Noted | None:
        """The record with this id, if it is among the newest."""
        return next((one for one in self._newest if one.id == record_id), None)


def _incident(record: Record) -> str:
    match record:
        case DecisionRecord():
            if record.decision.incident:
                return f"a use that somebody should look at: {record.decision.reason.value}"
            if record.decision.verdict is Verdict.DENY and not record.enforced:
                return "a use that the policy denies was let through, for its deployment is only observed"
        case ReviewRecord():
            return f"a decision that counts as none: {record.defect}" if record.defect else ""
        case OutputEndRecord():
            return "" if record.complete else "an answer was cut off"
        case IncidentRecord():
            return f"{REASONS[record.reason]}; it touches {record.affected_count} uses and answers"
        case FindingRecord():
            return f"a finding that counts as none: {record.defect}" if record.defect else ""
        case StoppedRecord():
            return f"the ledger took no further record: {record.reason}"
        case _:
            return ""
    return ""


def _names(noted: Noted) -> Iterator[str]:
    yield noted.id
    match noted.record:
        case DecisionRecord() as use:
            yield from (use.deployment, use.principal, use.bundle)
            yield from (part.digest for part in use.parts)
            yield from (name for one in use.evidence for name in (one.key, one.envelope))
            yield from () if use.hold is None or use.hold.of is None else (use.hold.of,)
            yield from () if use.approved is None else (use.approved.hold, *use.approved.envelopes)
        case ReviewRecord() as review:
            yield from (review.hold, review.key, review.envelope)
        case EvidenceRecord() as upload:
            yield from (upload.deployment, upload.envelope, upload.key)
        case SampleRecord() as sample:
            yield from (sample.about, sample.deployment)
        case PlantedSampleRecord() as planted:
            yield planted.about
        case FindingRecord() as found:
            yield from (found.about, found.key)
        case IncidentRecord() as incident:
            yield from (incident.about, incident.cause, *incident.affected)
        case BundleRecord() as law:
            yield law.bundle
        case TrustRecord() as trust:
            yield from (trust.trust, *trust.keys)
        case _:
            return
