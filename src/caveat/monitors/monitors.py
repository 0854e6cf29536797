"""What was reached in twelve months, whoever asked: persons told apart by keyed ids, and all others by data.

The one door of this room for whoever decides: a total is what `Subjects` counts distinct, and what `Totals`
adds up of data whose persons nobody could tell apart. A contribution that is not at hand is none: its record
is then counted by data, as many persons as it says. Source: DESIGN section 4, clause R1.c of the example
policy, ADR-0011, ADR-0047.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from caveat.facts.value import LONG_MAX
from caveat.labels.subjects import Sighting
from caveat.ledger.record import Counted, DecisionRecord, Record, Reservation, parse_time
from caveat.monitors.effects import Effects
from caveat.monitors.subjects import Reached, Subjects
from caveat.monitors.totals import Total, Totals
from caveat.signing.digest import Digest

Find = Callable[[Digest], tuple[Sighting, ...] | None]
"""The sightings behind a commitment; None where they are not at hand, or are not what was committed to."""


MAX_AT_HAND = 200_000
"""Sightings that are kept at hand beside the counts; others are read from what is kept on disk."""


def nothing_kept(_commitment: Digest) -> tuple[Sighting, ...] | None:
    """Where no contributions are kept."""
    return None


class Monitors:
    """All that adds up over uses. Not for several threads: the gateway's event loop owns it."""

    def __init__(self, find: Find = nothing_kept) -> None:
        """`find`: reads contributions, when the log is folded and where one is no longer at hand.

        `unresolved`: how many folded records spoke of contributions that are missing.
        """
        self._find = find
        self._offered: dict[Digest, tuple[Sighting, ...]] = {}
        self._at_hand = 0
        self.totals = Totals()
        self.subjects = Subjects()
        self.effects = Effects()
        self.unresolved = 0

    def offer(self, commitment: Digest, sightings: tuple[Sighting, ...]) -> None:
        """Has the sightings of a use at hand that is decided next; of very many the eldest are let go."""
        if commitment in self._offered:
            return
        self._offered[commitment] = sightings
        self._at_hand += len(sightings) + 1
        while self._at_hand > MAX_AT_HAND and len(self._offered) > 1:
            gone = next(iter(self._offered))
            self._at_hand -= len(self._offered.pop(gone)) + 1

    def with_use(self, now: datetime, reservations: Sequence[Reservation]) -> Mapping[str, Total]:
        """Each source's total if a use with these reservations is released now. Nothing is reserved yet."""
        resolved = [(one, self._sightings(one)) for one in reservations]
        by_data = self.totals.with_use(now, [_unknown(one, seen) for one, seen in resolved])
        by_source: dict[str, list[Sighting]] = {}
        for one, seen in resolved:
            by_source.setdefault(one.source, []).extend(seen or ())
        return {
            source: self._with_persons(total, source, by_source[source], now)
            for source, total in by_data.items()
        }

    def counted(self, source: str, digests: Sequence[Digest]) -> Sequence[Digest]:
        """As `Totals.counted`: of what was counted by data."""
        return self.totals.counted(source, digests)

    def reached(self, deployment: str, counted: Counted, reservations: Iterable[Reservation]) -> Reached:
        """What the reservations reach, as far as their contributions are at hand."""
        by_source: dict[str, dict[Sighting, None]] = {}
        parts: dict[Sighting, int] = {}
        for one in reservations:
            part = 0 if one.contribution is None else int(one.contribution[:16], 16)
            for seen in self._sightings(one) or ():
                by_source.setdefault(one.source, {})[seen] = None
                parts.setdefault(seen, part)
        return Reached(
            counted.owner,
            deployment,
            counted.purpose,
            {source: tuple(seen) for source, seen in by_source.items()},
            counted.protected,
            parts,
        )

    def reserve(
        self,
        now: datetime,
        deployment: str,
        counted: Counted | None,
        reservations: Sequence[Reservation],
        *,
        flying: bool = True,
    ) -> None:
        """Counts a use that is about to be released. `now`: its record's time, never before the last."""
        if not reservations:
            return
        self.effects.read(deployment, now)
        self.totals.reserve(now, self._by_data(reservations))
        if counted is not None:
            self.subjects.reserve(now, self.reached(deployment, counted, reservations), flying=flying)

    def settle(self, deployment: str, counted: Counted | None, reservations: Sequence[Reservation]) -> None:
        """The use has its record."""
        if counted is not None:
            self.subjects.settle(self.reached(deployment, counted, reservations))

    def give_back(
        self, deployment: str, counted: Counted | None, reservations: Sequence[Reservation]
    ) -> None:
        """Undoes one `reserve` of a use whose record was refused, so that it was not released after all."""
        self.totals.give_back(self._by_data(reservations))
        if counted is not None:
            self.subjects.drop(self.reached(deployment, counted, reservations))

    def fold(self, record: Record) -> None:
        """Counts what a record reserved, and what its tool did."""
        self.effects.fold(record)
        if not isinstance(record, DecisionRecord) or not record.reserve:
            return
        missing = [one for one in record.reserve if one.known and self._sightings(one) is None]
        self.unresolved += bool(missing)
        self.reserve(parse_time(record.time), record.deployment, record.counted, record.reserve, flying=False)

    def _by_data(self, reservations: Iterable[Reservation]) -> list[Reservation]:
        """What is counted by data: nothing of a part whose every person is told apart."""
        left = ((one, _unknown(one, self._sightings(one))) for one in reservations)
        return [rest for one, rest in left if one.known == 0 or rest.hi != 0]

    def _with_persons(self, total: Total, source: str, seen: Sequence[Sighting], now: datetime) -> Total:
        bounds = self.subjects.with_use(f"source:{source}", seen, now)
        hi = None if total.hi is None else min(total.hi + bounds.hi, LONG_MAX)
        return Total(min(total.lo + bounds.lo, LONG_MAX), hi)

    def _sightings(self, one: Reservation) -> tuple[Sighting, ...] | None:
        if one.contribution is None:
            return None
        found = self._offered.get(one.contribution)
        if found is None:
            found = self._find(one.contribution)
            if found is not None:
                self.offer(one.contribution, found)
        return found


def fold_monitors(records: Iterable[Record], find: Find = nothing_kept) -> Monitors:
    """The monitors after these records, in their order."""
    monitors = Monitors(find)
    for record in records:
        monitors.fold(record)
    return monitors


def _unknown(one: Reservation, sightings: tuple[Sighting, ...] | None) -> Reservation:
    """The persons of it whom nobody tells apart: all of them without the contribution."""
    if sightings is None:
        return replace(one, contribution=None, known=0)
    hi = None if one.hi is None else one.hi - one.known
    return replace(one, lo=one.lo - one.known, hi=hi, contribution=None, known=0)
