"""Records: what one leaf of the log says. Digests, facts with grade and source, verdict: never content.

Time is text of one fixed width, so that it sorts, and never goes back from one record to the next.
Source: `docs/reference/ledger-format.md`.
"""

from caveat.ledger.record.decision import (
    Afterwards,
    Approved,
    Counted,
    DataPart,
    DecisionRecord,
    EvidenceCited,
    Held,
    History,
    HistoryRecord,
    OutputEndRecord,
    Redaction,
    Replaced,
    Reservation,
)
from caveat.ledger.record.ids import RECORD_ID, parse_record_id, record_id, record_id_of
from caveat.ledger.record.kind import Record, kind_of
from caveat.ledger.record.law import (
    BundleRecord,
    EvidenceRecord,
    Follows,
    RevocationsRecord,
    TermsRecord,
    TrustRecord,
)
from caveat.ledger.record.moment import not_before, parse_time, render_time
from caveat.ledger.record.oversight import DissentRecord, HaltRecord, PlantedRecord, ReviewRecord
from caveat.ledger.record.running import (
    ArmFigures,
    AssayRecord,
    HeartbeatRecord,
    KeyRecord,
    OpenPath,
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
    Share,
)

__all__ = [
    "RECORD_ID",
    "Afterwards",
    "Approved",
    "ArmFigures",
    "AssayRecord",
    "BundleRecord",
    "Counted",
    "DataPart",
    "DecisionRecord",
    "DissentRecord",
    "EvidenceCited",
    "EvidenceRecord",
    "FindingRecord",
    "Follows",
    "HaltRecord",
    "HeartbeatRecord",
    "Held",
    "History",
    "HistoryRecord",
    "IncidentRecord",
    "KeyRecord",
    "OpenPath",
    "OutputEndRecord",
    "PathsRecord",
    "PlantedRecord",
    "PlantedSampleRecord",
    "Record",
    "Redaction",
    "Replaced",
    "Reservation",
    "ReviewRecord",
    "RevocationsRecord",
    "RoutesRecord",
    "SampleRecord",
    "SamplingRecord",
    "Share",
    "StartRecord",
    "StoppedRecord",
    "TermsRecord",
    "TrustRecord",
    "kind_of",
    "not_before",
    "parse_record_id",
    "parse_time",
    "record_id",
    "record_id_of",
    "render_time",
]
