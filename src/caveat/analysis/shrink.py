"""Smaller witnesses: nothing in them that does not matter, and nothing larger than it need be.

Each step keeps what the witness shows, by asking the live engine again: first the truth is told wherever no
lie is needed, then facts are dropped, sets lose members, and words and counts go to the first value that will
do. The result is minimal, not the least of all. The order is fixed, so equal questions get equal witnesses on
most machines: what the solver begins with is its own choice.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from caveat.analysis.witness import Witness
from caveat.decision.verdict import Decision
from caveat.facts.registry import FactSpec
from caveat.facts.value import Value
from caveat.policy.bundle import Bundle
from caveat.policy.clause import Clause
from caveat.policy.expression import Arithmetic, Compare, Count, Number, Term, atoms

Still: TypeAlias = Callable[[Witness], Decision | None]
"""The live decision if the smaller use shows the same, else None."""


def shrunk(bundle: Bundle, witness: Witness, still: Still) -> Witness:
    """The witness with nothing in it that does not matter."""
    names = tuple(bundle.registry.facts)
    witness = fewer_facts(witness, names, still)
    limits = limits_compared(bundle)
    for name in names:
        witness = _smaller_set(witness, name, still)
        witness = _earlier_words(witness, bundle.registry.facts[name], still)
        witness = _smaller_count(witness, name, limits.get(name, frozenset()), still)
    return fewer_facts(witness, names, still)


def fewer_facts(witness: Witness, names: tuple[str, ...], still: Still) -> Witness:
    """The witness with the truth told wherever no lie is needed, and without the facts that do not matter."""
    for name in names:
        witness = _tried(witness, _told_truly(witness, name), still)
    for name in reversed(names):
        witness = _tried(witness, _without(witness, name), still)
    return witness


def _tried(witness: Witness, candidate: Witness | None, still: Still) -> Witness:
    if candidate is None:
        return witness
    decision = still(candidate)
    return witness if decision is None else replace(candidate, decision=decision)


def _told_truly(witness: Witness, name: str) -> Witness | None:
    if name not in witness.lies:
        return None
    honest = replace(witness.said[name], value=witness.truth[name], settled=False)
    return replace(witness, said={**witness.said, name: honest})


def _without(witness: Witness, name: str) -> Witness | None:
    if name in witness.lies or name not in witness.truth.keys() | witness.said.keys():
        return None
    return replace(
        witness,
        truth={key: value for key, value in witness.truth.items() if key != name},
        said={key: value for key, value in witness.said.items() if key != name},
    )


def _smaller_set(witness: Witness, name: str, still: Still) -> Witness:
    """Fewer members: in what is true, and apart from it in what is seen where that is a lie."""
    value = witness.truth.get(name)
    for word in sorted(value) if isinstance(value, frozenset) else ():
        kept = witness.truth[name]
        if isinstance(kept, frozenset) and len(kept) > 1:
            witness = _tried(witness, _with_truth(witness, name, kept - {word}), still)
    lie = witness.said[name].value if name in witness.lies else None
    for word in sorted(lie) if isinstance(lie, frozenset) else ():
        seen = witness.said[name].value
        if isinstance(seen, frozenset) and len(seen) > 1:
            witness = _tried(witness, _with_lie(witness, name, seen - {word}), still)
    return witness


def _earlier_words(witness: Witness, spec: FactSpec, still: Still) -> Witness:
    """The first declared word that will do, in the place of each that is true."""
    value = witness.truth.get(spec.name)
    if isinstance(value, str):
        for word in spec.values[: spec.values.index(value)]:
            earlier = _tried(witness, _with_truth(witness, spec.name, word), still)
            if earlier is not witness:
                return earlier
    if isinstance(value, frozenset) and len(value) == 1:
        (only,) = value
        for word in spec.values[: spec.values.index(only)]:
            earlier = _tried(witness, _with_truth(witness, spec.name, frozenset({word})), still)
            if earlier is not witness:
                return earlier
    return witness


def _smaller_count(witness: Witness, name: str, limits: frozenset[int], still: Still) -> Witness:
    value = witness.truth.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return witness
    near = {0, 1, *limits, *(limit + 1 for limit in limits)}
    for number in sorted(number for number in near if 0 <= number < value):
        smaller = _tried(witness, _with_truth(witness, name, number), still)
        if smaller is not witness:
            return smaller
    return witness


def _with_truth(witness: Witness, name: str, value: Value) -> Witness:
    said = dict(witness.said)
    if name in said and name not in witness.lies:
        said[name] = replace(said[name], value=value)
    return replace(witness, truth={**witness.truth, name: value}, said=said)


def _with_lie(witness: Witness, name: str, value: Value) -> Witness:
    return replace(witness, said={**witness.said, name: replace(witness.said[name], value=value)})


def limits_compared(bundle: Bundle) -> dict[str, frozenset[int]]:
    """The numbers that clauses and red lines compare each count with."""
    found: dict[str, set[int]] = {}
    for clause in (*bundle.clauses, *bundle.red_lines):
        for name, number in _compared(clause):
            found.setdefault(name, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


def _compared(clause: Clause) -> Iterable[tuple[str, int]]:
    for atom, _ in atoms(clause.condition):
        if isinstance(atom, Compare):
            sides = [*_leaves(atom.left), *_leaves(atom.right)]
            numbers = [side.value for side in sides if isinstance(side, Number)]
            for side in sides:
                if isinstance(side, Count):
                    yield from ((side.fact, number) for number in numbers)


def _leaves(term: Term) -> Iterator[Number | Count]:
    if isinstance(term, Arithmetic):
        yield from _leaves(term.left)
        yield from _leaves(term.right)
    else:
        yield term
