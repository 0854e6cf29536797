"""Every record on its way into the ledger: dated, durable, and then taken in by whoever keeps a state.

Law: a record is folded only once it is durable, and by all that keep a state before anybody else goes on.
Source: ADR-0002.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeAlias

from caveat.evidence.revocation import VerifiedRevocations
from caveat.gateway.errors import FaultError, LedgerError, RequestError
from caveat.gateway.ports import Ledger, Receipt
from caveat.ledger import errors as ledger_errors
from caveat.ledger.record import (
    BundleRecord,
    EvidenceRecord,
    Follows,
    HeartbeatRecord,
    Record,
    RevocationsRecord,
    RoutesRecord,
    StartRecord,
    TrustRecord,
    render_time,
)
from caveat.ledger.wire import CasesMemo, render_record
from caveat.policy.bundle import Bundle
from caveat.signing.digest import Digest

Fold: TypeAlias = Callable[[Record, str], None]
"""Takes in a durable record and its id."""


class _Taking:
    """Takes one record in as soon as it is durable. `error`: what went wrong with that."""

    __slots__ = ("_folds", "_record", "error")

    def __init__(self, record: Record, folds: tuple[Fold, ...]) -> None:
        self._record = record
        self._folds = folds
        self.error: Exception | None = None

    def __call__(self, durable: "asyncio.Future[Receipt]") -> None:
        """Records are taken in in the order of the log: the ledger completes them so."""
        if durable.cancelled() or durable.exception() is not None:
            return
        record_id = durable.result().record_id  # each time it is asked for it is made
        try:
            for fold in self._folds:
                fold(self._record, record_id)
        except Exception as error:  # raised where the record was asked for: a callback has nobody to tell
            self.error = error


class Recorder:
    """The one way to the ledger. `fault`: why the last record could not be made durable; None if it was."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime], folds: Iterable[Fold]) -> None:
        """`folds` take in every record once it is durable, in this order."""
        self._ledger = ledger
        self._clock = clock
        self._folds = tuple(folds)
        self._render_cases = CasesMemo()
        self.fault: str | None = None

    def also(self, fold: Fold) -> None:
        """Every record from here on goes through this fold as well, after the others."""
        self._folds = (*self._folds, fold)

    async def append(self, record: Record) -> Receipt:
        """Returns when the record is durable; raises `LedgerError`, or `RequestError` for one too large.

        A caller that goes away meanwhile takes nothing back: the record is made, and taken in.
        """
        try:
            durable = self._ledger.submit(render_record(record, self._render_cases))
            taking = _Taking(record, self._folds)
            durable.add_done_callback(taking)  # also where the caller has gone away by then
            receipt: Receipt = await asyncio.shield(durable)
        except ledger_errors.RefusedRecordError as error:
            raise RequestError(
                413,
                "record_too_large",
                "the facts and parts of this use do not fit into one record",
                "send fewer data parts at once",
            ) from error
        except (ledger_errors.LedgerError, OSError) as error:
            self.fault = type(error).__name__
            raise LedgerError from error
        self.fault = None
        if taking.error is not None:
            raise taking.error
        return receipt

    def now(self) -> datetime:
        """The moment by the clock that every record is dated with; raises `FaultError`."""
        return self._clock()

    def now_text(self) -> str:
        """The same, as records write it."""
        return render_time(self._clock())

    @property
    def clock_fault(self) -> str | None:
        """Why the clock cannot be used; None where it can."""
        try:
            self._clock()
        except FaultError as error:
            return error.code
        return None

    async def start(self, bundle: Bundle, version: str, origin: str) -> None:
        """Records that this process begins to serve."""
        await self.append(
            StartRecord(self.now_text(), bundle.digest, version, origin, bundle.manifest.development)
        )

    async def bundle(self, bundle: Bundle, follows: Follows) -> None:
        """Records that a bundle comes into force, and by what right."""
        mark = bundle.manifest.development
        await self.append(BundleRecord(self.now_text(), bundle.digest, mark, follows))

    async def heartbeat(self, every_seconds: int, witnessed: int) -> None:
        """This gateway is alive, as it says every so often; silence then shows in the log."""
        await self.append(HeartbeatRecord(self.now_text(), every_seconds, witnessed))

    async def routes(self, routes: Digest) -> None:
        """Records where calls go from here on."""
        await self.append(RoutesRecord(self.now_text(), routes))

    async def trust(self, record: TrustRecord) -> None:
        """Records that a trust policy may come into force, before it does."""
        await self.append(record)

    async def revocations(self, found: VerifiedRevocations) -> str:
        """Records a list of revocations before it counts; returns the record's id."""
        said = found.list
        revoked = tuple(sorted(said.revoked))
        record = RevocationsRecord(self.now_text(), found.authority.id, found.digest, said.number, revoked)
        return (await self.append(record)).record_id

    async def evidence(self, deployment: str, envelope: Digest, key: str, outcome: str) -> str:
        """Records an upload that holds; returns the record's id."""
        record = EvidenceRecord(self.now_text(), deployment, envelope, key, outcome)
        return (await self.append(record)).record_id
