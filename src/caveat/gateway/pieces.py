"""What is said of each piece of a part: by whom it is covered, who differs about it, and what it touches.

Laws of the module, each with a test: a fact becomes known of a piece only from evidence that covers every
byte of it, and of a selection only where the fact holds of each record; owners who differ about a piece are
each believed in a case of their own; whatever a fragment only touches adds cases and takes none away, so it
can only tighten. Source: DESIGN section 3, ADR-0022, attacks 22 to 28 in `THREAT_MODEL.md`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from caveat.call.call import Part, PartKind
from caveat.evidence.check import Checked
from caveat.evidence.counting import JSONL
from caveat.evidence.recognition import Piece, Recognition
from caveat.facts.fact import Fact
from caveat.facts.registry import Registry
from caveat.gateway.joining import settle
from caveat.labels.join import Join, join_sets
from caveat.signing.digest import Digest, sha256

MAX_PIECES = 64
"""Groups of one part with different owners; a part with more is one piece that nothing covers."""

Alternative = tuple[Fact, ...]
_COUNTS = (Join.TOTAL, Join.GREATEST)


@dataclass(frozen=True, slots=True)
class Said:
    """One piece, and what is said of it.

    `facts`: what nobody disputes. `alternatives`: for each owner that differs from another, its own word;
    one empty alternative where nobody differs. `overlays`: what is said of data of which only a fragment was
    known again. `about`: the evidence that covers it. `counted`: where its persons are counted; there is a
    count only if each of these can be counted, and it is that of the first.
    """

    part: Part
    counted: tuple[Part, ...]
    facts: tuple[Fact, ...]
    alternatives: tuple[Alternative, ...]
    overlays: tuple[Alternative, ...]
    about: tuple[Checked, ...]


def named_by(accepted: Iterable[Checked]) -> frozenset[Digest]:
    """The digests of which accepted evidence speaks."""
    return frozenset(digest for one in accepted for digest in one.parts)


def covered_digests(
    parts: Iterable[Part], recognised: Mapping[Digest, Recognition], accepted: Sequence[Checked]
) -> frozenset[Digest]:
    """Of the parts of which accepted evidence covers every byte: by the digest of all of them, or piece by
    piece."""
    named = named_by(accepted)
    if not named:
        return frozenset()
    known = {
        digest
        for digest, found in recognised.items()
        if found.covered and all(piece.owners & named for piece in found.pieces)
    }
    return frozenset(part.digest for part in parts if part.digest in named or part.digest in known)


def pieces_of(
    registry: Registry, part: Part, recognition: Recognition | None, accepted: Sequence[Checked]
) -> tuple[Said, ...]:
    """The pieces of one data part, each with what is said of it."""
    own = tuple(one for one in accepted if part.digest in one.parts)
    if recognition is None:
        facts = tuple(dict.fromkeys(fact for one in own for fact in one.facts))
        return (Said(part, (part,), facts, ((),), (), own),)
    pieces = recognition.pieces
    if len(pieces) > MAX_PIECES:
        pieces = (Piece(part.content, frozenset()),)
    return tuple(
        _said(registry, part, piece, recognition, accepted, own, alone=len(pieces) == 1) for piece in pieces
    )


def _said(
    registry: Registry,
    whole: Part,
    piece: Piece,
    recognition: Recognition,
    accepted: Sequence[Checked],
    own: tuple[Checked, ...],
    *,
    alone: bool,
) -> Said:
    by_itself = _part_of(whole, piece, recognition.media_type)
    part = whole if alone else by_itself
    # Rows that are covered are what the manifest says, in whatever form they were sent; rows that nobody
    # vouches for are counted only where all that was sent can be.
    is_rows = bool(piece.owners) and recognition.media_type == JSONL
    counted = (by_itself,) if is_rows else (whole,) if alone else (by_itself, whole)
    by_owner = {
        digest: _facts_about(registry, digest, accepted, exact=digest in recognition.exact)
        for digest in sorted(piece.owners)
    }
    # 1. Boilerplate counts only where all its owners say the same of it.
    if piece.common and len({frozenset((f.name, f.value) for f in facts) for facts in by_owner.values()}) > 1:
        by_owner = {}
    # 2. The digest of the whole part is one more owner.
    words = [tuple(dict.fromkeys(fact for one in own for fact in one.facts)), *by_owner.values()]
    facts, alternatives = _undisputed(registry, [said for said in words if said])
    # 3. What is only touched, or only holds of the exact set, is decided beside and never instead.
    elsewhere = frozenset(digest for other in recognition.pieces for digest in other.owners)
    touching = recognition.touched & (piece.owners | (recognition.touched - elsewhere)) - recognition.exact
    about = {one.envelope: one for one in own}
    about |= {one.envelope: one for one in accepted if by_owner.keys() & one.parts}
    overlays = overlays_of(
        registry,
        [one for one in touching if not _all_permitted(registry, one, accepted, by_owner)],
        accepted,
    )
    return Said(part, counted, facts, alternatives, overlays, tuple(about.values()))


def _all_permitted(
    registry: Registry,
    digest: Digest,
    accepted: Sequence[Checked],
    by_owner: Mapping[Digest, tuple[Fact, ...]],
) -> bool:
    """Whether an owner's every word is among what is known already, so that no case beside it is needed."""
    said = overlays_of(registry, [digest], accepted)
    return bool(said) and set(said[0]) <= set(by_owner.get(digest, ()))


def _part_of(whole: Part, piece: Piece, media_type: str) -> Part:
    return replace(
        whole,
        kind=PartKind.DATA,
        media_type=media_type,
        content=piece.content,
        digest=sha256(piece.content),
    )


def _facts_about(
    registry: Registry, digest: Digest, accepted: Iterable[Checked], *, exact: bool
) -> tuple[Fact, ...]:
    """What counts of a selection: facts of each record; of the exact set, every fact."""
    found: dict[Fact, None] = {}
    for one in accepted:
        if digest in one.parts:
            for fact in one.facts:
                # Of counts only nothing at all is true of every selection.
                holds = fact.value == 0 or not _is_count(registry, fact)
                if exact or (fact.name in one.each and holds):
                    found[fact] = None
    return tuple(found)


def _is_count(registry: Registry, fact: Fact) -> bool:
    """Whether the fact counts what is in the data: then it never holds of a part of them."""
    return registry.facts[fact.name].join in _COUNTS


def overlays_of(
    registry: Registry, touched: Iterable[Digest], accepted: Sequence[Checked]
) -> tuple[Alternative, ...]:
    """For each manifest of which a fragment is there, all that is said of it save counts and unknowns."""
    overlays: dict[Alternative, None] = {}
    for digest in sorted(touched):
        facts = dict.fromkeys(
            fact
            for one in accepted
            if digest in one.parts
            for fact in one.facts
            if not _is_count(registry, fact) and not registry.facts[fact.name].is_unknown(fact.value)
        )
        if facts:
            overlays[tuple(facts)] = None
    return tuple(overlays)


def _undisputed(
    registry: Registry, owners: Sequence[tuple[Fact, ...]]
) -> tuple[tuple[Fact, ...], tuple[Alternative, ...]]:
    """What owners of one piece do not differ about, sets united; and the word of each that does differ.

    Statements about one and the same subject that differ stay together: those contradict each other.
    """
    if len(owners) < 2:
        return (owners[0] if owners else ()), ((),)
    facts: dict[Fact, None] = {}
    differing: list[list[Fact]] = [[] for _ in owners]
    for name in dict.fromkeys(fact.name for said in owners for fact in said):
        spec = registry.facts[name]
        said = [[fact for fact in own if fact.name == name] for own in owners]
        settled = [settle(registry, spec, some) for some in said]
        values = {one.value for one in settled if one.value is not None}
        if len(values) < 2 or any(one.contradictory for one in settled) or spec.join in _COUNTS:
            facts.update(dict.fromkeys(fact for some in said for fact in some))
        elif spec.join is Join.UNION:
            united: frozenset[str] = frozenset()
            for value in values:
                united = join_sets(Join.UNION, united, value) if isinstance(value, frozenset) else united
            first = next(fact for some in said for fact in some if not spec.is_unknown(fact.value))
            facts[replace(first, value=united, source=f"join:{len(values)}")] = None
        else:
            for place, some in enumerate(said):
                differing[place] += some
    alternatives = tuple(dict.fromkeys(tuple(some) for some in differing if some))
    return tuple(facts), alternatives or ((),)


def overlay(body: tuple[Fact, ...], over: Alternative) -> tuple[Fact, ...]:
    """The case in which what is said of the fragment stands in place of what is said of the rest."""
    names = {fact.name for fact in over}
    return (*(fact for fact in body if fact.name not in names), *over)


def touched_by_words(
    registry: Registry,
    parts: Iterable[Part],
    recognised: Mapping[Digest, Recognition],
    accepted: Sequence[Checked],
) -> tuple[Alternative, ...]:
    """Overlays of words that stay typed although some of them were known again."""
    touched: set[Digest] = set()
    for part in parts:
        found = recognised.get(part.digest)
        if found is not None:
            touched |= found.touched
    return overlays_of(registry, touched, accepted)
