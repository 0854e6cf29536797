"""The manifest store as the gateway sees it: failures are answers, and no driver is known."""

from collections.abc import Collection, Iterable, Mapping

from caveat.evidence.manifest import Manifest
from caveat.evidence.recognition import Holder
from caveat.evidence.rows import Columns
from caveat.service.evidence_files import evidence_fault
from caveat.store.errors import EvidenceStoreError
from caveat.store.manifests import SqliteManifestStore


class ManifestIndex:
    """Implements the gateway's `Manifests`: a failure to read is a fault, never an empty answer."""

    def __init__(self, store: SqliteManifestStore) -> None:
        """Closes nothing: whoever opened the store does."""
        self._store = store

    @property
    def tables(self) -> Collection[tuple[Columns, bytes]]:
        """As the store."""
        return self._store.tables

    @property
    def has_sentences(self) -> bool:
        """As the store."""
        return self._store.has_sentences

    @property
    def has_anchors(self) -> bool:
        """As the store."""
        return self._store.has_anchors

    @property
    def cheap_anchors(self) -> bytearray:
        """As the store."""
        return self._store.cheap_anchors

    @property
    def size(self) -> int:
        """As the store."""
        return self._store.size

    def put(self, manifest: Manifest, issuer: str, lineage: str) -> bool:
        """Keeps one; raises `FaultError`."""
        try:
            return self._store.put(manifest, issuer, lineage)
        except EvidenceStoreError as error:
            raise evidence_fault(error) from error

    def holders(self, leaves: Iterable[bytes]) -> Mapping[bytes, tuple[Holder, ...]]:
        """Finds some; raises `FaultError`."""
        try:
            return self._store.holders(leaves)
        except EvidenceStoreError as error:
            raise evidence_fault(error) from error

    def anchor_holders(self, anchors: Iterable[int]) -> Mapping[int, tuple[Holder, ...]]:
        """Finds some; raises `FaultError`."""
        try:
            return self._store.anchor_holders(anchors)
        except EvidenceStoreError as error:
            raise evidence_fault(error) from error
