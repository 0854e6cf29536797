"""Cedar's JSON expressions to typed conditions. What it does not know it refuses; it never guesses.

Source: the Cedar policy JSON format, version 4.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from caveat.facts.registry import FactType, Registry
from caveat.policy.expression import (
    APPROVALS,
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
    Term,
    Words,
    WordSet,
    conjunction,
    disjunction,
)
from caveat.signing.canonical import Json

MAX_DEPTH = 40


class TranslationError(ValueError):
    """The clause uses something that the language of clauses does not have; the message says what instead."""


@dataclass(frozen=True, slots=True)
class _Word:
    """A word constant, or the value of an enumerated fact."""

    fact: str | None
    value: str = ""


_Value: TypeAlias = "Condition | Number | Count | Arithmetic | Words | WordSet | _Word"


@dataclass(frozen=True, slots=True)
class _Choice:
    """A value that depends on a condition: `if test then … else …` outside a Boolean place."""

    test: Condition
    then: "_Tree"
    other: "_Tree"


_Tree: TypeAlias = "_Value | _Choice"


@dataclass(frozen=True, slots=True)
class Translator:
    """Translates the conditions of one bundle: its registry and its limits.

    `open_limits`: a limit is read as a count of its own and not as its number. Only the analysis asks so.
    """

    registry: Registry
    limits: Mapping[str, int]
    open_limits: bool = False

    def condition(self, expression: Json, depth: int = 0) -> Condition:
        """The Boolean condition that the expression states; raises `TranslationError`."""
        return _boolean(self._tree(expression, depth))

    def _tree(self, expression: Json, depth: int) -> _Tree:
        if depth > MAX_DEPTH:
            raise TranslationError(f"a condition nests deeper than {MAX_DEPTH}; split the clause")
        if not isinstance(expression, dict) or len(expression) != 1:
            raise TranslationError("an expression that the language of clauses does not have")
        (op, arg), *_ = expression.items()
        if op == "Value":
            return _constant(arg)
        if op == "Set":
            return self._set(arg, depth)
        if op == ".":
            return self._fact(arg)
        if op == "has":
            raise TranslationError("facts are total, so no clause needs `has`; remove the guard")
        if not isinstance(arg, dict):
            raise TranslationError(f"`{op}` is not part of the language of clauses")
        if op in _UNARY:
            return _map(self._tree(arg.get("arg"), depth + 1), _UNARY[op])
        if op == "if-then-else":
            return self._conditional(arg, depth)
        if op in _CHAINS:
            return _CHAINS[op](
                tuple(_boolean(self._tree(link, depth + 1)) for link in _chain(op, expression))
            )
        if op not in _BINARY:
            raise TranslationError(f"`{op}` is not part of the language of clauses")
        left, right = (self._tree(arg.get(side), depth + 1) for side in ("left", "right"))
        combine = _BINARY[op]
        return _map(left, lambda one: _map(right, lambda other: combine(one, other)))

    def _conditional(self, arg: Mapping[str, Json], depth: int) -> _Tree:
        test = self.condition(arg.get("if"), depth + 1)
        then, other = (self._tree(arg.get(side), depth + 1) for side in ("then", "else"))
        if _is_condition(then) and _is_condition(other):
            return If(test, _boolean(then), _boolean(other))
        return _Choice(test, then, other)

    def _set(self, arg: Json, depth: int) -> Words:
        members = [self._tree(item, depth + 1) for item in arg] if isinstance(arg, list) else []
        words = [member.value for member in members if isinstance(member, _Word) and member.fact is None]
        if not isinstance(arg, list) or len(words) != len(arg):
            raise TranslationError("a set in a clause lists word constants only")
        return Words(frozenset(words))

    def _fact(self, arg: Json) -> _Value:
        path = _path({".": arg})
        if path is None:
            raise TranslationError("clauses read `context.FACT`, `context.limits.NAME` and nothing else")
        if len(path) == 2 and path[0] == "limits":
            if path[1] not in self.limits:
                raise TranslationError(f"limit `{path[1]}` is not declared in `bundle.toml`")
            return Count(f"limits.{path[1]}") if self.open_limits else Number(self.limits[path[1]])
        if len(path) != 1:
            raise TranslationError("clauses read `context.FACT`, `context.limits.NAME` and nothing else")
        name = path[0]
        if name == APPROVALS:
            return WordSet(APPROVALS)
        if name not in self.registry.facts:
            raise TranslationError(f"fact `{name}` is not declared in `facts.toml`")
        match self.registry.facts[name].type:
            case FactType.BOOL:
                return IsTrue(name)
            case FactType.LONG:
                return Count(name)
            case FactType.SET:
                return WordSet(name)
            case FactType.ENUM:
                return _Word(name)


def _path(expression: Json) -> list[str] | None:
    """`context.a.b` as [a, b]; None for anything else."""
    if expression == {"Var": "context"}:
        return []
    if isinstance(expression, dict) and list(expression) == ["."]:
        access = expression["."]
        if isinstance(access, dict) and isinstance(access.get("attr"), str):
            left = _path(access.get("left"))
            return None if left is None else [*left, str(access["attr"])]
    return None


def _chain(op: str, expression: Json) -> list[Json]:
    """The links of a left-leaning chain `a op b op c`, in order: length is not depth."""
    links: list[Json] = []
    rest = expression
    while (sides := _sides(op, rest)) is not None:
        rest, right = sides
        links.append(right)
    return [rest, *reversed(links)]


def _sides(op: str, expression: Json) -> tuple[Json, Json] | None:
    if not isinstance(expression, dict) or len(expression) != 1:
        return None
    arg = expression.get(op)
    return (arg.get("left"), arg.get("right")) if isinstance(arg, dict) else None


_CHAINS = {"&&": conjunction, "||": disjunction}


def _constant(value: Json) -> _Value:
    if isinstance(value, bool):
        return Literal(value)
    if isinstance(value, int):
        return Number(value)
    if isinstance(value, str):
        return _Word(None, value)
    raise TranslationError("constants are words, integers and Booleans")


def _map(tree: _Tree, apply: Callable[[_Value], _Tree]) -> _Tree:
    """Applies to every leaf of a choice, and makes Boolean choices conditions again."""
    if not isinstance(tree, _Choice):
        return apply(tree)
    then, other = _map(tree.then, apply), _map(tree.other, apply)
    if _is_condition(then) and _is_condition(other):
        return If(tree.test, _boolean(then), _boolean(other))
    return _Choice(tree.test, then, other)


_NOT_CONDITIONS = (Number, Count, Arithmetic, Words, WordSet, _Word, _Choice)


def _is_condition(tree: _Tree) -> bool:
    return not isinstance(tree, _NOT_CONDITIONS)


def _boolean(tree: _Tree) -> Condition:
    if isinstance(tree, _NOT_CONDITIONS):
        raise TranslationError("a Boolean stands where a condition is needed; this is none")
    return tree


def _negated(value: _Value) -> _Value:
    return Not(_boolean(value))


def _minus(value: _Value) -> _Value:
    return Arithmetic("-", Number(0), _integer(value))


def _is_empty(value: _Value) -> _Value:
    return _subset(_words(value), Words(frozenset()))


_UNARY: Mapping[str, Callable[[_Value], _Tree]] = {"!": _negated, "neg": _minus, "isEmpty": _is_empty}


def _integer(value: _Value) -> Term:
    if isinstance(value, (Number, Count, Arithmetic)):
        return value
    raise TranslationError("an integer is needed here")


def _words(value: _Value) -> SetTerm:
    if isinstance(value, (Words, WordSet)):
        return value
    raise TranslationError("a set of words is needed here")


def _subset(inner: SetTerm, outer: SetTerm) -> Condition:
    """Two constants are compared here: the evaluator knows only words that some fact can hold."""
    if isinstance(inner, Words) and isinstance(outer, Words):
        return Literal(inner.values <= outer.values)
    return Subset(inner, outer)


def _overlap(left: SetTerm, right: SetTerm) -> Condition:
    if isinstance(left, Words) and isinstance(right, Words):
        return Literal(not left.values.isdisjoint(right.values))
    return Overlap(left, right)


def _equal(left: _Value, right: _Value) -> Condition:
    match left, right:
        case (Words(one), Words(other)):
            return Literal(one == other)
        case (_Word(None, one), _Word(None, other)):
            return Literal(one == other)
        case (_Word(str(fact), _), _Word(None, value)) | (_Word(None, value), _Word(str(fact), _)):
            return OneOf(fact, frozenset({value}))
        case (_Word(str(one), _), _Word(str(other), _)):
            return SameWord(one, other)
        case (Words() | WordSet(), Words() | WordSet()):
            return SameSet(left, right)
        case (Number() | Count() | Arithmetic(), Number() | Count() | Arithmetic()):
            return Compare("==", left, right)
        case _:
            if _is_condition(left) and _is_condition(right):
                return _same_truth(_boolean(left), _boolean(right))
            raise TranslationError("both sides of a comparison have one type")


def _same_truth(left: Condition, right: Condition) -> Condition:
    if isinstance(right, Literal):
        return left if right.value else Not(left)
    if isinstance(left, Literal):
        return right if left.value else Not(right)
    return If(left, right, Not(right))


def _contains(left: _Value, right: _Value) -> Condition:
    words = _words(left)
    if not isinstance(right, _Word):
        raise TranslationError("`contains` takes one word")
    if right.fact is None:
        return _subset(Words(frozenset({right.value})), words)
    if isinstance(words, Words):
        return OneOf(right.fact, words.values)
    return HasWord(words.fact, right.fact)


def _compare(op: str, swapped: bool) -> Callable[[_Value, _Value], Condition]:
    def combine(left: _Value, right: _Value) -> Condition:
        one, other = _integer(left), _integer(right)
        return Compare(op, other, one) if swapped else Compare(op, one, other)

    return combine


def _arithmetic(op: str) -> Callable[[_Value, _Value], _Tree]:
    def combine(left: _Value, right: _Value) -> _Tree:
        return Arithmetic(op, _integer(left), _integer(right))

    return combine


_BINARY: Mapping[str, Callable[[_Value, _Value], _Tree]] = {
    "==": _equal,
    "!=": lambda left, right: Not(_equal(left, right)),
    "<": _compare("<", swapped=False),
    "<=": _compare("<=", swapped=False),
    ">": _compare("<", swapped=True),
    ">=": _compare("<=", swapped=True),
    "+": _arithmetic("+"),
    "-": _arithmetic("-"),
    "*": _arithmetic("*"),
    "contains": _contains,
    "containsAny": lambda left, right: _overlap(_words(left), _words(right)),
    "containsAll": lambda left, right: _subset(_words(right), _words(left)),
}
