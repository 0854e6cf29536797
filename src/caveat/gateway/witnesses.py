"""Where the facts of a use come from under one bundle: checked evidence, counts, totals, one-time ids.

Everything here is synchronous and in memory, so that `gather`, `decide` and `hold` are one step: a hundred
parallel requests cannot each read zero. Held counts stand until the record that carries them is durable,
and are taken back only when it never will be.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from caveat.call.call import Call, PartKind
from caveat.evidence.check import MAX_ENVELOPES, Checked, EvidenceChecker
from caveat.evidence.envelope import RejectedEnvelope, VerifiedEnvelope, verify_envelope
from caveat.evidence.revocation import VerifiedRevocations
from caveat.gateway.gather import CountCache, Gathered, gather, use_of
from caveat.gateway.ports import Found
from caveat.gateway.revocations import RevocationLists
from caveat.gateway.shape import standing
from caveat.monitors.once import Once
from caveat.monitors.totals import Totals
from caveat.policy.bundle import Bundle
from caveat.policy.deployments import Deployment
from caveat.policy.registration import registration_digests
from caveat.signing.digest import Digest

_BARE_LIMIT = 1024


class Envelopes(Protocol):
    """Verified envelopes by the digest of what they speak of. A failure is a `FaultError`."""

    def put(self, verified: VerifiedEnvelope) -> bool:
        """Keeps one, durably; False if it was there."""
        ...

    def get(self, digests: Iterable[Digest]) -> tuple[bytes, ...]:
        """Every envelope about any of these digests."""
        ...


class BundleWitnesses:
    """Implements `ports.Witnesses` for one bundle; store, totals and one-time ids outlive it."""

    def __init__(
        self,
        bundle: Bundle,
        checker: EvidenceChecker,
        store: Envelopes,
        totals: Totals,
        once: Once,
        lists: RevocationLists,
    ) -> None:
        """`checker`: under the trust policy of this very bundle."""
        self._bundle = bundle
        self._checker = checker
        self._store = store
        self._totals = totals
        self._once = once
        self._lists = lists
        self._counts = CountCache()
        self._registrations = registration_digests(bundle.files)
        self._bare: dict[tuple[object, ...], Gathered] = {}

    def find(self, presented: tuple[bytes, ...], digests: Iterable[Digest]) -> Found:
        """Stored evidence about these digests, and what verified evidence speaks of."""
        stored = self._store.get(digests)
        covered: set[Digest] = set()
        for raw in (*presented[:MAX_ENVELOPES], *stored):
            verified = verify_envelope(raw, self._checker.trust, self._checker.cache)
            if isinstance(verified, VerifiedEnvelope):
                covered.update(subject.digest for subject in verified.statement.subjects)
        return Found(stored, frozenset(covered))

    def gather(
        self, call: Call, deployment: Deployment, stored: tuple[bytes, ...], now: datetime
    ) -> Gathered:
        """The facts of one use at `now`."""
        checked: tuple[Checked, ...] = ()
        if not (call.evidence or stored or call.claims):
            if all(part.kind is PartKind.TYPED for part in call.parts):
                return self._without_data(call, deployment, now)
        else:
            registration = self._registrations.get(deployment.id)
            use = use_of(call, now, self._consumer, registration=registration)
            checked = self._checker.check_all(call.evidence, stored, use)
        return gather(call, deployment, self._bundle.registry, checked, self._totals, now, count=self._counts)

    def _without_data(self, call: Call, deployment: Deployment, now: datetime) -> Gathered:
        """The facts of a use of typed words alone: those of its deployment and of where the use stands in
        its shape, gathered once for this bundle.

        Without data there is nothing to count and no source to add to, so neither time nor totals matter.
        """
        key = (deployment.id, *standing(call, deployment, frozenset()).key)
        known = self._bare.get(key)
        if known is None:
            if len(self._bare) >= _BARE_LIMIT:
                del self._bare[next(iter(self._bare))]
            known = gather(call, deployment, self._bundle.registry, (), self._totals, now)
            self._bare[key] = known
        return known

    def _consumer(self, once: Digest) -> Digest | None:
        action = self._once.consumed_by(once)
        return None if action is None else Digest(action)

    def hold(self, call: Call, gathered: Gathered, now: datetime) -> None:
        """Counts the use and consumes its one-time evidence."""
        for once in gathered.once:
            self._once.consume(once, call.action_digest)
        self._totals.reserve(now, gathered.reserve)

    def drop(self, gathered: Gathered) -> None:
        """Takes back what one `hold` counted. One-time evidence stays with its action."""
        self._totals.give_back(gathered.reserve)

    def admit(self, envelope: bytes, now: datetime) -> VerifiedEnvelope | Checked:
        """The envelope if all that can be checked before a use holds; what is wrong with it otherwise."""
        return self._checker.admit(envelope, now)

    def admit_revocations(self, envelope: bytes, now: datetime) -> VerifiedRevocations | RejectedEnvelope:
        """The list if it may follow the one that is known; what is wrong with it otherwise."""
        return self._lists.book.admit(envelope, self._checker.trust, now)

    def keep_revocations(self, found: VerifiedRevocations) -> None:
        """Takes it as the newest of its authority."""
        self._lists.keep(found)

    def keep(self, verified: VerifiedEnvelope) -> None:
        """Stores it durably."""
        self._store.put(verified)
