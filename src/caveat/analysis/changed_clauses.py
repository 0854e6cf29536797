"""What happened to each clause: deleted, added, reworded, or still standing and stopping nothing any more.

Clauses are compared by what they do. A move to another file or a new number is no change; a qualifier or a
limit that empties a clause is reported as its deletion, wherever it does. Source: POLICY section 5, ADR-0018.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from caveat.analysis.consents import ActorSets, smallest_sets
from caveat.analysis.difference import ClauseChange, Emptied
from caveat.analysis.emptied import Served, emptied, is_same, switched_off
from caveat.analysis.pair import Pair
from caveat.analysis.saying import is_comparable, ways
from caveat.facts.fact import Grade
from caveat.policy.amend import all_of
from caveat.policy.bundle import Bundle
from caveat.policy.changes import Change
from caveat.policy.clause import Clause
from caveat.policy.consent import facts_read
from caveat.policy.parts import Kind
from caveat.signing.canonical import Json


def clause_changes(
    pair: Pair, old: Bundle, new: Bundle, changed: Sequence[Change]
) -> tuple[ClauseChange, ...]:
    """Every clause, limit, fact and red line that changed, and every clause that a changed fact undermines.

    `pair`: the direction in which the new bundle permits.
    """
    rows: list[ClauseChange] = []
    served = _served(old, new)
    renamed = _renumbered(served)
    claimed = _newly_claimed(old, new)
    for each in served:
        row = _row(pair, each, renamed, changed, claimed)
        if row is not None:
            rows.append(row)
    return (*rows, *_parts(old, new, changed))


def _served(old: Bundle, new: Bundle) -> tuple[Served, ...]:
    names = dict.fromkeys(
        name for bundle in (old, new) for clause in bundle.clauses for name in clause.clauses
    )
    return tuple(
        Served(
            name,
            tuple(clause for clause in old.clauses if name in clause.clauses),
            tuple(clause for clause in new.clauses if name in clause.clauses),
        )
        for name in names
    )


def does(clauses: Iterable[Clause]) -> frozenset[tuple[object, ...]]:
    """What policies do, apart from their names, order and words."""
    return frozenset((each.effect, each.points, each.condition) for each in clauses)


def _renumbered(served: Sequence[Served]) -> dict[str, str]:
    """Old names of clauses that stand under another name, policy for policy, with that name."""
    added = {each.id: does(each.new) for each in served if not each.old}
    return {
        each.id: new
        for each in served
        if not each.new
        for new, doing in added.items()
        if doing == does(each.old)
    }


def _row(
    pair: Pair,
    each: Served,
    renamed: Mapping[str, str],
    changed: Sequence[Change],
    claimed: frozenset[str],
) -> ClauseChange | None:
    if each.id in renamed.values():
        return None
    ids = {clause.id for clause in (*each.old, *each.new)}
    own = [one for one in changed if one.kind is Kind.CLAUSE and one.id in ids]
    fed = claimed & {fact for clause in each.new for fact in facts_read(clause)}
    if each.id in renamed:
        change, note = "renumbered", f"it stands as {renamed[each.id]}"
        return _made(each, change, own, note=note)
    if not each.new:
        return _made(each, "deleted", own)
    if not each.old:
        return _made(each, "added", own)
    if does(each.new) < does(each.old):
        return _made(each, "part deleted", own, note=_shared_with(each))
    if own and does(each.old) != does(each.new):
        same = is_same(pair, each.id)
        return _made(
            each,
            {True: "reworded", False: "changed", None: "changed"}[same],
            own,
            emptied=() if same else emptied(pair, each),
            switched=switched_off(pair, each, claimed),
        )
    limits = () if own or does(each.old) == does(each.new) else emptied(pair, each)
    switched = switched_off(pair, each, fed) if fed else {}
    if not own and not limits and not switched and does(each.old) == does(each.new):
        return None
    return _made(
        each,
        _words_changed(each) if own else _reached(limits, switched),
        own or _behind(changed, fed),
        limits,
        switched,
    )


def _shared_with(each: Served) -> str:
    """The other clauses that the deleted parts served, if any."""
    kept = {clause.id for clause in each.new}
    others = sorted({name for c in each.old if c.id not in kept for name in c.clauses} - {each.id})
    return f"it shared the deleted parts with {', '.join(others)}" if others else ""


def _reached(emptied: tuple[Emptied, ...], switched: Mapping[str, Json]) -> str:
    """How a clause whose text stands is changed all the same."""
    if switched:
        return "reads facts that are believed unproved"
    return "reads a changed limit" if not emptied else "emptied by a changed limit"


def _words_changed(each: Served) -> str:
    """Which of its annotations changed."""
    old, new = each.old, each.new
    changed = [
        word
        for word, differs in (
            ("authority", [c.authority for c in old] != [c.authority for c in new]),
            ("amend", [c.amend_text for c in old] != [c.amend_text for c in new]),
            ("text", each.words(old) != each.words(new)),
            ("enforcement", [c.always_enforced for c in old] != [c.always_enforced for c in new]),
            ("red line", [c.red_line for c in old] != [c.red_line for c in new]),
        )
        if differs
    ]
    return " and ".join(changed) or "reworded"


def _behind(changed: Sequence[Change], facts: frozenset[str]) -> list[Change]:
    """The changes of facts and limits that reach a clause whose own text did not change."""
    chosen = [one for one in changed if one.kind is Kind.FACT and one.id in facts]
    return chosen or [one for one in changed if one.kind is Kind.LIMIT]


def _made(
    each: Served,
    change: str,
    own: Sequence[Change],
    emptied: tuple[Emptied, ...] = (),
    switched: Mapping[str, Json] | None = None,
    note: str = "",
) -> ClauseChange:
    return ClauseChange(
        kind="clause",
        id=each.id,
        change=change,
        before=_text(each.old),
        after=_text(each.new),
        alone=sets_for(own),
        emptied=emptied,
        switched_off=switched or {},
        note=note or _consent_note(each),
    )


def _text(clauses: Sequence[Clause]) -> str:
    return " ".join(dict.fromkeys(clause.text for clause in clauses))


def _consent_note(each: Served) -> str:
    old, new = (
        " / ".join(dict.fromkeys(f"{c.authority}, amendable by {c.amend_text}" for c in side))
        for side in (each.old, each.new)
    )
    return f"{old}; now {new}" if old and new and old != new else ""


def sets_for(changed: Sequence[Change]) -> ActorSets:
    """The smallest sets of actors whose signatures make all of these changes."""
    return smallest_sets(all_of(change.needs for change in changed)) if changed else ()


def _newly_claimed(old: Bundle, new: Bundle) -> frozenset[str]:
    """The facts that count by mere claim in the new bundle alone."""
    one, other = old.registry.facts, new.registry.facts
    return frozenset(
        name
        for name, spec in other.items()
        if spec.grade is Grade.CLAIMED
        and name in one
        and is_comparable(one[name], spec)
        and any(grade is Grade.CLAIMED for grade, _ in ways(spec) - ways(one[name]))
    )


def _parts(old: Bundle, new: Bundle, changed: Sequence[Change]) -> Iterator[ClauseChange]:
    """Limits, facts and red lines that changed, with what they said."""
    for change in changed:
        if change.kind in (Kind.LIMIT, Kind.FACT, Kind.RED_LINE):
            before, after = (_said(bundle, change) for bundle in (old, new))
            yield ClauseChange(
                change.kind.value, change.id, change.action, before, after, smallest_sets(change.needs)
            )


def _said(bundle: Bundle, change: Change) -> str:
    if change.kind is Kind.LIMIT:
        limit = bundle.manifest.limits.get(change.id)
        return "" if limit is None else f"{limit.value:,}; amendable by {limit.amend_text}"
    if change.kind is Kind.RED_LINE:
        return next((clause.text for clause in bundle.red_lines if clause.id == change.id), "")
    spec = bundle.registry.facts.get(change.id)
    if spec is None:
        return ""
    said_by = ", ".join(sorted(f"{grade.value} by {role}" for grade, role in ways(spec)))
    return f"{spec.text} Counts when {said_by}; amendable by {spec.amend}"
