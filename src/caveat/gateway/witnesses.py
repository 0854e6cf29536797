"""Where the facts of a use come from under one bundle: checked evidence, counts, totals, one-time ids.

Everything here is synchronous and in memory, so that `gather`, `decide` and `hold` are one step: a hundred
parallel requests cannot each read zero. Held counts stand until the record that carries them is durable,
and are taken back only when it never will be.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from caveat.call.call import Call, Part, PartKind
from caveat.call.parts import RawPart
from caveat.evidence.approval import VerifiedApproval, admit_approval
from caveat.evidence.check import MAX_ENVELOPES, Checked, EvidenceChecker
from caveat.evidence.envelope import RejectedEnvelope, VerifiedEnvelope, verify_envelope
from caveat.evidence.issuer import Issuer, Purpose
from caveat.evidence.overseers import VerifiedSaying, admit_saying
from caveat.evidence.predicates import Predicate
from caveat.evidence.reading import OVERSEERS, admit_reading
from caveat.evidence.recognition import Recognition
from caveat.evidence.revocation import VerifiedRevocations, standing_of_key
from caveat.facts.fact import Facts
from caveat.gateway.contradicting import contradicting_of
from caveat.gateway.contributing import Contribute, counted_of, nobody_apart, read_by, reading_of
from caveat.gateway.counting import CountCache
from caveat.gateway.gather import Gathered, data_parts, gather, use_of
from caveat.gateway.ports import Found, KeptManifest, SayingT
from caveat.gateway.recognising import Manifests, RecognitionCache, keep_manifest
from caveat.gateway.revocations import RevocationLists
from caveat.gateway.shape import standing
from caveat.labels.sketch import Bounds
from caveat.ledger.record import Counted
from caveat.monitors.contribution import Sealed
from caveat.monitors.figures import OF_EFFECTS
from caveat.monitors.monitors import Monitors
from caveat.monitors.once import Once
from caveat.oversight.figures import NOTHING, OBSERVER, Measured
from caveat.policy.bundle import Bundle
from caveat.policy.deployments import Deployment
from caveat.policy.registration import registration_digests
from caveat.signing.digest import Digest

_BARE_LIMIT = 1024

Reviews = Callable[[str, datetime], Measured]
"""What is measured of the reviews of a deployment at a moment."""


def no_reviews(_deployment: str, _now: datetime) -> Measured:
    """Where nobody decides about anything."""
    return NOTHING


@dataclass(frozen=True, slots=True)
class Apart:
    """How persons are told apart, and how what tells them apart is kept. A failure is a `FaultError`.

    `prepare`: the same beforehand, beside the event loop, where somebody else has to be asked.
    """

    contribute: Contribute
    keep: Callable[[Sequence[Sealed]], None]
    prepare: Callable[[Part, str], None] | None = None


def _keep_nothing(_sealed: Sequence[Sealed]) -> None:
    return


NOBODY_APART = Apart(nobody_apart, _keep_nothing)
"""Where no key is held: every use is counted by its data."""


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
        monitors: Monitors,
        once: Once,
        lists: RevocationLists,
        manifests: Manifests,
        reviews: Reviews = no_reviews,
        apart: Apart = NOBODY_APART,
    ) -> None:
        """`checker`: under the trust policy of this very bundle."""
        self._reviews = reviews if _is_reviewed(bundle) else no_reviews
        self._manifests = manifests
        self._recognise = RecognitionCache(manifests)
        self._bundle = bundle
        self._checker = checker
        self._store = store
        self._monitors = monitors
        self._contribute, self._keep_apart, self._prepare = apart.contribute, apart.keep, apart.prepare
        self._once = once
        self._lists = lists
        self._counts = CountCache()
        self._contradicting = contradicting_of(bundle)
        self._registrations = registration_digests(bundle.files)
        self._bare: dict[tuple[object, ...], Gathered] = {}

    def find(
        self, presented: tuple[bytes, ...], parts: Sequence[RawPart], digests: frozenset[Digest]
    ) -> Found:
        """Stored evidence about these parts and about what is known again in them, and what it speaks of."""
        recognised = self._recognised(parts)
        wanted = digests.union(*(found.touched for found in recognised.values()))
        stored = self._store.get(wanted)
        covered = {digest for digest, found in recognised.items() if found.covered}
        for raw in (*presented[:MAX_ENVELOPES], *stored):
            verified = verify_envelope(raw, self._checker.trust, self._checker.cache)
            if isinstance(verified, VerifiedEnvelope):
                covered.update(subject.digest for subject in verified.statement.subjects)
        return Found(stored, frozenset(covered), recognised)

    def _recognised(self, parts: Sequence[RawPart]) -> dict[Digest, Recognition]:
        if self._manifests.size == 0:
            return {}
        found: dict[Digest, Recognition] = {}
        for part in parts:
            again = self._recognise(part.digest, part.content)
            if again is not None:
                found[part.digest] = again
        return found

    async def read(self, call: Call, deployment: Deployment, found: Found) -> None:
        """Reads large content of which something is said, beside the event loop, so that `gather` need not.

        May wait. What was not read here, or is known no longer, `gather` reads itself.
        """
        if self._prepare is not None:
            await asyncio.to_thread(self._ask_ahead, self._prepare, call, deployment, found)
        compared = self._contradicting
        if compared is None or not (call.evidence or found.stored or call.claims or deployment.facts):
            return
        parts = compared.unread(call, deployment.id_column)
        if parts:
            compared.keep(await asyncio.to_thread(compared.read, parts, deployment.id_column))

    def _ask_ahead(
        self, prepare: Callable[[Part, str], None], call: Call, deployment: Deployment, found: Found
    ) -> None:
        """Has everybody told apart whom `gather` could ask about, by the columns that anybody names."""
        named = (verify_envelope(raw, self._checker.trust, self._checker.cache) for raw in found.stored)
        given = (verify_envelope(raw, self._checker.trust, self._checker.cache) for raw in call.evidence)
        columns = {one.statement.id_column for one in (*named, *given) if isinstance(one, VerifiedEnvelope)}
        for part in data_parts(call, found.covered):
            for column in columns | {deployment.id_column}:
                if column is not None:
                    prepare(part, column)

    def compared_call(self, cases: tuple[Facts, ...], parts: Sequence[Part]) -> tuple[Facts, ...]:
        """The cases of a call of a tool, with what its arguments contradict."""
        return cases if self._contradicting is None else self._contradicting.of_call(cases, parts)

    def gather(self, call: Call, deployment: Deployment, found: Found, now: datetime) -> Gathered:
        """The facts of one use at `now`."""
        gathered = self._gather(call, deployment, found, now)
        if self._contradicting is None:
            return gathered
        cases = self._contradicting.of_use(gathered.cases, call, deployment.id_column)
        return replace(gathered, cases=cases)

    def _gather(self, call: Call, deployment: Deployment, found: Found, now: datetime) -> Gathered:
        checked: tuple[Checked, ...] = ()
        if not (call.evidence or found.stored or call.claims):
            if all(part.kind is PartKind.TYPED for part in call.parts):
                return self._without_data(call, deployment, now, self._measured(deployment, now))
        else:
            use = use_of(
                call,
                now,
                self._consumer,
                registration=self._registrations.get(deployment.id),
                recognised=found.recognised,
            )
            checked = self._checker.check_all(call.evidence, found.stored, use)
        return gather(
            call,
            deployment,
            self._bundle.registry,
            checked,
            self._monitors,
            now,
            measured=self._measured(deployment, now).by_fact,
            count=self._counts,
            recognised=found.recognised,
            compare=None if self._contradicting is None else self._contradicting.of_piece,
            contribute=self._contribute,
            read=reading_of(self._monitors, deployment.id, now),
        )

    def _measured(self, deployment: Deployment, now: datetime) -> Measured:
        return self._reviews(deployment.id, now) if OBSERVER in deployment.observers else NOTHING

    def _without_data(
        self, call: Call, deployment: Deployment, now: datetime, measured: Measured
    ) -> Gathered:
        """The facts of a use of typed words alone: those of its deployment and of where the use stands in
        its shape and in its conversation, gathered once for this bundle and for what is measured of reviews.

        Without data there is nothing to count and no source to add to, so neither time nor totals matter.
        """
        registry = self._bundle.registry
        if read_by(registry, deployment):
            return gather(
                call,
                deployment,
                registry,
                (),
                self._monitors,
                now,
                measured=measured.by_fact,
                read=reading_of(self._monitors, deployment.id, now),
            )
        where = standing(call, deployment, frozenset()).key
        key = (deployment.id, call.history, measured.values, *where)
        known = self._bare.get(key)
        if known is None:
            if len(self._bare) >= _BARE_LIMIT:
                del self._bare[next(iter(self._bare))]
            known = gather(call, deployment, registry, (), self._monitors, now, measured=measured.by_fact)
            self._bare[key] = known
        return known

    def _consumer(self, once: Digest) -> Digest | None:
        action = self._once.consumed_by(once)
        return None if action is None else Digest(action)

    def hold(self, call: Call, gathered: Gathered, now: datetime) -> None:
        """Counts the use and consumes its one-time evidence."""
        for once in gathered.once:
            self._once.consume(once, call.action_digest)
        self._monitors.reserve(now, call.deployment, gathered.counted, gathered.reserve)

    def keep_apart(self, gathered: Gathered) -> None:
        """Makes durable what tells the use's persons apart, before its record is."""
        if gathered.reserve and gathered.contributed:
            self._keep_apart([one.sealed for one in gathered.contributed])

    def settle(self, call: Call, gathered: Gathered) -> None:
        """What one `hold` counted stays."""
        self._monitors.settle(call.deployment, gathered.counted, gathered.reserve)

    def drop(self, call: Call, gathered: Gathered) -> None:
        """Takes back what one `hold` counted. One-time evidence stays with its action."""
        self._monitors.give_back(call.deployment, gathered.counted, gathered.reserve)

    def did(
        self, call: Call, deployment: Deployment, cases: tuple[Facts, ...], action: str, now: datetime
    ) -> Counted | None:
        """Counts a tool's effect before it is one, so that calls at once cannot each read none.

        In a deployment that has monitors its record says where, so that its owner group and purpose count it
        again after a restart.
        """
        counted = None
        if read_by(self._bundle.registry, deployment):
            facts = cases[0].facts if cases else ()
            counted = counted_of(self._bundle.registry, deployment.owner_group, facts)
        self._monitors.effects.do(call.deployment, action, now, counted)
        return counted

    def lately(
        self, call: Call, deployment: Deployment, cases: tuple[Facts, ...], now: datetime
    ) -> Mapping[str, Bounds]:
        """What tools did until now, by the facts that read it."""
        names = [spec.name for spec in read_by(self._bundle.registry, deployment) if spec.name in OF_EFFECTS]
        if not names:
            return {}
        facts = cases[0].facts if cases else ()
        counted = counted_of(self._bundle.registry, deployment.owner_group, facts)
        return reading_of(self._monitors, call.deployment, now)(names, counted, (), 0)

    def admit(self, envelope: bytes, now: datetime) -> VerifiedEnvelope | Checked:
        """The envelope if all that can be checked before a use holds; what is wrong with it otherwise."""
        return self._checker.admit(envelope, now)

    def admit_approval(self, envelope: bytes, now: datetime) -> VerifiedApproval | RejectedEnvelope:
        """The decision in these bytes if it may count at `now`; what is wrong with it otherwise."""
        checker = self._checker
        return admit_approval(envelope, checker.trust, checker.revocations, checker.first_logged, now)

    def admit_reading(
        self, envelope: bytes, origin: str, now: datetime, purposes: frozenset[Purpose] = OVERSEERS
    ) -> Issuer | RejectedEnvelope:
        """Whoever reads with these bytes at `now`; what is wrong with them otherwise."""
        checker = self._checker
        return admit_reading(
            envelope, origin, checker.trust, checker.revocations, checker.first_logged, now, purposes
        )

    def admit_saying(
        self, envelope: bytes, origin: str, predicate: Predicate, model: type[SayingT], now: datetime
    ) -> VerifiedSaying[SayingT] | RejectedEnvelope:
        """What an overseer says to the gateway of this log at `now`; or what is wrong with the statement."""
        checker = self._checker
        return admit_saying(
            envelope, origin, predicate, model, checker.trust, checker.revocations, checker.first_logged, now
        )

    def persons_in(self, role: str, now: datetime) -> int:
        """How many enrolled persons may decide in this role, by keys that are good at `now`."""
        good = (
            one.overseer.person
            for one in self._checker.trust.issuers.values()
            if one.overseer is not None
            and role in one.overseer.roles
            and (one.revoked_at is None or now < one.revoked_at)
            and (one.valid_from is None or one.valid_from <= now)
        )
        return len(set(good))

    def reader(self, key: Digest, now: datetime) -> Issuer | None:
        """Who may approve with this key, if the trust policy and the lists of revocations let it stand."""
        checker = self._checker
        issuer = checker.trust.issuers.get(key)
        if issuer is None or issuer.overseer is None or now >= checker.trust.expires_at:
            return None
        # No envelope of this digest is ever logged, so that nothing stands from before a revocation.
        standing = standing_of_key(
            issuer, Digest(""), now, checker.trust, checker.revocations, checker.first_logged
        )
        return issuer if standing is None else None

    def readers(self, now: datetime) -> tuple[Issuer, ...]:
        """Everybody who may approve at `now`."""
        found = (self.reader(key, now) for key in self._checker.trust.issuers)
        return tuple(one for one in found if one is not None)

    def line_of(self, principal: str) -> str:
        """Of the overseer who calls by this name."""
        overseers = (issuer.overseer for issuer in self._checker.trust.issuers.values())
        return next((one.line for one in overseers if one is not None and principal in one.callers), "")

    def admit_revocations(self, envelope: bytes, now: datetime) -> VerifiedRevocations | RejectedEnvelope:
        """The list if it may follow the one that is known; what is wrong with it otherwise."""
        return self._lists.book.admit(envelope, self._checker.trust, now)

    def keep_revocations(self, found: VerifiedRevocations) -> None:
        """Takes it as the newest of its authority."""
        self._lists.keep(found)

    def keep(self, verified: VerifiedEnvelope) -> None:
        """Stores it durably."""
        self._store.put(verified)

    def keep_manifest(self, data: bytes, now: datetime) -> KeptManifest:
        """Stores a manifest that an admitted statement names; raises `RequestError`."""
        return keep_manifest(data, self._manifests, self._store.get, partial(self._checker.admit, now=now))


def _is_reviewed(bundle: Bundle) -> bool:
    return any(OBSERVER in spec.observed_by for spec in bundle.registry.facts.values())
