"""Clauses as formulas: exactly what the evaluator says of complete facts, errors and short circuits included.

A condition is a pair of terms, *true* and *error*, never both; false is neither. A use is permitted if some
permit holds, no forbid holds, and no clause is an error: stricter than Cedar, which skips a clause that
errors. What the language of clauses has is covered whole; anything else does not translate in the first
place. Source: POLICY sections 3 and 4, ADR-0003, ADR-0017.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar, assert_never

from caveat.analysis.frame import Flag, Frame, Integer, Members, Symbol, Word
from caveat.analysis.solve import (
    INTEGER_BITS,
    Bits,
    Term,
    arithmetic,
    conj,
    constant,
    disj,
    less,
    less_equal,
    neg,
    same,
)
from caveat.policy.clause import Clause
from caveat.policy.expression import (
    APPROVALS,
    All,
    Any,
    Arithmetic,
    Compare,
    Condition,
    Count,
    HasWord,
    If,
    IsTrue,
    Literal,
    Not,
    Number,
    OneOf,
    Overlap,
    SameSet,
    SameWord,
    SetTerm,
    Subset,
    Words,
)
from caveat.policy.expression import Term as IntegerTerm

_Kind = TypeVar("_Kind", Word, Flag, Integer, Members)


@dataclass(frozen=True, slots=True)
class Truth:
    """A condition: `true` where it holds, `error` where it is an error; nowhere both."""

    true: Term
    error: Term = False

    @property
    def false(self) -> Term:
        """Where it does not hold, and is no error."""
        return conj([neg(self.true), neg(self.error)])


@dataclass(frozen=True, slots=True)
class EncodedClause:
    """`fires`: it applies at the use's point and holds. `errs`: it applies and is an error."""

    clause: Clause
    fires: Term
    errs: Term


@dataclass(frozen=True, slots=True)
class EncodedPolicy:
    """The clauses of one policy over one frame."""

    frame: Frame
    clauses: tuple[EncodedClause, ...]

    @property
    def permitted(self) -> Term:
        """Whether the complete facts of the frame, with its approvals, are allowed."""
        return permitted(self.clauses)


def permitted(clauses: Iterable[EncodedClause]) -> Term:
    """Some permit holds, no forbid holds, and no clause is an error."""
    chosen = tuple(clauses)
    return conj(
        [
            disj(each.fires for each in chosen if each.clause.is_permit),
            *(neg(each.fires) for each in chosen if not each.clause.is_permit),
            *(neg(each.errs) for each in chosen),
        ]
    )


def encode_policy(frame: Frame, clauses: Sequence[Clause]) -> EncodedPolicy:
    """The clauses over the frame."""
    encoder = Encoder(frame)
    return EncodedPolicy(frame, tuple(encoder.clause(clause) for clause in clauses))


def inside(frame: Frame, specification: Sequence[Clause]) -> Term:
    """Whether the facts of the frame are what the red line says must never happen.

    An error of the specification counts as inside: what cannot be told is not cleared.
    """
    encoder = Encoder(frame)
    encoded = [encoder.clause(clause) for clause in specification]
    return disj(term for each in encoded for term in (each.fires, each.errs))


class Encoder:
    """Encodes conditions over one frame; equal conditions become one term."""

    def __init__(self, frame: Frame) -> None:
        """`frame`: whose facts the conditions read."""
        self.frame = frame
        self._known: dict[Condition, Truth] = {}

    def clause(self, clause: Clause) -> EncodedClause:
        """The clause, at its points of control."""
        applies = self.frame.at(clause.points)
        truth = self.condition(clause.condition)
        return EncodedClause(clause, conj([applies, truth.true]), conj([applies, truth.error]))

    def condition(self, condition: Condition) -> Truth:
        """The condition as a pair of terms."""
        known = self._known.get(condition)
        if known is None:
            known = self._known[condition] = self._encode(condition)
        return known

    def _encode(self, condition: Condition) -> Truth:
        match condition:
            case Literal(value):
                return Truth(value)
            case Not(arg):
                inner = self.condition(arg)
                return Truth(inner.false, inner.error)
            case All(args):
                return _chain([self.condition(arg) for arg in args])
            case Any(args):
                parts = [self.condition(arg) for arg in args]
                chain = _chain([Truth(part.false, part.error) for part in parts])
                return Truth(chain.false, chain.error)
            case If(test, then, other):
                return _choice(self.condition(test), self.condition(then), self.condition(other))
            case Compare():
                return self._compare(condition)
            case OneOf(fact, values):
                return Truth(disj(self._word(fact).is_word(value) for value in sorted(values)))
            case IsTrue(fact):
                return Truth(self._flag(fact).term)
            case SameWord(left, right):
                return Truth(self._same_word(self._word(left), self._word(right)))
            case HasWord(words, word):
                return Truth(self._has_word(self._members(words), self._word(word)))
            case Overlap(left, right):
                return Truth(_overlap(self._set(left), self._set(right)))
            case Subset(inner, outer):
                return Truth(_subset(self._set(inner), self._set(outer)))
            case SameSet(left, right):
                return Truth(_same_set(self._set(left), self._set(right)))
            case _:
                assert_never(condition)

    def _compare(self, compare: Compare) -> Truth:
        left, left_error = self._integer(compare.left)
        right, right_error = self._integer(compare.right)
        error = disj([left_error, right_error])
        match compare.op:
            case "<":
                holds = less(left, right)
            case "<=":
                holds = less_equal(left, right)
            case _:
                holds = same(left, right)
        return Truth(conj([holds, neg(error)]), error)

    def _integer(self, term: IntegerTerm) -> tuple[Bits, Term]:
        match term:
            case Number(value):
                return constant(value, INTEGER_BITS), False
            case Count(fact):
                return self._count(fact).bits, False
            case Arithmetic(op, left, right):
                one, one_error = self._integer(left)
                other, other_error = self._integer(right)
                result, overflow = arithmetic(op, one, other)
                return result, disj([one_error, other_error, overflow])

    def _same_word(self, left: Word, right: Word) -> Term:
        return disj(conj([left.is_word(word), right.is_word(word)]) for word in left.places)

    def _has_word(self, words: Members, word: Word) -> Term:
        return disj(conj([word.is_word(text), words.has(text)]) for text in word.places)

    def _set(self, term: SetTerm) -> Members:
        if isinstance(term, Words):
            return Members(dict.fromkeys(sorted(term.values), True))
        return self._members(term.fact)

    def _members(self, fact: str) -> Members:
        return self.frame.approvals if fact == APPROVALS else _typed(self.frame.facts[fact], Members)

    def _word(self, fact: str) -> Word:
        return _typed(self.frame.facts[fact], Word)

    def _flag(self, fact: str) -> Flag:
        return _typed(self.frame.facts[fact], Flag)

    def _count(self, fact: str) -> Integer:
        return _typed(self.frame.facts[fact], Integer)


def _typed(symbol: Symbol, kind: type[_Kind]) -> _Kind:
    if not isinstance(symbol, kind):
        raise TypeError("a clause reads a fact by its declared type")
    return symbol


def _subset(inner: Members, outer: Members) -> Term:
    return conj(disj([neg(term), outer.has(word)]) for word, term in inner.terms.items())


def _overlap(left: Members, right: Members) -> Term:
    return disj(conj([term, right.has(word)]) for word, term in left.terms.items())


def _same_set(left: Members, right: Members) -> Term:
    return conj([_subset(left, right), _subset(right, left)])


def _chain(parts: Sequence[Truth]) -> Truth:
    """Conjunction from left to right: a false stops it, an error ends it."""
    true = conj(part.true for part in parts)
    if all(part.error is False for part in parts):
        return Truth(true)
    error: Term = False
    for part in reversed(parts):
        error = disj([part.error, conj([part.true, error])])
    return Truth(true, error)


def _choice(test: Truth, then: Truth, other: Truth) -> Truth:
    true = disj([conj([test.true, then.true]), conj([test.false, other.true])])
    error = disj([test.error, conj([test.true, then.error]), conj([test.false, other.error])])
    return Truth(true, error)
