"""Clauses compiled to bit tests on boxes of worlds, in strong Kleene logic with Cedar's short circuits.

For every condition three questions have a compiled answer: can it be true, can it be false, can it be an
error, in some world of the box? The answers are sound (a world that exists is never missed) and exact on a
box of one world. What they leave open is settled by `decision.search`. Source: ADR-0001, POLICY section 3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from caveat.decision.terms import CAN_ERROR, CAN_FALSE, CAN_TRUE, Outcomes, comparison, has_word, same_word
from caveat.decision.world import FALSE, TRUE, Layout
from caveat.policy.clause import Clause
from caveat.policy.expression import (
    All,
    Any,
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

Test: TypeAlias = Callable[[list[int]], object]
_NEVER, _ALWAYS = "0", "1"


@dataclass(frozen=True, slots=True)
class Answers:
    """Python sources of the three tests of one condition; `error` is "0" where no error can arise."""

    true: str
    false: str
    error: str


class Compiler:
    """Compiles the conditions of one policy over one layout, remembering the helpers its sources call."""

    def __init__(self, layout: Layout) -> None:
        """`layout`: where the facts stand."""
        self.layout = layout
        self.helpers: dict[str, Outcomes] = {}

    def answers(self, condition: Condition) -> Answers:
        """The sources for one condition."""
        match condition:
            case Literal(value):
                return Answers(_ALWAYS, _NEVER, _NEVER) if value else Answers(_NEVER, _ALWAYS, _NEVER)
            case Not(arg):
                inner = self.answers(arg)
                return Answers(inner.false, inner.true, inner.error)
            case All(args):
                return _chain([self.answers(arg) for arg in args])
            case Any(args):
                inverted = [self.answers(arg) for arg in args]
                chain = _chain([Answers(each.false, each.true, each.error) for each in inverted])
                return Answers(chain.false, chain.true, chain.error)
            case If(test, then, other):
                return _choice(self.answers(test), self.answers(then), self.answers(other))
            case OneOf(fact, values):
                slot = self.layout.slots[fact]
                mask = self.layout.words(fact, values)
                return Answers(f"v[{slot}]&{mask}", f"v[{slot}]&~{mask}", _NEVER)
            case IsTrue(fact):
                slot = self.layout.slots[fact]
                return Answers(f"v[{slot}]&{TRUE}", f"v[{slot}]&{FALSE}", _NEVER)
            case Compare():
                return self._compare(condition)
            case Overlap(left, right):
                return self._overlap(left, right)
            case Subset(inner, outer):
                return self._subset(inner, outer)
            case SameSet(left, right):
                return self._same_set(left, right)
            case SameWord():
                return self._helper(same_word(condition, self.layout), errs=False)
            case HasWord():
                return self._helper(has_word(condition, self.layout), errs=False)

    def _helper(self, outcomes: Outcomes, *, errs: bool) -> Answers:
        name = f"h{len(self.helpers)}"
        self.helpers[name] = outcomes
        error = f"{name}(v)&{CAN_ERROR}" if errs else _NEVER
        return Answers(f"{name}(v)&{CAN_TRUE}", f"{name}(v)&{CAN_FALSE}", error)

    def _compare(self, compare: Compare) -> Answers:
        left, right = compare.left, compare.right
        if isinstance(left, Number) and isinstance(right, Count):
            slot, k = self.layout.slots[right.fact], left.value
            match compare.op:
                case "<":
                    return Answers(f"v[{slot + 1}]>{k}", f"v[{slot}]<={k}", _NEVER)
                case "<=":
                    return Answers(f"v[{slot + 1}]>={k}", f"v[{slot}]<{k}", _NEVER)
                case _:
                    return self._helper(comparison(compare, self.layout), errs=False)
        if isinstance(left, Count) and isinstance(right, Number):
            slot, k = self.layout.slots[left.fact], right.value
            match compare.op:
                case "<":
                    return Answers(f"v[{slot}]<{k}", f"v[{slot + 1}]>={k}", _NEVER)
                case "<=":
                    return Answers(f"v[{slot}]<={k}", f"v[{slot + 1}]>{k}", _NEVER)
                case _:
                    return self._helper(comparison(compare, self.layout), errs=False)
        plain = isinstance(left, (Number, Count)) and isinstance(right, (Number, Count))
        return self._helper(comparison(compare, self.layout), errs=not plain)

    def _sides(self, term: SetTerm) -> tuple[str, str]:
        """Sources of must and may."""
        if isinstance(term, Words):
            mask = str(self.layout.mask(term.values))
            return mask, mask
        slot = self.layout.slots[term.fact]
        return f"v[{slot}]", f"v[{slot + 1}]"

    def _overlap(self, left: SetTerm, right: SetTerm) -> Answers:
        (left_must, left_may), (right_must, right_may) = self._sides(left), self._sides(right)
        return Answers(f"{left_may}&{right_may}", f"not {left_must}&{right_must}", _NEVER)

    def _subset(self, inner: SetTerm, outer: SetTerm) -> Answers:
        (inner_must, inner_may), (outer_must, outer_may) = self._sides(inner), self._sides(outer)
        return Answers(f"not {inner_must}&~{outer_may}", f"{inner_may}&~{outer_must}", _NEVER)

    def _same_set(self, left: SetTerm, right: SetTerm) -> Answers:
        (left_must, left_may), (right_must, right_may) = self._sides(left), self._sides(right)
        true = f"(not {left_must}&~{right_may} and not {right_must}&~{left_may})"
        return Answers(true, f"not {left_must}=={left_may}=={right_must}=={right_may}", _NEVER)

    def test(self, source: str) -> Test:
        """A function of a box that computes the source."""
        # The source is made above from integers and fixed operators alone; no text of a bundle enters it.
        test: Test = eval(f"lambda v: {source}", dict(self.helpers))  # noqa: S307
        return test


def _chain(parts: Sequence[Answers]) -> Answers:
    """Conjunction from left to right: a false stops it, an error ends it."""
    true = " and ".join(f"({part.true})" for part in parts) or _ALWAYS
    if all(part.error == _NEVER for part in parts):
        return Answers(true, " or ".join(f"({part.false})" for part in parts) or _NEVER, _NEVER)
    false, error = parts[-1].false, parts[-1].error
    for part in reversed(parts[:-1]):
        false = f"({part.false}) or (({part.true}) and ({false}))"
        error = f"({part.error}) or (({part.true}) and ({error}))"
    return Answers(true, false, error)


def _choice(test: Answers, then: Answers, other: Answers) -> Answers:
    def either(when_true: str, when_false: str) -> str:
        return f"(({test.true}) and ({when_true})) or (({test.false}) and ({when_false}))"

    error = f"({test.error}) or {either(then.error, other.error)}"
    if {test.error, then.error, other.error} == {_NEVER}:
        error = _NEVER
    return Answers(either(then.true, other.true), either(then.false, other.false), error)


@dataclass(frozen=True, slots=True)
class Compiled:
    """The tests of one clause, and the whole-policy tests of `compile_policy` built from the same sources."""

    clause: Clause
    true: Test
    false: Test
    error: Test
    errs: bool


def compile_policy(compiler: Compiler, clauses: Sequence[Clause]) -> tuple[Test, Test, tuple[Compiled, ...]]:
    """`can_deny`, `can_allow` and the clauses' own tests.

    A world is allowed if no clause is an error, some permit holds and no forbid holds: stricter than Cedar,
    which skips a clause that errors. Source: ADR-0003.
    """
    parts = [(clause, compiler.answers(clause.condition)) for clause in clauses]
    forbids = [answers for clause, answers in parts if not clause.is_permit]
    permits = [answers for clause, answers in parts if clause.is_permit]
    errors = [f"({answers.error})" for _, answers in parts if answers.error != _NEVER]
    none_holds = " and ".join(f"(({each.false}) or ({each.error}))" for each in permits) or _ALWAYS
    denies = [f"({each.true})" for each in forbids] + errors + [f"({none_holds})"]
    settled = [f"(({each.true}) or ({each.false}))" for _, each in parts if each.error != _NEVER]
    allows = [f"({each.false})" for each in forbids] + settled
    allows.append("(" + (" or ".join(f"({each.true})" for each in permits) or _NEVER) + ")")
    compiled = tuple(
        Compiled(
            clause,
            compiler.test(answers.true),
            compiler.test(answers.false),
            compiler.test(answers.error),
            answers.error != _NEVER,
        )
        for clause, answers in parts
    )
    return compiler.test(" or ".join(denies)), compiler.test(" and ".join(allows)), compiled
