"""For `verify`: what was halted went nowhere, and no objection is missing, moved or another's.

Source: ADR-0041.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from caveat.ledger.finding import Code, Finding
from caveat.ledger.record import (
    BundleRecord,
    DecisionRecord,
    DissentRecord,
    FindingRecord,
    HaltRecord,
    Record,
    StartRecord,
    parse_record_id,
    record_id_of,
)
from caveat.ledger.wire import render_record
from caveat.oversight.dissents import FIRST, link_of
from caveat.oversight.halts import Doing, Halts, stopped_of
from caveat.signing.canonical import canonical
from caveat.signing.digest import Digest

IsSigned: TypeAlias = Callable[[HaltRecord | DissentRecord | FindingRecord], bool]
"""Whether an enrolled overseer signed exactly what the record says, under the bundle that it names."""


class InForce:
    """Which bundles a statement may have been verified under: the one in force, and the one before it."""

    def __init__(self) -> None:
        self._last: tuple[Digest, ...] = ()

    def see(self, record: Record) -> None:
        if isinstance(record, StartRecord | BundleRecord) and record.bundle not in self._last[-1:]:
            self._last = (*self._last[-1:], record.bundle)

    def has(self, bundle: Digest) -> bool:
        return bundle in self._last


class HaltCheck:
    """Folds the halts as the gateway does, and compares them with what it let through."""

    def __init__(self, is_signed: IsSigned) -> None:
        """No halt yet."""
        self._is_signed = is_signed
        self._halts = Halts()
        self._bundles = InForce()

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """Findings at this record; takes in what it says."""
        self._bundles.see(record)
        match record:
            case DecisionRecord():
                found = self._of_decision(record)
            case HaltRecord():
                found = self._of_halt(record)
            case _:
                return
        yield from (Finding(Code.HALT_INVALID, index, text) for text in found)
        if isinstance(record, HaltRecord):
            self._halts.fold(record, record_id_of(index, canonical(render_record(record))))

    def _of_decision(self, record: DecisionRecord) -> Iterator[str]:
        if record.halted is not None:
            if not record.enforced:
                yield "it went through although it says that it was halted"
            if not self._halts.is_known(record.halted):  # released meanwhile or not: to refuse is safe
                yield "it cites a halt that nobody made"
            return
        if record.released and self._halts.covering(_doing(record)) is not None:
            yield "it went through although an overseer had halted it"

    def _of_halt(self, record: HaltRecord) -> Iterator[str]:
        if not self._is_signed(record) or not self._bundles.has(record.bundle):
            yield "what it says is not what an overseer signed"
        if self._halts.is_known(record.said):
            yield "its statement was given before"
        if record.act == "halt":
            if record.halt is not None or record.second is not None or not stopped_of(record).is_whole:
                yield "it is no whole halt"
            return
        halt = self._halts.find(record.halt or "")
        if halt is None or halt.stopped != stopped_of(record):
            yield "it releases a halt that nobody made"
        elif record.second is not None:
            first = halt.releases.get(record.second)
            if first is None or first.person == record.person:
                yield "no other person released it before"


def _doing(record: DecisionRecord) -> Doing:
    ids = [record.of, None if record.approved is None else record.approved.hold]
    return Doing(
        record.deployment, record.principal, (record.model,), tuple(one for one in ids if one is not None)
    )


class DissentCheck:
    """Every dissent stands in its place: signed, about a record before it, and after all that came before."""

    def __init__(self, is_signed: IsSigned, has_record: Callable[[str], bool]) -> None:
        """`has_record`: whether the log has a record of this id."""
        self._is_signed = is_signed
        self._has_record = has_record
        self._bundles = InForce()
        self._number, self._link = 0, FIRST

    def check(self, index: int, record: Record) -> Iterator[Finding]:
        """Findings at this record; takes in what it says."""
        self._bundles.see(record)
        if not isinstance(record, DissentRecord):
            return
        yield from (Finding(Code.DISSENT_INVALID, index, text) for text in self._defects(index, record))
        self._number, self._link = record.number, record.link

    def _defects(self, index: int, record: DissentRecord) -> Iterator[str]:
        if not self._is_signed(record) or not self._bundles.has(record.bundle):
            yield "what it says is not what an overseer signed"
        if record.number != self._number + 1 or record.previous != self._link:
            yield "a dissent before it is missing or stands elsewhere"
        if record.link != link_of(record.number, record.previous, record.said):
            yield "its link is not that of what it says"
        if parse_record_id(record.about)[0] >= index or not self._has_record(record.about):
            yield "it is about a record that is not there"
