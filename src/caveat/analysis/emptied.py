"""Where a clause that still stands stops nothing that it stopped, and who is past it by a claim alone.

Each clause is compared with the bundle without it. A qualifier, or a limit above every count, that empties
a clause is its deletion under another name. Source: POLICY section 5, ADR-0018.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from caveat.analysis.difference import Emptied
from caveat.analysis.encode import EncodedClause, encode_policy, permitted
from caveat.analysis.frame import Members, fixed_symbol, has_value
from caveat.analysis.pair import Pair, declared
from caveat.analysis.solve import Answer, Term, conj, disj, neg
from caveat.facts.registry import FactType
from caveat.facts.value import Value, render_value
from caveat.policy.clause import Clause
from caveat.policy.consent import facts_read
from caveat.signing.canonical import Json

_TRIES = 24


@dataclass(frozen=True, slots=True)
class Served:
    """One clause of the policy document in both bundles: the policies that serve it."""

    id: str
    old: tuple[Clause, ...]
    new: tuple[Clause, ...]

    def words(self, side: Sequence[Clause]) -> tuple[object, ...]:
        """What people read of one side."""
        return tuple((each.text, each.source) for each in side)


def _fires(encoded: Iterable[EncodedClause], name: str, *, permits: bool) -> Term:
    return disj(
        each.fires for each in encoded if name in each.clause.clauses and each.clause.is_permit is permits
    )


def is_same(pair: Pair, name: str) -> bool | None:
    """Whether what the clause stops and permits is the same before and after; None where not answered."""
    for permits in (True, False):
        old = _fires(pair.denying.clauses, name, permits=permits)
        new = _fires(pair.policy.clauses, name, permits=permits)
        answer = pair.solver.ask(pair.plain, disj([conj([old, neg(new)]), conj([new, neg(old)])]))
        if answer is not Answer.UNSATISFIABLE:
            return None if answer is Answer.UNKNOWN else False
    return True


def emptied(pair: Pair, each: Served) -> tuple[Emptied, ...]:
    """Where the clause stops nothing that it stopped: everywhere, or for values of what it reads."""
    solver = pair.solver
    old = solver.name(_fires(pair.denying.clauses, each.id, permits=False))
    new = solver.name(_fires(pair.policy.clauses, each.id, permits=False))
    if solver.ask(pair.plain, old) is not Answer.SATISFIABLE:
        return ()
    if solver.ask(pair.plain, old, neg(new)) is not Answer.SATISFIABLE:
        return ()
    if solver.ask(pair.plain, new) is Answer.UNSATISFIABLE or _is_idle(pair, each.id, old):
        return (Emptied({}),)

    def is_empty(where: Mapping[str, Value]) -> bool:
        chosen = [has_value(pair.gain.facts[name], value) for name, value in where.items()]
        return (
            solver.ask(pair.plain, new, *chosen) is Answer.UNSATISFIABLE
            and solver.ask(pair.plain, old, *chosen) is Answer.SATISFIABLE
        )

    return tuple(_regions(pair, each, is_empty))


def _is_idle(pair: Pair, name: str, old: Term) -> bool:
    """Whether the new bundle is the same without the clause, though uses that it stopped have opened."""
    without = permitted(each for each in pair.policy.clauses if name not in each.clause.clauses)
    if pair.solver.ask(pair.plain, pair.gained, old) is not Answer.SATISFIABLE:
        return False
    return pair.solver.ask(pair.plain, without, neg(pair.policy.permitted)) is Answer.UNSATISFIABLE


def _regions(pair: Pair, each: Served, is_empty: Callable[[Mapping[str, Value]], bool]) -> Iterator[Emptied]:
    """Single facts first; where the clause reads new ones, pairs of a new fact with another."""
    before = {fact for clause in each.old for fact in facts_read(clause)}
    after = {fact for clause in each.new for fact in facts_read(clause)}
    fresh = after - before
    candidates = {name: _values(pair, name) for name in pair.gain.facts if name in (fresh or after)}
    single = False
    for name, values in candidates.items():
        empty = [value for value in values if is_empty({name: value})]
        if empty:
            single = True
            yield Emptied({name: tuple(render_value(value) for value in empty)})
    if single or not fresh:
        return
    for one, other in combinations(sorted(fresh), 2):
        yield from _rectangles(
            one,
            other,
            {
                pairing
                for pairing in product(candidates[one], candidates[other])
                if is_empty({one: pairing[0], other: pairing[1]})
            },
        )


def _rectangles(one: str, other: str, empty: set[tuple[Value, Value]]) -> Iterator[Emptied]:
    grouped: dict[frozenset[Value], list[Value]] = {}
    for value in sorted({left for left, _ in empty}, key=repr):
        grouped.setdefault(frozenset(right for left, right in empty if left == value), []).append(value)
    for rights, lefts in grouped.items():
        yield Emptied(
            {
                one: tuple(render_value(value) for value in lefts),
                other: tuple(render_value(value) for value in sorted(rights, key=repr)),
            }
        )


def _values(pair: Pair, name: str) -> tuple[Value, ...]:
    """The values worth trying: words, truth values, sets of one word. Counts have too many."""
    spec = pair.first.registry.facts[name]
    match spec.type:
        case FactType.ENUM:
            return spec.values
        case FactType.BOOL:
            return (False, True)
        case FactType.SET:
            return tuple(frozenset({word}) for word in spec.values)
        case FactType.LONG:
            return ()


def switched_off(pair: Pair, each: Served, claimed: frozenset[str]) -> dict[str, Json]:
    """Claims with which every caller gets past the clause, whatever is true; empty where there are none.

    By trial and counter-example: claims are proposed, and each use that they do not save rules out all
    claims that would not save it.
    """
    reads = {fact for clause in each.new if not clause.is_permit for fact in facts_read(clause)}
    names = [name for name in pair.gain.facts if name in reads & claimed]
    if not names:
        return {}
    fires = pair.solver.name(_fires(pair.policy.clauses, each.id, permits=False))
    if pair.solver.ask(fires) is not Answer.SATISFIABLE:
        return {}
    ruled: list[Term] = []
    for _ in range(_TRIES):
        if pair.solver.ask(neg(fires), *ruled) is not Answer.SATISFIABLE:
            return {}
        model = pair.solver.model()
        values = pair.gain.read(model)
        chosen = {name: values[name] for name in names}
        said = [has_value(pair.gain.facts[name], value) for name, value in chosen.items()]
        if pair.solver.ask(fires, *said) is Answer.UNSATISFIABLE:
            return {name: render_value(chosen[name]) for name in _needed(pair, fires, chosen)}
        ruled.append(neg(_fires_at(pair, each, names)))
    return {}


def _needed(pair: Pair, fires: Term, chosen: Mapping[str, Value]) -> list[str]:
    """Of these claims, a smallest set in order that still gets every caller past."""
    kept = dict(chosen)
    for name in chosen:
        fewer = [has_value(pair.gain.facts[other], kept[other]) for other in kept if other != name]
        if pair.solver.ask(fires, *fewer) is Answer.UNSATISFIABLE:
            del kept[name]
    return list(kept)


def _fires_at(pair: Pair, each: Served, names: Sequence[str]) -> Term:
    """Whether the clause fires with the claims left open and the rest as in the solver's last model."""
    model = pair.solver.model()
    values = pair.gain.read(model)
    fixed = {
        name: symbol if name in names else fixed_symbol(pair.gain.specs[name], values[name])
        for name, symbol in pair.gain.facts.items()
    }
    given = {role: model.holds(term) for role, term in pair.gain.approvals.terms.items()}
    frame = replace(pair.gain, facts=fixed, approvals=Members(dict(given)))
    encoded = encode_policy(frame, [clause for clause in each.new if not clause.is_permit])
    return conj(
        [
            disj(one.fires for one in encoded.clauses),
            *(declared(pair.gain.facts[name], pair.gain.specs[name]) for name in names),
        ]
    )
