"""Exact answers about boxes of worlds: is some world denied, is some world allowed?

Kleene logic answers most boxes at once. The rest are cut along the tests that clauses make, so only regions
that the clauses distinguish are told apart, each examined once, under a budget of steps. The order of cuts
is fixed, so equal questions take equal steps on every machine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from caveat.decision.compile import Compiled, Compiler, Test, compile_policy
from caveat.decision.cut import cut
from caveat.decision.regions import Regions, find_regions
from caveat.decision.world import Layout
from caveat.policy.clause import Clause
from caveat.policy.expression import All, Any, Atom, Condition, If, Literal, Not, atoms, facts_of


class BudgetExhausted(Exception):  # noqa: N818 - an outcome that ends a search, not a fault
    """The bundle's step budget is used up. It never becomes allow: the caller asks for evidence."""


@dataclass(slots=True)
class Budget:
    """Steps that a decision may still take. Steps, not seconds: the same on every machine."""

    limit: int
    spent: int = 0

    def spend(self) -> None:
        """Takes one step; raises `BudgetExhausted` beyond the limit."""
        self.spent += 1
        if self.spent > self.limit:
            raise BudgetExhausted


@dataclass(slots=True)
class Program:
    """The clauses of one policy at one point of control, ready to be asked about boxes."""

    layout: Layout
    can_deny: Test
    can_allow: Test
    compiled: tuple[Compiled, ...]
    reads: frozenset[str]
    ordered_reads: tuple[str, ...]
    regions: Regions
    widest: list[int]
    _compiler: Compiler
    _tests: dict[Condition, tuple[Test, Test, Test]] = field(
        default_factory=dict[Condition, tuple[Test, Test, Test]]
    )

    def find_denied(self, box: list[int], budget: Budget) -> list[int] | None:
        """A box inside `box` whose every world is denied, or None if no world of `box` is."""
        return self._find(box, budget, self.can_deny, self.can_allow)

    def find_allowed(self, box: list[int], budget: Budget) -> list[int] | None:
        """A box inside `box` whose every world is allowed, or None if no world of `box` is."""
        return self._find(box, budget, self.can_allow, self.can_deny)

    def _find(self, box: list[int], budget: Budget, wanted: Test, unwanted: Test) -> list[int] | None:
        stack = [box]
        while stack:
            box = stack.pop()
            if any(not box[slot] for slot in self.layout.never_empty):
                continue
            budget.spend()
            if not wanted(box):
                continue
            if not unwanted(box):
                return box
            pieces = self._cut(self._open_conditions(box), box)
            stack.extend(reversed(pieces) if wanted is self.can_deny else pieces)
        return None

    def can_stop(self, each: Compiled, box: list[int], budget: Budget) -> bool:
        """Whether in some world of the box this clause forbids or is an error; yes where the budget ends."""
        stack = [box]
        try:
            while stack:
                box = stack.pop()
                stops = each.error(box) or (not each.clause.is_permit and each.true(box))
                if not stops or any(not box[slot] for slot in self.layout.never_empty):
                    continue
                budget.spend()
                if not each.false(box) and not (each.clause.is_permit and each.true(box)):
                    return True
                stack.extend(self._cut((each.clause.condition,), box))
        except BudgetExhausted:
            return True
        return False

    def _cut(self, conditions: Iterable[Condition], box: list[int]) -> list[list[int]]:
        """The box cut along the first open test of the conditions; empty where there is none."""
        for condition in conditions:
            for atom in self._open_atoms(condition, box):
                pieces = cut(atom, box, self.layout)
                if pieces:
                    return pieces
        return []

    def _open_conditions(self, box: list[int]) -> Iterable[Condition]:
        permitted = any(
            each.clause.is_permit and not each.false(box) and not each.error(box) for each in self.compiled
        )
        for each in self.compiled:
            if each.clause.is_permit and permitted and not each.errs:
                continue
            if _is_open((each.true, each.false, each.error), box):
                yield each.clause.condition

    def _open_atoms(self, condition: Condition, box: list[int]) -> Iterable[Atom]:
        """Open tests that can still decide the condition, in the order in which Cedar would reach them."""
        match condition:
            case Literal():
                return
            case Not(arg):
                yield from self._open_atoms(arg, box)
            case All(args) | Any(args):
                for arg in args:
                    if _is_open(self._test(arg), box):
                        yield from self._open_atoms(arg, box)
            case If(test, then, other):
                for part in (test, then, other):
                    if _is_open(self._test(part), box):
                        yield from self._open_atoms(part, box)
            case _:
                yield condition

    def _test(self, condition: Condition) -> tuple[Test, Test, Test]:
        tests = self._tests.get(condition)
        if tests is None:
            answers = self._compiler.answers(condition)
            make = self._compiler.test
            tests = make(answers.true), make(answers.false), make(answers.error)
            self._tests[condition] = tests
        return tests


def _is_open(tests: tuple[Test, Test, Test], box: list[int]) -> bool:
    return sum(1 for test in tests if test(box)) > 1


def build_program(layout: Layout, clauses: Sequence[Clause], point: str) -> Program:
    """The program of the clauses that apply at `point`, forbids first."""
    applying = sorted((c for c in clauses if point in c.points), key=lambda clause: clause.is_permit)
    compiler = Compiler(layout)
    can_deny, can_allow, compiled = compile_policy(compiler, applying)
    tests = [atom for clause in applying for atom, _ in atoms(clause.condition)]
    reads = frozenset(fact for test in tests for fact in facts_of(test))
    widest = layout.widest()
    ordered = tuple(name for name in layout.specs if name in reads)
    regions = find_regions(layout, tests)
    regions.narrow(widest)
    return Program(layout, can_deny, can_allow, compiled, reads, ordered, regions, widest, compiler)
