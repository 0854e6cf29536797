"""The evidence store as the gateway asks for it: every failure of a driver is an answer, never an absence."""

from collections.abc import Iterable

from caveat.evidence.envelope import VerifiedEnvelope
from caveat.gateway.errors import FaultError, GatewayError, RequestError
from caveat.signing.digest import Digest
from caveat.store.errors import EvidenceStoreError, RoomFullError
from caveat.store.evidence import SqliteEvidenceStore


class EvidenceFiles:
    """The store with failures as answers: the gateway knows no driver."""

    def __init__(self, store: SqliteEvidenceStore) -> None:
        """`store`: opened already; whoever opened it closes it."""
        self._store = store

    def put(self, verified: VerifiedEnvelope) -> bool:
        """Keeps one; raises `FaultError`."""
        try:
            return self._store.put(verified)
        except EvidenceStoreError as error:
            raise evidence_fault(error) from error

    def get(self, digests: Iterable[Digest]) -> tuple[bytes, ...]:
        """Finds some; raises `FaultError`: evidence that cannot be read is not evidence that is absent."""
        try:
            return self._store.get(digests)
        except EvidenceStoreError as error:
            raise evidence_fault(error) from error


def evidence_fault(error: EvidenceStoreError) -> GatewayError:
    """A failure of an evidence store as an answer: the caller's if a room is full, else the gateway's."""
    if isinstance(error, RoomFullError):
        return RequestError(
            400, "evidence_full", str(error), "an issuer's room is its own: other issuers are not affected"
        )
    return FaultError(503, "evidence_unavailable", "the evidence store failed", "tell the operator")
