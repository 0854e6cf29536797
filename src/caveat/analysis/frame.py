"""Symbolic facts: one variable for each fact of the registry, the approvals, the limits, and the point.

A frame is one complete set of facts that is not known yet. Two frames can share variables: what a caller
cannot change about how a use is seen is the same variable in what is true and in what is seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from caveat.analysis.solve import (
    INTEGER_BITS,
    Bits,
    Model,
    Term,
    Variable,
    below,
    conj,
    constant,
    disj,
    flag,
    iff,
    less_equal,
    same,
    vector,
)
from caveat.facts.registry import FactSpec, FactType
from caveat.facts.value import Interval, Value
from caveat.policy.clause import POINTS

_POINT_BITS = 2


@dataclass(frozen=True, slots=True)
class Word:
    """An enumerated fact: the index of its value."""

    bits: Bits
    places: Mapping[str, int]
    width: int

    def is_word(self, word: str) -> Term:
        """Whether it has this value; never for a value that is not declared."""
        place = self.places.get(word)
        return False if place is None else same(self.bits, constant(place, self.width))


@dataclass(frozen=True, slots=True)
class Flag:
    """A Boolean fact."""

    term: Term


@dataclass(frozen=True, slots=True)
class Integer:
    """A count, or a limit."""

    bits: Bits


@dataclass(frozen=True, slots=True)
class Members:
    """A set of words: one term for each word that it can hold."""

    terms: Mapping[str, Term]

    def has(self, word: str) -> Term:
        """Whether it holds this word; never one that it cannot hold."""
        return self.terms.get(word, False)


Symbol: TypeAlias = Word | Flag | Integer | Members


@dataclass(frozen=True, slots=True)
class Frame:
    """Facts by name (limits as `limits.NAME`), approvals by role, and the point of control.

    `well_formed`: every value is declared and in range, and no set is empty that cannot be.
    """

    specs: Mapping[str, FactSpec]
    facts: Mapping[str, Symbol]
    approvals: Members
    point: Bits
    well_formed: Term

    def at(self, points: Iterable[str]) -> Term:
        """Whether the use stands at one of these points of control."""
        chosen = frozenset(points)
        if chosen >= set(POINTS):
            return True
        return disj(
            same(self.point, constant(place, _POINT_BITS))
            for place, name in enumerate(POINTS)
            if name in chosen
        )

    def read_point(self, model: Model) -> str:
        """The point of control in a model."""
        return POINTS[model.index(self.point)]

    def read(self, model: Model) -> dict[str, Value]:
        """The value of each fact in a model, limits left out."""
        return {name: read_symbol(self.facts[name], model) for name in self.specs}


def read_symbol(symbol: Symbol, model: Model) -> Value:
    """The value of one symbol in a model."""
    match symbol:
        case Word(bits, places, _):
            index = model.index(bits)
            return next((word for word, place in places.items() if place == index), next(iter(places)))
        case Flag(term):
            return model.holds(term)
        case Integer(bits):
            return model.integer(bits)
        case Members(terms):
            return frozenset(word for word, term in terms.items() if model.holds(term))


def make_symbol(name: str, spec: FactSpec) -> Symbol:
    """A fresh variable for a fact."""
    match spec.type:
        case FactType.ENUM:
            width = max(1, (len(spec.values) - 1).bit_length())
            places = {word: place for place, word in enumerate(spec.values)}
            return Word(vector(name, width), places, width)
        case FactType.BOOL:
            return Flag(flag(name))
        case FactType.LONG:
            return Integer(vector(name, INTEGER_BITS))
        case FactType.SET:
            return Members({word: flag(f"{name}:{word}") for word in spec.values})


def fixed_symbol(spec: FactSpec, value: Value) -> Symbol:
    """A symbol that has this value and no other."""
    match spec.type:
        case FactType.ENUM:
            width = max(1, (len(spec.values) - 1).bit_length())
            places = {word: place for place, word in enumerate(spec.values)}
            return Word(constant(places[str(value)], width), places, width)
        case FactType.BOOL:
            return Flag(value is True)
        case FactType.LONG:
            number = value.hi if isinstance(value, Interval) else value
            return Integer(constant(int(number) if isinstance(number, int) else 0, INTEGER_BITS))
        case FactType.SET:
            held = value if isinstance(value, frozenset) else frozenset[str]()
            return Members({word: word in held for word in spec.values})


def well_formed(symbol: Symbol, spec: FactSpec) -> Term:
    """Whether the symbol has a value that the registry declares."""
    match symbol:
        case Word(bits, places, width):
            return True if len(places) == 1 << width else below(bits, len(places))
        case Flag():
            return True
        case Integer(bits):
            lo, hi = constant(spec.lo, INTEGER_BITS), constant(spec.hi, INTEGER_BITS)
            return conj([less_equal(lo, bits), less_equal(bits, hi)])
        case Members(terms):
            return disj(terms.values()) if spec.empty_is_unknown else True


def variables_of(symbol: Symbol) -> list[Variable]:
    """The variables that a symbol is made of, in a fixed order."""
    match symbol:
        case Word(bits, _, _) | Integer(bits):
            return [bits]
        case Flag(term):
            return [term]
        case Members(terms):
            return list(terms.values())


def equal_symbols(left: Symbol, right: Symbol) -> Term:
    """Whether two symbols of one fact have the same value."""
    match left, right:
        case Word(one), Word(other):
            return same(one, other)
        case Flag(one), Flag(other):
            return iff(one, other)
        case Integer(one), Integer(other):
            return same(one, other)
        case Members(one), Members(other):
            return conj(iff(term, other[word]) for word, term in one.items())
        case _:
            raise TypeError("two symbols of one fact have one type")


def has_value(symbol: Symbol, value: Value) -> Term:
    """Whether the symbol has this value; never where it is not declared."""
    match symbol:
        case Word():
            return symbol.is_word(value) if isinstance(value, str) else False
        case Flag(term):
            return iff(term, value is True)
        case Integer(bits):
            if not isinstance(value, int):
                return False
            return same(bits, constant(value, INTEGER_BITS))
        case Members(terms):
            held = value if isinstance(value, frozenset) else frozenset[str]()
            return conj(iff(term, word in held) for word, term in terms.items())


def make_frame(specs: Mapping[str, FactSpec], roles: Iterable[str], tag: str) -> Frame:
    """A frame of fresh variables, named with `tag`; every approval is given."""
    facts = {name: make_symbol(f"{tag}!{name}", spec) for name, spec in specs.items()}
    point = vector(f"{tag}!point", _POINT_BITS)
    return Frame(
        specs=specs,
        facts=facts,
        approvals=Members(dict.fromkeys(roles, True)),
        point=point,
        well_formed=conj(
            [below(point, len(POINTS)), *(well_formed(facts[name], spec) for name, spec in specs.items())]
        ),
    )
