"""For `verify`: what was reviewed afterwards was drawn by chance, signed, and followed up.

Source: ADR-0042.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from caveat.ledger.finding import Code, Finding
from caveat.ledger.record import (
    DecisionRecord,
    FindingRecord,
    IncidentRecord,
    PlantedSampleRecord,
    Record,
    SampleRecord,
    SamplingRecord,
    Share,
    parse_record_id,
    parse_time,
    record_id_of,
)
from caveat.ledger.wire import render_record
from caveat.oversight.affected import affected_by
from caveat.oversight.book import Book
from caveat.oversight.demanded import Demands
from caveat.oversight.power_check import InForce, IsSigned
from caveat.oversight.sampling import Candidate, candidate_of, commitment, drawn, share_of
from caveat.policy.oversight import Emergency, Oversight
from caveat.signing.canonical import canonical
from caveat.signing.digest import Digest

IN_FORCE_WITHIN = timedelta(minutes=10)
"""So soon after another bundle its shares draw, and so soon an incident has its record."""

ReadAgain: TypeAlias = Callable[[int, int], Iterator[tuple[str, Record]]]
"""The records from one index to another, excluded, with their ids."""
OversightOf: TypeAlias = Callable[[Digest], Oversight | None]
"""What the bundle with this digest asks; None where it is not there."""


def _id(index: int, record: Record) -> str:
    return record_id_of(index, canonical(render_record(record)))


def _is_named(record: Record) -> bool:
    """Whether anything goes by this record's id here."""
    return isinstance(record, FindingRecord) or (
        isinstance(record, DecisionRecord) and record.hold is not None and record.hold.of is None
    )


def _shares(oversight: Oversight) -> tuple[Share, ...]:
    sampling = oversight.sampling
    rows = () if sampling is None else sampling.strata
    return tuple(Share(row.deployment, row.clause, row.share_percent, row.least) for row in rows)


@dataclass(slots=True)
class _Over:
    """A period that is over: what was to be drawn in it, and was not yet."""

    number: int
    missing: set[str]


class SamplingCheck:
    """Derives each draw again from the secret that is told after it, and compares.

    `read`: reads a period again, so that nothing of it has to be remembered.
    """

    def __init__(self, oversight_of: OversightOf, read: ReadAgain) -> None:
        """No period yet."""
        self._oversight_of = oversight_of
        self._read = read
        self._record: SamplingRecord | None = None
        self._begun = 0
        self._sampled: dict[int, set[str]] = {}
        self._planted: set[str] = set()
        self._over: _Over | None = None
        self._other: tuple[Digest, datetime] | None = None

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """Findings at this record; takes in what it says."""
        match record:
            case SamplingRecord():
                found = self._period(index, record)
            case SampleRecord():
                found = self._sample(index, record)
            case PlantedSampleRecord():
                found = self._revealed(record)
            case DecisionRecord():
                found = self._use(index, record)
            case _:
                return
        yield from (Finding(Code.SAMPLE_INVALID, index, text) for text in list(found))

    def _period(self, index: int, record: SamplingRecord) -> Iterator[str]:
        last = self._record
        if record.number != (1 if last is None else last.number + 1):
            yield "a period before it is missing"
        oversight = self._oversight_of(record.bundle)
        if oversight is None or _shares(oversight) != record.shares:
            yield "its shares are not those of its bundle"
        if self._over is not None and self._over.missing:
            yield f"{len(self._over.missing)} uses of period {self._over.number} were drawn and never sampled"
        if last is not None:
            yield from self._derive(index, last, record)
        self._record, self._begun, self._other = record, index, None
        self._planted = set()
        self._sampled = {
            number: uses for number, uses in self._sampled.items() if number >= record.number - 1
        }

    def _derive(self, index: int, last: SamplingRecord, record: SamplingRecord) -> Iterator[str]:
        sampled = self._sampled.get(last.number, set())
        self._over = _Over(last.number, set())
        if record.revealed is None:
            yield f"the secret of period {last.number} was never told"
            return
        seed = bytes.fromhex(record.revealed)
        if commitment(seed) != last.commitment:
            yield f"the secret of period {last.number} is not the one that was committed to"
            return
        wanted = set(drawn(self._candidates(self._begun, index), last.shares, seed))
        if self._planted & wanted:
            yield f"{len(self._planted & wanted)} uses of period {last.number} were drawn and called planted"
        sampled = sampled - self._planted
        if not sampled <= wanted:
            yield f"{len(sampled - wanted)} uses of period {last.number} were sampled and never drawn"
        self._over = _Over(last.number, wanted - sampled)

    def _revealed(self, record: PlantedSampleRecord) -> Iterator[str]:
        """What is called planted is one of the period that still draws, whose secret nobody knows yet."""
        number = None if self._record is None else self._record.number
        if record.period != number or record.about not in self._sampled.get(record.period, set()):
            yield "it calls planted what was not sampled in the period that draws"
        else:
            self._planted.add(record.about)

    def _candidates(self, start: int, end: int) -> Iterator[Candidate]:
        for name, record in self._read(start, end):
            one = candidate_of(record, name)
            if one is not None:
                yield one

    def _sample(self, index: int, record: SampleRecord) -> Iterator[str]:
        if self._record is None or record.period not in (self._record.number, self._record.number - 1):
            yield "it is of another period"
        at = parse_record_id(record.about)[0]
        use = next((one for name, one in self._read(at, at + 1) if name == record.about), None)
        one = None if use is None or at >= index else candidate_of(use, record.about)
        if one is None or not isinstance(use, DecisionRecord):
            yield "it is of a use that did not go through"
        else:
            hold = None if use.approved is None else use.approved.hold
            said = (record.deployment, record.requester, record.clauses, record.hold)
            if said != (use.deployment, use.principal, use.decision.clauses, hold):
                yield "it says something else of its use"
        if self._over is not None and record.period == self._over.number:
            if record.about not in self._over.missing:
                yield "its use was not drawn"
            self._over.missing.discard(record.about)
        self._sampled.setdefault(record.period, set()).add(record.about)

    def _use(self, index: int, record: DecisionRecord) -> Iterator[str]:
        """Nothing goes through for long under a bundle whose shares do not draw."""
        one = candidate_of(record, "")
        if one is None:
            return
        oversight = self._oversight_of(record.bundle)
        now = parse_time(record.time)
        shares = () if self._record is None else self._record.shares
        if oversight is None or all(
            share_of(stratum, shares) == share_of(stratum, _shares(oversight)) for stratum in one.strata
        ):
            return
        if self._other is None or self._other[0] != record.bundle:
            self._other = (record.bundle, now)
        elif now - self._other[1] > IN_FORCE_WITHIN:
            self._other = (record.bundle, now)
            yield f"what its bundle asks to be reviewed is not drawn at record {index}"


class ReviewCheck:
    """Findings are signed by somebody who may review it, and wrong ones have an incident with all they touch;
    nothing is let through while an emergency is overdue."""

    def __init__(self, is_signed: IsSigned, oversight_of: OversightOf, read: ReadAgain) -> None:
        """Nothing is demanded yet."""
        self._is_signed = is_signed
        self._oversight_of = oversight_of
        self._read = read
        self._book = Book()
        self._demands = Demands(self._book)
        self._bundles = InForce()
        self._told: set[str] = set()

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """Findings at this record; takes in what it says."""
        self._bundles.see(record)
        match record:
            case DecisionRecord():
                found = self._decision(record)
            case FindingRecord():
                found = self._found(record)
            case IncidentRecord():
                found = self._incident(index, record)
            case _:
                found = iter(())
        yield from (Finding(Code.REVIEW_INVALID, index, text) for text in list(found))
        name = _id(index, record) if _is_named(record) else ""
        self._book.fold(record, name)
        self._demands.fold(record, name)

    def _decision(self, record: DecisionRecord) -> Iterator[str]:
        now = parse_time(record.time)
        if record.hold is not None and record.hold.of is None:
            oversight = self._oversight_of(record.bundle)
            asked = dict(record.hold.roles)
            wanted = dict[str, Emergency]() if oversight is None else oversight.emergencies
            said = {one.role: (one.reviewers, one.seconds, one.blocks) for one in record.hold.afterwards}
            if said != {role: _terms(one) for role, one in wanted.items() if role in asked}:
                yield "the review that its hold demands is not the one that its bundle asks for"
            limit = min((one.valid_seconds for role, one in wanted.items() if role in asked), default=None)
            open_for = parse_time(record.hold.expires_at) - now
            if limit is not None and open_for > timedelta(seconds=limit):
                yield "its hold is open for longer than an emergency lasts"
        entry = None if record.approved is None else self._book.find(record.approved.hold)
        if entry is not None:
            given = frozenset(role for case in record.cases for role in case.approvals)
            if any(self._demands.blocking(role, entry.hold.clauses, now) is not None for role in given):
                yield "it went through while the review of an earlier emergency was overdue"
        yield from self._left_open(now)

    def _left_open(self, now: datetime) -> Iterator[str]:
        for demand, cause, reason in self._demands.unopened(now - IN_FORCE_WITHIN):
            since = next((one.at for one in demand.findings if one.id == cause), demand.review_by)
            if cause not in self._told and now - since > IN_FORCE_WITHIN:
                self._told.add(cause)
                yield f"no incident was opened about record {demand.about}: {reason}"

    def _found(self, record: FindingRecord) -> Iterator[str]:
        if not self._is_signed(record) or not self._bundles.has(record.bundle):
            yield "what was found is not what an overseer signed"
        if self._demands.is_known(record.said):
            yield "its statement was given before"
        demand = self._demands.find(record.about)
        if demand is None or demand.kind != record.kind:
            yield "it is about something of which no review was demanded"
            return
        if record.defect:
            return
        oversight = self._oversight_of(record.bundle)
        sampling = None if oversight is None else oversight.sampling
        sampled = frozenset[str]() if sampling is None else sampling.roles
        if record.role not in (demand.reviewers if demand.kind == "emergency" else sampled):
            yield "it counts a role that does not review this"
        if record.person in demand.involved:
            yield "it counts the finding of somebody who approved it"
        if demand.is_wrong or (demand.is_reviewed and record.finding == "right"):
            yield "it counts a finding after the one that settled it"

    def _incident(self, index: int, record: IncidentRecord) -> Iterator[str]:
        now = parse_time(record.time)
        opened = {(one.about, cause, reason) for one, cause, reason in self._demands.unopened(now)}
        if (record.about, record.cause, record.reason) not in opened:
            yield "nothing calls for it"
        first = parse_record_id(record.about)[0]
        if not max(first, parse_record_id(record.cause)[0]) < record.size <= index:
            yield "it was looked for in another part of the log"
            return
        touched = affected_by(record.about, self._read(first, record.size))
        said = (record.affected, record.affected_count, record.affected_digest)
        if said != (touched.first, len(touched.ids), touched.digest):
            yield "what it says that it touches is not what it touches"


def _terms(one: Emergency) -> tuple[tuple[str, ...], int, bool]:
    return one.reviewers, one.review_seconds, one.blocks
