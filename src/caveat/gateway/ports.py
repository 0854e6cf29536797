"""What the gateway needs of other rooms, said by the gateway: a consumer owns its protocols."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from caveat.call.call import Call, Part
from caveat.call.parts import RawPart
from caveat.evidence.approval import VerifiedApproval
from caveat.evidence.check import Checked
from caveat.evidence.envelope import RejectedEnvelope, VerifiedEnvelope
from caveat.evidence.issuer import Issuer, Purpose
from caveat.evidence.overseers import VerifiedSaying
from caveat.evidence.predicates import Predicate, SayingModel
from caveat.evidence.reading import OVERSEERS
from caveat.evidence.recognition import Recognition
from caveat.evidence.revocation import VerifiedRevocations
from caveat.facts.fact import Facts
from caveat.gateway.decisions import Decisions
from caveat.gateway.gather import Gathered
from caveat.gateway.redacting import Redacting
from caveat.gateway.screening import Screening
from caveat.labels.sketch import Bounds
from caveat.ledger.record import Counted
from caveat.policy.bundle import Bundle
from caveat.policy.deployments import Deployment
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import Digest

SayingT = TypeVar("SayingT", bound=SayingModel)


class Receipt(Protocol):
    """Proof that a record is durable and covered by a signed checkpoint."""

    @property
    def record_id(self) -> str:
        """Index and first digits of the leaf hash."""
        ...

    @property
    def checkpoint(self) -> bytes:
        """A signed note that covers the record."""
        ...


class Ledger(Protocol):
    """The one writer of records."""

    # Any: a future is of exactly one type, and each ledger has a receipt of its own.
    def submit(self, record: JsonObject) -> asyncio.Future[Any]:
        """Gives the record its place at once; a `Receipt` once it is durable, or the ledger's own error.

        Also raises that error at once. Whoever waits may go away: the record is made all the same.
        """
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """Envelopes from the store, and the digests that verified envelopes speak of, presented ones included.

    `covered` has also the parts of which manifests cover every byte. `recognised`: by digest, the parts of
    which something was known again.
    """

    stored: tuple[bytes, ...] = ()
    covered: frozenset[Digest] = frozenset()
    recognised: Mapping[Digest, Recognition] = field(default_factory=dict[Digest, Recognition])


@dataclass(frozen=True, slots=True)
class KeptManifest:
    """A manifest that is stored. `key`: of the issuer that vouches for it."""

    digest: Digest
    kind: str
    n: int
    key: Digest
    new: bool


class Witnesses(Protocol):
    """Where facts come from under one bundle. Synchronous: nothing may happen between reading a total
    and reserving it."""

    def find(
        self, presented: tuple[bytes, ...], parts: Sequence[RawPart], digests: frozenset[Digest]
    ) -> Found:
        """Stored evidence about these parts, which have these digests, and what all evidence speaks of."""
        ...

    async def read(self, call: Call, deployment: Deployment, found: Found) -> None:
        """Reads what `gather` would take long to read. May wait."""
        ...

    def compared_call(self, cases: tuple[Facts, ...], parts: Sequence[Part]) -> tuple[Facts, ...]:
        """The cases of a call of a tool, with what its arguments contradict."""
        ...

    def gather(self, call: Call, deployment: Deployment, found: Found, now: datetime) -> Gathered:
        """The facts of one use at `now`."""
        ...

    def hold(self, call: Call, gathered: Gathered, now: datetime) -> None:
        """Counts the use as released, with the one-time evidence that it consumes, before it is."""
        ...

    def keep_apart(self, gathered: Gathered) -> None:
        """Makes durable what tells the use's persons apart; blocks. Raises `FaultError`."""
        ...

    def settle(self, call: Call, gathered: Gathered) -> None:
        """The use of one `hold` has its record, or may have."""
        ...

    def drop(self, call: Call, gathered: Gathered) -> None:
        """Takes back `hold` of a use that was not released after all."""
        ...

    def did(
        self, call: Call, deployment: Deployment, cases: tuple[Facts, ...], action: str, now: datetime
    ) -> Counted | None:
        """A call of a tool is about to be released; where that is counted beside its deployment."""
        ...

    def lately(
        self, call: Call, deployment: Deployment, cases: tuple[Facts, ...], now: datetime
    ) -> Mapping[str, Bounds]:
        """What tools did until now, by the facts that read it."""
        ...

    def admit(self, envelope: bytes, now: datetime) -> VerifiedEnvelope | Checked:
        """An uploaded envelope, verified as far as it can be before a use; or what is wrong with it."""
        ...

    def admit_approval(self, envelope: bytes, now: datetime) -> VerifiedApproval | RejectedEnvelope:
        """A person's signed decision that may count at `now`; or what is wrong with it."""
        ...

    def admit_reading(
        self, envelope: bytes, origin: str, now: datetime, purposes: frozenset[Purpose] = OVERSEERS
    ) -> Issuer | RejectedEnvelope:
        """Who may read at the gateway of this log, with keys of `purposes`; or what is wrong with the
        statement."""
        ...

    def admit_saying(
        self, envelope: bytes, origin: str, predicate: Predicate, model: type[SayingT], now: datetime
    ) -> VerifiedSaying[SayingT] | RejectedEnvelope:
        """What an overseer says to the gateway of this log; or what is wrong with the statement."""
        ...

    def persons_in(self, role: str, now: datetime) -> int:
        """How many persons are enrolled who may decide in this role now."""
        ...

    def reader(self, key: Digest, now: datetime) -> Issuer | None:
        """Who may approve with this key, if it stands at `now`."""
        ...

    def readers(self, now: datetime) -> tuple[Issuer, ...]:
        """Everybody who may approve at `now`, one for each key."""
        ...

    def line_of(self, principal: str) -> str:
        """Whom the person answers to whose calls are known by this; empty where nobody is registered."""
        ...

    def admit_revocations(self, envelope: bytes, now: datetime) -> VerifiedRevocations | RejectedEnvelope:
        """An uploaded list of revocations that may follow the one that is known; or what is wrong with it."""
        ...

    def keep_revocations(self, found: VerifiedRevocations) -> None:
        """Takes a list as the newest of its authority, durably; blocks for one small file."""
        ...

    def keep(self, verified: VerifiedEnvelope) -> None:
        """Stores an envelope durably; blocks, so it runs in a thread."""
        ...

    def keep_manifest(self, data: bytes, now: datetime) -> KeptManifest:
        """Stores a manifest that a stored envelope vouches for; blocks. Raises `RequestError` otherwise."""
        ...


MakeWitnesses = Callable[[Bundle], Witnesses]
Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """A bundle in force, with the lookups that every request needs. Immutable: a reload makes another."""

    bundle: Bundle
    decisions: Decisions
    witnesses: Witnesses
    callers: Mapping[Digest, Deployment] = field(repr=False)
    screening: Screening | None = None
    redacting: Redacting | None = None
