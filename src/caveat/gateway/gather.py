"""From one call to all that a decision may read of it: graded facts, one set for each piece of data.

Pure over its arguments. Facts come from the deployment's registration, from evidence that was checked, and
from what the gateway counts; never from the words of the prompt, and never from claims, which stay claims.
What is missing stays missing: only the registry's neutral value, where a named observer stands for it, is
put in the place of nothing. Attestations that contradict each other are all passed on. Source: DESIGN
section 4, EVIDENCE attacks 24 to 27 in `THREAT_MODEL.md`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from caveat.call.call import Call, DataParts, Part, PartKind
from caveat.evidence.check import Checked, Use
from caveat.evidence.counting import Count, count_persons
from caveat.evidence.defects import Outcome
from caveat.evidence.entitlement import COUNTER
from caveat.evidence.recognition import Recognition
from caveat.facts.fact import Fact, Facts, Finding, Grade
from caveat.facts.registry import FactSpec, Registry
from caveat.facts.value import Value
from caveat.gateway.contributing import (
    Contribute,
    Contributed,
    Reading,
    counted_of,
    kinds_of,
    monitor_facts,
    nobody_apart,
)
from caveat.gateway.joining import join_parts, settle
from caveat.gateway.observing import (
    HISTORY,
    MONITORS,
    REACH,
    TOTALS,
    Registration,
    Total,
    history_facts,
    observed_facts,
    total_facts,
)
from caveat.gateway.pieces import (
    Said,
    covered_digests,
    named_by,
    overlay,
    pieces_of,
    touched_by_words,
)
from caveat.gateway.shape import Standing, reach_facts, registered_facts, standing
from caveat.ledger.record import Counted, Reservation
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.digest import Digest

_FINDINGS = {
    Outcome.FORGED: Finding.FORGED,
    Outcome.REPLAYED: Finding.REPLAYED,
    Outcome.OUT_OF_RANGE: Finding.OUT_OF_RANGE,
}


class Totals(Protocol):
    """Persons reached in the last twelve months, by source."""

    def with_use(self, now: datetime, reservations: Sequence[Reservation]) -> Mapping[str, Total]:
        """Each source's total if a use with these reservations is released now. Reserves nothing."""
        ...

    def counted(self, source: str, digests: Sequence[Digest]) -> Sequence[Digest]:
        """Those of these digests of which an earlier use counted at least one person of the source."""
        ...


@dataclass(frozen=True, slots=True)
class Gathered:
    """The facts of one use, one case for each data part, and what its record and its answer need beside.

    `reserve` and `once` are to be reserved before anything else is gathered: no `await` in between.
    `known`: for each data part, by pointer, the facts that are known of it. `standing`: where the use stands
    in its deployment's shape. `contributed`: who was told apart in the data that it reserves, to be durable
    before its record is; `counted`: where they are counted.
    """

    cases: tuple[Facts, ...]
    evidence: tuple[Checked, ...] = ()
    reserve: tuple[Reservation, ...] = ()
    once: tuple[Digest, ...] = ()
    known: tuple[tuple[str, frozenset[str]], ...] = ()
    standing: Standing = field(default_factory=Standing)
    contributed: tuple[Contributed, ...] = ()
    counted: Counted | None = None


Counter = Callable[[Part, str], Count | None]
Compare = Callable[[Sequence[Part], Sequence[Fact], Mapping[str, Json], str | None], Fact]
"""Of parts, what is said of them, claims and the deployment's id column: how far they contradict it."""
_NOTHING: Mapping[Digest, Recognition] = MappingProxyType({})


def count_part(part: Part, id_column: str) -> Count | None:
    """Persons in one part by one column, read in the form that the part was declared to have."""
    return count_persons(part.content, part.media_type, id_column)


@dataclass(slots=True)
class CountCache:
    """Counts by the digest of what was counted: a history that is sent again is not counted again."""

    limit: int = 4096
    _counts: dict[tuple[Digest, str, str], Count | None] = field(
        default_factory=dict[tuple[Digest, str, str], Count | None]
    )

    def __call__(self, part: Part, id_column: str) -> Count | None:
        """As `count_part`."""
        key = (part.digest, part.media_type, id_column)
        if key not in self._counts:
            if len(self._counts) >= self.limit:
                del self._counts[next(iter(self._counts))]
            self._counts[key] = count_part(part, id_column)
        return self._counts[key]


def data_parts(call: Call, covered: frozenset[Digest] = frozenset()) -> tuple[Part, ...]:
    """The parts that are decided one by one: data, and whatever evidence covers; each content once."""
    if not covered:
        return call.data_parts.parts
    parts: dict[Digest, Part] = {}
    for part in call.parts:
        if part.kind is PartKind.DATA or part.digest in covered:
            parts.setdefault(part.digest, part)
    return tuple(parts.values())


def use_of(
    call: Call,
    now: datetime,
    consumer: Callable[[Digest], Digest | None],
    *,
    action: Digest | None = None,
    registration: Digest | None = None,
    recognised: Mapping[Digest, Recognition] = _NOTHING,
) -> Use:
    """The use that evidence is checked for: bound to the digests of what is really forwarded, and to the
    manifests of which something was known again in it.

    `action` names the action where the call's own digest must not stand, as in records.
    """
    parts = frozenset(part.digest for part in call.parts)
    parts |= {digest for part in parts & recognised.keys() for digest in recognised[part].touched}
    return Use(
        call.deployment, action or call.action_digest, parts, now, consumer, call.targets, registration
    )


def gather(
    call: Call,
    deployment: Registration,
    registry: Registry,
    evidence: tuple[Checked, ...],
    totals: Totals,
    now: datetime,
    *,
    measured: Mapping[str, Value] | None = None,
    approvals: frozenset[str] = frozenset(),
    count: Counter = count_part,
    recognised: Mapping[Digest, Recognition] = _NOTHING,
    compare: Compare | None = None,
    contribute: Contribute = nobody_apart,
    read: Reading | None = None,
) -> Gathered:
    """All that may be known of `call`.

    `evidence`: envelopes checked for this call. `measured`: what the gateway's other observers measured, by
    fact. `recognised`: what was known again of parts, by their digests. `compare`: content with what is said
    of it. `contribute`: tells the persons in a part apart. `read`: what the monitors say. Whatever is missing
    or uncountable is unknown, which a decision takes at its worst.
    """
    accepted = [one for one in evidence if one.outcome is Outcome.ACCEPTED]
    covered = covered_digests(call.parts, recognised, accepted)
    at = standing(call, deployment, covered)
    of_use = dict.fromkeys(fact for one in accepted if one.of_use for fact in one.facts)
    registered = (*registered_facts(deployment, at), *of_use)
    counted = [spec for spec in registry.facts.values() if COUNTER in spec.observed_by]
    data = data_parts(call, covered)
    parts = [
        _part_facts(said, alike, deployment, registry, counted, registered, count, contribute)
        for part, alike in _alike(data, call.data_parts, deployment, recognised, accepted, count)
        for said in pieces_of(registry, part, recognised.get(part.digest), accepted)
    ]
    if compare is not None:
        parts = [_compared(part, data, registered, call, deployment, compare) for part in parts]
    reserve = tuple(one for part in parts for one in part.reservations(totals))
    observed = observed_facts(registry, deployment, measured or {})
    observed += total_facts(registry, deployment, registered, totals.with_use(now, reserve))
    said = [*registered, *(fact for part in parts for fact in part.facts)]
    where = counted_of(registry, deployment.owner_group, said)
    observed += monitor_facts(registry, deployment, read, where, reserve, said)
    observed += reach_facts(registry, at)
    observed += history_facts(registry, deployment, call.history)
    contributed = tuple(
        {part.apart.sealed.commitment: part.apart for part in parts if part.apart is not None}.values()
    )
    findings = frozenset(_FINDINGS[one.outcome] for one in evidence if one.outcome in _FINDINGS)
    many = [len(part.digests) for part in parts]
    bodies = join_parts(registry, registered, [part.facts for part in parts], many) or (registered,)
    decided = {id(part) for part in data} if recognised else set[int]()
    words = [part for part in call.parts if id(part) not in decided] if recognised else ()
    bodies = _cases(bodies, parts, touched_by_words(registry, words, recognised, accepted))
    cases = (Facts(_arranged(registry, body, observed), call.claims, approvals, findings) for body in bodies)
    return Gathered(
        cases=tuple({case.facts: case for case in cases}.values()),
        evidence=evidence,
        reserve=reserve,
        once=tuple(one.once for one in accepted if one.once is not None),
        known=tuple((part.pointer, _known(registry, (*registered, *part.facts))) for part in parts),
        standing=at,
        contributed=contributed,
        counted=where if contributed else None,
    )


@dataclass(frozen=True, slots=True)
class _PartFacts:
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


def _alike(
    data: Sequence[Part],
    by_kind: DataParts,
    deployment: Registration,
    recognised: Mapping[Digest, Recognition],
    accepted: Sequence[Checked],
    count: Counter,
) -> Iterator[tuple[Part, tuple[Digest, ...]]]:
    """The data parts; with the first of which nobody says anything, the digests of all of these.

    Of data that no evidence speaks of, that nothing is known again in and that nobody can count, exactly the
    same is said: one stands for all. The others stand for themselves.
    """
    named, column = named_by(accepted) | recognised.keys(), deployment.id_column
    if data and data is by_kind.parts and column is None and not (by_kind.columns or named):
        yield data[0], by_kind.digests
        return
    alike = [
        part.digest
        for part in data
        if part.id_column is None
        and part.digest not in named
        and (column is None or count(part, column) is None)
    ]
    for_all, first = frozenset(alike), alike[0] if alike else None
    for part in data:
        if part.digest == first:
            yield part, tuple(alike)
        elif part.digest not in for_all:
            yield part, ()


def _cases(
    bodies: Sequence[tuple[Fact, ...]], parts: Sequence[_PartFacts], by_words: Sequence[tuple[Fact, ...]]
) -> tuple[tuple[Fact, ...], ...]:
    """Every combination that really occurs: each piece under each owner that differs, and beside these what
    the fragments that were known again say. Overlays only ever add cases."""
    if not parts:
        plain = list(bodies)
    else:
        plain = [
            (*body, *alternative)
            for body, part in zip(bodies, parts, strict=True)
            for alternative in part.said.alternatives
        ]
    beside = [
        overlay((*body, *alternative), over)
        for body, part in zip(bodies, parts, strict=False)
        for alternative in part.said.alternatives
        for over in part.said.overlays
    ]
    return (*plain, *beside, *(overlay(body, over) for body in plain for over in by_words))


def _part_facts(
    said_of: Said,
    alike: tuple[Digest, ...],
    deployment: Registration,
    registry: Registry,
    counted: Sequence[FactSpec],
    registered: tuple[Fact, ...],
    count: Counter,
    contribute: Contribute,
) -> _PartFacts:
    about, facts = said_of.about, list(said_of.facts)
    trusted = _greatest(said_of, count, {deployment.id_column, *(one.id_column for one in about)})
    by_caller = _greatest(said_of, count, {said_of.part.id_column})
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
    return _PartFacts(said_of, digests, tuple(facts), (*sorted(sources), *sorted(kinds)), lo, persons, apart)


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


def _compared(
    piece: _PartFacts,
    data: Sequence[Part],
    registered: tuple[Fact, ...],
    call: Call,
    deployment: Registration,
    compare: Compare,
) -> _PartFacts:
    """The piece with what its content, and that of all parts of which the same is said, contradicts of it."""
    alike = frozenset(piece.digests)
    parts = [part for part in data if part.digest in alike] if len(alike) > 1 else [piece.said.part]
    disputed = [fact for words in piece.said.alternatives for fact in words]
    found = compare(parts, (*registered, *piece.facts, *disputed), call.claims, deployment.id_column)
    return replace(piece, facts=(*piece.facts, found))


def _greatest(said: Said, count: Counter, columns: set[str | None]) -> int | None:
    """The most persons that any of these columns tells apart; None where none of them can be counted."""
    found: list[int] = []
    for column in columns:
        if column is not None:
            counts = [one for part in said.counted if (one := count(part, column)) is not None]
            if len(counts) == len(said.counted):
                found.append(counts[0].persons)
    return max(found, default=None)


def _arranged(registry: Registry, body: tuple[Fact, ...], observed: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The facts of one case in one order. A neutral value stands only where nobody says anything."""
    said = {fact.name for fact in body}
    kept = [
        fact
        for fact in observed
        if fact.name not in said
        or fact.role in (COUNTER, TOTALS, MONITORS, REACH, HISTORY)
        or fact.value != registry.facts[fact.name].neutral
    ]
    order = {name: place for place, name in enumerate(registry.facts)}
    return tuple(
        sorted(
            dict.fromkeys((*body, *kept)),
            key=lambda fact: (
                order.get(fact.name, len(order)),
                fact.grade.value,
                fact.role,
                fact.source,
                repr(fact.value),
            ),
        )
    )


def _known(registry: Registry, facts: Sequence[Fact]) -> frozenset[str]:
    return frozenset(
        fact.name
        for fact in facts
        if (spec := registry.facts.get(fact.name)) is not None
        and registry.counts(fact.name, fact.grade, fact.role)
        and not spec.is_unknown(fact.value)
    )


def needs_detail(
    registry: Registry, gathered: Gathered, claims: Mapping[str, Json], needs: Sequence[str]
) -> list[JsonObject]:
    """For each fact that is asked for: what is claimed, who may attest it, and which data part lacks it."""
    rows: list[JsonObject] = []
    for name in needs:
        row: JsonObject = {"fact": name, "attested_by": list[Json](sorted(registry.facts[name].attested_by))}
        if name in claims:
            row["claimed"] = claims[name]
        pointer = next((pointer for pointer, known in gathered.known if name not in known), None)
        if pointer is not None:
            row["part"] = pointer
        rows.append(row)
    return rows
