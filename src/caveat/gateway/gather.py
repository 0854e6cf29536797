"""From one call to all that a decision may read of it: graded facts, one set for each piece of data.

Pure over its arguments. Facts come from the deployment's registration, from evidence that was checked, and
from what the gateway counts; never from the words of the prompt, and never from claims, which stay claims.
What is missing stays missing: only the registry's neutral value, where a named observer stands for it, is
put in the place of nothing. Attestations that contradict each other are all passed on. Source: DESIGN
section 4, EVIDENCE attacks 24 to 27 in `THREAT_MODEL.md`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from caveat.call.call import Call, DataParts, Part, PartKind
from caveat.evidence.check import Checked, Use
from caveat.evidence.defects import Outcome
from caveat.evidence.entitlement import COUNTER
from caveat.evidence.recognition import Recognition
from caveat.facts.fact import Fact, Facts, Finding
from caveat.facts.registry import Registry
from caveat.facts.value import Value
from caveat.gateway.contributing import (
    Contribute,
    Contributed,
    Reading,
    counted_of,
    monitor_facts,
    nobody_apart,
)
from caveat.gateway.counting import Counter, count_part
from caveat.gateway.joining import join_parts
from caveat.gateway.observing import (
    HISTORY,
    MONITORS,
    REACH,
    TOTALS,
    Registration,
    history_facts,
    observed_facts,
    total_facts,
)
from caveat.gateway.piece_facts import Compare, PieceFacts, Totals, compared, piece_facts
from caveat.gateway.pieces import covered_digests, named_by, overlay, pieces_of, touched_by_words
from caveat.gateway.shape import Standing, reach_facts, registered_facts, standing
from caveat.ledger.record import Counted, Reservation
from caveat.signing.canonical import Json, JsonObject
from caveat.signing.digest import Digest

_FINDINGS = {
    Outcome.FORGED: Finding.FORGED,
    Outcome.REPLAYED: Finding.REPLAYED,
    Outcome.OUT_OF_RANGE: Finding.OUT_OF_RANGE,
}
_NOTHING: Mapping[Digest, Recognition] = MappingProxyType({})


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
        piece_facts(said, alike, deployment, registry, counted, registered, count, contribute)
        for part, alike in _alike(data, call.data_parts, deployment, recognised, accepted, count)
        for said in pieces_of(registry, part, recognised.get(part.digest), accepted)
    ]
    if compare is not None:
        parts = [compared(part, data, registered, call, deployment, compare) for part in parts]
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
    bodies: Sequence[tuple[Fact, ...]], parts: Sequence[PieceFacts], by_words: Sequence[tuple[Fact, ...]]
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
