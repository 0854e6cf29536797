"""The files beside the ledger: each opened before anything is served, and all let go together."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from structlog.types import FilteringBoundLogger

from caveat.service.contribution_files import FILE as CONTRIBUTIONS
from caveat.service.log_keys import DataFolderError
from caveat.store.contributions import SqliteContributions
from caveat.store.errors import (
    ContributionStoreError,
    EvidenceStoreError,
    HoldStoreError,
    OutboxError,
    TranscriptStoreError,
)
from caveat.store.evidence import SqliteEvidenceStore
from caveat.store.holds import FILE as HOLDS
from caveat.store.holds import SqliteHolds
from caveat.store.manifests import SqliteManifestStore
from caveat.store.outbox import FILE as OUTBOX
from caveat.store.outbox import SqliteOutbox
from caveat.store.transcripts import FILE as TRANSCRIPTS
from caveat.store.transcripts import SqliteTranscripts


@dataclass(frozen=True, slots=True)
class Stores:
    """Those of one data folder. Whoever opened them closes them, after the ledger."""

    evidence: SqliteEvidenceStore
    manifests: SqliteManifestStore
    holds: SqliteHolds
    contributions: SqliteContributions

    def close(self) -> None:
        """Lets every file go."""
        for store in (self.evidence, self.manifests, self.holds, self.contributions):
            store.close()


def open_stores(data: Path) -> Stores:
    """The stores in the folder `data`; raises `DataFolderError`, and then has opened none."""
    with ExitStack() as opening:
        try:
            contributions = SqliteContributions(data / CONTRIBUTIONS)
            opening.callback(contributions.close)
            evidence = SqliteEvidenceStore(data / "evidence.sqlite3")
            opening.callback(evidence.close)
            manifests = SqliteManifestStore(data / "manifests.sqlite3")
            opening.callback(manifests.close)
            holds = SqliteHolds(data / HOLDS)
        except (ContributionStoreError, EvidenceStoreError, HoldStoreError) as error:
            raise DataFolderError(str(error)) from error
        opening.pop_all()
    return Stores(evidence, manifests, holds, contributions)


def open_transcripts(data: Path, log: FilteringBoundLogger, *, lost_if_new: bool) -> SqliteTranscripts:
    """What passed, by keyed digests; raises `DataFolderError`. `lost_if_new`: uses were decided before."""
    try:
        return SqliteTranscripts(
            data / TRANSCRIPTS,
            lost_if_new=lost_if_new,
            on_fault=lambda cause: log.error("transcripts", outcome="lost", cause=cause),
        )
    except TranscriptStoreError as error:
        raise DataFolderError(f"{error}; without the file, histories are unrecognised for a while") from error


def open_outbox(data: Path) -> SqliteOutbox:
    """Notices that have still to be sent; raises `DataFolderError`."""
    try:
        return SqliteOutbox(data / OUTBOX)
    except OutboxError as error:
        raise DataFolderError(str(error)) from error
