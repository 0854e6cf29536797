"""What is known of one piece of data by itself: attested, counted, contradicted. Pure over its arguments.

Law: a count that only the caller can have made never makes a number known. Source: DESIGN section 4.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from caveat.call.call import Call, Part
from caveat.evidence.entitlement import COUNTER
from caveat.facts.fact import Fact, Grade
from caveat.facts.registry import FactSpec, Registry
from caveat.gateway.contributing import Contribute, Contributed, kinds_of
from caveat.gateway.counting import Counter, greatest
from caveat.gateway.joining import settle
from caveat.gateway.observing import Registration, Total
from caveat.gateway.pieces import Said
from caveat.ledger.record import Reservation
from caveat.signing.canonical import Json
from caveat.signing.digest import Digest

Compare = Callable[[Sequence[Part], Sequence[Fact], Mapping[str, Json], str | None], Fact]
"""Of parts, what is said of them, claims and the deployment's id column: how far they contradict it."""


class Totals(Protocol):
    """Persons reached in the last twelve months, by source."""

    def with_use(self, now: datetime, reservations: Sequence[Reservation]) -> Mapping[str, Total]:
        """Each source's total if a use with these reservations is released now. Reserves nothing."""
        ...

    def counted(self, source: str, digests: Sequence[Digest]) -> Sequence[Digest]:
        """Those of these digests of which an earlier use counted at least one person of the source."""
        ...


@dataclass(frozen=True, slots=True)
class PieceFacts:
    """What is said of one piece by itself. `persons`: as counted or attested, `lo` at least that many.

    `digests`: of its own content, and of all others of which exactly the same is said.
    """

    said: Said
    digests: tuple[Digest, ...]
    facts: tuple[Fact, ...]
    sources: tuple[str, ...]
    lo: int
    persons: int | None
    apart: Contributed | None = None

    @property
    def pointer(self) -> str:
        """Where its part stands in the request."""
        return self.said.part.pointer

    def reservations(self, totals: Totals) -> Iterator[Reservation]:
        """What is reserved: for each content and source the count. Data of which nothing is known make their
        source's total unknown however much there is of them, so that one stands for all; what was counted
        before is reserved again, so that its count is not forgotten sooner."""
        for source in self.sources:
            digests = self.digests
            if self.lo == 0 and self.persons is None:
                digests = tuple(dict.fromkeys((digests[0], *totals.counted(source, digests))))
            for digest in digests:
                if self.apart is None:
                    yield Reservation(source, digest, self.lo, self.persons)
                else:
                    commitment, known = self.apart.sealed.commitment, len(self.apart.sightings)
                    yield Reservation(source, digest, self.lo, self.persons, commitment, min(known, self.lo))


def piece_facts(
    said_of: Said,
    alike: tuple[Digest, ...],
    deployment: Registration,
    registry: Registry,
    counted: Sequence[FactSpec],
    registered: tuple[Fact, ...],
    count: Counter,
    contribute: Contribute,
) -> PieceFacts:
    about, facts = said_of.about, list(said_of.facts)
    trusted = greatest(said_of, count, {deployment.id_column, *(one.id_column for one in about)})
    by_caller = greatest(said_of, count, {said_of.part.id_column})
    observes = COUNTER in deployment.observers
    at_least = max((n for n in (trusted, by_caller) if n is not None), default=0)
    lo, persons = at_least, trusted if observes else None
    for spec in counted:
        said = [fact for fact in (*registered, *facts) if fact.name == spec.name]
        attested = settle(registry, spec, said)
        seen = trusted if observes else None
        # A column that only the caller declares never makes a count known: it can only contradict.
        if isinstance(attested.value, int) and attested.value < at_least:
            seen = at_least
        if seen is not None:
            observed = Fact(spec.name, min(seen, spec.hi), Grade.OBSERVED, COUNTER)
            facts.append(observed)
            said.append(observed)
        settled = settle(registry, spec, said)
        if isinstance(settled.value, int):
            lo, persons = max(lo, settled.value), settled.value
    sources = {one.source for one in about if one.source is not None} or {f"owner:{deployment.owner_group}"}
    worded = [*registered, *facts, *(fact for words in said_of.alternatives for fact in words)]
    kinds = kinds_of(registry, deployment.owner_group, worded) - sources
    lo = lo if persons is None else persons
    digests = alike or (said_of.part.digest,)
    apart = _apart(said_of, deployment, count, contribute) if observes and not alike else None
    return PieceFacts(said_of, digests, tuple(facts), (*sorted(sources), *sorted(kinds)), lo, persons, apart)


def _apart(
    said: Said, deployment: Registration, count: Counter, contribute: Contribute
) -> Contributed | None:
    """Who is told apart in a whole part, by the column that tells most apart of those that may."""
    if said.counted != (said.part,):
        return None
    columns = {deployment.id_column, *(one.id_column for one in said.about if one.source is not None)}
    counts = [
        (found.persons, column)
        for column in columns
        if column is not None and (found := count(said.part, column)) is not None
    ]
    return contribute(said.part, max(counts)[1]) if counts else None


def compared(
    piece: PieceFacts,
    data: Sequence[Part],
    registered: tuple[Fact, ...],
    call: Call,
    deployment: Registration,
    compare: Compare,
) -> PieceFacts:
    """The piece with what its content, and that of all parts of which the same is said, contradicts of it."""
    alike = frozenset(piece.digests)
    parts = [part for part in data if part.digest in alike] if len(alike) > 1 else [piece.said.part]
    disputed = [fact for words in piece.said.alternatives for fact in words]
    found = compare(parts, (*registered, *piece.facts, *disputed), call.claims, deployment.id_column)
    return replace(piece, facts=(*piece.facts, found))
