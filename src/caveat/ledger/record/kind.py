"""Every kind of record that there is."""

from typing import TypeAlias

from caveat.ledger.record.decision import (
    DecisionRecord,
    HistoryRecord,
    OutputEndRecord,
)
from caveat.ledger.record.law import (
    BundleRecord,
    EvidenceRecord,
    RevocationsRecord,
    TermsRecord,
    TrustRecord,
)
from caveat.ledger.record.oversight import DissentRecord, HaltRecord, PlantedRecord, ReviewRecord
from caveat.ledger.record.running import (
    AssayRecord,
    HeartbeatRecord,
    KeyRecord,
    PathsRecord,
    RoutesRecord,
    StartRecord,
    StoppedRecord,
)
from caveat.ledger.record.sampling import (
    FindingRecord,
    IncidentRecord,
    PlantedSampleRecord,
    SampleRecord,
    SamplingRecord,
)

Record: TypeAlias = (
    DecisionRecord
    | HistoryRecord
    | StartRecord
    | BundleRecord
    | RoutesRecord
    | TrustRecord
    | RevocationsRecord
    | EvidenceRecord
    | OutputEndRecord
    | TermsRecord
    | ReviewRecord
    | AssayRecord
    | HaltRecord
    | DissentRecord
    | PlantedRecord
    | SamplingRecord
    | SampleRecord
    | PlantedSampleRecord
    | FindingRecord
    | IncidentRecord
    | PathsRecord
    | HeartbeatRecord
    | KeyRecord
    | StoppedRecord
)


def kind_of(record: Record) -> str:
    """The kind as reports name it: `decision/prompt`, `start`, `output_end`, ..."""
    if isinstance(record, DecisionRecord):
        return f"decision/{record.point.value}"
    name = type(record).__name__.removesuffix("Record")
    return {"OutputEnd": "output_end"}.get(name, name.lower())
