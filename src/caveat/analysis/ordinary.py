"""Ordinary uses before strange ones: which values to prefer where any would show the same.

A preference is an assumption that is dropped where it stands in the way; it never hides a use, it only
chooses among those that there are. Words that few clauses single out come first, and nobody's approval.
"""

from collections import Counter
from collections.abc import Iterable

from caveat.analysis.frame import Flag, Word
from caveat.analysis.pair import Pair
from caveat.analysis.solve import Answer, Term, iff, neg
from caveat.facts.registry import FactSpec
from caveat.policy.clause import Clause
from caveat.policy.expression import OneOf, atoms


def preferences(pair: Pair) -> tuple[Term, ...]:
    """Named terms, the most wanted first: no approval, then one ordinary value of each fact."""
    mentions = _mentions((*pair.first.clauses, *pair.second.clauses))
    wanted: list[Term] = [neg(term) for term in pair.gain.approvals.terms.values()]
    wanted.append(pair.gain.at(("prompt",)))
    for name, symbol in pair.gain.facts.items():
        spec = pair.gain.specs[name]
        if isinstance(symbol, Word):
            wanted.append(symbol.is_word(_plainest(spec, mentions)))
        elif isinstance(symbol, Flag):
            wanted.append(iff(symbol.term, spec.severest is not True))
    return tuple(pair.solver.name(term) for term in wanted)


def _plainest(spec: FactSpec, mentions: Counter[tuple[str, str]]) -> str:
    known = [word for word in spec.values if word not in spec.unknown]
    return min(known or spec.values, key=lambda word: (mentions[spec.name, word], spec.values.index(word)))


def _mentions(clauses: Iterable[Clause]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for clause in clauses:
        for atom, _ in atoms(clause.condition):
            if isinstance(atom, OneOf):
                found.update((atom.fact, value) for value in atom.values)
    return found


def feasible(pair: Pair, wanted: tuple[Term, ...], required: tuple[Term, ...]) -> tuple[Term, ...]:
    """The preferences that can be had together with what is required, which itself can be had."""
    kept = list(wanted)
    while kept:
        if pair.solver.ask(*required, *kept) is not Answer.UNSATISFIABLE:
            break
        core = pair.solver.core()
        blamed = [term for term in kept if str(term) in core]
        if not blamed:
            return ()
        kept.remove(blamed[-1])
    return tuple(kept)
