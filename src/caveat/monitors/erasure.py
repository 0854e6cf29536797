"""Contributions that are gone, and the numbers that stand in their place: a sum of twelve months stays.

For each scope and day, how many persons are known from erased contributions alone: nobody can tell who.
Whoever is reached again after an erasure counts again, which is too many and never too few. Source: ADR-0047.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from caveat.ledger.record import DecisionRecord, Record
from caveat.monitors.contribution import ContributionParseError
from caveat.monitors.monitors import Find, fold_monitors
from caveat.monitors.windows import DAY_BUCKETS
from caveat.signing.canonical import Json, StrictJsonError, canonical, parse_strict
from caveat.signing.digest import Digest

MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ErasedSum:
    """So many persons of a scope, last seen in this bucket of time."""

    scope: str
    bucket: int
    persons: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """Contributions that are gone, by their commitments, and what stands in their place."""

    commitments: tuple[Digest, ...]
    sums: tuple[ErasedSum, ...]

    def render(self) -> bytes:
        """Canonical bytes."""
        sums: list[Json] = [[one.scope, one.bucket, one.persons] for one in self.sums]
        return canonical({"v": 1, "commitments": list[Json](self.commitments), "sums": sums})


def parse_erasure(data: bytes) -> Erasure:
    """What `render` wrote; raises `ContributionParseError`."""
    try:
        found = parse_strict(data, max_bytes=MAX_BYTES, max_depth=4)
    except StrictJsonError as error:
        raise ContributionParseError("this is no erasure") from error
    if not isinstance(found, dict) or found.get("v") != 1:
        raise ContributionParseError("this is no erasure")
    commitments, sums = found.get("commitments"), found.get("sums")
    if not isinstance(commitments, list) or not isinstance(sums, list):
        raise ContributionParseError("this is no erasure")
    return Erasure(tuple(Digest(str(one)) for one in commitments), tuple(_sum(one) for one in sums))


def _sum(row: Json) -> ErasedSum:
    match row:
        case [str(scope), int(bucket), int(persons)] if persons >= 0:
            return ErasedSum(scope, bucket, persons)
        case _:
            raise ContributionParseError("this is no erasure")


def plan_erasure(
    records: Iterable[Record], find: Find, is_gone: Callable[[DecisionRecord, str, Digest], bool]
) -> Erasure:
    """What erasing leaves behind: of each scope, those who are in no contribution that stays.

    `is_gone`: whether what a reservation of this record, source and part speaks of is to go. A contribution
    that some other record needs stays.
    """
    kept_records = [one for one in records if isinstance(one, DecisionRecord) and one.reserve]
    wanted: dict[Digest, bool] = {}
    for record in kept_records:
        # A part is counted under its lineage and under its kind: either of them names it.
        named: dict[Digest, bool] = {}
        for one in record.reserve:
            if one.contribution is not None:
                gone = is_gone(record, one.source, one.digest)
                named[one.contribution] = named.get(one.contribution, False) or gone
        for commitment, gone in named.items():
            wanted[commitment] = wanted.get(commitment, True) and gone
    going = frozenset(each for each, gone in wanted.items() if gone and find(each) is not None)
    before = fold_monitors(kept_records, find).subjects
    after = fold_monitors(kept_records, lambda each: () if each in going else find(each)).subjects
    sums = tuple(
        ErasedSum(scope, bucket, persons)
        for scope in before.scopes
        for bucket, persons in _left(before.last_seen(scope), after.last_seen(scope), before.weight(scope))
    )
    return Erasure(tuple(sorted(going)), sums)


def _left(before: Mapping[int, int], after: Mapping[int, int], weight: int) -> Iterator[tuple[int, int]]:
    """By day, so that a sum says no closer than that when it was."""
    days: dict[int, int] = {}
    for person, bucket in before.items():
        if person not in after:
            day = (bucket // DAY_BUCKETS + 1) * DAY_BUCKETS - 1
            days[day] = days.get(day, 0) + weight
    yield from sorted(days.items())
