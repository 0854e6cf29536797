"""What verification finds wrong: a closed set of codes, each with the record it concerns."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from caveat.ledger.record import Record


class Code(StrEnum):
    """Each has its line in `docs/reference/ledger-format.md`."""

    CHECKPOINT_MISSING = "checkpoint_missing"
    CHECKPOINT_INVALID = "checkpoint_invalid"
    EARLIER_INVALID = "earlier_checkpoint_invalid"
    NOT_A_CONTINUATION = "not_a_continuation"
    ENTRIES_UNREADABLE = "entries_unreadable"
    ENTRY_CHANGED = "entry_changed"
    KEY_CHANGE_INVALID = "key_change_invalid"
    COSIGNED_INVALID = "cosigned_invalid"
    NO_QUORUM = "no_quorum"
    EXPORT_NOT_SIGNED = "export_not_signed"
    EXPORT_GAP = "export_gap"
    EXPORT_DIFFERS = "export_differs"
    TILE_MISSING = "tile_missing"
    TILE_CHANGED = "tile_changed"
    ROOT_DIFFERS = "root_differs"
    UNEXPECTED_FILE = "unexpected_file"
    WAL_DIFFERS = "wal_differs"
    RECORD_MALFORMED = "record_malformed"
    TIME_WENT_BACK = "time_went_back"
    ORIGIN_DIFFERS = "origin_differs"
    BUNDLE_MISSING = "bundle_missing"
    BUNDLE_CHANGED = "bundle_changed"
    OUTPUT_WITHOUT_PROMPT = "output_without_prompt"
    END_WITHOUT_OUTPUT = "end_without_output"
    HISTORY_WITHOUT_RECORD = "history_without_record"
    RESERVE_WITHOUT_RELEASE = "reserve_without_release"
    TOTALS_DIFFER = "totals_differ"
    ONCE_REUSED = "once_reused"
    TRUST_WENT_BACK = "trust_went_back"
    APPROVAL_INVALID = "approval_invalid"
    HALT_INVALID = "halt_invalid"
    DISSENT_INVALID = "dissent_invalid"
    SAMPLE_INVALID = "sample_invalid"
    REVIEW_INVALID = "review_invalid"
    VERDICT_DIFFERS = "verdict_differs"
    BUNDLE_UNREADABLE = "bundle_unreadable"
    SAMPLE_NOT_INCLUDED = "sample_not_included"
    SILENCE = "silence"
    RELEASE_WITHOUT_RECORD = "release_without_record"
    CALLS_EXCEED_RECORDS = "calls_exceed_records"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold. `index`: the record concerned, if one is. `text` carries no content."""

    code: Code
    index: int | None
    text: str


class RecordCheck(Protocol):
    """A check that sees every record once, in order."""

    def check(self, index: int, record: Record) -> Iterable[Finding]:
        """What does not hold at this record, given those before it."""
        ...
