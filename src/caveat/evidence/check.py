"""The evidence check: which attested facts count for one use, and why the others do not.

The order is that of `defects.Stage`: signature and schema (`envelope`), entitlement, time, revocation,
audience, single use, binding, values. Only what follows from envelope, trust policy and registry is
remembered: what `envelope` verifies, and to which facts the issuer is entitled. The rest is checked at every
use, so an envelope that was good a second ago may be past its time now. A failure makes the evidence absent
and never raises. Three outcomes deny: forged, replayed, and a value that the registry does not have.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from caveat.evidence.binding import bind
from caveat.evidence.defects import DefectCode, Outcome
from caveat.evidence.entitlement import Entitlement, entitlement
from caveat.evidence.envelope import RejectedEnvelope, VerifiedCache, VerifiedEnvelope, verify_envelope
from caveat.evidence.instants import Period
from caveat.evidence.life import out_of_life
from caveat.evidence.revocation import NoRevocations, Revocations, standing_of_key
from caveat.evidence.trust import Issuer, Trust
from caveat.facts.fact import Fact
from caveat.facts.registry import Registry
from caveat.signing.canonical import JsonObject
from caveat.signing.digest import Digest, sha256

MAX_ENVELOPES = 32


@dataclass(frozen=True, slots=True)
class Use:
    """The use that evidence is checked for. `parts`: digests that the gateway computed over what it forwards.

    `consumer` tells which action has consumed a one-time id before, if any. `targets`: what the caller
    declares that the use is directed at. `registration`: the digest of the deployment's own registration.
    """

    deployment: str
    action: Digest
    parts: frozenset[Digest]
    now: datetime
    consumer: Callable[[Digest], Digest | None]
    targets: tuple[str, ...] = ()
    registration: Digest | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What one envelope contributes to one use. Without `ACCEPTED` there are no facts.

    `parts`: the data parts that the facts are said of; `of_use`: they are said of the use, not of its data.
    `ignored`: facts that do not count, with the reason. `once`: the one-time id that this use consumes.
    `source` and `id_column` come only from issuers who may attest counts, since they decide what is counted
    together and by what. `each`: facts that hold of every record by itself, and not of the exact set alone.
    """

    envelope: Digest
    outcome: Outcome
    code: DefectCode | None = None
    key: Digest | None = None
    issuer: str = ""
    facts: tuple[Fact, ...] = ()
    parts: frozenset[Digest] = frozenset()
    ignored: tuple[tuple[str, DefectCode], ...] = ()
    once: Digest | None = None
    source: str | None = None
    id_column: str | None = None
    of_use: bool = False
    each: frozenset[str] = frozenset()

    def render(self) -> JsonObject:
        """The row of a record: digests and codes, no content."""
        return {
            "envelope": self.envelope,
            "key": self.key,
            "outcome": self.outcome.value if self.code is None else self.code.value,
            "once": self.once,
        }


def _never_logged(_envelope: Digest) -> datetime | None:
    return None


@dataclass(frozen=True, slots=True)
class EvidenceChecker:
    """The check under one trust policy and one registry. Holds nothing but what it remembers of envelopes.

    `revocations`: the newest list of each authority. `first_logged`: when the log first shows an envelope.
    Frozen: what is remembered holds under this trust policy and this registry only.
    """

    trust: Trust
    registry: Registry
    cache: VerifiedCache = field(default_factory=VerifiedCache)
    revocations: Revocations = field(default_factory=NoRevocations)
    first_logged: Callable[[Digest], datetime | None] = _never_logged
    _known: OrderedDict[Digest, Entitlement] = field(
        default_factory=OrderedDict[Digest, Entitlement], init=False, repr=False, compare=False
    )

    def admit(self, raw: bytes, now: datetime) -> VerifiedEnvelope | Checked:
        """What an upload must pass before it is stored: all that can be checked before a use is known."""
        verified = verify_envelope(raw, self.trust, self.cache)
        if isinstance(verified, RejectedEnvelope):
            return _rejected(verified, presented=True)
        entitled = self._entitled(verified)
        code = entitled.defect or _out_of_time(verified, self.trust, now) or self._revoked(verified, now)
        if code is None and entitled.out_of_range:
            return _refused(verified, DefectCode.OUT_OF_RANGE, Outcome.OUT_OF_RANGE, entitled)
        return verified if code is None else _refused(verified, code, Outcome.DEFECT, entitled)

    def check_alone(self, raw: bytes, now: datetime) -> Checked:
        """As `admit`, with the facts that would count if a use could rely on them."""
        admitted = self.admit(raw, now)
        if isinstance(admitted, Checked):
            return admitted
        entitled, issuer = self._entitled(admitted), admitted.issuer
        return Checked(
            admitted.digest,
            Outcome.ACCEPTED,
            key=issuer.keyid,
            issuer=issuer.id,
            facts=entitled.facts,
            ignored=entitled.ignored,
        )

    def check(self, raw: bytes, use: Use, *, presented: bool = True) -> Checked:
        """What `raw` contributes to `use`.

        `presented`: the request itself carries it. Stored evidence found by digest is never an accusation:
        it is used, or it counts as absent.
        """
        verified = verify_envelope(raw, self.trust, self.cache)
        if isinstance(verified, RejectedEnvelope):
            return _rejected(verified, presented=presented)
        statement = verified.statement
        entitled = self._entitled(verified)
        code = (
            entitled.defect
            or _out_of_time(verified, self.trust, use.now)
            or self._revoked(verified, use.now)
            or _wrong_audience(verified, use)
        )
        if code is not None:
            return _refused(verified, code, Outcome.DEFECT, entitled)
        once = once_id(verified.issuer, statement.id) if statement.single_use else None
        if once is not None and use.consumer(once) not in (None, use.action):
            if presented:
                return _refused(verified, DefectCode.REPLAYED, Outcome.REPLAYED, entitled)
            return _refused(verified, DefectCode.CONSUMED, Outcome.DEFECT, entitled)
        bound = bind(statement, use.parts, use.targets, use.registration)
        if isinstance(bound, DefectCode):
            return _refused(verified, bound, Outcome.DEFECT, entitled)
        if entitled.out_of_range:
            return _refused(verified, DefectCode.OUT_OF_RANGE, Outcome.OUT_OF_RANGE, entitled)
        return Checked(
            verified.digest,
            Outcome.ACCEPTED,
            key=verified.issuer.keyid,
            issuer=verified.issuer.id,
            facts=entitled.facts,
            parts=bound.parts,
            ignored=entitled.ignored,
            once=once,
            source=statement.source if entitled.counts_persons else None,
            id_column=statement.id_column if entitled.counts_persons else None,
            of_use=not bound.parts,
            each=entitled.each,
        )

    def check_all(self, presented: Iterable[bytes], stored: Iterable[bytes], use: Use) -> tuple[Checked, ...]:
        """Every envelope of a use, each once, those of the request first and no more than `MAX_ENVELOPES`."""
        checked: dict[Digest, Checked] = {}
        for number, raw in enumerate(presented):
            if number >= MAX_ENVELOPES:
                checked.setdefault(
                    sha256(raw), Checked(sha256(raw), Outcome.DEFECT, DefectCode.TOO_MANY)
                )  # before any cryptography
                continue
            one = self.check(raw, use)
            checked.setdefault(one.envelope, one)
        for raw in stored:
            one = self.check(raw, use, presented=False)
            checked.setdefault(one.envelope, one)
        return tuple(checked.values())

    def _revoked(self, verified: VerifiedEnvelope, now: datetime) -> DefectCode | None:
        return standing_of_key(
            verified.issuer, verified.digest, now, self.trust, self.revocations, self.first_logged
        )

    def _entitled(self, verified: VerifiedEnvelope) -> Entitlement:
        known = self._known.get(verified.digest)
        if known is not None:
            return known
        found = self._known[verified.digest] = entitlement(verified, self.registry)
        if len(self._known) > self.cache.limit:
            self._known.popitem(last=False)
        return found


def once_id(issuer: Issuer, statement_id: str) -> Digest:
    """The id under which a single-use statement is consumed: the issuer's own, however it is spelt
    and with whichever of its keys it is signed."""
    return sha256(f"{issuer.root}\0{statement_id}".encode())


def _out_of_time(verified: VerifiedEnvelope, trust: Trust, now: datetime) -> DefectCode | None:
    statement = verified.statement
    code = out_of_life(Period(statement.issued_at, statement.expires_at), verified.issuer, trust, now)
    if code is not None:
        return code
    power = statement.process or statement.engagement
    if power is not None and not power.period.includes(now):
        return DefectCode.PERIOD
    return None


def _wrong_audience(verified: VerifiedEnvelope, use: Use) -> DefectCode | None:
    if use.deployment not in verified.statement.audience:
        return DefectCode.AUDIENCE
    if verified.issuer.deployment == use.deployment:
        return DefectCode.SELF_ATTESTED
    return None


def _rejected(rejected: RejectedEnvelope, *, presented: bool) -> Checked:
    forged = rejected.code is DefectCode.FORGED and presented
    outcome = Outcome.FORGED if forged else Outcome.DEFECT
    return Checked(rejected.digest, outcome, rejected.code, rejected.key)


def _refused(
    verified: VerifiedEnvelope, code: DefectCode, outcome: Outcome, entitled: Entitlement
) -> Checked:
    return Checked(
        verified.digest,
        outcome,
        code,
        verified.issuer.keyid,
        verified.issuer.id,
        ignored=entitled.ignored,
    )
