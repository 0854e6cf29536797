"""Conditions of clauses as typed trees: what the evaluator, the linter and later the analyser read.

The tree is Cedar's expression with limits already put in, conditionals lifted out of comparisons, and sets
and words told apart by the registry. Every leaf is a test on facts; errors can arise in arithmetic alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: bool


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    arg: "Condition"


@dataclass(frozen=True, slots=True)
class All:
    """Conjunction, left to right, stopping at the first false."""

    args: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Any:
    """Disjunction, left to right, stopping at the first true."""

    args: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class If:
    """`if test then then else other`."""

    test: "Condition"
    then: "Condition"
    other: "Condition"


@dataclass(frozen=True, slots=True)
class OneOf:
    """An enumerated fact has one of these values."""

    fact: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class SameWord:
    """Two enumerated facts have the same value."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class IsTrue:
    """A Boolean fact is true."""

    fact: str


@dataclass(frozen=True, slots=True)
class Number:
    """An integer constant of the clause or of the bundle's limits."""

    value: int


@dataclass(frozen=True, slots=True)
class Count:
    """The value of an integer fact."""

    fact: str


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+`, `-` or `*` on 64-bit integers; overflow is an error of the clause."""

    op: str
    left: "Term"
    right: "Term"


Term: TypeAlias = Number | Count | Arithmetic


@dataclass(frozen=True, slots=True)
class Compare:
    """`left op right`, with `op` one of `<`, `<=`, `==`; the others are rewritten to these."""

    op: str
    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Words:
    """A constant set of words."""

    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class WordSet:
    """The value of a set fact, or the approvals given (`approvals`)."""

    fact: str


SetTerm: TypeAlias = Words | WordSet


@dataclass(frozen=True, slots=True)
class Overlap:
    """The two sets share a member (`containsAny`)."""

    left: SetTerm
    right: SetTerm


@dataclass(frozen=True, slots=True)
class Subset:
    """Every member of `inner` is in `outer` (`containsAll`, `contains`, `isEmpty`)."""

    inner: SetTerm
    outer: SetTerm


@dataclass(frozen=True, slots=True)
class SameSet:
    """The two sets are equal."""

    left: SetTerm
    right: SetTerm


@dataclass(frozen=True, slots=True)
class HasWord:
    """A set fact contains the value of an enumerated fact."""

    words: str
    word: str


Atom: TypeAlias = OneOf | SameWord | IsTrue | Compare | Overlap | Subset | SameSet | HasWord
Condition: TypeAlias = Literal | Not | All | Any | If | Atom

APPROVALS = "approvals"


def conjunction(args: tuple[Condition, ...]) -> Condition:
    """The conjunction with nested conjunctions flattened; order, which errors depend on, is kept."""
    flat: list[Condition] = []
    for arg in args:
        flat.extend(arg.args if isinstance(arg, All) else (arg,))
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def disjunction(args: tuple[Condition, ...]) -> Condition:
    """The disjunction with nested disjunctions flattened; order is kept."""
    flat: list[Condition] = []
    for arg in args:
        flat.extend(arg.args if isinstance(arg, Any) else (arg,))
    return flat[0] if len(flat) == 1 else Any(tuple(flat))


def atoms(condition: Condition, positive: bool = True) -> Iterator[tuple[Atom, bool | None]]:
    """Each atom with its polarity: True where it can only help the condition hold, None where both."""
    match condition:
        case Literal():
            return
        case Not(arg):
            yield from atoms(arg, not positive)
        case All(args) | Any(args):
            for arg in args:
                yield from atoms(arg, positive)
        case If(test, then, other):
            for atom, _ in atoms(test):
                yield atom, None
            yield from atoms(then, positive)
            yield from atoms(other, positive)
        case _:
            yield condition, positive


def terms(term: Term) -> Iterator[str]:
    """The facts that an integer term reads."""
    match term:
        case Number():
            return
        case Count(fact):
            yield fact
        case Arithmetic(_, left, right):
            yield from terms(left)
            yield from terms(right)


def facts_of(atom: Atom) -> tuple[str, ...]:
    """The facts that an atom reads, `approvals` among them."""
    match atom:
        case OneOf(fact, _) | IsTrue(fact):
            return (fact,)
        case SameWord(left, right):
            return (left, right)
        case Compare(_, left, right):
            return (*terms(left), *terms(right))
        case Overlap(left, right) | SameSet(left, right) | Subset(left, right):
            return tuple(term.fact for term in (left, right) if isinstance(term, WordSet))
        case HasWord(words, word):
            return (words, word)


def can_error(condition: Condition) -> bool:
    """Whether any part of the condition holds arithmetic, the one source of errors over total facts."""
    return any(
        isinstance(atom, Compare)
        and (isinstance(atom.left, Arithmetic) or isinstance(atom.right, Arithmetic))
        for atom, _ in atoms(condition)
    )
