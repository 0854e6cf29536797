"""What an incident touches: uses and answers that went through and have to do with one use. Pure.

It looks one step far: the use itself and its answers; what the same caller did in the same deployment; what
had the same data; and what the same workflow did, each from the use on. Source: ADR-0042.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from caveat.ledger.record import DecisionRecord, Record
from caveat.ledger.shapes import MAX_AFFECTED
from caveat.signing.canonical import Json, canonical
from caveat.signing.digest import Digest, sha256

_WORKFLOW = "workflow:"


@dataclass(frozen=True, slots=True)
class Affected:
    """The ids of all affected records, in the order of the log."""

    ids: tuple[str, ...]

    @property
    def first(self) -> tuple[str, ...]:
        """As many as a record names."""
        return self.ids[:MAX_AFFECTED]

    @property
    def digest(self) -> Digest:
        """Of all of them."""
        return sha256(canonical(list[Json](self.ids)))


def affected_by(about: str, records: Iterable[tuple[str, Record]]) -> Affected:
    """All that has to do with the use of the record `about`, among these from that record on, in order."""
    found: list[str] = []
    source: DecisionRecord | None = None
    for record_id, record in records:
        if not isinstance(record, DecisionRecord):
            continue
        if record_id == about:
            source = record
        if source is not None and record.released and _is_affected(record, record_id, about, source):
            found.append(record_id)
    return Affected(tuple(found))


def _is_affected(record: DecisionRecord, record_id: str, about: str, source: DecisionRecord) -> bool:
    approved = None if record.approved is None else record.approved.hold
    return (
        about in (record_id, record.of, approved)
        or (record.deployment, record.principal) == (source.deployment, source.principal)
        or not _data(record).isdisjoint(_data(source))
        or not _workflows(record).isdisjoint(_workflows(source))
    )


def _data(record: DecisionRecord) -> frozenset[Digest]:
    return frozenset(part.digest for part in record.parts)


def _workflows(record: DecisionRecord) -> frozenset[str]:
    return frozenset(
        fact.source for case in record.cases for fact in case.facts if fact.source.startswith(_WORKFLOW)
    )
