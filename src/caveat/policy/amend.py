"""`@amend` formulas: who must sign before a clause, a fact or a limit changes.

Monotone by construction: names, `&`, `|` and parentheses, so one more signature never takes consent away.
"""

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import TypeAlias

_TOKEN = re.compile(r"\s*(?:([a-z][a-z0-9_]*)|([&|()]))")


class AmendError(ValueError):
    """The text is no amend formula; the message says what it looks like."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The signature of one actor."""

    name: str


@dataclass(frozen=True, slots=True)
class Both:
    """All of these."""

    parts: "tuple[Formula, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    """Any one of these."""

    parts: "tuple[Formula, ...]"


Formula: TypeAlias = Actor | Both | Either


def parse_amend(text: str) -> Formula:
    """The formula in `a & b | c` (`&` binds tighter); raises `AmendError`."""
    tokens = _tokens(text)
    formula, rest = _either(tokens)
    if rest:
        raise AmendError("an amend formula is written `a & (b | c)`, with declared actors as names")
    return formula


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise AmendError("an amend formula holds names of actors, `&`, `|` and parentheses")
        tokens.append(match.group(1) or match.group(2))
        position = match.end()
    return tokens


def _either(tokens: list[str]) -> tuple[Formula, list[str]]:
    part, rest = _both(tokens)
    parts = [part]
    while rest and rest[0] == "|":
        part, rest = _both(rest[1:])
        parts.append(part)
    return (parts[0] if len(parts) == 1 else Either(tuple(parts))), rest


def _both(tokens: list[str]) -> tuple[Formula, list[str]]:
    part, rest = _single(tokens)
    parts = [part]
    while rest and rest[0] == "&":
        part, rest = _single(rest[1:])
        parts.append(part)
    return (parts[0] if len(parts) == 1 else Both(tuple(parts))), rest


def _single(tokens: list[str]) -> tuple[Formula, list[str]]:
    if not tokens or tokens[0] in {"&", "|", ")"}:
        raise AmendError("an amend formula needs the name of an actor here")
    if tokens[0] != "(":
        return Actor(tokens[0]), tokens[1:]
    inner, rest = _either(tokens[1:])
    if not rest or rest[0] != ")":
        raise AmendError("a parenthesis of an amend formula is not closed")
    return inner, rest[1:]


def actors_of(formula: Formula) -> frozenset[str]:
    """Every actor that the formula names."""
    if isinstance(formula, Actor):
        return frozenset({formula.name})
    return frozenset(name for part in formula.parts for name in actors_of(part))


def is_satisfied(formula: Formula, signers: Set[str]) -> bool:
    """Whether these signers together may make the change."""
    match formula:
        case Actor(name):
            return name in signers
        case Both(parts):
            return all(is_satisfied(part, signers) for part in parts)
        case Either(parts):
            return any(is_satisfied(part, signers) for part in parts)


NOBODY = Both(())
"""The formula that asks for no signature."""


def all_of(formulas: Iterable[Formula]) -> Formula:
    """The formula that every one of these together is, each part once; `NOBODY` for none."""
    parts: dict[Formula, None] = {}
    for formula in formulas:
        parts |= dict.fromkeys(formula.parts if isinstance(formula, Both) else (formula,))
    return next(iter(parts)) if len(parts) == 1 else Both(tuple(parts))


def any_of(formulas: Iterable[Formula]) -> Formula:
    """The formula that one of these is enough for; `NOBODY` for none."""
    parts = tuple(dict.fromkeys(formulas))
    if not parts:
        return NOBODY
    return parts[0] if len(parts) == 1 else Either(parts)


def missing(formula: Formula, signers: Set[str]) -> Formula:
    """What still has to be signed for, given these signers; `NOBODY` exactly where it is satisfied."""
    if is_satisfied(formula, signers):
        return NOBODY
    match formula:
        case Actor():
            return formula
        case Both(parts):
            return all_of(missing(part, signers) for part in parts)
        case Either(parts):
            return Either(tuple(missing(part, signers) for part in parts))


def render_amend(formula: Formula) -> str:
    """The formula as text that `parse_amend` reads back; `nobody` for the one that asks for none."""
    match formula:
        case Actor(name):
            return name
        case Both(()):
            return "nobody"
        case Both(parts):
            return " & ".join(
                f"({render_amend(part)})" if isinstance(part, Either) else render_amend(part)
                for part in parts
            )
        case Either(parts):
            return " | ".join(render_amend(part) for part in parts)
