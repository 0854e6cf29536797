"""The encoder's terms as Python functions: what a formula says of one complete world, without the solver.

Each node of the term becomes one line, from the operators' definitions in SMT-LIB, so a hundred thousand
worlds can be put into the very formulas that the solver is given.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import z3

from caveat.analysis.frame import Flag, Frame, Integer, Members, Word
from caveat.analysis.solve import Term
from caveat.facts.value import Value
from caveat.policy.clause import POINTS

Values: TypeAlias = dict[str, int]
_MASK = (1 << 64) - 1


def function_of(terms: Sequence[Term]) -> Callable[[Values], tuple[bool, ...]]:
    """A function from values of the variables, by name, to the truth of each term."""
    lines: list[str] = []
    names: dict[int, str] = {}
    results = [_node(term, lines, names) if not isinstance(term, bool) else str(term) for term in terms]
    body = "\n ".join([*lines, f"return ({''.join(f'bool({result}), ' for result in results)})"])
    scope: dict[str, Any] = {"signed": _signed}
    exec(f"def evaluate(v):\n {body}", scope)  # noqa: S102 - made of the operators below alone
    evaluate: Callable[[Values], tuple[bool, ...]] = scope["evaluate"]
    return evaluate


def values_of_world(frame: Frame, world: Mapping[str, Value], point: str) -> Values:
    """The values of the frame's variables in one world; `approvals` stands in the world."""
    values: Values = {str(frame.point): POINTS.index(point)}
    for name, symbol in [*frame.facts.items(), ("approvals", frame.approvals)]:
        value = world[name]
        match symbol:
            case Word(bits, places, _):
                values[str(bits)] = places[str(value)]
            case Flag(term):
                values[str(term)] = int(value is True)
            case Integer(bits):
                assert isinstance(value, int)
                values[str(bits)] = value & _MASK
            case Members(terms):
                assert isinstance(value, frozenset)
                for word, term in terms.items():
                    if not isinstance(term, bool):
                        values[str(term)] = int(word in value)
    return values


def _signed(value: int, width: int) -> int:
    return value - (1 << width) if value >> (width - 1) else value


def _node(term: Any, lines: list[str], names: dict[int, str]) -> str:
    known = names.get(term.get_id())
    if known is None:
        args = [_node(child, lines, names) for child in term.children()]
        known = names[term.get_id()] = f"n{len(names)}"
        lines.append(f"{known} = {_source(term, args)}")
    return known


def _source(term: Any, args: list[str]) -> str:
    name = term.decl().name()
    if z3.is_bv_value(term):
        return str(term.as_long())
    if name in ("true", "false"):
        return str(name == "true")
    if not term.children():
        return f"v[{str(term)!r}]"
    if name in _CONNECTIVES:
        return f" {_CONNECTIVES[name]} ".join(args)
    if name == "not":
        return f"not {args[0]}"
    width = term.children()[0].size()
    if name in _SIGNED:
        return f"signed({args[0]}, {width}) {_SIGNED[name]} signed({args[1]}, {width})"
    if name == "sign_extend":
        return f"signed({args[0]}, {width}) & {(1 << term.size()) - 1}"
    if name == "extract":
        high, low = term.params()
        return f"({args[0]} >> {low}) & {(1 << (high - low + 1)) - 1}"
    return f"({args[0]} {_ARITHMETIC[name]} {args[1]}) & {(1 << width) - 1}"


_CONNECTIVES = {"and": "and", "or": "or", "=": "==", "distinct": "!=", "bvult": "<"}
_SIGNED = {"bvslt": "<", "bvsle": "<=", "bvsgt": ">", "bvsge": ">="}
_ARITHMETIC = {"bvadd": "+", "bvsub": "-", "bvmul": "*"}
