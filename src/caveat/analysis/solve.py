"""The solver, and the only module that imports it: terms, an incremental solver, models.

A term that is constant is a Python Boolean, so that what is fixed costs nothing. Integers are 64-bit
vectors; overflow is found in a wider vector, in operators that every SMT-LIB solver has. A query that is
not answered within its time is `UNKNOWN`, which no caller may read as either answer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from caveat.analysis.errors import SolverMissingError

try:
    import z3  # pyright: ignore[reportMissingTypeStubs] - it ships none
except ImportError as error:
    raise SolverMissingError("the solver is not installed") from error

Term: TypeAlias = "bool | z3.BoolRef"
Bits: TypeAlias = "z3.BitVecRef"

Variable: TypeAlias = "bool | z3.BoolRef | z3.BitVecRef"

_Z3: Any = z3
INTEGER_BITS = 64
DEFAULT_TIMEOUT_SECONDS = 30.0


class Answer(StrEnum):
    """Whether some assignment satisfies a query."""

    SATISFIABLE = "satisfiable"
    UNSATISFIABLE = "unsatisfiable"
    UNKNOWN = "unknown"


def solver_version() -> str:
    """Name and version of the solver, as results cite it."""
    return f"z3 {_Z3.get_version_string()}"


def flag(name: str) -> Term:
    """A Boolean variable."""
    term: Term = _Z3.Bool(name)
    return term


def vector(name: str, width: int) -> Bits:
    """A variable of `width` bits."""
    bits: Bits = _Z3.BitVec(name, width)
    return bits


def constant(value: int, width: int) -> Bits:
    """The bits of an integer."""
    bits: Bits = _Z3.BitVecVal(value, width)
    return bits


def conj(terms: Iterable[Term]) -> Term:
    """All of these; true for none."""
    kept: list[Term] = []
    for term in terms:
        if term is False:
            return False
        if term is not True:
            kept.append(term)
    if not kept:
        return True
    return kept[0] if len(kept) == 1 else _Z3.And(kept)


def disj(terms: Iterable[Term]) -> Term:
    """Any of these; false for none."""
    kept: list[Term] = []
    for term in terms:
        if term is True:
            return True
        if term is not False:
            kept.append(term)
    if not kept:
        return False
    return kept[0] if len(kept) == 1 else _Z3.Or(kept)


def neg(term: Term) -> Term:
    """Not this."""
    return (not term) if isinstance(term, bool) else _Z3.Not(term)


def iff(left: Term, right: Term) -> Term:
    """Both or neither."""
    if isinstance(left, bool):
        return right if left else neg(right)
    if isinstance(right, bool):
        return left if right else neg(left)
    return left == right


def same(left: Bits, right: Bits) -> Term:
    """Equal vectors."""
    return _compared("==", left, right)


def less(left: Bits, right: Bits) -> Term:
    """Signed `<`."""
    return _compared("<", left, right)


def less_equal(left: Bits, right: Bits) -> Term:
    """Signed `<=`."""
    return _compared("<=", left, right)


def below(left: Bits, count: int) -> Term:
    """Unsigned `< count`, for the index of a word."""
    return _compared("below", left, constant(count, left.size()))


def _compared(op: str, left: Bits, right: Bits) -> Term:
    """The comparison; a Python Boolean where both sides are constant."""
    term = _COMPARISONS[op](left, right)
    if _Z3.is_bv_value(left) and _Z3.is_bv_value(right):
        return bool(_Z3.is_true(_Z3.simplify(term)))
    compared: Term = term
    return compared


_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    "below": lambda left, right: _Z3.ULT(left, right),
}


def arithmetic(op: str, left: Bits, right: Bits) -> tuple[Bits, Term]:
    """The result in 64 bits, and whether it overflowed."""
    width = INTEGER_BITS if op == "*" else 1
    wide_left, wide_right = _Z3.SignExt(width, left), _Z3.SignExt(width, right)
    match op:
        case "+":
            wide = wide_left + wide_right
        case "-":
            wide = wide_left - wide_right
        case _:
            wide = wide_left * wide_right
    low: Bits = _Z3.Extract(INTEGER_BITS - 1, 0, wide)
    # Written as a negated equality: the solver's translator does not take `distinct` a second time.
    return low, neg(same(_Z3.SignExt(width, low), wide))


def replaced(term: Term, pairs: Sequence[tuple[Variable, Variable]]) -> Term:
    """The term with variables replaced by values of their kind."""
    if isinstance(term, bool):
        return term
    lifted = [
        (old, _Z3.BoolVal(new) if isinstance(new, bool) else new)
        for old, new in pairs
        if not isinstance(old, bool)
    ]
    result: Term = _Z3.substitute(term, *lifted)
    return result


def _lifted(term: Term) -> "z3.BoolRef":
    lifted: z3.BoolRef = _Z3.BoolVal(term) if isinstance(term, bool) else term
    return lifted


@dataclass(frozen=True, slots=True)
class Model:
    """One satisfying assignment. Variables that do not matter read as false and zero."""

    _model: Any

    def holds(self, term: Term) -> bool:
        """Whether the term is true in it."""
        if isinstance(term, bool):
            return term
        return bool(_Z3.is_true(self._model.eval(term, model_completion=True)))

    def integer(self, bits: Bits) -> int:
        """The signed value of a vector."""
        return int(self._model.eval(bits, model_completion=True).as_signed_long())

    def index(self, bits: Bits) -> int:
        """The unsigned value of a vector."""
        return int(self._model.eval(bits, model_completion=True).as_long())


Listener: TypeAlias = Callable[[str, Answer], None]


@dataclass(slots=True)
class Session:
    """What every query of one analysis shares: its time limit, and who listens to it.

    `on_query` gets each query in SMT-LIB 2 with its answer, so that a second solver can be asked.
    """

    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    on_query: Listener | None = None
    queries: int = 0
    unknown: int = field(default=0)

    def solver(self, *terms: Term) -> "Solver":
        """An incremental solver that requires these terms."""
        solver = Solver(self)
        solver.require(*terms)
        return solver


def _answer(result: object) -> Answer:
    if result == _Z3.sat:
        return Answer.SATISFIABLE
    return Answer.UNSATISFIABLE if result == _Z3.unsat else Answer.UNKNOWN


class Solver:
    """Requirements that only grow, and questions under assumptions."""

    def __init__(self, session: Session) -> None:
        """Empty: everything is satisfiable."""
        self._session = session
        self._solver = _Z3.SolverFor("QF_BV")
        self._solver.set("timeout", max(1, int(session.timeout_seconds * 1000)))
        self._names = 0

    def require(self, *terms: Term) -> None:
        """From now on these hold."""
        for term in terms:
            if term is not True:
                self._solver.add(_lifted(term))

    def name(self, term: Term) -> Term:
        """A variable that stands for the term, so that it can be assumed again and again at no cost."""
        if isinstance(term, bool):
            return term
        self._names += 1
        variable = _Z3.Bool(f"q!{self._names}")
        self._solver.add(variable == term)
        named: Term = variable
        return named

    def ask(self, *assumptions: Term) -> Answer:
        """Whether requirements and assumptions can hold together."""
        wanted = [term for term in assumptions if term is not True]
        if any(term is False for term in wanted):
            return Answer.UNSATISFIABLE
        session = self._session
        session.queries += 1
        answer = _answer(self._solver.check(*wanted))
        session.unknown += answer is Answer.UNKNOWN
        if session.on_query is not None:
            session.on_query(self._text(wanted), answer)
        return answer

    def model(self) -> Model:
        """The assignment behind the last `SATISFIABLE`."""
        return Model(self._solver.model())

    def core(self) -> frozenset[str]:
        """Names of the assumed variables that the last `UNSATISFIABLE` used."""
        return frozenset(str(term) for term in self._solver.unsat_core())

    def text(self, *assumptions: Term) -> str:
        """The requirements with these assumptions in SMT-LIB 2: what an answer is an answer to."""
        return self._text([_lifted(term) for term in assumptions if term is not True])

    def _text(self, assumptions: Sequence[Term]) -> str:
        copy = _Z3.Solver()
        copy.add(*self._solver.assertions(), *assumptions)
        text: str = copy.to_smt2()
        return text
